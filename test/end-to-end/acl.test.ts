// The rights of infra/acl on servers that allow nothing else: every part of an installation does its work with its own, and what
// isn't its own is refused by the server.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { ROLES, TopicTail, connectionOf, userOf, withAdmin, type KafkaOptions, type Role } from '@fillstream/kafka';
import { Receiver } from '@fillstream/gateway/webhooks/test-receiver';
import { RedisConnection } from '@fillstream/redis';
import { FakeExchange } from '@fillstream/simulator/exchange';
import {
  fetchArtifacts, newCertificates, startKafka, startRedis, startRegistry, type Kafka, type Redis, type Registry,
} from '@fillstream/stack';
import kafkajs from 'kafkajs';
import { ROOT, assertRefused, fillstream, start, type Ended, type Running } from './command.ts';
import { SEED, writeLines } from './journals.ts';
import { claimNamespace, sharedServers } from './shared-servers.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, ResourcePatternTypes } = kafkajs;

const NAMESPACE = 'acl';
const PASSWORD = 'acl-password';
const PARTITIONS = 2;
/** Every order ends soon. */
const SETTINGS = ['--set', 'timeoutMs=3s', '--set', 'graceMs=1s', '--set', 'quietMs=1s'];
const LIMITS = { connectsPerMinute: 1_000, messagesPerMinute: 100_000, weightPerMinute: 100_000 };
/** A record that the processor refuses. */
const POISON = '{"kind":"what","receivedAt":1760000000000}';
const PATIENCE_MS = 60_000;
/** A login that may read the server's settings could read its passwords. */
const AUTHORIZER = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // Nobody but the controller gets in without a login.
  'super.users': 'User:broker;User:admin;User:ANONYMOUS',
  'group.min.session.timeout.ms': 1_000,
};

type World = {
  readonly kafka: Kafka; readonly registry: Pick<Registry, 'url'>; readonly redis: Redis; readonly exchange: FakeExchange; readonly ca: string;
};
const folder = mkdtempSync(join(tmpdir(), 'fillstream-acl-'));
const [caFile, passwordFile, journal] = [join(folder, 'ca.pem'), join(folder, 'password'), join(folder, 'journal.ndjson')];
let held: World | null = null;
/** Where other files share none. */
let ownRegistry: Registry | null = null;
const running: Running[] = [];

before(async () => {
  const [artifacts, certificates] = await Promise.all([fetchArtifacts(), newCertificates()]);
  writeFileSync(caFile, certificates.ca);
  writeFileSync(passwordFile, `${PASSWORD}\n`);
  writeLines(journal, [POISON]);
  const users = ['admin', 'stranger', ...ROLES.map((role) => userOf(role, NAMESPACE))].map((name) => ({ name, password: PASSWORD }));
  const lines = await fillstream(['acl', 'redis', '--namespace', NAMESPACE, '--password-file', `processor=${passwordFile}`, '--password-file', `operator=${passwordFile}`]);
  assert.equal(lines.code, 0, lines.stderr);
  writeFileSync(join(folder, 'users.acl'), `${lines.stdout}user admin on >${PASSWORD} ~* &* +@all\n`);
  const shared = await sharedServers();
  if (shared === null) ownRegistry = await startRegistry({ folder, artifacts, shortLived: true });
  else claimNamespace(shared, NAMESPACE);
  const registry = shared?.registry ?? ownRegistry;
  assert.ok(registry !== null);
  const [kafka, redis, exchange] = await Promise.all([
    startKafka({ folder, artifacts, brokers: 1, security: { ...certificates, users }, properties: AUTHORIZER, shortLived: true }),
    startRedis({ folder, args: ['--aclfile', join(folder, 'users.acl')] }),
    FakeExchange.start({ seed: `${String(SEED)}/acl`, addresses: 3, ordersPerSecond: 15, limits: LIMITS }),
  ]);
  held = { kafka, registry, redis, exchange, ca: certificates.ca };
});

