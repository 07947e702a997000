// The topics, compared with what `fillstream topics create` makes.

import type { ClusterFacts, TopicFacts } from '@fillstream/kafka';
import { SUBSCRIBER_TOPICS, type Topic } from '@fillstream/schemas';
import { broken, commandOf, ok, warning, type Finding } from './finding.ts';

/** The settings that a topic is made with (`topicSettings` of @fillstream/kafka). */
export type SettingsOf = (topic: Topic, replication: number) => Readonly<Record<string, string>>;

export type TopicExpectations = {
  readonly namespace: string;
  /** host:port,… of the brokers, as they were given. */
  readonly bootstrap: string;
  readonly settingsOf: SettingsOf;
};

const NOT_LIMITED = 'message.timestamp.after.max.ms';
/** A broker's loss must neither stop the writers nor lose what they were told is written. */
const SAFE_REPLICATION = 3;
const SAFE_IN_SYNC = 2;

export function topicFindings({ topics, brokers }: ClusterFacts, expectations: TopicExpectations): readonly Finding[] {
  const counts = partitionCounts(topics);
  return [...topics.flatMap((topic) => topicFinding(topic, brokers.length, expectations)), ...counts];
}

/** One line when all is well, else one for each thing that isn't. */
function topicFinding(facts: TopicFacts, brokers: number, expectations: TopicExpectations): readonly Finding[] {
  const check = `topic ${facts.name}`;
  if (facts.partitions === null) return [missing(check, facts.topic, expectations.namespace)];
  const replication = Math.min(...facts.partitions.map(({ replicas }) => replicas.length));
  const wrong = [...replicaFindings(check, facts, brokers, replication), ...settingFindings(check, facts, replication, expectations)];
  if (wrong.length > 0) return wrong;
  return [ok(check, `${String(facts.partitions.length)} partitions, replication ${String(replication)}`, 'as topics create makes it')];
}

function missing(check: string, topic: Topic, namespace: string): Finding {
  const create = commandOf('topics create', namespace);
  if (SUBSCRIBER_TOPICS.some((each) => each === topic)) {
    return warning(check, 'there is no such topic, or this login may not see it', 'the topic, for tokens and webhooks; the rest works without', create);
  }
  return broken(check, 'there is no such topic, or this login may not see it', 'the topic', create);
}

function replicaFindings(check: string, { partitions }: TopicFacts, brokers: number, replication: number): readonly Finding[] {
  const leaderless = (partitions ?? []).filter(({ leader }) => leader < 0);
  const behind = (partitions ?? []).filter(({ replicas, inSync }) => inSync.length < replicas.length);
  if (leaderless.length > 0) {
    return [broken(check, `partitions ${namesOf(leaderless)} have no leader`, 'a leader for each partition', 'start the brokers that hold them')];
  }
  if (behind.length > 0) {
    return [warning(check, `partitions ${namesOf(behind)} have replicas that are behind`, 'all replicas in sync', 'start the broker that is down, or wait until it has caught up')];
  }
  if (brokers < SAFE_REPLICATION || replication >= SAFE_REPLICATION) return [];
  const mend = `kafka-reassign-partitions.sh, or topics in another --namespace with --replication ${String(SAFE_REPLICATION)}`;
  return [warning(check, `replication ${String(replication)} on ${String(brokers)} brokers: the loss of one may lose records`, `replication ${String(SAFE_REPLICATION)}`, mend)];
}

function namesOf(partitions: readonly { readonly partition: number }[]): string {
  return partitions.map(({ partition }) => String(partition)).join(', ');
}

function settingFindings(check: string, { topic, name, settings }: TopicFacts, replication: number, { bootstrap, settingsOf }: TopicExpectations): readonly Finding[] {
  if (settings.kind === 'refused') {
    const mend = `allow this login DESCRIBE_CONFIGS: kafka-acls.sh --bootstrap-server ${bootstrap} --add --allow-principal User:NAME --operation DescribeConfigs --topic ${name}`;
    return [warning(check, `its settings can't be read: ${settings.why}`, 'the right to read them', mend)];
  }
  const { value: held } = settings;
  const wanted = settingsOf(topic, replication);
  return Object.entries(wanted).flatMap(([setting, value]) => {
    const found = held[setting];
    if (found === value) return [];
    const expected = `${setting}=${value}`;
    const mend = `kafka-configs.sh --bootstrap-server ${bootstrap} --alter --entity-type topics --entity-name ${name} --add-config ${expected}`;
    if (found === undefined) return [warning(check, `the brokers don't know ${setting}: they are older than Kafka 3.6`, expected, 'update the brokers')];
    return settingFinding(check, setting, found, value, replication, mend);
  });
}

function settingFinding(check: string, setting: string, found: string, value: string, replication: number, mend: string): readonly Finding[] {
  const [told, expected] = [`${setting}=${found}`, `${setting}=${value}`];
  switch (setting) {
    case 'min.insync.replicas':
      return minimumFinding(check, Number(found), Number(value), replication, mend);
    case NOT_LIMITED:
      return Number(found) < Number(value)
        ? [broken(check, `${told}: records that are in order are refused`, expected, mend)]
        : [warning(check, `${told}: a record with a wrong clock moves time ahead for good`, `${expected}; after an import with --finish, doctor --no-timestamp-limit`, mend)];
    case 'max.message.bytes':
      return Number(found) > Number(value) ? [] : [broken(check, `${told}: long records are refused`, expected, mend)];
    default:
      return [broken(check, told, expected, mend)];
  }
}

function minimumFinding(check: string, found: number, wanted: number, replication: number, mend: string): readonly Finding[] {
  const [told, expected] = [`min.insync.replicas=${String(found)} with replication ${String(replication)}`, `min.insync.replicas=${String(wanted)}`];
  if (found > replication) return [broken(check, `${told}: nothing can be written`, expected, mend)];
  if (replication >= SAFE_REPLICATION && found < SAFE_IN_SYNC) return [broken(check, `${told}: the loss of one broker may lose records`, expected, mend)];
  return [warning(check, told, expected, mend)];
}

function partitionCounts(topics: readonly TopicFacts[]): readonly Finding[] {
  const counts = topics.flatMap(({ name, partitions }) => (partitions === null ? [] : [{ name, count: partitions.length }]));
  const [first] = counts;
  const [check, expected] = ['partition counts', 'the same number for all topics'];
  if (first === undefined) return [];
  if (counts.every(({ count }) => count === first.count)) return [ok(check, `${String(first.count)} for each topic`, expected)];
  const list = counts.map(({ name, count }) => `${name} ${String(count)}`).join(', ');
  return [broken(check, list, expected, `${commandOf('topics create', 'OTHER')} --partitions N, and import the journals there: addresses belong to partitions`)];
}
