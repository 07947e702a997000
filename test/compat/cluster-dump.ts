// The half of a dump that lies on servers: topics, the group's offsets, schemas, keys in Redis (dump.ts).

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { connectionOf, nameIn, withAdmin, type KafkaOptions, type RegistryOptions } from '@fillstream/kafka';
import type { RedisConnection } from '@fillstream/redis';
import { TOPICS } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { IHeaders, TopicOffsets } from 'kafkajs';

export type DumpedRecord = {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: string;
  readonly key: string | null;
  /** A character each byte. */
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
};
export type TopicsDump = Readonly<Record<string, readonly DumpedRecord[]>>;
/** Of the processors' group, by input topic. */
export type OffsetsDump = readonly { readonly topic: string; readonly partitions: readonly DumpedOffset[] }[];
export type DumpedOffset = { readonly partition: number; readonly offset: string; readonly metadata: string };
/** Each schema with the subject that it was registered under, by its id. */
export type SchemasDump = readonly { readonly id: number; readonly subject: string; readonly text: string }[];
export type RedisDump = readonly { readonly key: string; readonly ttlMs: number; readonly value: string | Readonly<Record<string, string>> }[];

const POLL_MS = 50;
const WHOLE: readonly string[] = TOPICS;

/** Everything committed on all topics. */
export async function dumpTopics(options: KafkaOptions): Promise<TopicsDump> {
  const kafka = connectionOf(options);
  const ends = await withAdmin(kafka, async (admin) => new Map(await Promise.all(WHOLE.map(async (name): Promise<[string, Map<number, number>]> => {
    const offsets = await admin.fetchTopicOffsets(nameIn(options.namespace, name));
    return [name, new Map(offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]))];
  }))));
  const records = new Map<string, DumpedRecord[]>(WHOLE.map((name) => [name, []]));
  const consumer = kafka.consumer({ groupId: `dump-${String(process.pid)}`, allowAutoTopicCreation: false });
  const nameOf = (topic: string): string => WHOLE.find((name) => nameIn(options.namespace, name) === topic) ?? '';
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
    if (Number(lastOffset) + 1 >= (ends.get(nameOf(topic))?.get(partition) ?? Infinity)) ends.get(nameOf(topic))?.delete(partition);
  });
  await consumer.connect();
  await consumer.subscribe({ topics: WHOLE.map((name) => nameIn(options.namespace, name)), fromBeginning: true });
  await consumer.run({ autoCommit: false, eachMessage: async ({ topic, partition, message: { offset, timestamp, key, value, headers = {} } }) => {
    await Promise.resolve();
    records.get(nameOf(topic))?.push({
      partition, offset: Number(offset), timestamp, headers: textHeaders(headers),
      key: key?.toString() ?? null, value: value?.toString('latin1') ?? null,
    });
  } });
  while ([...ends.values()].some(({ size }) => size > 0)) await sleep(POLL_MS);
  await consumer.disconnect();
  return Object.fromEntries(Array.from(records, ([name, list]) => [name, list.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)]));
}

/** D3; the topics are there, and empty. */
export async function restoreTopics(options: KafkaOptions, topics: TopicsDump): Promise<void> {
  const producer = connectionOf(options).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (const [name, records] of Object.entries(topics)) {
    const messages = records.map(({ partition, timestamp, key, value, headers }) => (
      { partition, timestamp, key, value: value === null ? null : Buffer.from(value, 'latin1'), headers }
    ));
    for (const [place, { partition, offset }] of records.entries()) {
      if (isInput(name)) assert.equal(offset, records.slice(0, place).filter((each) => each.partition === partition).length, `${name} has gaps`);
    }
    if (messages.length > 0) await producer.send({ topic: nameIn(options.namespace, name), messages, acks: -1 });
  }
  await producer.disconnect();
}

function isInput(name: string): boolean {
  return INPUT_TOPICS.some((topic) => topic === name);
}

export async function dumpOffsets(options: KafkaOptions): Promise<OffsetsDump> {
  const topics = INPUT_TOPICS.map((topic) => nameIn(options.namespace, topic));
  const groupId = nameIn(options.namespace, 'processor');
  const fetched = await withAdmin(connectionOf(options), async (admin) => await admin.fetchOffsets({ groupId, topics }));
  return fetched.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, offset, metadata }) => ({ partition, offset, metadata: metadata ?? '' }))
      .sort((a, b) => a.partition - b.partition),
  })).sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

/** In a transaction, as a processor does it: the client sets no metadata otherwise. */
export async function restoreOffsets(options: KafkaOptions, offsets: OffsetsDump): Promise<void> {
  await dumpOffsets(options); // A broker that never had a group has to make room for one first.
  const transactionalId = nameIn(options.namespace, 'restore');
  const producer = connectionOf(options).producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  const topics: TopicOffsets[] = offsets.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] }));
  await transaction.sendOffsets({ consumerGroupId: nameIn(options.namespace, 'processor'), topics });
  await transaction.commit();
  await producer.disconnect();
  while (!isDeepStrictEqual(await dumpOffsets(options), offsets)) await sleep(POLL_MS); // What is decided shows a moment later.
}

export async function dumpSchemas({ url }: RegistryOptions, { namespace }: KafkaOptions): Promise<SchemasDump> {
  const schemas = await Promise.all(TOPICS.map(async (topic) => {
    const subject = `${nameIn(namespace, topic)}-value`;
    const latest: unknown = await (await fetch(`${url}/subjects/${subject}/versions/latest`)).json();
    assert.ok(typeof latest === 'object' && latest !== null && 'id' in latest && 'schema' in latest);
    return { id: Number(latest.id), subject, text: String(latest.schema) };
  }));
  return schemas.sort((a, b) => a.id - b.id);
}

/** D3; in a registry that has none yet: its ids begin at 1. */
export async function restoreSchemas({ url }: RegistryOptions, schemas: SchemasDump): Promise<void> {
  const ask = async (method: string, path: string, body: object): Promise<unknown> => (
    await (await fetch(`${url}${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json()
  );
  for (const { id, subject, text } of schemas) {
    assert.deepEqual(await ask('POST', `/subjects/${subject}/versions`, { schema: text }), { id });
    await ask('PUT', `/config/${subject}`, { compatibility: 'BACKWARD' });
  }
}

export async function dumpRedis({ client }: RedisConnection, namespace: string): Promise<RedisDump> {
  const keys = (await client.keys(`${namespace}:*`)).sort();
  return await Promise.all(keys.map(async (key) => ({
    key, ttlMs: await client.pttl(key), value: await client.type(key) === 'hash' ? await client.hgetall(key) : await client.get(key) ?? '',
  })));
}

export async function restoreRedis({ client }: RedisConnection, dump: RedisDump): Promise<void> {
  for (const { key, ttlMs, value } of dump) {
    if (typeof value === 'string') await client.set(key, value);
    else await client.hset(key, value);
    if (ttlMs > 0) await client.pexpire(key, ttlMs);
  }
}

function textHeaders(headers: IHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
