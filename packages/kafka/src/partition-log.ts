// One partition of the Kafka log, as its owner sees it: its input topics merged, its commits, and their replay.
//
// T1  Until a topic has reached the end that it had when this was opened, its next record is waited for, and of two the earlier
//     goes first, at a tie the topic named first; from then on by arrival. Whichever it was is recorded with the commit.
// T2  A topic may end in a transaction's markers, which never arrive: one that gives nothing for BEHIND_MS is at its end.

import {
  PortError, comparePositions,
  type Commit, type HistoryPoint, type LogRecord, type PartitionLog, type Position, type Replayed, type Taken,
} from '@fillstream/runtime';
import {
  INPUT_TOPICS, commitRecord, quarantineRecord, repairRecord, signalRecord, type Committed, type NewRecord,
} from '@fillstream/topics';
import type { FetchedRecord } from './backlog.ts';
import { Bell } from './bell.ts';
import type { KafkaLog } from './event-log.ts';
import type { Feed, TopicQueue } from './feed.ts';
import { LastApplied, lastText, type Applied } from './last-applied.ts';
import { logRecordsOf } from './log-records.ts';
import type { Stand } from './lag.ts';
import type { OutputRecord, Outputs } from './outputs.ts';
import { Uncommitted } from './uncommitted.ts';

/** How long `take` waits before it tells that nothing came. */
const IDLE_MS = 200;
const BEHIND_MS = 30_000;
/** How long a replay waits for records that were committed, and so are there. */
const REPLAY_WAIT_MS = 60_000;
const LOOK_MS = 2_000;
/** Where a replay first looks for its beginning, in records before the end of `commits`. */
const NEAR = 64;
const FARTHER = 16;

export type KafkaPartitionOptions = {
  readonly log: KafkaLog;
  readonly feed: Feed;
  readonly outputs: Outputs;
  readonly partition: number;
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  /** By topic, the last record applied. */
  readonly last: readonly (Applied | null)[];
  /** Where the input topics end now: before that a topic is behind. */
  readonly ends: readonly number[];
};

export class KafkaPartition implements PartitionLog {
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  readonly #options: KafkaPartitionOptions;
  readonly #bell = new Bell();
  readonly #last: LastApplied;
  readonly #uncommitted = new Uncommitted(INPUT_TOPICS.length);
  #committedTo: readonly number[];
  /** Then the queues are where the replay is. */
  #isReplaying = false;
  #queues: readonly TopicQueue[] = [];
  isClosed = false;

  constructor(options: KafkaPartitionOptions) {
    this.#options = options;
    this.start = options.start;
    this.committed = options.committed;
    this.#last = new LastApplied(options.last);
    this.#committedTo = this.committed.position.offsets;
    this.#seek(this.#committedTo);
  }

  /** By topic, the offset up to which records have arrived. */
  get arrivedTo(): readonly number[] {
    return this.#queues.map((queue) => queue.arrivedTo);
  }

