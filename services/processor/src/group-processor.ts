// The processor as a member of a consumer group: a loop for each partition that the group assigns.
//
// G1  A partition that is taken away is drained; one that comes back begins when its earlier loop has ended.
// G2  A loop that fails ends the service with its error: another member goes on with its partitions.

import { PartitionLoop, inTime, type Holdings, type LoopOptions, type Standing } from '@fillstream/runtime';

/** A loop that takes longer to end is left behind: its partition's next owner fences it. */
const DRAIN_MS = 8_000;

type Running = { readonly loop: PartitionLoop; readonly done: Promise<void>; stopping: boolean };

export class GroupProcessor {
  readonly #options: Omit<LoopOptions, 'partition'>;
  readonly #running = new Map<number, Running>();
  readonly #ended = Promise.withResolvers<void>();
  #stopped = false;

  constructor(options: Omit<LoopOptions, 'partition'>) {
    this.#options = options;
    this.#ended.promise.catch(() => undefined); // Met by `run`.
  }

  /** The partitions with a loop. */
  get partitions(): readonly number[] {
    return [...this.#running.keys()].sort((a, b) => a - b);
  }

  /** By partition, where its loop is. */
  get standings(): ReadonlyMap<number, Standing> {
    return this.#ofEach(({ standing }) => standing);
  }

  /** By partition, what its loop holds; null while it isn't at the committed point. */
  get holdings(): ReadonlyMap<number, Holdings | null> {
    return this.#ofEach(({ holdings }) => holdings);
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

  /** Resolves when stopped and drained, or when DRAIN_MS have passed since. Throws what a loop can't mend. */
  async run(): Promise<void> {
    try {
      await this.#ended.promise;
    } finally {
      await this.#drained();
    }
  }

  /** Ends `run`; what isn't committed by then is decided again by the next owner. */
  stop(): void {
    this.#stopped = true;
    for (const running of this.#running.values()) stop(running);
    this.#ended.resolve();
  }

  /** The same, with an error. */
  fail(error: unknown): void {
    this.#ended.reject(error);
    this.stop();
  }

  #ofEach<T>(tell: (loop: PartitionLoop) => T): ReadonlyMap<number, T> {
    return new Map(this.partitions.flatMap((partition): [number, T][] => {
      const running = this.#running.get(partition);
      return running === undefined ? [] : [[partition, tell(running.loop)]];
    }));
  }

  async #drained(): Promise<void> {
    const all = Promise.all(Array.from(this.#running.values(), async ({ done }) => {
      await done;
    }));
    await inTime(all, DRAIN_MS);
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
