// Ingestors on Kafka: what they share, what they bear, and that no fill of the exchange's ledger is missing on the signals.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTopic, unframed } from '@fillstream/kafka';
import { decodeRepair } from '@fillstream/schemas';
import { Installation, serversOfTests, startServers } from './cluster.ts';
import { assertRefused, fillstream, folderFor } from './command.ts';
import { Ingestors, filledOids } from './ingestor.ts';

const KILLS = 4;
const OUTAGE_MS = 7_000;
const held = serversOfTests();

test('two share six addresses; what a killed one had is watched again, and no fill is missing', async (t) => {
  const place = await Ingestors.start(t, held(), 'sharing', 6);
  const [killed, other] = [place.ingestor('--capacity', '4'), place.ingestor('--capacity', '4')];
  await place.untilWatched(6, killed, other);
  await sleep(1_000);
  killed.kill('SIGKILL');
  await place.untilWatched(4, other);
  await other.heard(/NOT WATCHED.*: (0x[0-9a-f]{40}, 0x[0-9a-f]{40});/);
  const third = place.ingestor('--capacity', '4');
  await place.untilWatched(6, other, third);
  await third.heard(/tells the time to partition/);
  other.kill('SIGTERM');
  const { code, stderr } = await other.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /drained and left the group/);
  const fourth = place.ingestor('--capacity', '4');
  await place.untilWatched(6, third, fourth);
  await place.assertComplete();
});

test('a broker that is killed under load and comes back has every fill in the end, with a spill file and without', async (t) => {
  const servers = await startServers();
  const place = await Ingestors.start(t, servers, 'outage', 4);
  t.after(async () => await servers.close());
  const spill = join(folderFor(t), 'spill.ndjson');
  const [spilling, waiting] = [place.ingestor('--capacity', '2', '--spill', spill), place.ingestor('--capacity', '2')];
  await place.untilWatched(4, spilling, waiting);
  const [broker] = servers.kafka.nodes;
  assert.ok(broker !== undefined);
  await sleep(1_000);
  await broker.process.kill();
  await sleep(OUTAGE_MS);
  await spilling.heard(/records wait in the spill file/);
  await broker.process.start();
  await spilling.heard(/the spill file is empty again/);
  await place.assertComplete();
});

test('fills that the exchange never told of are asked for by the processor, and fetched by who watches the address', async (t) => {
  // An order without an update, whose fills are lost too, can't be missed by anybody.
  const place = await Ingestors.start(t, held(), 'repairs', 4, { statusMissing: 0 });
  await place.untilWatched(4, place.ingestor('--capacity', '2'), place.ingestor('--capacity', '2'));
  const fault = place.exchange.fault('lose', { how: 'userFills', times: 20 });
  while (fault.hits < 20 || filledOids(place.exchange).size < 80) await sleep(50);
  await place.assertComplete('filled');
  const repairs = await readTopic({ brokers: held().kafka.bootstrap.split(','), namespace: 'repairs' }, 'repairs');
  assert.ok(repairs.some(({ value }) => decodeRepair(unframed(value) ?? Buffer.alloc(0)).reason === 'no fills'));
});

test('an ingestor that is killed again and again misses no fill', async (t) => {
  const place = await Ingestors.start(t, held(), 'kills', 4);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const running = place.ingestor();
    await running.heard(/: watched/);
    await sleep(Math.random() * 1_500);
    running.kill('SIGKILL');
    await running.ended;
  }
  await place.untilWatched(4, place.ingestor());
  await place.assertComplete();
});

test('the watchlist says what it has, what it had already, and what it never had', async () => {
  const { kafka, registry } = held();
  const installation = new Installation(held(), 'list');
  await installation.createTopics(2);
  const watch = async (...args: string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> => (
    await fillstream(['watch', ...args, '--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', installation.namespace])
  );
  const [one, two] = [`0x${'Ab'.repeat(20)}`, `0x${'12'.repeat(20)}`];
  assertRefused(await watch('add', one, '0x12'), 2, /expected 0x and 40 hex digits, got 0x12/);
  assert.equal((await watch('list')).stdout, '');
  assert.match((await watch('remove', one)).stderr, new RegExp(`^fillstream: ${one}: isn't watched$`, 'mi'));
  assert.match((await watch('add', one, two, '--label', 'a whale')).stderr, /: on the watchlist\n.*: on the watchlist\n$/);
  assert.match((await watch('add', one)).stderr, /: is watched already, since \d/);
  assert.match((await watch('add', two, '--label', 'a maker')).stderr, /: has another label now\n$/);
  assert.equal((await watch('remove', one)).code, 0);
  const { code, stdout } = await watch('list');
  const [line] = stdout.split('\n');
  const { address, addedAt, label } = JSON.parse(line ?? '');
  assert.deepEqual([code, stdout.split('\n').length, address, label], [0, 2, two, 'a maker']);
  assert.ok(addedAt > 1_700_000_000_000 && addedAt <= Date.now());
});

test('what an ingestor can\'t do is refused by name', async () => {
  assertRefused(await fillstream(['ingestor', '--capacity', '11']), 2, /--capacity: expected at most 10/);
  assertRefused(await fillstream(['ingestor', '--exchange', 'nowhere']), 2, /--exchange: expected/);
  assertRefused(await fillstream(['ingestor', '--exchange', 'http://127.0.0.1:1', '--testnet']), 2, /expected one of them/);
  const { kafka, registry } = held();
  const nowhere = ['ingestor', '--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', 'nowhere', '--exchange', 'http://127.0.0.1:1'];
  const { code, stderr } = await fillstream(nowhere);
  assert.deepEqual([code, /^fillstream: there is no topic/m.test(stderr)], [1, true], stderr);
});
