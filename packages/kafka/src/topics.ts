// The topics as they have to be: made when they are missing, checked when they are there, never changed in silence.
//
// P1  Partition counts are fixed: another count than was asked for is refused, and never altered.
// P2  Schemas are registered with BACKWARD compatibility under the topic's value subject.
// P3  One that isn't registered yet, and that earlier versions couldn't read, or that couldn't read theirs, is refused by name.

import { setTimeout as sleep } from 'node:timers/promises';
import { COMPATIBILITY, SchemaType, type SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { PortError } from '@fillstream/runtime';
import { TOPICS, incompatibilities, schemaTextOf, type Topic } from '@fillstream/schemas';
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import { connectionOf, nameIn, typeOf, withAdmin, type KafkaOptions } from './connection.ts';
import { registryMessageOf, registryOf, statusOf, subjectOf, type RegistryOptions } from './wire-format.ts';

export type TopicsOptions = {
  readonly partitions: number;
  readonly replication: number;
  /** Milliseconds; -1 keeps everything. */
  readonly retentionMs: number;
  /** Refuses input records that claim to come from later than a minute ahead. */
  readonly limitTimestamps: boolean;
};

export const DEFAULT_TOPICS: TopicsOptions = { partitions: 12, replication: 1, retentionMs: -1, limitTimestamps: true };

type AvroText = { readonly type: SchemaType.AVRO; readonly schema: string };

export type TopicReport = { readonly name: string; readonly made: boolean; readonly partitions: number };

const { ConfigResourceTypes } = kafkajs; // Node finds no such name in the module, only in its default.

const COMPACTED: readonly Topic[] = ['watchlist', 'ingest-progress', 'tokens', 'webhooks'];
const INPUTS: readonly Topic[] = ['fills', 'order-updates'];
const AHEAD_MS = 60_000;
/** By default brokers refuse what is more than an hour ahead; outputs have the times of what they came from. */
const UNLIMITED = String(2n ** 63n - 1n);
const [KNOWN_TRIES, KNOWN_MS] = [120, 250];
const INPUT_BYTES = 1_048_588;
/** The commands that change and read what is set are not given to everybody: those that matter are named. */
const CHECKED = ['min.insync.replicas', 'cleanup.policy', 'retention.ms'];

/** Makes and checks all topics, and registers their schemas. Throws PortError. */
export async function createTopics(kafka: KafkaOptions, registry: RegistryOptions, options: TopicsOptions): Promise<TopicReport[]> {
  const reports = await withAdmin(connectionOf(kafka), async (admin) => await makeTopics(admin, kafka.namespace, options));
  await registerSchemas(registryOf(registry), kafka.namespace);
  return reports;
}

async function makeTopics(admin: Admin, namespace: string | undefined, options: TopicsOptions): Promise<TopicReport[]> {
  const existing = new Set(await admin.listTopics());
  const wanted = TOPICS.map((topic) => configOf(topic, namespace, options));
  const missing = wanted.filter(({ topic }) => !existing.has(topic));
  await checkCounts(admin, wanted.filter(({ topic }) => existing.has(topic)), options.partitions);
  await makeNew(admin, missing);
  await onceKnown(async () => await checkConfigs(admin, wanted));
  return wanted.map(({ topic }) => ({ name: topic, made: !existing.has(topic), partitions: options.partitions }));
}

/** Makes topics, and waits until a broker that is asked for them knows them. */
export async function makeNew(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  if (topics.length === 0) return;
  await onceKnown(async () => await admin.createTopics({ topics: [...topics], waitForLeaders: true }));
  // Asked for the second time the client finds them made, and waits for nothing.
  await onceKnown(async () => await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) }));
}

/** A broker that has much to do hears of a new topic a while after it was made. */
async function onceKnown<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = KNOWN_TRIES; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || typeOf(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      await sleep(KNOWN_MS);
    }
  }
}

function configOf(topic: Topic, namespace: string | undefined, options: TopicsOptions): ITopicConfig & { readonly topic: string } {
  const { partitions, replication } = options;
  return {
    topic: nameIn(namespace, topic), numPartitions: partitions, replicationFactor: replication,
    configEntries: Object.entries(topicSettings(topic, options)).map(([name, value]) => ({ name, value })),
  };
}