  get stand(): Stand {
    const waiting = this.#queues.map((queue, place) => this.#uncommitted.oldestOf(place) ?? queue.oldest);
    return {
      partition: this.#options.partition, committed: this.#committedTo, reachedTo: this.#queues.map((queue) => queue.reachedTo),
      oldest: this.#isReplaying ? waiting.map(() => null) : waiting,
      isClear: waiting.map((oldest) => !this.#isReplaying && oldest === null),
    };
  }

  fail(error: PortError): void {
    for (const queue of this.#queues) queue.fail(error);
  }

  async take(limit: number): Promise<Taken> {
    const until = performance.now() + IDLE_MS;
    for (;;) {
      const { rings } = this.#bell;
      const records = await this.#takeNow(limit);
      if (records.length > 0) return { kind: 'records', records };
      const left = until - performance.now();
      if (left <= 0) return { kind: 'idle' };
      await this.#bell.after(rings, left);
    }
  }

  async commit(commit: Commit): Promise<void> {
    const { partition, outputs, log } = this.#options;
    if (this.isClosed) throw new PortError('fenced', `partition ${String(partition)} was closed`, { retryable: true });
    const last = this.#last.before(commit.to.position);
    const records = [
      ...commit.signals.map((signal) => ({
        ...this.#framed(signalRecord(signal)),
        headers: { id: signal.id, revision: String(signal.revision), emittedAt: String(Date.now()) },
      })),
      ...commit.refused.map((refused) => this.#framed(quarantineRecord(partition, refused))),
      ...commit.lacks.map((lack) => this.#framed(repairRecord(lack, commit))),
      { ...this.#framed(commitRecord(partition, commit)), headers: { last: lastText(last) } },
    ];
    const point = { start: this.start.position.offsets, point: commit.to, last };
    await outputs.commit(records, log.offsetsBehind(partition, point));
    this.#committedTo = commit.to.position.offsets;
    this.#uncommitted.committed(this.#committedTo);
  }

  async *replay(from: Position): AsyncIterable<Replayed> {
    if (comparePositions(from, this.committed.position) === 'same') return;
    const commits = await this.#commitsFrom(from);
    this.#isReplaying = true;
    this.#seek(from.offsets);
    try {
      for (let at = from; ;) {
        const commit = await this.#nextCommit(commits);
        if (comparePositions({ offsets: commit.from, fired: 0 }, { ...at, fired: 0 }) !== 'same') continue;
        if (comparePositions(commit.to.position, at) !== 'after') continue; // Written again by an owner that knew no better.
        yield { records: await this.#recordsOf(commit), commit };
        at = commit.to.position;
        if (comparePositions(at, this.committed.position) === 'same') return;
      }
    } finally {
      this.#isReplaying = false;
      this.#options.feed.close(commits.topic, this.#options.partition, commits);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const queue of this.#queues) this.#options.feed.close(queue.topic, this.#options.partition, queue);
    await this.#options.outputs.close();
  }

  #seek(offsets: readonly number[]): void {
    const { feed, log, partition } = this.#options;
    this.#queues = INPUT_TOPICS.map((topic, place) => feed.open(log.nameOf(topic), partition, offsets[place] ?? 0, this.#bell));
  }

  /** What is there, in the order of T1. */
  async #takeNow(limit: number): Promise<LogRecord[]> {
    const taken: { topic: number; message: FetchedRecord }[] = [];
    while (taken.length < limit) {
      const topic = this.#earliest();
      const message = topic === null ? null : this.#queues[topic]?.shift() ?? null;
      if (topic === null || message === null) break;
      taken.push({ topic, message });
    }
    for (const topic of INPUT_TOPICS.keys()) {
      const last = taken.findLast((each) => each.topic === topic);
      if (last === undefined) continue;
      this.#last.took(topic, last.message);
      const first = taken.find((each) => each.topic === topic) ?? last;
      this.#uncommitted.took(topic, first.message.timestamp, last.message.offset + 1);
    }
    return await logRecordsOf(this.#options.log.formats, taken);
  }

  #earliest(): number | null {
    let earliest: number | null = null;
    let time = Infinity;
    for (const [topic, queue] of this.#queues.entries()) {
      const timestamp = queue.peek();
      if (timestamp === null) {
        if (this.#isBehind(topic, queue)) return null;
        continue;
      }
      if (timestamp >= time) continue;
      earliest = topic;
      time = timestamp;
    }
    return earliest;
  }

  #isBehind(topic: number, { arrivedTo, idleMs }: TopicQueue): boolean {
    return arrivedTo < (this.#options.ends[topic] ?? 0) && idleMs < BEHIND_MS; // T2
  }

  #framed({ topic, timestamp, key, body }: NewRecord): OutputRecord {
    const { log } = this.#options;
    const value = log.formats.get(topic)?.frame(body) ?? Buffer.from(body);
    return { topicName: log.nameOf(topic), timestamp, key, value };
  }

  /** The topic `commits`, from a commit on that begins at or before a position. Throws PortError `unknown-position`. */
  async #commitsFrom(from: Position): Promise<TopicQueue> {
    const { log, feed, partition } = this.#options;
    const { low, high } = await log.boundsOfCommits(partition);
    for (let back = NEAR; ; back *= FARTHER) {
      const offset = Math.max(low, high - back);
      const queue = feed.open(log.nameOf('commits'), partition, offset);
      const first = await queue.next(LOOK_MS);
      if (first !== null && !isLater({ offsets: (await log.decodeCommit(first.value)).from, fired: 0 }, from)) {
        return feed.open(log.nameOf('commits'), partition, offset);
      }
      feed.close(queue.topic, partition, queue);
      if (high - back > low) continue;
      throw new PortError('unknown-position', `the topic commits doesn't reach back to ${JSON.stringify(from)}`, { retryable: false });
    }
  }

  async #nextCommit(queue: TopicQueue): Promise<Committed> {
    const message = await queue.next(REPLAY_WAIT_MS);
    if (message === null) throw new PortError('unknown-position', 'the topic commits ends before what was committed', { retryable: false });
    return await this.#options.log.decodeCommit(message.value);
  }

  async #recordsOf({ merge }: Committed): Promise<LogRecord[]> {
    const taken: { topic: number; message: FetchedRecord }[] = [];
    for (const { topic, count } of merge) {
      for (let left = count; left > 0; left -= 1) {
        const message = await this.#queues[topic]?.next(REPLAY_WAIT_MS) ?? null;
        if (message === null) throw new PortError('log-broken', `${INPUT_TOPICS[topic] ?? ''} gives no more of what was committed`, { retryable: true });
        taken.push({ topic, message });
      }
    }
    return await logRecordsOf(this.#options.log.formats, taken);
  }
}

/** By its offsets alone: a commit of timers begins where the one before ended. */
function isLater(a: Position, b: Position): boolean {
  return comparePositions({ ...a, fired: 0 }, { ...b, fired: 0 }) === 'after';
}
