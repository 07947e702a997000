// One partition of the SQLite log, as its owner sees it: its topics merged by arrival, its commits and their outputs.

import {
  PortError, comparePositions, startOf,
  type Commit, type HistoryPoint, type LogRecord, type PartitionLog, type Position, type Replayed, type Taken,
} from '@fillstream/runtime';
import { INPUT_TOPICS, commitRecord, quarantineRecord, readCommit, repairRecord, signalRecord, toLogRecord, type Committed } from '@fillstream/topics';
import type { SqliteLog } from './event-log.ts';
import { read, type Row } from './rows.ts';

const READ_ROWS = 2_000;

export class SqlitePartition implements PartitionLog {
  readonly start: HistoryPoint = startOf(INPUT_TOPICS.length);
  readonly committed: HistoryPoint;
  readonly #log: SqliteLog;
  readonly #partition: number;
  readonly #isOwner: () => boolean;
  readonly #topics: readonly TopicCursor[];

  constructor(log: SqliteLog, partition: number, isOwner: () => boolean) {
    this.#log = log;
    this.#partition = partition;
    this.#isOwner = isOwner;
    this.committed = this.#commitsFrom(log.end('commits', partition) - 1)[0]?.to ?? this.start;
    this.#topics = this.#cursorsAt(this.committed.position);
  }

  async take(limit: number): Promise<Taken> {
    const records = this.#takeNow(limit);
    if (records.length > 0) return { kind: 'records', records };
    await this.#log.changed();
    const later = this.#takeNow(limit);
    return later.length > 0 ? { kind: 'records', records: later } : { kind: 'idle' };
  }

  async commit(commit: Commit): Promise<void> {
    await Promise.resolve();
    if (!this.#isOwner()) throw new PortError('fenced', 'another owner opened the partition', { retryable: true });
    this.#log.appendOutputs(this.#partition, [
      ...commit.signals.map(signalRecord),
      ...commit.refused.map((refused) => quarantineRecord(this.#partition, refused)),
      ...commit.lacks.map((lack) => repairRecord(lack, commit)),
      ...(commit.afterEnd ? [] : [commitRecord(this.#partition, commit)]),
    ]);
  }

  async *replay(from: Position): AsyncIterable<Replayed> {
    await Promise.resolve();
    const cursors = this.#cursorsAt(from);
    for (const commit of this.#commitsFrom(this.#firstAfter(from))) {
      const records = commit.merge.flatMap(({ topic, count }) => cursors[topic]?.takeExactly(count) ?? []);
      yield { records, commit };
      if (comparePositions(commit.to.position, this.committed.position) === 'same') return;
    }
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  #cursorsAt({ offsets }: Position): TopicCursor[] {
    return INPUT_TOPICS.map((name, topic) => new TopicCursor(this.#log, name, topic, this.#partition, offsets[topic] ?? 0));
  }

  /** What is there, in order of arrival. */
  #takeNow(limit: number): LogRecord[] {
    for (const cursor of this.#topics) cursor.lookAgain();
    const records: LogRecord[] = [];
    while (records.length < limit) {
      const record = earliest(this.#topics)?.take() ?? null;
      if (record === null) break;
      records.push(record);
    }
    return records;
  }

  /** The offset of the commit that begins at a position; the newest are looked at first, as a checkpoint is seldom far behind. */
  #firstAfter(from: Position): number {
    for (let offset = this.#log.end('commits', this.#partition) - 1; offset >= 0; offset -= 1) {
      const [commit] = this.#commitsFrom(offset, 1);
      if (commit !== undefined && comparePositions(commit.to.position, from) === 'same') return offset + 1;
    }
    if (comparePositions(this.start.position, from) === 'same') return 0;
    throw new PortError('unknown-position', `no commit ends at ${JSON.stringify(from)}`, { retryable: false });
  }

  #commitsFrom(offset: number, limit: number = Number.MAX_SAFE_INTEGER): Committed[] {
    return this.#log.read('commits', this.#partition, Math.max(offset, 0), limit).map(({ offset: at, body }) => (
      read(`commits/${String(this.#partition)}/${String(at)}`, () => readCommit(body))
    ));
  }
}

/** Reads one topic ahead. */
class TopicCursor {
  readonly #log: SqliteLog;
  readonly #name: string;
  readonly #topic: number;
  readonly #partition: number;
  #rows: readonly Row[] = [];
  #place = 0;
  #next: number;
  #exhausted = false;

  constructor(log: SqliteLog, name: string, topic: number, partition: number, offset: number) {
    this.#log = log;
    this.#name = name;
    this.#topic = topic;
    this.#partition = partition;
    this.#next = offset;
  }

  /** A topic that had no more may have by now. */
  lookAgain(): void {
    this.#exhausted = false;
  }

  peek(): Row | null {
    const row = this.#rows[this.#place];
    if (row !== undefined) return row;
    if (this.#exhausted) return null;
    this.#rows = this.#log.read(this.#name, this.#partition, this.#next, READ_ROWS);
    this.#place = 0;
    this.#exhausted = this.#rows.length === 0;
    this.#next = (this.#rows.at(-1)?.offset ?? this.#next - 1) + 1;
    return this.#rows[0] ?? null;
  }

  take(): LogRecord | null {
    const row = this.peek();
    if (row === null) return null;
    this.#place += 1;
    return read(`${this.#name}/${String(this.#partition)}/${String(row.offset)}`, () => toLogRecord(this.#topic, row.offset, row.body));
  }

  takeExactly(count: number): LogRecord[] {
    return Array.from({ length: count }, () => {
      const record = this.take();
      if (record !== null) return record;
      throw new PortError('log-broken', `${this.#name} ends before what was committed of it`, { retryable: false });
    });
  }
}

function earliest(cursors: readonly TopicCursor[]): TopicCursor | null {
  let first: TopicCursor | null = null;
  let arrival = Infinity;
  for (const cursor of cursors) {
    const row = cursor.peek();
    if (row === null || row.arrival >= arrival) continue;
    first = cursor;
    arrival = row.arrival;
  }
  return first;
}
