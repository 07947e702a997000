// EventLog on a real broker and registry: the contract suite, and what is the adapter's own.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { SchemaType } from '@kafkajs/confluent-schema-registry';
import type { RefusalReason, Signal } from '@fillstream/core';
import { PortError, type HistoryPoint } from '@fillstream/runtime';
import { eventLogContract } from '@fillstream/runtime/contract';
import { bodyReader, decodeQuarantined, decodeSignal, encodeRecord, encodeTick, schemaTextOf } from '@fillstream/schemas';
import { fetchArtifacts, startKafka, startRegistry, type Kafka, type Registry } from '@fillstream/stack';
import { offsetsOf } from './committed-offsets.ts';
import {
  DEFAULT_TOPICS, KafkaInputWriter, KafkaLog, StretchReader, WireFormat, connectionOf, createTopics, nameIn, readTopic, registryOf, withAdmin,
  type Delivery, type KafkaOptions, type RegistryOptions,
} from './index.ts';

const PARTITIONS = 2;
const HEADER_BYTES = 5;
const REST_MS = 200;
const TOLD_POLLS = 200;
const folder = mkdtempSync(join(tmpdir(), 'fillstream-kafka-'));
let broker: Kafka | null = null;
let registry: Registry | null = null;
let namespaces = 0;

before(async () => {
  const artifacts = await fetchArtifacts();
  [broker, registry] = await Promise.all([
    startKafka({ folder, artifacts, brokers: 1, shortLived: true }), startRegistry({ folder, artifacts, shortLived: true }),
  ]);
});

