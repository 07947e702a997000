// The processor as a member of a consumer group: a loop for each partition that the group assigns.
//
// G1  A partition that is taken away is drained; one that comes back begins when its earlier loop has ended.
// G2  A loop that fails ends the service with its error: another member goes on with its partitions.

import { addCounts, noCounts, type Counts } from '@fillstream/core';
import { PartitionLoop, type LoopOptions } from '@fillstream/runtime';

type Running = { readonly loop: PartitionLoop; readonly done: Promise<void>; stopping: boolean };

export class GroupProcessor {
  readonly #options: Omit<LoopOptions, 'partition'>;
  readonly #running = new Map<number, Running>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #counts = noCounts();
  #stopped = false;

  constructor(options: Omit<LoopOptions, 'partition'>) {
    this.#options = options;
    this.#ended.promise.catch(() => undefined); // Met by `run`.
  }

  /** The partitions with a loop. */
  get partitions(): readonly number[] {
    return [...this.#running.keys()].sort((a, b) => a - b);
  }

  /** What the group assigns now, all of it. */
  assign(partitions: readonly number[]): void {
    if (this.#stopped) return;
    for (const [partition, running] of this.#running) if (!partitions.includes(partition)) stop(running);
    for (const partition of partitions) {
      const held = this.#running.get(partition);
      if (held === undefined || held.stopping) this.#start(partition, held?.done ?? Promise.resolve());
    }
  }

  /** Resolves when stopped and drained. Throws what a loop can't mend. */
  async run(): Promise<void> {
    await this.#ended.promise;
  }

  /** Drains all loops, then ends `run`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const running of this.#running.values()) stop(running);
    await Promise.all(Array.from(this.#running.values(), async ({ done }) => {
      await done;
    }));
    this.#ended.resolve();
  }

  /** Ends `run` with an error; what isn't committed is decided again by the next owner. */
  fail(error: unknown): void {
    this.#ended.reject(error);
  }

  /** What has been counted by the loops that ended. */
  counts(): Counts {
    return this.#counts;
  }

  /** G1. */
  #start(partition: number, after: Promise<void>): void {
    const loop = new PartitionLoop({ ...this.#options, partition });
    const running: Running = { loop, stopping: false, done: after.then(async () => {
      try {
        if (!running.stopping) await loop.run();
      } catch (error) {
        this.fail(error); // G2
      } finally {
        if (loop.counts !== null) addCounts(this.#counts, loop.counts);
        if (this.#running.get(partition) === running) this.#running.delete(partition);
      }
    }) };
    this.#running.set(partition, running);
  }
}

function stop(running: Running): void {
  running.stopping = true;
  running.loop.stop();
}