after(async () => {
  for (const each of running) each.kill('SIGKILL');
  await Promise.all(running.map(async (each) => await each.ended));
  await held?.exchange.close();
  await Promise.all([held?.kafka.stop(), ownRegistry?.stop(), held?.redis.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function world(): World {
  assert.ok(held !== null);
  return held;
}

/** How a user reaches Kafka and the registry. */
function flagsOf(user: string): string[] {
  const { kafka, registry } = world();
  return [
    '--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', NAMESPACE, '--kafka-tls', '--kafka-ca', caFile,
    '--kafka-sasl', 'scram-sha-512', '--kafka-username', user, '--kafka-password-file', passwordFile,
  ];
}

function redisFlagsOf(role: 'processor' | 'operator'): string[] {
  return ['--redis', `127.0.0.1:${String(world().redis.port)}`, '--redis-username', `${NAMESPACE}-${role}`, '--redis-password-file', passwordFile];
}

function optionsOf(user: string): KafkaOptions {
  const { kafka, ca } = world();
  return { brokers: [kafka.bootstrap], namespace: NAMESPACE, tls: { ca: [ca] }, sasl: { mechanism: 'scram-sha-512', username: user, password: PASSWORD } };
}

async function as(role: Role, ...args: readonly string[]): Promise<Ended> {
  return await fillstream([...args, ...flagsOf(userOf(role, NAMESPACE))]);
}

/** Does it, and says what it said. */
async function done(role: Role, ...args: readonly string[]): Promise<Ended> {
  const ended = await as(role, ...args);
  assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.stderr}${ended.stdout}`);
  return ended;
}

function begin(role: Role, ...args: readonly string[]): Running {
  const begun = start([...args, ...flagsOf(userOf(role, NAMESPACE))]);
  running.push(begun);
  return begun;
}

async function drained(service: Running): Promise<void> {
  service.kill('SIGTERM');
  const { code, stderr } = await service.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.split('\n').filter((line) => /NOPERM|uthoriz/.test(line)), []);
  assert.match(stderr, /drained and left the group/);
}

/** Rejects when it ends before. */
async function heard(service: Running, pattern: RegExp): Promise<void> {
  const ended = service.ended.then(({ stderr }) => {
    throw new Error(`it ended: ${stderr}`);
  });
  ended.catch(() => undefined); // Only while it is awaited.
  await Promise.race([service.heard(pattern), ended]);
}

async function assertReadsFills(role: Role): Promise<void> {
  let records = 0;
  const tail = await TopicTail.follow(optionsOf(userOf(role, NAMESPACE)), 'fills', { onRecord: () => { records += 1; } });
  await tail.close();
  assert.ok(records > 0);
}

async function signalLines(...more: readonly string[]): Promise<string[]> {
  return (await done('subscriber', 'signals', 'tail', '--json', '--from', 'earliest', ...more)).stdout.trimEnd().split('\n');
}

async function redisAs(user: string): Promise<RedisConnection> {
  return await RedisConnection.open({ nodes: [`127.0.0.1:${String(world().redis.port)}`], username: user, password: PASSWORD });
}

/** What Redis refused to anybody since it started, but for its settings. */
async function redisRefusals(): Promise<string[]> {
  const connection = await redisAs('admin');
  try {
    const log: unknown = await connection.client.call('ACL', ['LOG', '100']);
    assert.ok(Array.isArray(log));
    return log.map(String).filter((entry) => !entry.includes('config|get'));
  } finally {
    connection.close();
  }
}

/** Commands that somebody may send, and nobody has sent; a Cluster is asked by its own. */
async function unusedCommands(): Promise<string[]> {
  const connection = await redisAs('admin');
  try {
    const used = new Set(Array.from((await connection.client.info('commandstats')).matchAll(/^cmdstat_([^:]+):/gm), ([, name = '']) => name));
    const given = readFileSync(join(folder, 'users.acl'), 'utf8').split('\n').slice(0, 3).flatMap((line) => Array.from(line.matchAll(/\+(\S+?)(?=[ )]|$)/g), ([, name = '']) => name));
    assert.ok(given.length > 20);
    return given.filter((name) => !used.has(name) && !name.startsWith('cluster|'));
  } finally {
    connection.close();
  }
}

const processorArgs = (): string[] => ['processor', '--session-timeout', '2000', ...SETTINGS, ...redisFlagsOf('processor')];

test('the files that are shipped are what the command prints', async () => {
  for (const [kind, file] of [['kafka', 'kafka-acls.sh'], ['redis', 'users.acl']] as const) {
    const { stdout } = await fillstream(['acl', kind]);
    assert.equal(readFileSync(join(ROOT, 'infra/acl', file), 'utf8'), stdout, `run \`fillstream acl ${kind} > infra/acl/${file}\``);
  }
});

