// A broker and a registry as they are in production: TLS, and a login. What the commands make of it is tested end to end.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { PortError, type PartitionLog } from '@fillstream/runtime';
import { encodeTick, type EncodedInput } from '@fillstream/schemas';
import { fetchArtifacts, newCertificates, startKafka, startRegistry, type Certificates, type Kafka, type Registry } from '@fillstream/stack';
import { DEFAULT_TOPICS, KafkaInputWriter, KafkaLog, createTopics, readTopic, type KafkaOptions, type RegistryOptions } from './index.ts';

const USER = { name: 'keeper', password: 'canary-right' };
const WRONG = 'canary-wrong';
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
type Mechanism = (typeof MECHANISMS)[number];
/** A login is good for so long; the client renews it ten seconds before. */
const LOGIN_MS = 12_000;
const TICK_AT = 1_760_000_000_000;
const TICK: EncodedInput = { kind: 'tick', topic: 'fills', key: null, timestamp: TICK_AT, body: encodeTick(TICK_AT) };

const folder = mkdtempSync(join(tmpdir(), 'fillstream-secure-'));
let started: { readonly kafka: Kafka; readonly registry: Registry; readonly certificates: Certificates } | null = null;
let namespaces = 0;

before(async () => {
  const [artifacts, certificates] = await Promise.all([fetchArtifacts(), newCertificates()]);
  const security = { ...certificates, users: [USER] };
  const properties = { 'connections.max.reauth.ms': LOGIN_MS };
  const [kafka, registry] = await Promise.all([
    startKafka({ folder, artifacts, brokers: 1, security, properties, shortLived: true }), startRegistry({ folder, artifacts, security, shortLived: true }),
  ]);
  started = { kafka, registry, certificates };
});

