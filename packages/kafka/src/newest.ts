// The last records of topics, to see how new they are: for tools, not for the hot path.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@fillstream/schemas';
import { connectionOf, kafkaFailure, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import type { TopicRecord } from './topic-reader.ts';

/** So many offsets are looked at: a transaction's markers, and what was aborted, are no records. */
const BACK = 16;
const FETCH_WAIT_MS = 50;
/** A transaction that is under way holds back what lies behind it. */
const PATIENCE_MS = 10_000;

/** By topic and partition, the last committed record; what doesn't come soon is left out. Throws PortError. */
export async function newestRecords(options: KafkaOptions, topics: readonly Topic[]): Promise<ReadonlyMap<Topic, ReadonlyMap<number, TopicRecord>>> {
  const kafka = connectionOf(options);
  const names = new Map(topics.map((topic) => [nameIn(options.namespace, topic), topic]));
  const wanted = await withAdmin(kafka, async (admin) => (await Promise.all(Array.from(names.keys(), async (topic) => (
    (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({ topic, partition, low: Number(low), high: Number(high) }))
  )))).flat().filter(({ low, high }) => low < high));
  const found = new Map(topics.map((topic) => [topic, new Map<number, TopicRecord>()]));
  if (wanted.length === 0) return found;
  const left = new Map(wanted.map(({ topic, partition, high }) => [`${topic}/${String(partition)}`, high]));
  const consumer = kafka.consumer({ groupId: `fillstream-reader-${randomUUID()}`, allowAutoTopicCreation: false, maxWaitTimeInMs: FETCH_WAIT_MS });
  const done = Promise.withResolvers<void>();
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
    const key = `${topic}/${String(partition)}`;
    if (Number(lastOffset) + 1 >= (left.get(key) ?? Infinity)) left.delete(key);
    if (left.size === 0) done.resolve();
  });
  consumer.on(consumer.events.GROUP_JOIN, () => { // Before the first fetch, and again when the client begins anew.
    for (const { topic, partition, low, high } of wanted) consumer.seek({ topic, partition, offset: String(Math.max(low, high - BACK)) });
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...names.keys()], fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message: { offset, key, value, timestamp } }) => {
        await Promise.resolve();
        const name = names.get(topic);
        if (name === undefined) return;
        found.get(name)?.set(partition, { partition, offset: Number(offset), key: key?.toString() ?? null, value, timestamp: Number(timestamp) });
      },
    });
    await Promise.race([done.promise, sleep(PATIENCE_MS, undefined, { ref: false })]);
    return found;
  } catch (error) {
    throw kafkaFailure('reading the last records', error);
  } finally {
    await consumer.disconnect();
  }
}
