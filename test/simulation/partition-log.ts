// One partition of the simulated log, as its owner sees it, in the steps of the real adapter.
//
// T1  Until a topic has reached the end that it had when this was opened, its next record is waited for, and of two the earlier
//     goes first; from then on whatever has arrived. Which it was is recorded with the commit.

import {
  PortError, comparePositions,
  type Commit, type HistoryPoint, type LogRecord, type PartitionLog, type Position, type Replayed, type Taken,
} from '@fillstream/runtime';
import {
  INPUT_TOPICS, commitRecord, quarantineRecord, readCommit, repairRecord, signalRecord, toLogRecord, unreadableRecord,
  type Committed, type NewRecord,
} from '@fillstream/topics';
import { Bell } from '../../packages/kafka/src/bell.ts';
import { offsetsOf } from '../../packages/kafka/src/committed-offsets.ts';
import type { GroupOffset, ProducerSession, TopicName } from './broker.ts';
import type { SimProcess } from './process.ts';
import type { Simulation } from './simulation.ts';
import type { SimRecord } from './topic.ts';

export type SimPartitionOptions = {
  readonly simulation: Simulation;
  readonly process: SimProcess;
  readonly producer: ProducerSession;
  readonly partition: number;
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  /** Where the input topics end now: before that a topic is behind. */
  readonly ends: readonly number[];
};

const IDLE_MS = 400;
const POLL_MS = 1_000;
const FETCH_RECORDS = 100;
/** Records that wait here, of each topic; beyond it nothing is fetched. */
const FULL = 200;
const REPLAY_RECORDS = 200;
const REPLAY_WAIT_MS = 5_000;

/** What was fetched of one topic, and up to where. */
type Queue = { readonly records: SimRecord[]; arrivedTo: number; wake: (() => void) | null };

export class SimPartition implements PartitionLog {
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  readonly #options: SimPartitionOptions;
  readonly #bell = new Bell();
  #queues: readonly Queue[] = [];
  #isClosed = false;

  constructor(options: SimPartitionOptions) {
    this.#options = options;
    this.start = options.start;
    this.committed = options.committed;
  }