after(async () => {
  await Promise.all([started?.kafka.stop(), started?.registry.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** A namespace of its own, and options that are right. */
function access(mechanism: Mechanism = 'scram-sha-256', { name, password } = USER): { readonly kafka: KafkaOptions; readonly registry: RegistryOptions } {
  assert.ok(started !== null);
  const { kafka, registry, certificates: { ca } } = started;
  namespaces += 1;
  return {
    kafka: { brokers: [kafka.bootstrap], namespace: `n${String(namespaces)}`, tls: { ca: [ca] }, sasl: saslOf(mechanism, name, password) },
    registry: { url: registry.url, auth: { username: USER.name, password: USER.password }, ca },
  };
}

function saslOf(mechanism: Mechanism, username: string, password: string): NonNullable<KafkaOptions['sasl']> {
  switch (mechanism) {
    case 'plain': return { mechanism, username, password };
    case 'scram-sha-256': return { mechanism, username, password };
    case 'scram-sha-512': return { mechanism, username, password };
  }
}

const TOPICS = { ...DEFAULT_TOPICS, partitions: 1 };

/** Refused by a PortError of one line, without a password however deep one looks. */
async function refused(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof PortError, inspect(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    const whole = inspect(error, { depth: 20, showHidden: true });
    for (const secret of [USER.password, WRONG]) {
      for (const text of [secret, Buffer.from(secret).toString('base64'), Buffer.from(`${USER.name}:${secret}`).toString('base64')]) {
        assert.ok(!whole.includes(text), `${text} is in ${whole}`);
      }
    }
    return true;
  });
}

/** How many records come first; they may be a while. */
async function takenOf(log: PartitionLog): Promise<number> {
  for (;;) {
    const taken = await log.take(10);
    if (taken.kind === 'records') return taken.records.length;
  }
}

for (const mechanism of MECHANISMS) {
  test(`with a login by ${mechanism} topics are made, written, read and committed to`, async () => {
    const { kafka, registry } = access(mechanism);
    await createTopics(kafka, registry, TOPICS);
    const writer = await KafkaInputWriter.connect(kafka, registry);
    await writer.append([TICK]);
    await writer.close();
    const log = await KafkaLog.connect({ kafka, registry, sessionTimeoutMs: 6_000 });
    try {
      await log.join();
      const opened = await log.open(0);
      assert.equal(await takenOf(opened), 2);
      const to = { position: { offsets: [1, 1], fired: 0 }, id: '00000000000000aa' };
      const merge = [{ topic: 0, count: 1 }, { topic: 1, count: 1 }];
      await opened.commit({ from: opened.start, to, merge, clocks: [TICK_AT, TICK_AT], signals: [], refused: [], lacks: [], afterEnd: false });
    } finally {
      await log.close();
    }
    assert.equal((await readTopic(kafka, 'commits')).length, 1);
  });
}

test('a wrong password and an unknown user are refused by every mechanism', async () => {
  for (const mechanism of MECHANISMS) {
    for (const user of [{ ...USER, password: WRONG }, { ...USER, name: 'nobody' }]) {
      const { kafka, registry } = access(mechanism, user);
      await refused(createTopics(kafka, registry, TOPICS), /^kafka, the cluster: SASL .* authentication failed/);
      await refused(KafkaInputWriter.connect(kafka, registry), /^kafka, the cluster: SASL .* authentication failed/);
      await refused(KafkaLog.connect({ kafka, registry }), /^kafka, at start: SASL .* authentication failed/);
    }
  }
});

test('a registry that refuses the login, or whose certificate is another authority\'s, is told as such', async () => {
  const { kafka, registry } = access();
  await createTopics(kafka, registry, TOPICS);
  const { auth, ca, ...bare } = registry;
  const other = (await newCertificates()).ca;
  const faults: [RegistryOptions, RegExp][] = [
    [{ ...registry, auth: { username: USER.name, password: WRONG } }, /refused the login \(401\)/],
    [{ ...registry, auth: { username: 'nobody', password: USER.password } }, /refused the login \(401\)/],
    [{ ...bare, ca: ca ?? '' }, /refused the login \(401\)/],
    [{ ...bare, auth: auth ?? { username: '', password: '' } }, /certificate/],
    [{ ...registry, ca: other }, /certificate/],
    [{ ...registry, url: registry.url.replace('https', 'http') }, /schema registry/],
  ];
  for (const [fault, message] of faults) {
    await refused(createTopics(kafka, fault, TOPICS), message);
    await refused(KafkaInputWriter.connect(kafka, fault), message);
    await refused(KafkaLog.connect({ kafka, registry: fault }), message);
  }
});

// The client tries for about twelve seconds before it says so: all of these at the same time.
describe('beside a login that is renewed', { concurrency: true }, () => {
  test('a login that is good for a time only is renewed', async () => {
    const { kafka, registry } = access();
    await createTopics(kafka, registry, TOPICS);
    const writer = await KafkaInputWriter.connect(kafka, registry);
    const until = performance.now() + 1.3 * LOGIN_MS;
    let appended = 0;
    for (; performance.now() < until; appended += 1) {
      await writer.append([TICK]);
      await sleep(200);
    }
    await writer.close();
    assert.equal((await readTopic(kafka, 'fills')).length, appended);
  });

  test('a broker whose certificate is another authority\'s, or for another name, is not talked to', async () => {
    const [{ kafka, registry }, { ca }] = [access(), await newCertificates()];
    const elsewhere = kafka.brokers.map((address) => address.replace('127.0.0.1', 'localhost'));
    await Promise.all([
      refused(createTopics({ ...kafka, tls: { ca: [ca] } }, registry, TOPICS), /certificate.*CA/),
      refused(createTopics({ ...kafka, tls: {} }, registry, TOPICS), /certificate.*CA/),
      refused(createTopics({ ...kafka, brokers: elsewhere }, registry, TOPICS), /certificate's altnames/),
    ]);
  });

  test('a client without TLS, or without a login, is told what the broker may want', async () => {
    const { kafka: { tls, sasl, ...plain }, registry } = access();
    assert.ok(tls !== undefined && sasl !== undefined);
    await Promise.all([plain, { ...plain, sasl }, { ...plain, tls }].map(async (kafka) => {
      await refused(createTopics(kafka, registry, TOPICS), /Closed connection: does the broker want TLS, or a login\?$/);
    }));
  });
});
