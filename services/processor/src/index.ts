export { GroupProcessor } from './group-processor.ts';
export { healthOf, type PartitionHealth, type ProcessorHealth } from './health.ts';
export { Processor, type ProcessorOptions } from './processor.ts';
