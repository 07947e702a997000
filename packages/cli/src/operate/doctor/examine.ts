// Asks the servers, and has what they say checked. What one server doesn't give is a finding; the others are asked all the same.
//
// X1  Redis is asked before Kafka: committed history only grows, so a checkpoint that is ahead of it is one.
// X2  A login that is refused, or a server that isn't there, is told in the words of the error, which hold no secret.

import type { ClusterFacts, KafkaOptions, RegistryOptions } from '@fillstream/kafka';
import type { RedisConnection, RedisOptions, ServerFacts, StoredPartition } from '@fillstream/redis';
import { lineOf } from '../../errors.ts';
import { broken, ok, type Finding } from './finding.ts';
import { clockFinding } from './machine.ts';
import { deletedSoon, progressFindings, retentionFindings, retentions } from './progress-checks.ts';
import { rightsFinding, serverFindings } from './redis-checks.ts';
import { registryFindings } from './registry-checks.ts';
import { agreementFindings, stateFindings } from './state-checks.ts';
import { topicFindings, type SettingsOf } from './topic-checks.ts';
import { plural } from './units.ts';

export type Installation = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly redis: RedisOptions;
  readonly namespace: string;
  /** The fold's settings as text, as the processors would have them here. */
  readonly settings: string;
  readonly settingsOf: SettingsOf;
};

type Store = { readonly findings: readonly Finding[]; readonly state: State | null };
type State = { readonly facts: Readonly<Record<string, string>>; readonly partitions: readonly StoredPartition[] };

/** The clocks of HTTP answers are whole seconds. */
const HTTP_RESOLUTION_MS = 1_000;

export async function examine(installation: Installation): Promise<readonly Finding[]> {
  const [store, registry] = await Promise.all([examineRedis(installation), examineRegistry(installation)]);
  const cluster = await examineKafka(installation);
  const both = store.state === null || cluster.facts === null ? [] : comparisons(installation, store.state, cluster.facts);
  return [...cluster.findings, ...registry, ...store.findings, ...both];
}

async function examineKafka(installation: Installation): Promise<{ readonly findings: readonly Finding[]; readonly facts: ClusterFacts | null }> {
  const { kafka, namespace, settingsOf } = installation;
  const bootstrap = kafka.brokers.join(',');
  try {
    const { inspectCluster } = await import('@fillstream/kafka');
    const facts = await inspectCluster(kafka);
    const reached = ok('kafka', `answers, ${plural(facts.brokers.length, 'broker')}, cluster ${facts.clusterId}`, 'an answer');
    const findings = [reached, ...topicFindings(facts, { namespace, bootstrap, settingsOf }), ...progressFindings(facts, namespace), ...await retention(installation, facts), await transactionFinding(kafka)];
    return { findings, facts };
  } catch (error) {
    const mend = `look whether brokers run at ${bootstrap} (\`fillstream stack status\` for the local ones), and at --kafka and its login`;
    return { findings: [broken('kafka', lineOf(error), 'an answer', mend)], facts: null };
  }
}

async function transactionFinding(kafka: KafkaOptions): Promise<Finding> {
  const [check, expected] = ['kafka transactions', 'this login may use them, and they are coordinated'];
  try {
    const { tryTransaction } = await import('@fillstream/kafka');
    await tryTransaction(kafka);
    return ok(check, 'one was begun and aborted', expected);
  } catch (error) {
    const mend = 'kafka-acls.sh --add --operation Write --transactional-id PREFIX --resource-pattern-type prefixed, for this login; without them: processor --delivery at-least-once';
    return broken(check, lineOf(error), expected, mend);
  }
}

async function retention({ kafka, namespace }: Installation, facts: ClusterFacts): Promise<readonly Finding[]> {
  const kept = retentions(facts);
  const soon = deletedSoon(kept, Date.now());
  if (soon === null || facts.progress.kind === 'refused' || facts.progress.value.length === 0) return [];
  const { offsetsAt } = await import('@fillstream/kafka');
  return retentionFindings(facts.progress.value, kept, await offsetsAt(kafka, soon), namespace);
}

async function examineRegistry({ registry, namespace }: Installation): Promise<readonly Finding[]> {
  try {
    const { inspectRegistry } = await import('@fillstream/kafka');
    const facts = await inspectRegistry(registry, namespace);
    const clock = facts.time === null ? [] : [clockFinding('clock of the registry', facts.time, HTTP_RESOLUTION_MS)];
    return [...registryFindings(facts, registry.url, namespace), ...clock];
  } catch (error) {
    return [broken('schema registry', lineOf(error), 'an answer', `look whether it runs at ${registry.url}, and at --registry and its login`)];
  }
}

async function examineRedis(installation: Installation): Promise<Store> {
  const { redis } = installation;
  const { RedisConnection: Connection } = await import('@fillstream/redis');
  let connection: RedisConnection | null = null;
  try {
    connection = await Connection.open(redis);
    return await examineStore(connection, installation);
  } catch (error) {
    const mend = `look whether it runs at ${redis.nodes.join(',')}, and at --redis and its login`;
    return { findings: [broken('redis', lineOf(error), 'an answer', mend)], state: null };
  } finally {
    connection?.close();
  }
}

async function examineStore(connection: RedisConnection, { redis, namespace }: Installation): Promise<Store> {
  const { inspectPartition, inspectServers, storedFacts, tryCommands } = await import('@fillstream/redis');
  const servers = await inspectServers(connection);
  const isWritable = servers.every(({ role }) => role === 'master');
  const rights = isWritable ? [rightsFinding(await tryCommands(connection, namespace), redis.username ?? null, namespace)] : [];
  const facts = await storedFacts(connection, namespace);
  const count = Number(facts['partitions'] ?? 0);
  const partitions = await Promise.all(Array.from({ length: count }, async (_, partition) => await inspectPartition(connection, namespace, partition)));
  return { findings: [...servers.flatMap((server) => [...serverFindings(server), ...clockFindings(server)]), ...rights], state: { facts, partitions } };
}

function clockFindings({ address, time }: ServerFacts): readonly Finding[] {
  return time === null ? [] : [clockFinding(`clock of redis ${address}`, time, 0)];
}

function comparisons({ settings, namespace }: Installation, { facts, partitions }: State, { topics, progress }: ClusterFacts): readonly Finding[] {
  const count = topics.find(({ topic }) => topic === 'fills')?.partitions?.length;
  if (count === undefined) return [];
  const agreed = agreementFindings(facts, { partitions: count, settings }, namespace);
  return [...agreed, ...stateFindings(partitions, progress.kind === 'told' ? progress.value : [], namespace)];
}
