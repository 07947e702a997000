// EventLog of a replay: what is on the topics, once more through the same loop. Nothing is written, fenced or committed.
//
// R1  A partition is cut (replay-plan.ts) where what is compared begins, and at the end: no commit lies on both sides.
// R2  Only commits behind the first cut are handed on; those past the end are none of history's.
// R3  Nothing is repeated: a replay that fails is begun anew by whoever wants it.
// R4  Of other addresses than those asked for only the times are taken.

import {
  PortError, comparePositions, startOf,
  type Commit, type EventLog, type HistoryPoint, type LogRecord, type PartitionLog, type Replayed, type Taken,
} from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { KafkaOptions } from './connection.ts';
import { EmittedSignals } from './emitted-signals.ts';
import { inspectGroup } from './inspect-group.ts';
import { logRecordsOf } from './log-records.ts';
import { Clocks, RecordedMerge, TimestampMerge, type Merge, type Taken as Fetched } from './replay-merge.ts';
import { commitsOf, planOf, type Plan, type Times } from './replay-plan.ts';
import { ReplayReader, brokenLog, type TopicRun } from './replay-reader.ts';
import type { RegistryOptions } from './wire-format.ts';

export type ReplayLogOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly merge: 'recorded' | 'timestamp';
  readonly times: Times;
  /** null: all. */
  readonly addresses: ReadonlySet<string> | null;
  /** Told of each commit that is compared, in order; the next waits for it. */
  readonly onCommit: (partition: number, commit: Commit) => Promise<void>;
};

/** One partition that is replayed. */
export type PlannedPartition = { readonly partition: number; readonly plan: Plan; readonly emitted: EmittedSignals };

export class ReplayLog implements EventLog {
  readonly inputs = INPUT_TOPICS.map((name, clock) => ({ name, clock }));
  readonly #options: ReplayLogOptions;
  readonly #reader: ReplayReader;
  /** By partition, what isn't opened yet. */
  readonly #plans = new Map<number, Plan>();

  /** Throws PortError. */
  static async connect(options: ReplayLogOptions): Promise<ReplayLog> {
    return new ReplayLog(options, await ReplayReader.connect(options));
  }

  private constructor(options: ReplayLogOptions, reader: ReplayReader) {
    this.#options = options;
    this.#reader = reader;
  }

  get partitions(): number {
    return this.#reader.partitions;
  }