  async take(limit: number): Promise<Taken> {
    if (this.#queues.length === 0) this.#follow();
    const until = performance.now() + IDLE_MS;
    for (;;) {
      const { rings } = this.#bell;
      const records = this.#takeNow(limit);
      if (records.length > 0) return { kind: 'records', records };
      const left = until - performance.now();
      if (left <= 0) return { kind: 'idle' };
      await this.#bell.after(rings, left);
    }
  }

  async commit(commit: Commit): Promise<void> {
    const { simulation: { broker }, process, producer, partition } = this.#options;
    if (this.#isClosed) throw new PortError('fenced', `partition ${String(partition)} was closed`, { retryable: true });
    const records = [
      ...commit.signals.map(signalRecord),
      ...commit.refused.map((refused) => quarantineRecord(partition, refused)),
      ...commit.lacks.map((lack) => repairRecord(lack, commit)),
      commitRecord(partition, commit),
    ];
    await Promise.all(Array.from(Map.groupBy(records, ({ topic }) => topic), async ([topic, group]) => {
      await process.call(`send ${topic}`, async () => await broker.send(producer, topic, partition, group.map(recordOf)));
    }));
    const offsets = this.#offsetsOf(commit.to);
    await process.call('send-offsets', async () => await broker.sendOffsets(producer, offsets));
    await process.call('end', () => broker.endTransaction(producer, true));
  }

  async *replay(from: Position): AsyncIterable<Replayed> {
    if (comparePositions(from, this.committed.position) === 'same') return;
    const inputs = INPUT_TOPICS.map((name, topic) => this.#reader(name, from.offsets[topic] ?? 0));
    const commits = this.#reader('commits', 0);
    for (let at = from; ;) {
      const commit = await nextCommit(commits);
      if (comparePositions({ offsets: commit.from, fired: 0 }, { ...at, fired: 0 }) !== 'same') continue;
      if (comparePositions(commit.to.position, at) !== 'after') continue;
      yield { records: await recordsOf(commit, inputs), commit };
      at = commit.to.position;
      if (comparePositions(at, this.committed.position) === 'same') return;
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const { wake } of this.#queues) wake?.();
    return Promise.resolve();
  }

  #offsetsOf(point: HistoryPoint): readonly GroupOffset[] {
    const { partition } = this.#options;
    const last = INPUT_TOPICS.map(() => null);
    const committed = offsetsOf(INPUT_TOPICS, partition, { start: this.start.position.offsets, point, last });
    return INPUT_TOPICS.map((topic, place) => {
      const found: { readonly offset?: string; readonly metadata?: unknown } = committed[place]?.partitions[0] ?? {};
      return { topic, partition, offset: Number(found.offset), metadata: String(found.metadata) };
    });
  }

  /** Begins to fetch, each topic by itself. */
  #follow(): void {
    this.#queues = this.committed.position.offsets.map((offset) => ({ records: [], arrivedTo: offset, wake: null }));
    for (const [topic, queue] of this.#queues.entries()) void this.#fetch(INPUT_TOPICS[topic] ?? 'fills', queue);
  }

  async #fetch(name: TopicName, queue: Queue): Promise<void> {
    const { simulation: { broker }, process, partition } = this.#options;
    while (!this.#isClosed) {
      const from = queue.arrivedTo;
      try {
        const { records, next } = await process.call('fetch', async () => {
          await broker.waitFor(name, partition, from, POLL_MS);
          return broker.read(name, partition, from, FETCH_RECORDS, { committed: true });
        });
        for (const record of records) queue.records.push(record);
        queue.arrivedTo = next;
        if (next > from) this.#bell.ring();
      } catch (error) {
        if (!(error instanceof PortError)) throw error; // Lost on the way: asked again.
      }
      if (queue.records.length >= FULL) await new Promise<void>((resolve) => (queue.wake = resolve));
    }
  }

  /** What is there, in the order of T1. */
  #takeNow(limit: number): LogRecord[] {
    const taken: LogRecord[] = [];
    while (taken.length < limit) {
      const topic = this.#earliest();
      const queue = topic === null ? undefined : this.#queues[topic];
      const record = queue?.records.shift();
      if (topic === null || queue === undefined || record === undefined) break;
      taken.push(logRecordOf(topic, record));
      if (queue.records.length > FULL / 2 || queue.wake === null) continue;
      queue.wake();
      queue.wake = null;
    }
    return taken;
  }

  #earliest(): number | null {
    let earliest: number | null = null;
    let time = Infinity;
    for (const [topic, { records: [first], arrivedTo }] of this.#queues.entries()) {
      if (first === undefined) {
        if (arrivedTo < (this.#options.ends[topic] ?? 0)) return null;
        continue;
      }
      if (timeOf(first) >= time) continue;
      earliest = topic;
      time = timeOf(first);
    }
    return earliest;
  }

  /** Committed records of a topic, one after the other; null when nothing comes for a while. */
  #reader(name: TopicName, from: number): () => Promise<SimRecord | null> {
    const { simulation: { broker }, process, partition } = this.#options;
    let waiting: readonly SimRecord[] = [];
    let place = 0;
    let next = from;
    return async () => {
      while (place === waiting.length) {
        const at = next;
        const read = await process.call(`replay ${name}`, async () => {
          await broker.waitFor(name, partition, at, REPLAY_WAIT_MS);
          return broker.read(name, partition, at, REPLAY_RECORDS, { committed: true });
        }, { timeoutMs: 2 * REPLAY_WAIT_MS });
        if (read.next === at) return null;
        [waiting, place, next] = [read.records, 0, read.next];
      }
      place += 1;
      return waiting[place - 1] ?? null;
    };
  }
}

/** A record without a timestamp goes first: it holds nothing back. */
function timeOf({ timestamp }: SimRecord): number {
  return timestamp ?? 0;
}

async function nextCommit(commits: () => Promise<SimRecord | null>): Promise<Committed> {
  const value = (await commits())?.value ?? null;
  if (value === null) throw new PortError('unknown-position', 'the topic commits ends before what was committed', { retryable: false });
  return readCommit(value);
}

async function recordsOf({ merge }: Committed, inputs: readonly (() => Promise<SimRecord | null>)[]): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (const { topic, count } of merge) {
    for (let left = count; left > 0; left -= 1) {
      const record = await inputs[topic]?.() ?? null;
      if (record === null) throw new PortError('log-broken', `${INPUT_TOPICS[topic] ?? ''} gives no more of what was committed`, { retryable: true });
      records.push(logRecordOf(topic, record));
    }
  }
  return records;
}

function logRecordOf(topic: number, { offset, value }: SimRecord): LogRecord {
  if (value === null) return unreadableRecord(topic, offset, new Uint8Array());
  try {
    return toLogRecord(topic, offset, value);
  } catch {
    return unreadableRecord(topic, offset, value); // No body of the schema: quarantined as it is.
  }
}

function recordOf({ key, body, timestamp }: NewRecord): { readonly key: string | null; readonly value: Uint8Array; readonly timestamp: number | null } {
  return { key, value: body, timestamp };
}
