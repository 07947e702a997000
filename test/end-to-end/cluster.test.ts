// The processor on Kafka and Redis, as processes of its own that are killed, stopped, multiplied and robbed of their state.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, withAdmin } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { writeJournal } from '@fillstream/simulator';
import { Installation, NO_ANOMALIES, anomalies, startServers, type Servers } from './cluster.ts';
import { SHARED, fillstream, folderFor, linesOf, type Running } from './command.ts';
import { SEED } from './journals.ts';

const PARTITIONS = 3;
const MARKET = { seed: SEED, addresses: 30, startAt: 1_760_000_000_000, records: 20_000 };
const KILLS = 6;
const REBALANCES = 3;
const POISON = 50;
let servers: Servers | null = null;
let namespaces = 0;

before(async () => {
  servers = await startServers();
});

after(async () => {
  await servers?.close();
});

function held(): Servers {
  assert.ok(servers !== null);
  return servers;
}

/** A journal on the topics, and the signals that an undisturbed run makes of it. */
async function prepared(t: TestContext, ...journals: readonly string[]): Promise<{ readonly installation: Installation; readonly expected: string[] }> {
  namespaces += 1;
  const folder = folderFor(t);
  const [journal, out] = [join(folder, 'journal.ndjson'), join(folder, 'signals.ndjson')];
  if (journals.length === 0) writeJournal(journal, MARKET);
  const paths = journals.length === 0 ? [journal] : journals;
  const installation = new Installation(held(), `t${String(namespaces)}`);
  await installation.createTopics(PARTITIONS);
  const { code, stderr } = await fillstream(['run', ...paths.flatMap((path) => ['--journal', path]), '--out', out]);
  assert.equal(code, 0, stderr);
  await installation.import(...paths);
  return { installation, expected: linesOf(out) };
}

/** Stops it as an operator would, and tells how it ended. */
async function stopped(running: Running): Promise<void> {
  running.kill('SIGTERM');
  const { code, stderr, elapsedMs } = await running.ended;
  assert.equal(code, 0, stderr);
  assert.ok(elapsedMs > 0 && /drained and left the group/.test(stderr), stderr);
}

async function finished(installation: Installation, expected: readonly string[]): Promise<void> {
  const running = installation.processor();
  await installation.drained(running);
  await stopped(running);
  assert.deepEqual(anomalies(await installation.signals(), expected), NO_ANOMALIES, `seed ${String(SEED)}`);
}

const recordings = ['leaders-fills.ndjson', 'leaders-order-updates.reconstructed.ndjson'].map((name) => join(SHARED, 'data', name));
test('recorded fills and order updates give the same signals through the topics as in one run', {
  skip: recordings.every(existsSync) ? false : `no recordings at ${SHARED}`,
}, async (t) => {
  const { installation, expected } = await prepared(t, ...recordings);
  assert.equal(expected.length, 1_400);
  await finished(installation, expected);
});

test('a market gives the same signals through the topics as in one run', async (t) => {
  const { installation, expected } = await prepared(t);
  await finished(installation, expected);
});

test('processors killed at random moments lose, double and change nothing', async (t) => {
  const { installation, expected } = await prepared(t);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const running = installation.processor();
    await sleep(700 + Math.random() * 1_800);
    running.kill('SIGKILL');
    await running.ended;
  }
  await finished(installation, expected);
});

test('at least once repeats at most what was under way, with the same ids and revisions', async (t) => {
  const { installation, expected } = await prepared(t);
  for (let kill = 0; kill < 2; kill += 1) {
    const running = installation.processor('--delivery', 'at-least-once');
    await running.heard(/has partitions/);
    await sleep(500 + Math.random() * 1_000);
    running.kill('SIGKILL');
    await running.ended;
  }
  const running = installation.processor('--delivery', 'at-least-once');
  await installation.drained(running);
  await stopped(running);
  const { missing, extra } = anomalies(await installation.signals(), expected);
  assert.deepEqual({ missing, extra }, { missing: 0, extra: 0 }, `seed ${String(SEED)}`);
});

test('processes that come and go share the partitions, and lose, double and change nothing', async (t) => {
  const { installation, expected } = await prepared(t);
  const first = installation.processor();
  for (let round = 0; round < REBALANCES; round += 1) {
    const second = installation.processor();
    await second.heard(/has partitions/);
    await sleep(Math.random() * 1_000);
    await stopped(second);
  }
  await stopped(first);
  await finished(installation, expected);
});

test('a process that is frozen while another takes over writes nothing when it wakes', async (t) => {
  const { installation, expected } = await prepared(t);
  const zombie = installation.processor();
  await sleep(1_500 + Math.random() * 500);
  zombie.kill('SIGSTOP');
  const heir = installation.processor();
  await sleep(4_000);
  zombie.kill('SIGCONT');
  await installation.drained(heir);
  await stopped(zombie);
  await stopped(heir);
  assert.deepEqual(anomalies(await installation.signals(), expected), NO_ANOMALIES, `seed ${String(SEED)}`);
});

