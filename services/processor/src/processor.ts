// The processor: one partition loop for each partition, as one service.
//
// X1  The loops share nothing but the ports; one that fails stops the others, and the service ends with its error.

import { addCounts, noCounts, type Counts } from '@fillstream/core';
import { PartitionLoop, comparePositions, type Holdings, type LoopOptions, type Position, type Standing } from '@fillstream/runtime';

export type ProcessorOptions = Omit<LoopOptions, 'partition'> & { readonly partitions: number };

export class Processor {
  readonly #loops: readonly PartitionLoop[];
  readonly #positions = new Map<number, Position>();

  constructor({ partitions, onEvent, ...options }: ProcessorOptions) {
    this.#loops = Array.from({ length: partitions }, (_, partition) => new PartitionLoop({
      ...options,
      partition,
      onEvent: (event) => {
        if (event.kind === 'takenOver') this.#positions.set(partition, event.at.position);
        if (event.kind === 'committed') this.#positions.set(partition, event.commit.to.position);
        onEvent?.(event);
      },
    }));
  }

  /** Runs until stopped. Throws what a loop can't mend. */
  async run(): Promise<void> {
    const results = await Promise.allSettled(this.#loops.map(async (loop) => {
      try {
        await loop.run();
      } finally {
        this.stop();
      }
    }));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Ends `run` once what is under way is committed and checkpointed. */
  stop(): void {
    for (const loop of this.#loops) loop.stop();
  }

  /** Whether a partition has committed all records before these offsets. */
  hasReached(partition: number, offsets: readonly number[]): boolean {
    const position = this.#positions.get(partition);
    return position !== undefined && comparePositions({ offsets, fired: 0 }, position) !== 'after';
  }

  /** By partition, where its loop is. */
  get standings(): ReadonlyMap<number, Standing> {
    return new Map(this.#loops.map(({ standing }, partition) => [partition, standing]));
  }

  /** By partition, what its loop holds; null while it isn't at the committed point. */
  get holdings(): ReadonlyMap<number, Holdings | null> {
    return new Map(this.#loops.map(({ holdings }, partition) => [partition, holdings]));
  }

  /** Where a partition is committed; null before it was taken over. */
  position(partition: number): Position | null {
    return this.#positions.get(partition) ?? null;
  }

  /** What has been counted, over all partitions. */
  counts(): Counts {
    const sum = noCounts();
    for (const { counts } of this.#loops) if (counts !== null) addCounts(sum, counts);
    return sum;
  }
}
