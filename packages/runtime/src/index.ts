export { StoreRefused, snapshot } from './checkpointer.ts';
export { EMPTY_HISTORY_ID, HistoryId, comparePositions, samePoint, startOf, type HistoryPoint, type Position, type Run } from './history.ts';
export { DEFAULT_LIMITS, PartitionLoop, type LoopEvent, type LoopLimits, type LoopOptions, type Standing } from './loop.ts';
export { MemoryLog, type FaultHook, type MemoryLogOptions } from './memory-log.ts';
export { MemoryStore } from './memory-store.ts';
export * from './ports.ts';
export { decodeOrder, decodeProfile, encodeOrder } from './state-codec.ts';
export { murmur2, partitionOf } from './partitioner.ts';
