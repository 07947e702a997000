// The topics of a new namespace, made like those of another one, but for their number of partitions.
//
// V1  What was set on an old topic is set on the new one; what wasn't is the cluster's, as it was there.
// V2  Topics that are there already are checked as if they had just been made, and never changed.
// V3  Topics of later versions, which the old namespace lacks, are made like those of theirs that it has.

import { PortError } from '@fillstream/runtime';
import { TOPICS, type SUBSCRIBER_TOPICS, type Topic } from '@fillstream/schemas';
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { PROGRESS_TOPIC } from './repartition-progress.ts';
import { makeNew, registerSchemas, type TopicReport } from './topics.ts';
import { registryOf, type RegistryOptions } from './wire-format.ts';

type Wanted = Required<Pick<ITopicConfig, 'topic' | 'numPartitions' | 'replicationFactor' | 'configEntries'>>;

/** V3. */
const LIKE: Readonly<Partial<Record<Topic, Topic>>> = {
  'tokens': 'watchlist', 'webhooks': 'watchlist', 'webhook-dead-letters': 'gaps',
} satisfies Record<(typeof SUBSCRIBER_TOPICS)[number], Topic>;

const { ConfigResourceTypes, ConfigSource } = kafkajs; // Node finds no such names in the module, only in its default.

/** Makes and checks all topics of `to`, and the one that the progress of a copy is on. Throws PortError. */
export async function makeTopicsLike(from: KafkaOptions, to: KafkaOptions, registry: RegistryOptions, partitions: number): Promise<TopicReport[]> {
  const reports = await planTopicsLike(from, to, partitions);
  await withAdmin(connectionOf(to), async (admin) => {
    const missing = new Set(reports.filter(({ made }) => made).map(({ name }) => name));
    await makeNew(admin, (await wantedOf(admin, from, to, partitions)).filter(({ topic }) => missing.has(topic)));
  });
  await registerSchemas(registryOf(registry), to.namespace);
  return reports;
}

/** What `makeTopicsLike` would make (`made`) and find; nothing is changed. Throws PortError for what differs. */
export async function planTopicsLike(from: KafkaOptions, to: KafkaOptions, partitions: number): Promise<TopicReport[]> {
  return await withAdmin(connectionOf(to), async (admin) => {
    const wanted = await wantedOf(admin, from, to, partitions);
    const existing = new Set(await admin.listTopics());
    for (const each of wanted) if (existing.has(each.topic)) await check(admin, each);
    return wanted.map(({ topic, numPartitions }) => ({ name: topic, made: !existing.has(topic), partitions: numPartitions }));
  });
}

async function wantedOf(admin: Admin, from: KafkaOptions, to: KafkaOptions, partitions: number): Promise<Wanted[]> {
  const existing = new Set(await admin.listTopics());
  const isHere = (topic: Topic): boolean => existing.has(nameIn(from.namespace, topic));
  const missing = TOPICS.filter((topic) => !isHere(topic) && LIKE[topic] === undefined).map((topic) => nameIn(from.namespace, topic));
  if (missing.length > 0) throw new PortError('log-broken', `there is no topic ${missing.join(', ')}: nothing to repartition`, { retryable: false });
  const wanted = await Promise.all(TOPICS.map(async (topic): Promise<Wanted> => {
    const old = nameIn(from.namespace, isHere(topic) ? topic : LIKE[topic] ?? topic);
    return { topic: nameIn(to.namespace, topic), numPartitions: partitions, replicationFactor: await replicasOf(admin, old), configEntries: await ownSettings(admin, old) };
  }));
  const like = wanted.find(({ topic }) => topic === nameIn(to.namespace, 'watchlist'));
  return [...wanted, { topic: nameIn(to.namespace, PROGRESS_TOPIC), numPartitions: 1, replicationFactor: like?.replicationFactor ?? 1, configEntries: like?.configEntries ?? [] }];
}

async function replicasOf(admin: Admin, name: string): Promise<number> {
  const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [name] });
  return found?.partitions[0]?.replicas.length ?? 1;
}

/** V1. */
async function ownSettings(admin: Admin, name: string): Promise<{ name: string; value: string }[]> {
  const { resources: [found] } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name }] });
  return (found?.configEntries ?? []).filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)
    .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
}

/** V2. */
async function check(admin: Admin, { topic, numPartitions, configEntries }: Wanted): Promise<void> {
  const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [topic] });
  const count = found?.partitions.length ?? 0;
  if (count !== numPartitions) throw differs(`${topic} has ${String(count)} partitions, expected ${String(numPartitions)}`);
  const held = new Map((await ownSettings(admin, topic)).map(({ name, value }) => [name, value]));
  for (const { name, value } of configEntries) {
    if (held.get(name) === value) continue;
    throw differs(`${topic} has ${name}=${held.get(name) ?? 'the cluster\'s'}, expected ${value} as on the old topic`);
  }
}

function differs(message: string): PortError {
  return new PortError('mismatch', `${message}: choose another --to, or change it`, { retryable: false });
}
