// Where a partition's committed history ends, as the topic `commits` tells it.

import { PortError, type HistoryPoint } from '@fillstream/runtime';
import type { FetchedRecord } from './backlog.ts';
import type { KafkaLog } from './event-log.ts';
import type { Feed, TopicQueue } from './feed.ts';
import { parseLast, type Applied } from './last-applied.ts';

/** By topic, `last` is the last record applied; null before the first. */
export type LastCommit = { readonly point: HistoryPoint; readonly last: readonly (Applied | null)[] };

/** A record and its marker each, where nothing was aborted. */
const TAIL_OFFSETS = 64;
const LOOK_MS = 100;
const PATIENCE_MS = 60_000;

/** null when there is none. Throws PortError. */
export async function lastCommit(log: KafkaLog, feed: Feed, partition: number): Promise<LastCommit | null> {
  const { low, high } = await log.boundsOfCommits(partition);
  for (let back = TAIL_OFFSETS; low < high; back *= TAIL_OFFSETS) {
    const record = await reading(log, feed, { partition, from: Math.max(low, high - back), to: high }, lastBefore);
    if (record !== null) return { point: (await log.decodeCommit(record.value)).to, last: parseLast(record.headers['last']?.toString()) };
    if (high - back <= low) break; // Nothing but aborted transactions.
  }
  return null;
}

/** Where the first commit that the topic still has begins, by topic. Throws PortError. */
export async function firstStart(log: KafkaLog, feed: Feed, partition: number): Promise<readonly number[]> {
  const { low, high } = await log.boundsOfCommits(partition);
  const record = await reading(log, feed, { partition, from: low, to: high }, nextBefore);
  return (await log.decodeCommit(record?.value ?? null)).from;
}

type Stretch = { readonly partition: number; readonly from: number; readonly to: number };

async function reading<T>(log: KafkaLog, feed: Feed, { partition, from, to }: Stretch, read: (queue: TopicQueue, to: number) => Promise<T>): Promise<T> {
  const queue = feed.open(log.nameOf('commits'), partition, from);
  try {
    return await read(queue, to);
  } finally {
    feed.close(queue.topic, partition, queue);
  }
}

async function lastBefore(queue: TopicQueue, to: number): Promise<FetchedRecord | null> {
  for (let last: FetchedRecord | null = null; ;) {
    const record = await nextBefore(queue, to);
    if (record === null) return last;
    last = record;
  }
}

/** The next record; null when what was committed has none before `to`, or at it. Throws PortError. */
async function nextBefore(queue: TopicQueue, to: number): Promise<FetchedRecord | null> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until;) {
    const isAtEnd = queue.reachedTo >= to;
    const record = isAtEnd ? queue.shift() : await queue.next(LOOK_MS);
    if (record !== null || isAtEnd) return record;
  }
  throw new PortError('log-broken', `kafka: ${queue.topic} gives no record before offset ${String(to)}`, { retryable: true });
}
