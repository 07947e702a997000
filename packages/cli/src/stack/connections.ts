// The flags that say how to reach Kafka, the schema registry and Redis.
//
// F1  Secrets come from the environment or from files, and are in no message; nor is what was given in their place.
// F2  A flag that would be without effect is refused: who names a CA must not be left without TLS.

import { X509Certificate } from 'node:crypto';
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
  readonly registryCa?: string;
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
    passwordFlag('kafka'),
    option('--registry-ca <file>', 'trust this certificate authority (PEM) for an https registry', 'REGISTRY_CA'),
    option('--registry-username <name>', 'log in to the registry as', 'REGISTRY_USERNAME'),
    option('--registry-password-file <file>', 'its password; or FILLSTREAM_REGISTRY_PASSWORD', 'REGISTRY_PASSWORD_FILE'),
    passwordFlag('registry'),
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
    passwordFlag('redis'),
  ];
}

/** Variables with the settings' prefix that aren't settings: what stands for these flags, and passwords. */
export const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  ...[...kafkaFlags(), ...redisFlags()].flatMap(({ envVar }) => envVar ?? []),
  ...['KAFKA', 'REGISTRY', 'REDIS'].map((server) => `FILLSTREAM_${server}_PASSWORD`),
  'FILLSTREAM_DELIVERY', 'FILLSTREAM_HTTP', 'FILLSTREAM_LISTEN', 'FILLSTREAM_TLS_CERT', 'FILLSTREAM_TLS_KEY', 'FILLSTREAM_LOG', 'FILLSTREAM_CACHE',
]);

/** Throws UsageError. */
export function kafkaOptions(flags: KafkaFlags): { readonly kafka: KafkaOptions; readonly registry: RegistryOptions; readonly namespace: string } {
  const { namespace } = flags;
  checkNamespace(namespace);
  const kafka = { brokers: addresses('--kafka', flags.kafka), namespace, ...kafkaTls(flags), ...kafkaSasl(flags), onTrouble: tell };
  return { namespace, kafka, registry: registryOptions(flags) };
}

/** Throws UsageError. */
export function checkNamespace(namespace: string): void {
  if (!/^[a-zA-Z0-9_-]{0,60}$/.test(namespace)) throw new UsageError('--namespace: expected up to 60 letters, digits, - and _');
}

function kafkaTls({ kafkaTls: tls, kafkaCa: ca }: KafkaFlags): Pick<KafkaOptions, 'tls'> {
  needs('--kafka-ca', ca, '--kafka-tls', tls || undefined);
  if (!tls) return {};
  return { tls: ca === undefined ? {} : { ca: [certificate('--kafka-ca', ca)] } };
}

function kafkaSasl({ kafkaSasl: mechanism, kafkaUsername: username, kafkaPasswordFile: file }: KafkaFlags): Pick<KafkaOptions, 'sasl'> {
  needs('--kafka-username', username, '--kafka-sasl', mechanism);
  needs('--kafka-password-file', file, '--kafka-sasl', mechanism);
  return mechanism === undefined ? {} : { sasl: login(mechanismOf(mechanism), username, secret('kafka', file)) };
}

function registryOptions({ registry, registryCa: ca, registryUsername: username, registryPasswordFile: file }: KafkaFlags): RegistryOptions {
  const url = URL.parse(registry);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError('--registry: expected a URL such as http://127.0.0.1:8081');
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('--registry: expected a URL without a login: use --registry-username and a password file');
  }
  needs('--registry-ca', ca, 'an https --registry', url.protocol === 'https:' || undefined);
  needs('--registry-password-file', file, '--registry-username', username);
  const password = username === undefined ? undefined : secret('registry', file);
  needs('--registry-username', username, 'a password', password);
  return {
    url: registry,
    ...(ca === undefined ? {} : { ca: certificate('--registry-ca', ca) }),
    ...(username === undefined || password === undefined ? {} : { auth: { username, password } }),
  };
}

/** Throws UsageError. */
export function redisOptions(flags: RedisFlags): RedisOptions {
  const { redisTls: tls, redisCa: ca, redisUsername: username } = flags;
  needs('--redis-ca', ca, '--redis-tls', tls || undefined);
  const password = secret('redis', flags.redisPasswordFile);
  return {
    nodes: addresses('--redis', flags.redis),
    cluster: flags.redisCluster,
    onTrouble: tell,
    ...(tls ? { tls: ca === undefined ? {} : { ca: certificate('--redis-ca', ca) } } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function option(flags: string, about: string, name: string): Option {
  return new Option(flags, about).env(`FILLSTREAM_${name}`);
}

/** For whoever expects such a flag: commander would show its value as an unknown option's (F1). */
function passwordFlag(server: string): Option {
  return new Option(`--${server}-password [password]`).hideHelp().argParser(() => {
    throw new UsageError(`--${server}-password: passwords are no flags, as other users of the machine see those: ${waysFor(server)}`);
  });
}

function waysFor(server: string): string {
  return `use --${server}-password-file, or FILLSTREAM_${server.toUpperCase()}_PASSWORD in the environment`;
}

/** Refuses one flag without another (F2). */
function needs(flag: string, value: unknown, other: string, otherValue: unknown): void {
  if (value !== undefined && otherValue === undefined) throw new UsageError(`${flag}: expected ${other} too`);
}

/** What isn't an address isn't told: it may be a URL with a password (F1). */
function addresses(flag: string, text: string): string[] {
  const all = text.split(',').map((address) => address.trim());
  if (all.some((address) => !/^(?:[a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$/.test(address))) {
    throw new UsageError(`${flag}: expected host:port, or several with commas`);
  }
  return all;
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

function secret(server: string, file: string | undefined): string | undefined {
  if (file === undefined) return process.env[`FILLSTREAM_${server.toUpperCase()}_PASSWORD`] || undefined;
  const password = passwordIn(`--${server}-password-file`, file);
  if (password === '') throw new UsageError(`--${server}-password-file: expected a password in the file, which is empty`);
  return password;
}

/** The file's text but for the end of its line. Its name may be the password, given by mistake, and isn't told (F1). */
export function passwordIn(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`${flag}: can't read the file (${error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'})`);
  }
}

function certificate(flag: string, file: string): string {
  const text = readText(flag, file);
  try {
    new X509Certificate(text);
  } catch {
    throw new UsageError(`${flag}: expected a certificate in PEM, ${file} has none`);
  }
  return text;
}

function readText(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag}: can't read ${file} (${error instanceof Error ? error.message : String(error)})`);
  }
}
