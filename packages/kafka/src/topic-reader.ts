// Everything committed on a topic, from its beginning to its present end: for tools and tests, not for the hot path.

import { randomUUID } from 'node:crypto';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';

/** A zero byte and the schema's id. */
const FRAME_BYTES = 5;

export type TopicRecord = {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
};

/** Reads only what is committed. `name` is the topic's without its namespace. Throws PortError. */
export async function readTopic(options: KafkaOptions, name: string): Promise<TopicRecord[]> {
  const kafka = connectionOf(options);
  const topic = nameIn(options.namespace, name);
  const ends = await withAdmin(kafka, async (admin) => await admin.fetchTopicOffsets(topic));
  const left = new Map(ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]));
  const records: TopicRecord[] = [];
  if (left.size === 0) return records;
  const consumer = kafka.consumer({ groupId: `fillstream-reader-${randomUUID()}`, allowAutoTopicCreation: false, maxWaitTimeInMs: 50 });
  const done = Promise.withResolvers<void>();
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
    if (Number(lastOffset) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition);
    if (left.size === 0) done.resolve();
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        await Promise.resolve();
        for (const { offset, key, value, timestamp } of batch.messages) {
          records.push({ partition: batch.partition, offset: Number(offset), key: key?.toString() ?? null, value, timestamp: Number(timestamp) });
        }
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/** A value's body, whatever schema of ours it was written with; null for what is framed otherwise. */
export function unframed(value: Buffer | null): Buffer | null {
  return value === null || value.length < FRAME_BYTES || value[0] !== 0 ? null : value.subarray(FRAME_BYTES);
}