/** The settings that a topic is made with. */
export function topicSettings(topic: Topic, { replication, retentionMs, limitTimestamps }: Omit<TopicsOptions, 'partitions'>): Readonly<Record<string, string>> {
  const isInput = INPUTS.includes(topic);
  return {
    'min.insync.replicas': String(Math.max(1, replication - 1)),
    'message.timestamp.type': 'CreateTime',
    ...(COMPACTED.includes(topic) ? { 'cleanup.policy': 'compact' } : { 'cleanup.policy': 'delete', 'retention.ms': String(retentionMs) }),
    'message.timestamp.after.max.ms': isInput && limitTimestamps ? String(AHEAD_MS) : UNLIMITED,
    'max.message.bytes': String(topic === 'quarantine' ? 2 * INPUT_BYTES : INPUT_BYTES),
  };
}

/** P1. */
async function checkCounts(admin: Admin, topics: readonly ITopicConfig[], partitions: number): Promise<void> {
  if (topics.length === 0) return;
  const found = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
  for (const { name, partitions: held } of found.topics) {
    if (held.length === partitions) continue;
    const message = `${name} has ${String(held.length)} partitions, expected ${String(partitions)}: their number is fixed, as addresses belong to `
      + 'partitions; `fillstream repartition` copies them into another namespace with another number';
    throw new PortError('mismatch', message, { retryable: false });
  }
}

async function checkConfigs(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map(({ topic }) => ({ type: ConfigResourceTypes.TOPIC, name: topic, configNames: CHECKED })),
  });
  for (const { topic, configEntries = [] } of topics) {
    const held = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    for (const { name, value } of configEntries) {
      const found = held.find(({ configName }) => configName === name)?.configValue;
      if (found === undefined || found === value) continue;
      throw new PortError('mismatch', `${topic} has ${name}=${found}, expected ${value}: change it, or say what you want`, { retryable: false });
    }
  }
}

/** P2. */
export async function registerSchemas(registry: SchemaRegistry, namespace: string | undefined): Promise<void> {
  for (const topic of TOPICS) {
    const subject = subjectOf(nameIn(namespace, topic));
    const schema: AvroText = { type: SchemaType.AVRO, schema: schemaTextOf(topic) };
    try {
      await checkSchema(registry, subject, schema);
      await registry.register(schema, { subject, compatibility: COMPATIBILITY.BACKWARD });
    } catch (error) {
      if (error instanceof PortError) throw error;
      throw new PortError('mismatch', `the schema registry refused ${subject}: ${registryMessageOf(error)}`, { retryable: false, cause: error });
    }
  }
}

/** P3. An earlier version's is registered already, and may come back. */
async function checkSchema(registry: SchemaRegistry, subject: string, schema: AvroText): Promise<void> {
  const latest = await latestSchema(registry, subject);
  const changes = latest === null ? [] : incompatibilities(latest, schema.schema);
  if (changes.length === 0 || await registry.getRegistryIdBySchema(subject, schema).then(() => true, () => false)) return;
  throw new PortError('mismatch', `the schema of ${subject} can't change to this version's: ${changes.join('; ')}`, { retryable: false });
}

/** null: the subject is new. */
async function latestSchema(registry: SchemaRegistry, subject: string): Promise<string | null> {
  try {
    return JSON.stringify(await registry.getSchema(await registry.getLatestSchemaId(subject)));
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** Refuses what would lose acknowledged records. Throws PortError. */
export async function checkDurability(kafka: KafkaOptions): Promise<void> {
  await withAdmin(connectionOf(kafka), async (admin) => {
    const names = TOPICS.map((topic) => nameIn(kafka.namespace, topic));
    const existing = new Set(await admin.listTopics());
    const { topics } = await admin.fetchTopicMetadata({ topics: names.filter((name) => existing.has(name)) });
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map(({ name }) => ({ type: ConfigResourceTypes.TOPIC, name, configNames: ['min.insync.replicas'] })),
    });
    for (const { name, partitions } of topics) {
      const replication = Math.min(...partitions.map(({ replicas }) => replicas.length));
      const minimum = Number(resources.find(({ resourceName }) => resourceName === name)?.configEntries[0]?.configValue ?? 1);
      if (replication < 3 || minimum >= 2) continue;
      const message = `${name} has min.insync.replicas=${String(minimum)} with replication ${String(replication)}: one broker's loss could lose acknowledged records; expected 2`;
      throw new PortError('mismatch', message, { retryable: false });
    }
  });
}
