// What an installation looks like from outside: its cluster, its topics, how far the processor is. Nothing is changed.
//
// I1  What a login isn't allowed to see is said so, beside all that it may see.

import { TOPICS, type Topic } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import kafkajs, { type Admin, type ITopicMetadata } from 'kafkajs';
import { committedPointOf, type CommittedPoint } from './committed-offsets.ts';
import { connectionOf, isRetriable, messageOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { describeGroup, type GroupReport } from './inspect-group.ts';

const { ConfigResourceTypes } = kafkajs;

/** What was asked for, or why it wasn't given (I1). */
export type Told<T> = { readonly kind: 'told'; readonly value: T } | { readonly kind: 'refused'; readonly why: string };

export type TopicFacts = {
  readonly topic: Topic;
  /** In the cluster. */
  readonly name: string;
  /** null: there is no such topic, or it may not be seen. */
  readonly partitions: readonly PartitionFacts[] | null;
  readonly settings: Told<Readonly<Record<string, string>>>;
};

/** Replicas by their brokers' ids; `leader` -1: none. */
export type PartitionFacts = { readonly partition: number; readonly leader: number; readonly replicas: readonly number[]; readonly inSync: readonly number[] };

export type Bounds = { readonly low: number; readonly high: number };

/** One partition of all input topics; lists are in the order of INPUT_TOPICS. */
export type Progress = {
  readonly partition: number;
  readonly bounds: readonly Bounds[];
  /** Next offsets; null where nothing was committed. */
  readonly committed: readonly (number | null)[];
  /** null when nothing was committed, or what is there isn't the processor's. */
  readonly point: CommittedPoint | null;
};

export type ClusterFacts = {
  readonly clusterId: string;
  readonly brokers: readonly { readonly id: number; readonly address: string }[];
  readonly topics: readonly TopicFacts[];
  readonly group: Told<GroupReport>;
  /** By partition; of topics that are all there. */
  readonly progress: Told<readonly Progress[]>;
};

/** Throws PortError when nobody answers, or the login is refused. */
export async function inspectCluster(options: KafkaOptions): Promise<ClusterFacts> {
  return await withAdmin(connectionOf(options), async (admin) => {
    const { clusterId, brokers } = await admin.describeCluster();
    const topics = await inspectTopics(admin, options.namespace);
    const groupId = nameIn(options.namespace, 'processor');
    return {
      clusterId,
      brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, address: `${host}:${String(port)}` })),
      topics,
      group: await told(async () => await describeGroup(admin, groupId)),
      progress: await told(async () => await progressOf(admin, groupId, topics)),
    };
  });
}

/** By input topic (in the order of INPUT_TOPICS) and partition, the first offset that is at least as new as a time. Throws PortError. */
export async function offsetsAt(options: KafkaOptions, timestamp: number): Promise<readonly ReadonlyMap<number, number>[]> {
  return await withAdmin(connectionOf(options), async (admin) => await Promise.all(INPUT_TOPICS.map(async (topic) => {
    const found = await admin.fetchTopicOffsetsByTimestamp(nameIn(options.namespace, topic), timestamp);
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  })));
}

/** Over all partitions, how many offsets lie between a topic's beginning and its end: its records, and transactions' markers. Throws PortError. */
export async function offsetsHeld(options: KafkaOptions, topic: Topic): Promise<number> {
  const bounds = await withAdmin(connectionOf(options), async (admin) => await admin.fetchTopicOffsets(nameIn(options.namespace, topic)));
  return bounds.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}

async function inspectTopics(admin: Admin, namespace: string | undefined): Promise<readonly TopicFacts[]> {
  const names = new Map(TOPICS.map((topic) => [topic, nameIn(namespace, topic)]));
  const existing = new Set(await admin.listTopics());
  const held = Array.from(names.values()).filter((name) => existing.has(name));
  const metadata = held.length === 0 ? [] : (await admin.fetchTopicMetadata({ topics: held })).topics;
  return await Promise.all(Array.from(names, async ([topic, name]): Promise<TopicFacts> => {
    const found = metadata.find((each) => each.name === name);
    const settings = found === undefined ? unseen() : await told(async () => await settingsOf(admin, name));
    return { topic, name, partitions: found === undefined ? null : partitionsOf(found), settings };
  }));
}

function unseen(): Told<never> {
  return { kind: 'refused', why: 'there is no such topic' };
}

function partitionsOf({ partitions }: ITopicMetadata): readonly PartitionFacts[] {
  return partitions.map(({ partitionId, leader, replicas, isr }) => ({ partition: partitionId, leader, replicas, inSync: isr }));
}

async function settingsOf(admin: Admin, name: string): Promise<Readonly<Record<string, string>>> {
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name }] });
  return Object.fromEntries((resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]));
}

async function progressOf(admin: Admin, groupId: string, topics: readonly TopicFacts[]): Promise<readonly Progress[]> {
  const inputs = INPUT_TOPICS.flatMap((topic) => topics.find((each) => each.topic === topic && each.partitions !== null) ?? []);
  if (inputs.length < INPUT_TOPICS.length) return [];
  const names = inputs.map(({ name }) => name);
  const offsets = await admin.fetchOffsets({ groupId, topics: names });
  const bounds = await Promise.all(names.map(async (name) => await admin.fetchTopicOffsets(name)));
  const count = Math.max(...inputs.map(({ partitions }) => partitions?.length ?? 0));
  return Array.from({ length: count }, (_, partition): Progress => {
    const fetched = names.flatMap((name) => offsets.find(({ topic }) => topic === name)?.partitions.find((each) => each.partition === partition) ?? []);
    return {
      partition,
      bounds: bounds.map((each) => boundsOf(each.find((found) => found.partition === partition))),
      committed: names.map((_name, place) => committedOffset(fetched[place]?.offset)),
      point: committedPointOf(fetched),
    };
  });
}

function boundsOf(found: { readonly low: string; readonly high: string } | undefined): Bounds {
  return { low: Number(found?.low ?? 0), high: Number(found?.high ?? 0) };
}

/** Kafka says -1 for none. */
function committedOffset(text: string | undefined): number | null {
  const offset = Number(text ?? -1);
  return offset < 0 ? null : offset;
}

/** I1. What may succeed a moment later is thrown: the whole is asked for again. */
async function told<T>(ask: () => Promise<T>): Promise<Told<T>> {
  try {
    return { kind: 'told', value: await ask() };
  } catch (error) {
    if (isRetriable(error)) throw error;
    return { kind: 'refused', why: messageOf(error) };
  }
}