test('a role that there isn\'t, a name with a quote and a password that isn\'t there are bad usage', async () => {
  assertRefused(await fillstream(['acl', 'kafka', '--user', 'reader=x']), 2, /--user: expected a role \(topics, .*, got "reader"/);
  assertRefused(await fillstream(['acl', 'kafka', '--user', 'topics=x"; id']), 2, /--user: expected a name without spaces/);
  assertRefused(await fillstream(['acl', 'redis', '--password-file', `operator=${join(folder, 'none')}`]), 2, /--password-file: can't read the file/);
});

describe('on servers that demand rights', () => {
  let ingestor: Running | null = null;
  let processor: Running | null = null;

  test('a login without rights sees no topic, and may not give rights to itself', async () => {
    const flags = flagsOf('stranger');
    assertRefused(await fillstream(['acl', 'kafka', '--apply', ...flags]), 1, /authoriz/i);
    assertRefused(await fillstream(['topics', 'create', ...flags]), 1, /authoriz|Topic creation errors/i);
  });

  test('who may give rights gives them all by one command, and again without effect', async () => {
    for (let times = 2; times > 0; times -= 1) {
      const { code, stderr } = await fillstream(['acl', 'kafka', '--apply', ...flagsOf('admin')]);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /[0-9]+ rights of acl-topics, .* are there/);
    }
    assert.ok((await givenRights()).length > 50);
  });

  test('the printed lines say what was given, neither more nor less', async () => {
    const { stdout } = await fillstream(['acl', 'kafka', '--namespace', NAMESPACE]);
    const lines = stdout.trimEnd().split('\n').filter((line) => !line.startsWith('#'));
    assert.deepEqual([...new Set(lines.flatMap(rightsInLine))].sort(), (await givenRights()).sort());
  });

  test('topics, watchlist, ingestor, processor and subscriber each work with their own rights', async () => {
    const { exchange } = world();
    const [first = '', second = '', third = ''] = exchange.addresses;
    await done('topics', 'topics', 'create', '--partitions', String(PARTITIONS), '--no-timestamp-limit');
    await done('operator', 'watch', 'add', first, second);
    ingestor = begin('ingestor', 'ingestor', '--exchange', exchange.url, '--session-timeout', '2000', '--spill', join(folder, 'spill'));
    processor = begin('processor', ...processorArgs());
    await heard(processor, /has partitions/);
    assert.equal((await signalLines('--limit', '20')).length, 20);
    await done('ingestor', 'backfill', '--address', third, '--from', String(Date.now() - 3_600_000), '--exchange', exchange.url);
    await done('ingestor', 'import', '--journal', journal);
    await assertReadsFills('ingestor'); // As an import of a node's files does where there is no namespace.
  });

  test('gateway and webhooks each work with their own rights', async (t) => {
    const receiver = await Receiver.start(t);
    const { stderr } = await done('operator', 'webhook', 'add', receiver.url);
    const [id = ''] = /wh_[0-9a-f]{12}/.exec(stderr) ?? [];
    const { stdout: token } = await done('operator', 'token', 'create', '--name', 'x');
    const webhooks = begin('webhooks', 'webhooks', '--allow-private', '--session-timeout', '2000');
    const gateway = begin('gateway', 'gateway', '--tokens', '--listen', '127.0.0.1:0', '--model', join(folder, 'model'));
    await heard(webhooks, /has partitions/);
    const url = await gateway.heard(/dashboard at (\S+)/);
    const page = async (path: string): Promise<number> => (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token.trimEnd()}` } })).status;
    const deadline = performance.now() + PATIENCE_MS;
    while ((receiver.received.length === 0 || await page('/v1/signals') !== 200) && performance.now() < deadline) await sleep(100);
    assert.ok(receiver.received.length > 0);
    assert.deepEqual([await page('/v1/signals'), await page('/v1/status')], [200, 403]);
    await drained(webhooks);
    gateway.kill('SIGTERM');
    const { code, stderr: told } = await gateway.ended;
    assert.equal(code, 0, told);
    assert.deepEqual(told.split('\n').filter((line) => /NOPERM|uthoriz/.test(line)), []);
    await done('operator', 'webhook', 'remove', id);
    assert.equal((await done('operator', 'webhook', 'dead')).stdout, '');
  });

  test('the operator sees all, and writes refused records again', async () => {
    const deadline = performance.now() + PATIENCE_MS;
    while ((await done('operator', 'quarantine', 'list')).stdout === '' && performance.now() < deadline) await sleep(200);
    assert.match((await done('operator', 'quarantine', 'retry', '--reason', 'malformed')).stdout, /\S/);
    assert.match((await done('operator', 'watch', 'list')).stdout, /0x/);
    const { code, stdout } = await as('operator', 'doctor', '--json', ...SETTINGS, '--no-timestamp-limit', ...redisFlagsOf('operator'));
    assert.equal(code, 0, stdout);
    const findings = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(findings.filter(({ verdict }) => verdict === 'broken'), []);
    assert.doesNotMatch(stdout, /NOPERM|uthoriz/);
    const status = await done('operator', 'status', '--json', ...redisFlagsOf('operator'));
    assert.doesNotMatch(status.stdout, /NOPERM|uthoriz/);
  });

  test('a replay finds what was emitted, an order is explained, and a partition is rebuilt', async () => {
    assert.ok(ingestor !== null && processor !== null);
    await drained(ingestor);
    await drained(processor);
    await done('operator', 'replay', ...SETTINGS);
    const before = await signalLines('--no-follow');
    const { id }: { readonly id: string } = JSON.parse(before[0] ?? '');
    const page = await done('operator', 'explain', id, '--json', ...redisFlagsOf('operator'));
    assert.match(page.stdout, /signal/i);
    assert.doesNotMatch(page.stdout + page.stderr, /NOPERM|uthoriz/);
    assert.deepEqual(await redisRefusals(), []);
    assert.deepEqual(await unusedCommands(), []);
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const reset = ['reset', '--partition', String(partition)];
      const refused = await as('operator', ...reset, '--yes', ...redisFlagsOf('operator'));
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /\nfillstream: redis: NOPERM.*\n$/);
      await done('operator', ...reset, '--yes', ...redisFlagsOf('processor'));
    }
    processor = begin('processor', ...processorArgs());
    await heard(processor, /partition 0 rebuilt/);
    await heard(processor, /partition 1 rebuilt/);
    await drained(processor);
    assert.deepEqual((await redisRefusals()).filter((entry) => !entry.includes('username,acl-operator')), []);
    const now = await signalLines('--no-follow');
    assert.deepEqual(before.filter((line) => !now.includes(line)), []);
  });
});

/** Options of `kafka-acls.sh`, and the protocol's numbers of what they mean. */
const RESOURCES: Readonly<Record<string, number>> = {
  '--topic': AclResourceTypes.TOPIC, '--group': AclResourceTypes.GROUP, '--transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
};
const OPERATIONS: Readonly<Record<string, number>> = {
  Read: AclOperationTypes.READ, Write: AclOperationTypes.WRITE, Create: AclOperationTypes.CREATE, Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
};

/** In the form of `givenRights`. */
function rightsInLine(line: string): string[] {
  const [tool, rest, ...words] = line.split(' ');
  assert.deepEqual([tool, rest, words.shift()], ['kafka-acls.sh', '"$@"', '--add']);
  assert.equal(words.length % 2, 0, line);
  const pairs = Array.from({ length: words.length / 2 }, (_, place) => [words[2 * place] ?? '', words[2 * place + 1] ?? ''] as const);
  const of = (option: string): string[] => pairs.filter(([name]) => name === option).map(([, value]) => value);
  const [principal = ''] = of('--allow-principal');
  const pattern = of('--resource-pattern-type')[0] === 'prefixed' ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL;
  const known = ['--allow-principal', '--resource-pattern-type', '--operation', ...Object.keys(RESOURCES)];
  assert.deepEqual(pairs.filter(([name]) => !known.includes(name)), []);
  return pairs.flatMap(([option, name]) => (RESOURCES[option] === undefined ? [] : of('--operation').map((operation) => (
    `${principal} ${[RESOURCES[option], name, pattern, OPERATIONS[operation], AclPermissionTypes.ALLOW, '*'].join(' ')}`
  ))));
}

/** As lines: the user, then what it may. */
async function givenRights(): Promise<string[]> {
  return await withAdmin(connectionOf(optionsOf('admin')), async (admin) => {
    const { resources } = await admin.describeAcls({
      resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY,
    });
    return resources.flatMap(({ resourceType, resourceName, resourcePatternType, acls }) => acls.map(({ principal, operation, permissionType, host }) => (
      `${principal} ${[resourceType, resourceName, resourcePatternType, operation, permissionType, host].join(' ')}`
    )));
  });
}

describe('what isn\'t its own is refused', () => {
  const topicOf = (name: string): string => `${NAMESPACE}.${name}`;

  async function send(role: Role, topic: string): Promise<void> {
    const producer = connectionOf(optionsOf(userOf(role, NAMESPACE))).producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
    try {
      await producer.connect();
      await producer.send({ topic: topicOf(topic), messages: [{ value: 'no' }] });
    } finally {
      await producer.disconnect();
    }
  }

  async function join(role: Role, topic: string, groupId: string, limitMs = PATIENCE_MS): Promise<void> {
    const consumer = connectionOf(optionsOf(userOf(role, NAMESPACE))).consumer({ groupId, allowAutoTopicCreation: false, retry: { retries: 0 } });
    const crashed = new Promise<never>((_, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload: { error } }) => reject(error));
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topicOf(topic)], fromBeginning: true });
      await consumer.run({ eachMessage: async () => await Promise.resolve() });
      await Promise.race([crashed, sleep(limitMs, undefined, { ref: false }).then(() => assert.fail('it was let in'))]);
    } finally {
      await consumer.disconnect();
    }
  }

  test('a subscriber may read signals in a group of its own', async () => {
    await assert.rejects(join('subscriber', 'signals', 'acl.subscriber-2', 2_000), /it was let in/);
  });

  async function fence(role: Role, transactionalId: string): Promise<void> {
    const producer = connectionOf(optionsOf(userOf(role, NAMESPACE))).producer({ transactionalId, idempotent: true, retry: { retries: 1 } });
    try {
      await producer.connect();
      await (await producer.transaction()).abort();
    } finally {
      await producer.disconnect();
    }
  }

  /** The client tells no more of a group, or a transactional id, that it may not ask for. */
  const UNSEEN = /Failed to find group coordinator/;
  const TOPIC = /not authorized|TOPIC_AUTHORIZATION_FAILED/i;
  const GROUP = /not authorized.*group|GROUP_AUTHORIZATION_FAILED/i;
  const TRANSACTIONAL = /(?:Cluster|Transactional id) authorization failed|Failed to find group coordinator/i;

  const WRITES: readonly [Role, string][] = [
    ['topics', 'fills'], ['ingestor', 'signals'], ['ingestor', 'watchlist'], ['ingestor', 'commits'], ['processor', 'fills'], ['processor', 'order-updates'],
    ['processor', 'watchlist'], ['operator', 'signals'], ['operator', 'commits'], ['subscriber', 'signals'],
    ['gateway', 'signals'], ['gateway', 'tokens'], ['webhooks', 'signals'], ['webhooks', 'webhooks'], ['processor', 'tokens'], ['ingestor', 'webhooks'],
  ];
  for (const [role, topic] of WRITES) {
    test(`${role} can't write ${topic}`, async () => {
      await assert.rejects(send(role, topic), TOPIC);
    });
  }

  const READS: readonly [Role, string, string, RegExp][] = [
    ['topics', 'signals', 'acl.subscriber', UNSEEN], ['ingestor', 'signals', 'acl.ingestor', TOPIC], ['processor', 'watchlist', 'acl.processor', TOPIC],
    ['operator', 'fills', 'acl.processor', GROUP], ['operator', 'watchlist', 'acl.ingestor', GROUP],
    ['subscriber', 'fills', 'acl.subscriber', TOPIC], ['subscriber', 'signals', 'acl.processor', UNSEEN], ['ingestor', 'watchlist', 'acl.processor', UNSEEN],
    ['processor', 'fills', 'acl.ingestor', UNSEEN], ['webhooks', 'tokens', 'acl.webhooks', TOPIC], ['webhooks', 'fills', 'acl.webhooks', TOPIC],
    ['gateway', 'webhooks', 'fillstream-tail-x', TOPIC], ['gateway', 'signals', 'acl.webhooks', UNSEEN], ['subscriber', 'webhooks', 'acl.subscriber', TOPIC],
  ];
  for (const [role, topic, group, why] of READS) {
    test(`${role} can't read ${topic} in the group ${group}`, async () => {
      await assert.rejects(join(role, topic, group), why);
    });
  }

  test('nobody but the processor fences a partition', async () => {
    for (const role of ['topics', 'ingestor', 'operator', 'gateway', 'webhooks', 'subscriber'] as const) await assert.rejects(fence(role, 'acl.processor-0'), TRANSACTIONAL);
    await fence('processor', 'acl.processor-0');
  });

  test('no role deletes a topic, changes its settings, or makes one of another name', async () => {
    for (const role of ROLES) {
      await withAdmin(connectionOf(optionsOf(userOf(role, NAMESPACE))), async (admin) => {
        await assert.rejects(admin.deleteTopics({ topics: [topicOf('signals')] }), TOPIC, role);
        await assert.rejects(admin.createTopics({ topics: [{ topic: topicOf('other') }] }), (error) => /uthoriz/.test(inspect(error)));
        const resources = [{ type: ConfigResourceTypes.TOPIC, name: topicOf('signals'), configEntries: [{ name: 'retention.ms', value: '1' }] }];
        await assert.rejects(admin.alterConfigs({ validateOnly: false, resources }), /uthoriz/, role);
      });
    }
  });

  test('the real services end with one line when they are given each other\'s login', async () => {
    assertRefused(await as('processor', 'import', '--journal', journal), 1, /there is no topic acl\.\S/);
    assertRefused(await as('ingestor', ...processorArgs()), 1, /there is no topic acl\.signals/);
  });

  test('Redis lets the processor do what it does on its own keys, and nothing else', async () => {
    await refusedByRedis('acl-processor', [
      ['set', 'other:{0}:meta', '1'], ['get', 'other:{0}:meta'], ['eval', 'return redis.call("GET", "other:x")', '0'], ['flushall'], ['config', 'get', '*'],
      ['keys', '*'], ['acl', 'list'], ['swapdb', '0', '1'], ['shutdown'],
    ]);
  });

  test('Redis lets the operator read, and write what doctor tries', async () => {
    await refusedByRedis('acl-operator', [
      ['hset', 'acl:{0}:meta', 'owner', 'me'], ['set', 'acl:x', '1'], ['del', 'acl:{0}:meta'], ['get', 'other:x'], ['config', 'get', '*'], ['eval', 'return redis.call("DEL", "acl:{0}:meta")', '0'], ['flushall'],
    ]);
    const operator = await redisAs('acl-operator');
    assert.equal(await operator.client.call('set', ['acl:{doctor}:t', '1', 'PX', '60000']), 'OK');
    operator.close();
  });

  test('Redis lets nobody in without a login', async () => {
    const nodes = [`127.0.0.1:${String(world().redis.port)}`];
    await assert.rejects(RedisConnection.open({ nodes }), /NOAUTH/);
    await assert.rejects(RedisConnection.open({ nodes, username: 'default', password: PASSWORD }), /WRONGPASS/);
  });

  async function refusedByRedis(user: string, commands: readonly (readonly string[])[]): Promise<void> {
    const { client, close } = await redisAs(user).then((connection) => ({ client: connection.client, close: () => connection.close() }));
    try {
      for (const [command = '', ...args] of commands) await assert.rejects(client.call(command, args), /NOPERM|permission|can't access/i, `${user}: ${command}`);
    } finally {
      close();
    }
  }
});
