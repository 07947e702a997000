// Asks Kafka, and as far as they answer Redis and the processes, how an installation stands.

import type { ClusterFacts, GroupReport, KafkaOptions } from '@fillstream/kafka';
import type { RedisOptions } from '@fillstream/redis';
import { INPUT_TOPICS } from '@fillstream/topics';
import { lineOf } from '../../errors.ts';
import { snapshotOf, type Snapshot, type Sources } from './snapshot.ts';
import { stagesOf } from './stages.ts';

export type Asked = {
  readonly kafka: KafkaOptions;
  /** null: it isn't asked. */
  readonly redis: RedisOptions | null;
  readonly namespace: string;
  /** Where processors serve /readyz. */
  readonly urls: readonly string[];
};

/** Throws PortError when Kafka doesn't answer. */
export async function collect(asked: Asked): Promise<Snapshot> {
  const { kafka, namespace, redis, urls } = asked;
  const { inspectCluster, inspectGroup, newestRecords } = await import('@fillstream/kafka');
  const [state, ready] = await Promise.all([redis === null ? notAsked() : stateOf(redis, namespace), Promise.all(urls.map(async (url) => await stagesOf(url)))]);
  const cluster = await inspectCluster(kafka);
  const held = cluster.topics.flatMap(({ topic, partitions }) => (partitions === null ? [] : [topic]));
  const newest = await newestRecords(kafka, [...INPUT_TOPICS, 'commits' as const].filter((topic) => held.includes(topic)));
  return snapshotOf({
    at: Date.now(), namespace, cluster, newest,
    processors: groupOf(cluster),
    ingestors: await inspectGroup(kafka, 'ingestor'),
    watchlist: held.includes('watchlist') ? await watched(kafka) : null,
    ends: { quarantine: await countOn(kafka, cluster, 'quarantine'), gaps: await countOn(kafka, cluster, 'gaps') },
    state: state.value,
    stages: ready.flatMap(({ stages }) => stages),
    unknown: [...state.unknown, ...ready.flatMap(({ unknown }) => unknown), ...(urls.length === 0 ? ['rebuild progress: no --http was given'] : [])],
  });
}

type State = { readonly value: Sources['state']; readonly unknown: readonly string[] };

const OF_STATE = 'orders and deadlines';

function notAsked(): State {
  return { value: null, unknown: [`${OF_STATE}: Redis wasn't asked`] };
}

async function stateOf(redis: RedisOptions, namespace: string): Promise<State> {
  const { RedisConnection, deadlinesOf, inspectPartition, storedFacts } = await import('@fillstream/redis');
  try {
    const connection = await RedisConnection.open(redis);
    try {
      const count = Number((await storedFacts(connection, namespace))['partitions'] ?? 0);
      const read = Array.from({ length: count }, async (_, partition) => {
        const stored = await inspectPartition(connection, namespace, partition);
        const deadlines = stored.kind === 'stored' ? await deadlinesOf(connection, namespace, partition, stored.generation) : null;
        return [partition, { stored, deadlines }] as const;
      });
      const value = new Map(await Promise.all(read));
      return { value, unknown: count === 0 ? [`${OF_STATE}: Redis has no state of this namespace`] : partial(value) };
    } finally {
      connection.close();
    }
  } catch (error) {
    return { value: null, unknown: [`${OF_STATE}: ${lineOf(error)}`] };
  }
}

function partial(state: NonNullable<Sources['state']>): readonly string[] {
  return [...state].flatMap(([partition, { stored, deadlines }]) => {
    if (stored.kind !== 'stored') return [`${OF_STATE} of partition ${String(partition)}: its state is ${stored.kind}`];
    return deadlines?.isWhole === false ? [`the first deadline of partition ${String(partition)}: it has too many orders to look at them all`] : [];
  });
}

function groupOf({ group }: ClusterFacts): GroupReport {
  return group.kind === 'told' ? group.value : { groupId: 'processor', state: group.why, members: [] };
}

async function watched(kafka: KafkaOptions): Promise<readonly string[]> {
  const [{ readTopic }, { Watchlist }] = await Promise.all([import('@fillstream/kafka'), import('@fillstream/ingestor/watchlist')]);
  const watchlist = new Watchlist();
  for (const record of await readTopic(kafka, 'watchlist')) watchlist.add(record);
  return watchlist.all.map(({ address }) => address);
}

/** Offsets in use; null: there is no such topic. */
async function countOn(kafka: KafkaOptions, { topics }: ClusterFacts, topic: 'quarantine' | 'gaps'): Promise<number | null> {
  const found = topics.find((each) => each.topic === topic);
  if (found === undefined || found.partitions === null) return null;
  const { offsetsHeld } = await import('@fillstream/kafka');
  return await offsetsHeld(kafka, topic);
}
