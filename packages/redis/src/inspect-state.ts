// The state of an installation, as anybody may look at it who isn't its owner. Nothing is changed.

import type { Counts } from '@fillstream/core';
import type { CheckpointHead, HistoryPoint } from '@fillstream/runtime';
import type { RedisConnection } from './connection.ts';
import { factsKey } from './facts.ts';
import { FORMAT, Keys } from './keys.ts';

export type StoredPartition =
  /** Nothing at all, or claimed and not begun. */
  | { readonly kind: 'missing'; readonly partition: number }
  /** Made by another version of this program. */
  | { readonly kind: 'other format'; readonly partition: number; readonly format: string; readonly expected: string }
  | {
      readonly kind: 'stored';
      readonly partition: number;
      /** The token of who claimed it last. */
      readonly owner: string;
      readonly generation: string;
      /** Where the checkpoint stands. */
      readonly at: HistoryPoint;
      readonly clocks: readonly number[];
      readonly counts: Counts;
      /** Orders on record: as they were counted, and as they are listed. */
      readonly orders: number;
      readonly listed: number;
      /** Older generations that aren't deleted yet. */
      readonly garbage: number;
    };

/** Of the orders on record. */
export type Deadlines = {
  /** Stream time (ms) at which the first of them has its next say; null when there is none. */
  readonly earliest: number | null;
  /** Whether all were looked at. */
  readonly isWhole: boolean;
};

const FIELDS = ['owner', 'gen', 'format', 'at', 'orders', 'garbage', 'head'] as const;
const READS = 3;
const SCAN = 2_000;
/** Entries of an index that are looked at. */
const GREATEST_SCAN = 100_000;

/** What all processes agreed on, such as `partitions`; empty before the first processor. Rejects with the client's error. */
export async function storedFacts({ client }: RedisConnection, namespace: string): Promise<Readonly<Record<string, string>>> {
  return await client.hgetall(factsKey(namespace));
}

/** Rejects with the client's error. */
export async function inspectPartition(connection: RedisConnection, namespace: string, partition: number): Promise<StoredPartition> {
  for (let left = READS; ; left -= 1) {
    const read = await readPartition(connection, namespace, partition);
    if (left === 1 || read.kind !== 'stored' || read.orders === read.listed) return read; // A checkpoint may have come in between.
  }
}

async function readPartition({ client }: RedisConnection, namespace: string, partition: number): Promise<StoredPartition> {
  const keys = new Keys(namespace, partition);
  const [owner, generation, format, at, orders, garbage, head] = await client.hmget(keys.meta, ...FIELDS);
  if (typeof format === 'string' && format !== FORMAT) return { kind: 'other format', partition, format, expected: FORMAT };
  const parsed = headOf(head ?? '');
  const point = pointOf(at ?? '');
  if (typeof generation !== 'string' || parsed === null || point === null) return { kind: 'missing', partition };
  return {
    kind: 'stored', partition, owner: owner ?? '', generation, at: point, clocks: parsed.clocks, counts: parsed.counts,
    orders: Number(orders), listed: await client.hlen(keys.index(generation)),
    garbage: (garbage ?? '').split(' ').filter((name) => name !== '').length,
  };
}

/** Looks at as many as GREATEST_SCAN orders of a partition. Rejects with the client's error. */
export async function deadlinesOf({ client }: RedisConnection, namespace: string, partition: number, generation: string): Promise<Deadlines> {
  const index = new Keys(namespace, partition).index(generation);
  let [earliest, seen, cursor] = [Infinity, 0, '0'];
  do {
    const [next, entries] = await client.hscan(index, cursor, 'COUNT', SCAN);
    for (let place = 1; place < entries.length; place += 2) earliest = Math.min(earliest, Number(entries[place]));
    seen += entries.length / 2;
    cursor = next;
  } while (cursor !== '0' && seen < GREATEST_SCAN);
  return { earliest: Number.isFinite(earliest) ? earliest : null, isWhole: cursor === '0' };
}

/** `id offsets fired`, as the store writes it. */
function pointOf(text: string): HistoryPoint | null {
  const match = /^([0-9a-f]{16}) ([\d,]+) (\d+)$/.exec(text);
  if (match === null) return null;
  const [, id = '', offsets = '', fired = ''] = match;
  return { id, position: { offsets: offsets.split(',').map(Number), fired: Number(fired) } };
}

/* Written by the store. */
function headOf(text: string): CheckpointHead | null {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return text === '' ? null : JSON.parse(text) as CheckpointHead;
}