const LOSSES = {
  'all of Redis': async (redis: RedisConnection) => await redis.client.flushall(),
  'one order': async (redis: RedisConnection, namespace: string) => await deleteSome(redis, `${namespace}:*:o:*`, 1),
  'half of the orders': async (redis: RedisConnection, namespace: string) => await deleteSome(redis, `${namespace}:*:o:*`, Infinity),
  "a partition's meta": async (redis: RedisConnection, namespace: string) => await deleteSome(redis, `${namespace}:*:meta`, 1),
  "an address's memory": async (redis: RedisConnection, namespace: string) => await deleteSome(redis, `${namespace}:*:a:*`, 1),
};

async function deleteSome({ client }: RedisConnection, pattern: string, count: number): Promise<void> {
  const keys = await client.keys(pattern);
  for (const key of keys.slice(0, Math.min(count, Math.ceil(keys.length / 2)))) await client.del(key);
}

test('state that is lost is noticed and made again from the log', async (t) => {
  const { installation, expected } = await prepared(t);
  const redis = await RedisConnection.open({ nodes: [`127.0.0.1:${String(held().redis.port)}`] });
  t.after(() => redis.close());
  for (const [what, lose] of Object.entries(LOSSES)) {
    const running = installation.processor();
    await sleep(1_800);
    await lose(redis, installation.namespace);
    await sleep(500);
    running.kill('SIGKILL');
    const { code } = await running.ended;
    assert.equal(code, null, what);
  }
  await finished(installation, expected);
});

test('what can not be read is quarantined as it came, and everything else goes on', async (t) => {
  const { installation, expected } = await prepared(t);
  const poison = Array.from({ length: POISON }, (_, place) => Buffer.from(place % 2 === 0 ? `no avro ${String(place)}` : [0, 0, 0, 0, 250, place]));
  const producer = connectionOf(installation.kafka).producer();
  await producer.connect();
  for (const [place, value] of poison.entries()) {
    const topic = installation.nameOf(place % 3 === 0 ? 'order-updates' : 'fills');
    await producer.send({ topic, messages: [{ value, partition: place % PARTITIONS, timestamp: '1760000000000' }] });
  }
  await producer.disconnect();
  await finished(installation, expected);
  const kept = (await installation.quarantine()).map(({ original }) => original.toString('hex')).sort();
  assert.deepEqual(kept, poison.map((value) => value.toString('hex')).sort());
});

test('input that was deleted before it was read stops the processor, by name', async (t) => {
  const { installation } = await prepared(t);
  await finishedOnce(installation);
  const topic = installation.nameOf('fills');
  await withAdmin(connectionOf(installation.kafka), async (admin) => {
    const [{ high } = { high: '0' }] = await admin.fetchTopicOffsets(topic);
    assert.ok(Number(high) > 0);
  });
  const producer = connectionOf(installation.kafka).producer();
  await producer.connect();
  for (let partition = 0; partition < PARTITIONS; partition += 1) await producer.send({ topic, messages: [{ value: 'x', partition }, { value: 'y', partition }] });
  await producer.disconnect();
  await withAdmin(connectionOf(installation.kafka), async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) });
  });
  const before = await installation.signals();
  const { code, stderr } = await installation.processor().ended;
  assert.equal(code, 1);
  assert.match(stderr, /input would be skipped: \S+ begins at offset \d+/);
  assert.deepEqual(anomalies(await installation.signals(), before), NO_ANOMALIES);
});

async function finishedOnce(installation: Installation): Promise<void> {
  const running = installation.processor();
  await installation.drained(running);
  await stopped(running);
}

test('added partitions, other settings and an evicting Redis are refused by name', async (t) => {
  const { installation } = await prepared(t);
  await finishedOnce(installation);
  const settings = await installation.processor('--set', 'graceMs=9s').ended;
  assert.deepEqual([settings.code, /settings/.test(settings.stderr)], [1, true], settings.stderr);
  const redis = await RedisConnection.open({ nodes: [`127.0.0.1:${String(held().redis.port)}`] });
  await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const evicting = await installation.processor().ended;
  await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
  redis.close();
  assert.deepEqual([evicting.code, /maxmemory-policy/.test(evicting.stderr)], [1, true], evicting.stderr);
  await withAdmin(connectionOf(installation.kafka), async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic: installation.nameOf('fills'), count: PARTITIONS + 1 }] });
  });
  const added = await installation.processor().ended;
  assert.deepEqual([added.code, /equal numbers of partitions/.test(added.stderr)], [1, true], added.stderr);
});