  /** Cuts partitions; those of which nothing was committed are left out. Throws PortError. */
  async plan(partitions: readonly number[]): Promise<readonly PlannedPartition[]> {
    const membersBefore = await liveMembers(this.#options.kafka);
    const planned = await Promise.all(partitions.map(async (partition) => await this.#plan(partition)));
    const isQuiet = membersBefore + await liveMembers(this.#options.kafka) === 0;
    const format = this.#reader.formats.get('signals');
    return planned.filter((each) => each !== null).map(({ partition, plan, run }) => {
      this.#plans.set(partition, plan);
      return { partition, plan, emitted: new EmittedSignals({ run, format, plan, isQuiet }) };
    });
  }

  async #plan(partition: number): Promise<{ readonly partition: number; readonly plan: Plan; readonly run: TopicRun } | null> {
    await this.#checkBeginnings(partition);
    const commits = await this.#reader.open('commits', partition, 0);
    const plan = await planOf(commitsOf(commits, this.#reader.formats.get('commits')), this.#options.times);
    commits.close();
    if (plan === null) return null;
    const run = await this.#reader.open('signals', partition, 0); // After the commits: all of theirs are there.
    return { partition, plan, run };
  }

  async assigned(): Promise<void> {
    await Promise.resolve();
  }

  async open(partition: number): Promise<PartitionLog> {
    const plan = this.#plans.get(partition);
    if (plan === undefined) throw brokenLog(`the replay of partition ${String(partition)} was cut off`); // R3
    this.#plans.delete(partition);
    const { warmUp: { offsets, commitsAt } } = plan;
    const runs = await Promise.all(INPUT_TOPICS.map(async (topic, place) => await this.#reader.open(topic, partition, offsets[place] ?? 0)));
    if (this.#options.merge === 'timestamp') return this.#opened(partition, plan, new TimestampMerge(runs, plan.warmUp), runs);
    const recorded = await this.#reader.open('commits', partition, commitsAt);
    const commits = commitsOf(recorded, this.#reader.formats.get('commits'));
    return this.#opened(partition, plan, new RecordedMerge(runs, commits, plan.warmUp), [...runs, recorded]);
  }

  /** Ends what is under way with an error. */
  fail(error: PortError): void {
    this.#reader.fail(error);
  }

  async close(): Promise<void> {
    this.fail(new PortError('fenced', 'the replay has ended', { retryable: false }));
    await this.#reader.close();
  }

  #opened(partition: number, plan: Plan, merge: Merge, runs: readonly TopicRun[]): PartitionLog {
    return new ReplayPartition({ ...this.#options, partition, plan, merge, runs, reader: this.#reader });
  }

  /** What was emitted is found by counting from the beginning. */
  async #checkBeginnings(partition: number): Promise<void> {
    for (const topic of ['commits', 'signals'] as const) {
      const { low } = await this.#reader.bounds(topic, partition);
      if (low === 0) continue;
      const where = `${topic}/${String(partition)} begins at offset ${String(low)}`;
      throw brokenLog(`${where}: its beginning was deleted, and with it the way to tell which commit a signal is of`);
    }
  }
}

/** How many processors share the partitions now. Throws PortError. */
export async function liveMembers(kafka: KafkaOptions): Promise<number> {
  return (await inspectGroup(kafka, 'processor')).members.length;
}

type PartitionOptions = Pick<ReplayLogOptions, 'addresses' | 'onCommit'> & {
  readonly partition: number;
  readonly plan: Plan;
  readonly merge: Merge;
  readonly reader: ReplayReader;
  readonly runs: readonly TopicRun[];
};

class ReplayPartition implements PartitionLog {
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  readonly #options: PartitionOptions;
  readonly #clocks: Clocks;

  constructor(options: PartitionOptions) {
    const { offsets } = options.plan.warmUp;
    this.#options = options;
    this.#clocks = new Clocks(offsets);
    this.start = { ...startOf(offsets.length), position: { offsets, fired: 0 } };
    this.committed = this.start;
  }

  async take(limit: number): Promise<Taken> {
    const { merge, plan: { from, to } } = this.#options;
    for (const cut of [from, to]) {
      const taken = await merge.take(limit, cut);
      if (taken.length > 0) return { kind: 'records', records: await this.#records(taken) };
    }
    return { kind: 'ended' };
  }

  async commit(commit: Commit): Promise<void> {
    const { partition, plan: { from }, onCommit } = this.#options;
    if (commit.afterEnd || !hasReached(commit.from, from.offsets)) return; // R2
    try {
      await onCommit(partition, commit);
    } catch (error) {
      if (!(error instanceof PortError) || !error.retryable) throw error;
      throw new PortError(error.code, error.message, { retryable: false, cause: error }); // R3
    }
  }

  /** Nothing is before the start. */
  replay(): AsyncIterable<Replayed> {
    return { [Symbol.asyncIterator]: () => ({ next: async () => await Promise.resolve({ done: true, value: undefined }) }) };
  }

  async close(): Promise<void> {
    for (const run of this.#options.runs) run.close();
    await Promise.resolve();
  }

  async #records(taken: readonly Fetched[]): Promise<LogRecord[]> {
    const decoded = await logRecordsOf(this.#options.reader.formats, taken);
    return decoded.flatMap((record, place) => this.#clocks.withTicks(this.#wanted(record), taken[place]?.clocks ?? null));
  }

  #wanted(record: LogRecord): LogRecord {
    const { input } = record;
    const { addresses } = this.#options;
    if (addresses === null || !('address' in input) || addresses.has(input.address)) return record;
    return { ...record, input: { kind: 'tick', receivedAt: input.receivedAt } }; // R4
  }
}

function hasReached({ position: { offsets } }: HistoryPoint, cut: readonly number[]): boolean {
  const standing = comparePositions({ offsets, fired: 0 }, { offsets: cut, fired: 0 });
  return standing === 'same' || standing === 'after';
}