after(async () => {
  await Promise.all([broker?.stop(), registry?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Topics of a namespace of their own. */
type Topics = { readonly kafka: KafkaOptions; readonly registry: RegistryOptions };

async function freshTopics(): Promise<Topics> {
  assert.ok(broker !== null && registry !== null);
  namespaces += 1;
  const options = { kafka: { brokers: [broker.bootstrap], namespace: `n${String(namespaces)}` }, registry: { url: registry.url } };
  await createTopics(options.kafka, options.registry, { ...DEFAULT_TOPICS, partitions: PARTITIONS });
  return options;
}

async function outputsOf(kafka: KafkaOptions, partition: number): Promise<{ signals: Signal[]; refused: RefusalReason[] }> {
  const bodiesOf = async (topic: string): Promise<Buffer[]> => (await readTopic(kafka, topic))
    .filter((record) => record.partition === partition).map(({ value }) => (value ?? Buffer.alloc(0)).subarray(HEADER_BYTES));
  const [signals, refused] = await Promise.all([bodiesOf('signals'), bodiesOf('quarantine')]);
  return {
    signals: signals.map((body) => decodeSignal(body) as Signal),
    refused: refused.map((body) => decodeQuarantined(body).reason as RefusalReason),
  };
}

eventLogContract('KafkaLog', { partitions: PARTITIONS, topics: 2, bounded: false }, async () => {
  const options = await freshTopics();
  const start = async (): Promise<KafkaLog> => {
    const joined = await KafkaLog.connect({ ...options, sessionTimeoutMs: 6_000 });
    await joined.join();
    return joined;
  };
  let log = await start();
  const writer = await KafkaInputWriter.connect(options.kafka, options.registry);
  return {
    log,
    append: async (records) => {
      await writer.append(records.map(({ json }) => encodeRecord(json)));
    },
    outputs: async (partition) => await outputsOf(options.kafka, partition),
    reopen: async () => {
      await log.close();
      log = await start();
      return log;
    },
    close: async () => {
      await Promise.all([log.close(), writer.close()]);
    },
  };
});

const TICK_AT = 1_760_000_000_000;

/** A log that has joined, and writers to its topics. */
async function joined(): Promise<Topics & { readonly log: KafkaLog }> {
  const options = await freshTopics();
  const log = await KafkaLog.connect({ ...options, sessionTimeoutMs: 6_000 });
  await log.join();
  return { log, ...options };
}

/** A log whose partition 0 has a commit of two ticks; it is closed. */
async function committedOnce(): Promise<Topics & { readonly groupId: string; readonly start: HistoryPoint; readonly to: HistoryPoint }> {
  const { log, kafka, registry: schemas } = await joined();
  const writer = await KafkaInputWriter.connect(kafka, schemas);
  await writer.append([{ kind: 'tick', topic: 'fills', key: null, timestamp: TICK_AT, body: encodeTick(TICK_AT) }]);
  await writer.close();
  const opened = await log.open(0);
  const to = { position: { offsets: [1, 1], fired: 0 }, id: '00000000000000aa' };
  const merge = [{ topic: 0, count: 1 }, { topic: 1, count: 1 }];
  await opened.commit({ from: opened.start, to, merge, clocks: [TICK_AT, TICK_AT], signals: [], refused: [], lacks: [], afterEnd: false });
  await log.close();
  return { kafka, registry: schemas, groupId: log.groupId, start: opened.start, to };
}

async function reopened({ kafka, registry: schemas }: Topics, delivery: Delivery): Promise<readonly HistoryPoint[]> {
  const log = await KafkaLog.connect({ kafka, registry: schemas, delivery, sessionTimeoutMs: 6_000 });
  await log.join();
  const { committed, start } = await log.open(0);
  await log.close();
  return [committed, start];
}

/** Waits until the group has these offsets of partition 0: they are visible some milliseconds after their transaction's end. */
async function groupHas(kafka: KafkaOptions, groupId: string, offsets: readonly number[]): Promise<void> {
  const topics = ['fills', 'order-updates'].map((topic) => nameIn(kafka.namespace, topic));
  await withAdmin(connectionOf(kafka), async (admin) => {
    const held = async (): Promise<number[]> => {
      const fetched = await admin.fetchOffsets({ groupId, topics });
      return topics.map((topic) => Number(fetched.find((each) => each.topic === topic)?.partitions.find(({ partition }) => partition === 0)?.offset));
    };
    for (let left = TOLD_POLLS; left > 0 && !isDeepStrictEqual(await held(), offsets); left -= 1) await sleep(50);
    assert.deepEqual(await held(), offsets);
  });
}

test('what is committed is found in the topic commits when the group has forgotten its offsets, and it has them again', async () => {
  const { groupId, start, to, ...options } = await committedOnce();
  await withAdmin(connectionOf(options.kafka), async (admin) => {
    await admin.deleteGroups([groupId]);
  });
  assert.deepEqual(await reopened(options, 'exactly-once'), [to, start]);
  await groupHas(options.kafka, groupId, to.position.offsets);
});

test('what is committed is found in the topic commits when the group tells of an older commit, and it has the last again', async () => {
  const { groupId, start, to, ...options } = await committedOnce();
  const older = { start: start.position.offsets, point: { position: { offsets: [1, 0], fired: 0 }, id: '00000000000000a0' }, last: [null, null] };
  const topics = offsetsOf(['fills', 'order-updates'].map((topic) => nameIn(options.kafka.namespace, topic)), 0, older);
  const producer = connectionOf(options.kafka).producer({ transactionalId: 'older', idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.sendOffsets({ consumerGroupId: groupId, topics });
  await transaction.commit();
  await producer.disconnect();
  assert.deepEqual(await reopened(options, 'at-least-once'), [to, start]);
  await groupHas(options.kafka, groupId, to.position.offsets);
});

test('a partition with a transaction that never ended is not taken over, and is once it has an end', async () => {
  const { log, kafka } = await joined();
  const left = connectionOf(kafka).producer({ transactionalId: 'left', idempotent: true, maxInFlightRequests: 1 });
  await left.connect();
  const transaction = await left.transaction();
  await transaction.send({ topic: nameIn(kafka.namespace, 'commits'), messages: [{ partition: 0, value: 'no commit of ours' }] });
  await assert.rejects(log.open(0), (error) => (
    error instanceof PortError && error.retryable && /transaction at n\d+\.commits\/0, offset 0, has no end/.test(error.message)
  ));
  await transaction.abort();
  const { committed, start } = await log.open(0);
  assert.deepEqual(committed, start);
  await Promise.all([log.close(), left.disconnect()]);
});

test('a topic with another number of partitions is refused, and left as it is', async () => {
  const { kafka, registry: schemas } = await freshTopics();
  await assert.rejects(createTopics(kafka, schemas, { ...DEFAULT_TOPICS, partitions: PARTITIONS + 1 }), /has 2 partitions, expected 3/);
  const again = await createTopics(kafka, schemas, { ...DEFAULT_TOPICS, partitions: PARTITIONS });
  assert.ok(again.every(({ made, partitions }) => !made && partitions === PARTITIONS));
});

test('a client that has nothing to send rests', async (t) => {
  assert.ok(broker !== null);
  await withAdmin(connectionOf({ brokers: [broker.bootstrap] }), async (admin) => {
    await admin.listTopics();
    const timers = t.mock.method(globalThis, 'setTimeout');
    await sleep(REST_MS);
    assert.ok(timers.mock.callCount() < REST_MS / 10, 'but for what the other tests left open');
  });
});

test('a consumer whose wall clock is set back stays in its group', { timeout: 60_000 }, async (t) => {
  const { kafka } = await freshTopics();
  const consumer = connectionOf(kafka).consumer({ groupId: nameIn(kafka.namespace, 'beating'), heartbeatInterval: 100, maxWaitTimeInMs: 100 });
  t.after(() => consumer.disconnect());
  let beats = 0;
  consumer.on(consumer.events.HEARTBEAT, () => { beats += 1; });
  const beaten = async (times: number): Promise<void> => {
    for (const goal = beats + times; beats < goal;) await sleep(10);
  };
  await consumer.connect();
  await consumer.subscribe({ topic: nameIn(kafka.namespace, 'fills') });
  await consumer.run({ eachMessage: async () => { await Promise.resolve(); } });
  await beaten(1);
  const right = Date.now;
  t.mock.method(Date, 'now', () => right() - 3_600_000);
  await beaten(3);
});

test('a log without topics says what to run', async () => {
  assert.ok(broker !== null && registry !== null);
  const kafka = { brokers: [broker.bootstrap], namespace: 'nowhere' };
  await assert.rejects(KafkaLog.connect({ kafka, registry: { url: registry.url } }), /there is no topic nowhere.fills, .* run `fillstream topics create`/);
});

test('markers that come while a batch is worked on are told by the next one', async () => {
  const { kafka } = await freshTopics();
  const producer = connectionOf(kafka).producer({ transactionalId: 'marked', idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const written = async (end: 'commit' | 'abort'): Promise<void> => {
    const transaction = await producer.transaction();
    await transaction.send({ topic: nameIn(kafka.namespace, 'signals'), messages: [{ partition: 0, value: 'one' }] });
    await transaction[end]();
  };
  const reader = await StretchReader.open(kafka, [{ topic: 'signals', partition: 0, from: 0, to: null }]);
  const passed = async (offset: number): Promise<void> => {
    while (reader.offsetAfter('signals', 0) < offset) await sleep(10);
  };
  try {
    await written('commit');
    while (await reader.nextBatch(10).then((records) => records?.length) === 0);
    await passed(2);
    await written('abort');
    await passed(4);
    assert.deepEqual(await reader.nextBatch(10), []);
  } finally {
    await reader.close();
    await producer.disconnect();
  }
});

test('a body of an older version of the schema is read as one of ours, and one of another schema is not', () => {
  const older: unknown = JSON.parse(schemaTextOf('gaps'), (key, value: unknown) => (key === 'doc' ? undefined : value));
  const body = encodeTick(TICK_AT);
  assert.deepEqual(bodyReader('fills', schemaTextOf('fills'))(body), body);
  assert.throws(() => bodyReader('fills', JSON.stringify(older)), /expected a schema that fills can be read by/);
  assert.throws(() => bodyReader('fills', '"string"'), /expected a schema/);
});

test('a registry that is gone when a record names another version of the schema is waited for, and told of', async () => {
  const options = await freshTopics();
  assert.ok(registry !== null);
  const older = JSON.stringify(JSON.parse(schemaTextOf('fills'), (key, value: unknown) => (key === 'doc' ? undefined : value)));
  const { id } = await registryOf(options.registry).register({ type: SchemaType.AVRO, schema: older }, { subject: 'older' });
  const told = Promise.withResolvers<string>();
  const format = await WireFormat.of(registryOf(options.registry), 'fills', nameIn(options.kafka.namespace, 'fills'), told.resolve);
  const body = encodeTick(TICK_AT);
  const value = format.frame(body);
  value.writeUInt32BE(id, 1);
  await registry.process.kill();
  const learned = format.learn([value]);
  assert.match(await told.promise, new RegExp(`doesn't give schema ${String(id)}`));
  await registry.process.start();
  await learned;
  assert.deepEqual(format.unframe(value), body);
});
