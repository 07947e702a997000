// The processor on Kafka and Redis: what it makes of recordings and scenarios, how it delivers, what it refuses. What it
// bears is in test/chaos.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WireFormat, connectionOf, nameIn, registryOf } from '@fillstream/kafka';
import { encodeInput, encodeTick, type InputTopic } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import { World, compared, finished, killed, stopped } from '../chaos/world.ts';
import { Installation } from './cluster.ts';
import { SHARED } from './command.ts';
import { SEED } from './journals.ts';
import { SCENARIOS, lineOf, loadScenarios, type Scenario } from './scenarios.ts';

let world: World | null = null;

before(async () => {
  world = await World.start({ name: 'cluster', seed: SEED, thorough: false });
});

after(async () => {
  await world?.close();
});

function held(): World {
  assert.ok(world !== null);
  return world;
}

const recordings = ['leaders-fills.ndjson', 'leaders-order-updates.reconstructed.ndjson'].map((name) => join(SHARED, 'data', name));
test('recorded fills and order updates give the same signals through the topics as in one run', {
  skip: recordings.every(existsSync) ? false : `no recordings at ${SHARED}`,
}, async () => {
  const prepared = await held().prepared({ files: recordings });
  assert.equal(prepared.expected.length, 1_400);
  await finished(prepared);
});

test('at least once repeats at most what was under way, with the same ids and revisions', async () => {
  const prepared = await held().prepared();
  const { installation } = prepared;
  for (let kill = 0; kill < 2; kill += 1) {
    const running = installation.processor('--delivery', 'at-least-once');
    await running.heard(/has partitions/);
    await sleep(500 + Math.random() * 1_000);
    await killed(running);
  }
  const running = installation.processor('--delivery', 'at-least-once');
  await installation.drained(running);
  await stopped(running);
  await compared(prepared, { doubled: 0, outOfOrder: 0 });
});

test('other settings and an evicting Redis are refused by name', async () => {
  const redis = await held().redis();
  const { installation } = await held().prepared({ redis });
  const running = installation.processor();
  await installation.drained(running);
  await stopped(running);
  const settings = await installation.processor('--set', 'graceMs=9s').ended;
  assert.deepEqual([settings.code, /settings/.test(settings.stderr)], [1, true], settings.stderr);
  const { client } = await held().client(redis);
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const evicting = await installation.processor().ended;
  assert.deepEqual([evicting.code, /maxmemory-policy/.test(evicting.stderr)], [1, true], evicting.stderr);
});

test('it tells over HTTP that it is well, ready, and what it did', async () => {
  const prepared = await held().prepared();
  const running = prepared.installation.processor('--http', '127.0.0.1:0');
  await prepared.installation.drained(running);
  const url = await running.heard(/serves (\S+)\/metrics/);
  const [health, readiness, metrics] = await Promise.all(['healthz', 'readyz', 'metrics'].map(async (path) => await fetch(`${url}/${path}`)));
  assert.deepEqual([health?.status, readiness?.status, metrics?.status], [200, 200, 200]);
  const counted = [...(await metrics?.text() ?? '').matchAll(/^fillstream_signals_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  assert.equal(counted, prepared.expected.length);
  await stopped(running);
});

// ---- Scenarios

const scenarios = loadScenarios();
/** Beyond every deadline. */
const TO_THE_END_MS = 100 * 86_400_000;

test('the scenarios come out of the topics as the contract has them', { skip: scenarios === null ? `no scenarios at ${SCENARIOS}` : false }, async () => {
  const groups = Map.groupBy(scenarios ?? [], ({ config }) => JSON.stringify(config ?? {}));
  for (const [place, [config, group]] of [...groups].entries()) await checkScenarios(new Installation(held().servers, `scenarios${String(place)}`), config, group);
});

/** Each has a partition of its own, as their times have nothing to do with each other. */
async function checkScenarios(installation: Installation, config: string, group: readonly Scenario[]): Promise<void> {
  await installation.createTopics(group.length);
  for (const [partition, { journal }] of group.entries()) await put(installation, partition, journal.map(lineOf));
  const settings = Object.entries(JSON.parse(config) as object).flatMap(([key, value]) => ['--set', `${key}=${String(value)}`]);
  const running = installation.processor(...settings);
  await installation.drained(running);
  await stopped(running);
  const [signals, refused] = [await installation.signalsByPartition(), await installation.quarantine()];
  for (const [partition, { name, signals: expected, quarantine }] of group.entries()) {
    assert.deepEqual((signals.get(partition) ?? []).map((line) => JSON.parse(line) as unknown), expected, name);
    assert.deepEqual(refused.filter((each) => each.partition === partition).map(({ reason }) => reason), quarantine, name);
  }
}

/**
 * A journal's lines on one partition of both topics. Each topic has a clock, and time is where the slower one is: so that it
 * is where the journal has it, a tick goes before each record, and the records' own timestamps say in which order all came.
 */
async function put(installation: Installation, partition: number, lines: readonly string[]): Promise<void> {
  const messages = new Map<InputTopic, { readonly value: Buffer; readonly partition: number; readonly timestamp: string }[]>(INPUT_TOPICS.map((topic) => [topic, []]));
  const registry = registryOf(installation.registry);
  const formats = new Map(await Promise.all(INPUT_TOPICS.map(async (topic): Promise<[InputTopic, WireFormat]> => [topic, await WireFormat.of(registry, topic, nameIn(installation.namespace, topic))])));
  let place = 0;
  const add = (topic: InputTopic, body: Buffer): void => {
    place += 1;
    messages.get(topic)?.push({ partition, timestamp: String(1e12 + place), value: formats.get(topic)?.frame(body) ?? body });
  };
  const tick = (at: number): void => INPUT_TOPICS.forEach((topic) => add(topic, encodeTick(at)));
  let latest = 0;
  for (const { topic, timestamp, kind, body } of lines.map((line) => encodeInput(line))) {
    latest = Math.max(latest, timestamp ?? 0);
    if (timestamp !== null) tick(timestamp);
    if (kind !== 'tick') add(topic, body);
  }
  if (latest > 0) tick(latest + TO_THE_END_MS);
  const producer = connectionOf(installation.kafka).producer();
  await producer.connect();
  for (const [topic, list] of messages) if (list.length > 0) await producer.send({ topic: installation.nameOf(topic), messages: list });
  await producer.disconnect();
}
