// In which order a replay applies the records of its topics.
//
//   recorded    as the commits say
//   timestamp   by (timestamp, topic), as a processor takes a backlog
//
// M1  A batch ends at a cut, so that what is emitted lies on one side of it.
// M2  The recorded merge leads to the recorded history ids, or the replay ends with an error.
// M3  A commit that ends with timers moved the clocks to a record that it doesn't hold. Where another record was applied next, as
//     an owner died in between, a tick moves them: the timers fire as they did.

import { HistoryId, type LogRecord } from '@fillstream/runtime';
import type { FetchedRecord } from './backlog.ts';
import type { Cut, RecordedCommit } from './replay-plan.ts';
import { brokenLog, type TopicRun } from './replay-reader.ts';

/** An input topic's records of the partition. */
export type Source = Pick<TopicRun, 'where' | 'shift' | 'next'>;

/** A record that was taken. `clocks`: where the recorded commits had them before it, if that isn't told by the records. */
export type Taken = { readonly topic: number; readonly message: FetchedRecord; readonly clocks: readonly number[] | null };

export interface Merge {
  /** At most `limit` records, as many as are there, at least one; none at the cut (M1). Throws PortError. */
  take(limit: number, until: Cut): Promise<readonly Taken[]>;
}

export class RecordedMerge implements Merge {
  readonly #inputs: readonly Source[];
  readonly #commits: AsyncIterator<RecordedCommit, unknown>;
  readonly #id: HistoryId;
  /** Taken since history began. */
  #records: number;
  #commit: RecordedCommit | null = null;
  /** In the commit's merge, and how many of that run are left. */
  #run = 0;
  #left = 0;
  #clocks: readonly number[] | null = null;

  constructor(inputs: readonly Source[], commits: AsyncIterator<RecordedCommit, unknown>, from: Cut) {
    this.#inputs = inputs;
    this.#commits = commits;
    this.#records = from.records;
    this.#id = new HistoryId(from.id);
  }

  async take(limit: number, until: Cut): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    while (taken.length < limit && this.#records < until.records) {
      const topic = await this.#nextTopic();
      const message = this.#inputs[topic]?.shift() ?? (taken.length > 0 ? null : await waited(this.#inputs[topic]));
      if (message === null) break;
      taken.push({ topic, message, clocks: this.#clocks });
      this.#clocks = null;
      this.#id.add(topic, message.offset);
      this.#records += 1;
      this.#left -= 1;
      if (this.#left === 0) this.#nextRun();
    }
    return taken;
  }

  /** The topic of the next record. */
  async #nextTopic(): Promise<number> {
    for (;;) {
      const run = this.#commit?.merge[this.#run];
      if (run !== undefined) return run.topic;
      const next = await this.#commits.next();
      if (next.done === true) throw brokenLog('the topic commits ends before what it had');
      [this.#commit, this.#run] = [next.value, -1];
      this.#nextRun();
    }
  }

  #nextRun(): void {
    this.#run += 1;
    const run = this.#commit?.merge[this.#run];
    this.#left = run?.count ?? 0;
    if (run === undefined && this.#commit !== null) this.#ended(this.#commit);
  }

  /** M2, M3. */
  #ended({ to, clocks }: RecordedCommit): void {
    const id = this.#id.toString();
    if (to.position.fired > 0) this.#clocks = clocks;
    if (id === to.id) return;
    throw brokenLog(`the recorded merge led to the history ${id}, expected ${to.id} at ${JSON.stringify(to.position.offsets)}`);
  }
}

export class TimestampMerge implements Merge {
  readonly #inputs: readonly Source[];
  readonly #heads: (FetchedRecord | null)[];
  /** By topic, the offset behind what was taken. */
  readonly #next: number[];

  constructor(inputs: readonly Source[], from: Cut) {
    this.#inputs = inputs;
    this.#heads = inputs.map(() => null);
    this.#next = [...from.offsets];
  }

  async take(limit: number, until: Cut): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    while (taken.length < limit) {
      if (!await this.#fill(until, taken.length === 0)) break;
      const topic = this.#earliest(until);
      const message = topic === null ? null : this.#heads[topic] ?? null;
      if (topic === null || message === null) break;
      taken.push({ topic, message, clocks: null });
      this.#heads[topic] = null;
      this.#next[topic] = message.offset + 1;
    }
    return taken;
  }

  /** Whether each topic that isn't at the cut has its next record; with `patient` it is waited for. */
  async #fill({ offsets }: Cut, patient: boolean): Promise<boolean> {
    for (const [topic, input] of this.#inputs.entries()) {
      if (this.#heads[topic] !== null || (this.#next[topic] ?? 0) >= (offsets[topic] ?? 0)) continue;
      const head = input.shift() ?? (patient ? await waited(input) : null);
      if (head === null) return false;
      this.#heads[topic] = head;
      if (head.offset > (this.#next[topic] ?? 0)) this.#next[topic] = head.offset; // Offsets between were no records.
    }
    return true;
  }

  #earliest({ offsets }: Cut): number | null {
    let earliest: number | null = null;
    let time = Infinity;
    for (const [topic, head] of this.#heads.entries()) {
      if (head === null || head.offset >= (offsets[topic] ?? 0) || head.timestamp >= time) continue;
      earliest = topic;
      time = head.timestamp;
    }
    return earliest;
  }
}

/** The clocks of the fold, as the records move them (contract §1). A topic's clock has the topic's number. */
export class Clocks {
  #times: number[] = [];
  /** By topic, the next offset. */
  readonly #offsets: number[];

  constructor(offsets: readonly number[]) {
    this.#offsets = [...offsets];
  }

  /** What goes before a record where the recorded commits had moved the clocks by another one (M3), and the record. */
  withTicks(record: LogRecord, recorded: readonly number[] | null): LogRecord[] {
    const { topic, next, input: { receivedAt } } = record;
    const reaches = (clock: number): number => Math.max(this.#times[clock] ?? -Infinity, clock === topic ? receivedAt ?? -Infinity : -Infinity);
    const behind = (recorded ?? []).map((time, clock) => ({ time, clock })).filter(({ time, clock }) => time > reaches(clock));
    for (const { time, clock } of behind) this.#advance(clock, time);
    if (receivedAt !== null) this.#advance(topic, receivedAt);
    const ticks = behind.map(({ time, clock }) => tickAt(clock, this.#offsets[clock] ?? 0, time));
    this.#offsets[topic] = next;
    return [...ticks, record];
  }

  #advance(clock: number, receivedAt: number): void {
    if (this.#times.length === 0) this.#times = this.#offsets.map(() => receivedAt);
    else this.#times[clock] = Math.max(this.#times[clock] ?? -Infinity, receivedAt);
  }
}

/** What moves time and does nothing else: its topic stays where it is. */
function tickAt(topic: number, next: number, receivedAt: number): LogRecord {
  return { topic, offset: next, next, input: { kind: 'tick', receivedAt }, original: '' };
}

async function waited(input: Source | undefined): Promise<FetchedRecord> {
  const message = await input?.next() ?? null;
  if (message !== null) return message;
  throw brokenLog(`${input?.where ?? 'a topic'} gives no more of what was committed`);
}
