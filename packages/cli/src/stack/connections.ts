// The flags that say how to reach Kafka, the schema registry and Redis. Secrets come from the environment or from files.

import { readFileSync } from 'node:fs';
import type { KafkaOptions, RegistryOptions } from '@fillstream/kafka';
import type { RedisOptions } from '@fillstream/redis';
import { Option } from 'commander';
import { UsageError } from '../errors.ts';
import { tell } from '../flags.ts';

export type KafkaFlags = {
  readonly kafka: string;
  readonly registry: string;
  readonly namespace: string;
  readonly kafkaTls: boolean;
  readonly kafkaCa?: string;
  readonly kafkaSasl?: string;
  readonly kafkaUsername?: string;
  readonly kafkaPasswordFile?: string;
  readonly registryUsername?: string;
  readonly registryPasswordFile?: string;
};

export type RedisFlags = {
  readonly redis: string;
  readonly redisCluster: boolean;
  readonly redisTls: boolean;
  readonly redisCa?: string;
  readonly redisUsername?: string;
  readonly redisPasswordFile?: string;
};

/** Mechanisms that the client knows; only the SCRAM ones and plain are tested. */
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
type Mechanism = (typeof MECHANISMS)[number];

export function kafkaFlags(): Option[] {
  return [
    option('--kafka <host:port,…>', 'some brokers of the cluster', 'KAFKA').default('127.0.0.1:19092'),
    option('--registry <url>', 'the schema registry, its Confluent API', 'REGISTRY').default('http://127.0.0.1:18081/apis/ccompat/v7'),
    option('--namespace <name>', 'stands before every topic, group and key: several installations may share servers', 'NAMESPACE').default(''),
    option('--kafka-tls', 'reach Kafka by TLS', 'KAFKA_TLS').default(false),
    option('--kafka-ca <file>', 'trust this certificate authority (PEM)', 'KAFKA_CA'),
    option('--kafka-sasl <mechanism>', 'log in by', 'KAFKA_SASL').choices(MECHANISMS),
    option('--kafka-username <name>', 'log in as', 'KAFKA_USERNAME'),
    option('--kafka-password-file <file>', 'its password; or the environment: FILLSTREAM_KAFKA_PASSWORD', 'KAFKA_PASSWORD_FILE'),
    option('--registry-username <name>', 'log in to the registry as', 'REGISTRY_USERNAME'),
    option('--registry-password-file <file>', 'its password; or FILLSTREAM_REGISTRY_PASSWORD', 'REGISTRY_PASSWORD_FILE'),
  ];
}

export function redisFlags(): Option[] {
  return [
    option('--redis <host:port,…>', 'the server, or nodes of a Cluster', 'REDIS').default('127.0.0.1:16379'),
    option('--redis-cluster', 'it is a Cluster', 'REDIS_CLUSTER').default(false),
    option('--redis-tls', 'reach Redis by TLS', 'REDIS_TLS').default(false),
    option('--redis-ca <file>', 'trust this certificate authority (PEM)', 'REDIS_CA'),
    option('--redis-username <name>', 'log in as', 'REDIS_USERNAME'),
    option('--redis-password-file <file>', 'its password; or FILLSTREAM_REDIS_PASSWORD', 'REDIS_PASSWORD_FILE'),
  ];
}

/** Throws UsageError. */
export function kafkaOptions(flags: KafkaFlags): { readonly kafka: KafkaOptions; readonly registry: RegistryOptions; readonly namespace: string } {
  const { namespace, kafkaSasl, kafkaUsername, registryUsername } = flags;
  if (!/^[a-zA-Z0-9_-]{0,60}$/.test(namespace)) throw new UsageError('--namespace: expected up to 60 letters, digits, - and _');
  const sasl = kafkaSasl === undefined ? {} : { sasl: login(mechanismOf(kafkaSasl), kafkaUsername, secret('KAFKA', flags.kafkaPasswordFile)) };
  const ca = flags.kafkaCa === undefined ? {} : { ca: [readText('--kafka-ca', flags.kafkaCa)] };
  const auth = registryUsername === undefined
    ? {}
    : { auth: { username: registryUsername, password: secret('REGISTRY', flags.registryPasswordFile) ?? '' } };
  return {
    namespace,
    kafka: { brokers: flags.kafka.split(','), namespace, ...(flags.kafkaTls ? { tls: ca } : {}), ...sasl, onTrouble: tell },
    registry: { url: flags.registry, ...auth },
  };
}

/** Throws UsageError. */
export function redisOptions(flags: RedisFlags): RedisOptions {
  const password = secret('REDIS', flags.redisPasswordFile);
  return {
    nodes: flags.redis.split(','),
    cluster: flags.redisCluster,
    onTrouble: tell,
    ...(flags.redisTls ? { tls: flags.redisCa === undefined ? {} : { ca: readText('--redis-ca', flags.redisCa) } } : {}),
    ...(flags.redisUsername === undefined ? {} : { username: flags.redisUsername }),
    ...(password === undefined ? {} : { password }),
  };
}

function option(flags: string, about: string, name: string): Option {
  return new Option(flags, about).env(`FILLSTREAM_${name}`);
}

function mechanismOf(text: string): Mechanism {
  const found = MECHANISMS.find((mechanism) => mechanism === text);
  if (found === undefined) throw new UsageError(`--kafka-sasl: expected one of ${MECHANISMS.join(', ')}`);
  return found;
}

function login(mechanism: Mechanism, username: string | undefined, password: string | undefined): NonNullable<KafkaOptions['sasl']> {
  if (username === undefined || password === undefined) throw new UsageError('--kafka-sasl: expected --kafka-username and a password too');
  switch (mechanism) {
    case 'plain': return { mechanism, username, password };
    case 'scram-sha-256': return { mechanism, username, password };
    case 'scram-sha-512': return { mechanism, username, password };
  }
}

function secret(name: string, file: string | undefined): string | undefined {
  return file === undefined ? process.env[`FILLSTREAM_${name}_PASSWORD`] : readText('a password file', file).trimEnd();
}

function readText(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${what}: can't read ${file} (${error instanceof Error ? error.message : String(error)})`);
  }
}
