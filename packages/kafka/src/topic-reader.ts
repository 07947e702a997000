// Everything committed on a topic, from its beginning to its present end: for tools and tests, not for the hot path.
//
// A transaction that is under way is waited for: its end is acknowledged some time before its records are readable.

import type { KafkaOptions } from './connection.ts';
import { StretchReader, boundsOf } from './stretch-reader.ts';
import { clientOfTrueEnds } from './true-ends.ts';

/** A zero byte and the schema's id. */
const FRAME_BYTES = 5;

export type TopicRecord = {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
};

/** Reads only what is committed, each record once. `name` is the topic's without its namespace. Throws PortError. */
export async function readTopic(options: KafkaOptions, name: string): Promise<TopicRecord[]> {
  const bounds = await boundsOf(options, name, clientOfTrueEnds(options) ?? undefined);
  const reader = await StretchReader.open(options, bounds.map(({ partition, low, high }) => ({ topic: name, partition, from: low, to: high })));
  try {
    const records: TopicRecord[] = [];
    for (let record = await reader.nextOfAny(); record !== null; record = await reader.nextOfAny()) {
      const { partition, offset, key, value, timestamp } = record;
      records.push({ partition, offset, key: key?.toString() ?? null, value, timestamp });
    }
    return records;
  } finally {
    await reader.close();
  }
}

/** A value's body, whatever schema of ours it was written with; null for what is framed otherwise. */
export function unframed(value: Buffer | null): Buffer | null {
  return value === null || value.length < FRAME_BYTES || value[0] !== 0 ? null : value.subarray(FRAME_BYTES);
}
