// The signals that an installation has sent so far, or those of a beginning of its history, partition by partition.

import { comparePositions } from '@fillstream/runtime';
import { EmittedSignals } from './emitted-signals.ts';
import { commitsOf, type Cut, type Plan } from './replay-plan.ts';
import { ReplayReader } from './replay-reader.ts';
import type { ReaderOptions } from './replay-reader.ts';

const START: Cut = { offsets: [], id: '', commitsAt: 0, records: 0, signals: 0 };

export class HistorySignals {
  readonly #reader: ReplayReader;

  /** Throws PortError. */
  static async connect(options: ReaderOptions): Promise<HistorySignals> {
    return new HistorySignals(await ReplayReader.connect(options));
  }

  private constructor(reader: ReplayReader) {
    this.#reader = reader;
  }

  get partitions(): number {
    return this.#reader.partitions;
  }

  /** All of a partition, also what no commit speaks of. */
  async all(partition: number): Promise<EmittedSignals> {
    return await this.#emitted(partition, { warmUp: START, from: START, to: START, signalsBehind: 0 }, true);
  }

  /** Those of the commits that end at or before these offsets, by input topic. */
  async before(partition: number, offsets: readonly number[]): Promise<EmittedSignals> {
    const run = await this.#reader.open('commits', partition, 0);
    let signals = 0;
    for await (const { to: { position }, signals: count } of commitsOf(run, this.#reader.formats.get('commits'))) {
      const standing = comparePositions({ ...position, fired: 0 }, { offsets, fired: 0 });
      if (standing !== 'before' && standing !== 'same') break;
      signals += count;
    }
    run.close();
    return await this.#emitted(partition, { warmUp: START, from: START, to: { ...START, signals }, signalsBehind: null }, false);
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #emitted(partition: number, plan: Plan, isQuiet: boolean): Promise<EmittedSignals> {
    const run = await this.#reader.open('signals', partition, 0);
    return new EmittedSignals({ run, format: this.#reader.formats.get('signals'), plan, isQuiet });
  }
}
