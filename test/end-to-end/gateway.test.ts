// Gateways on the real servers: what they serve is what the topic has, whichever of them a client comes back to.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import type { AddressPage, OrderLife, Positions, QuarantinePage, Signal, SignalPage, StatusReport } from '@fillstream/client';
import { WireFormat, connectionOf, registryOf } from '@fillstream/kafka';
import { encodeSignal } from '@fillstream/schemas';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { Installation, SERVING, serversOfTests } from './cluster.ts';
import { assertRefused, fillstream, folderFor, start, type Running } from './command.ts';
import { SEED, marketLines, poisoned, repeatable, writeLines } from './journals.ts';

const PARTITIONS = 3;
const POISONED_EVERY = 600;
const PAGE = 400;

const held = serversOfTests();
const folder = mkdtempSync(join(tmpdir(), 'fillstream-gateway-'));
let market: Promise<Installation> | null = null;

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A market with poison between, processed to its end; its topics stay as they are. */
async function processedMarket(): Promise<Installation> {
  market ??= (async () => {
    const installation = await installed('market');
    const journal = join(folder, 'day.ndjson');
    writeLines(journal, poisoned(marketLines({ seed: SEED, addresses: 6, records: 3_000, shares: { lateFills: 0.05 } }), POISONED_EVERY));
    await installation.import([journal]);
    const processor = installation.processor();
    await installation.drained(processor);
    processor.kill('SIGTERM');
    assert.equal((await processor.ended).code, 0);
    return installation;
  })();
  return await market;
}

async function installed(namespace: string): Promise<Installation> {
  const installation = new Installation(held(), namespace);
  await installation.createTopics(PARTITIONS);
  return installation;
}

type Serving = { readonly url: string; readonly running: Running; readonly stop: () => Promise<void> };

/** Answers once it has caught up. */
async function serving(t: TestContext, running: Running): Promise<Serving> {
  const stop = async (): Promise<void> => {
    running.kill('SIGTERM');
    assert.equal((await running.ended).code, 0);
  };
  t.after(() => running.kill('SIGKILL'));
  const url = await running.heard(SERVING);
  while (!(await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return { url, running, stop };
}

async function gatewayOn(t: TestContext, installation: Installation, model = folderFor(t)): Promise<Serving> {
  return await serving(t, installation.gateway('--model', model, '--redis', `127.0.0.1:${String(held().redis.port)}`));
}

async function asked<T>(url: string, path: string): Promise<T> {
  const answer = await fetch(`${url}${path}`);
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return await answer.json() as T;
}

/** All pages from a cursor on, and where they end. */
async function signalsAfter(url: string, cursor: string | null): Promise<{ readonly signals: readonly Signal[]; readonly next: string }> {
  const signals: Signal[] = [];
  for (let next = cursor; ;) {
    const page = await asked<SignalPage>(url, `/v1/signals?limit=${String(PAGE)}${next === null ? '' : `&after=${next}`}`);
    signals.push(...page.signals.map(({ signal }) => signal));
    next = page.next;
    if (!page.more) return { signals, next };
  }
}

function linesOf(signals: readonly Signal[]): string[] {
  return signals.map((signal) => JSON.stringify(signal));
}

test('pages have exactly the signals of the topic, those of an address in their order', async (t) => {
  await repeatable(async () => {
    const installation = await processedMarket();
    const { url, stop } = await gatewayOn(t, installation);
    const { signals } = await signalsAfter(url, null);
    const topic = await installation.signals();
    assert.ok(topic.length > PAGE);
    assert.deepEqual(linesOf(signals).toSorted(), topic.toSorted());
    const { addresses } = await asked<AddressPage>(url, '/v1/addresses');
    for (const { address } of addresses) {
      const of = (lines: readonly string[]): string[] => lines.filter((line) => line.includes(`"address":"${address}"`));
      assert.deepEqual(of(linesOf(signals)), of(topic));
    }
    await stop();
  });
});

test('positions are the last known ones of each coin', async (t) => {
  await repeatable(async () => {
    const installation = await processedMarket();
    const { url, stop } = await gatewayOn(t, installation);
    const latest = new Map((await installation.signals()).map((line) => JSON.parse(line) as Signal).map((signal) => [signal.id, signal]));
    for (const { address } of (await asked<AddressPage>(url, '/v1/addresses')).addresses) {
      const { positions } = await asked<Positions>(url, `/v1/addresses/${address}/positions`);
      for (const { coin, size, at } of positions) {
        const ofCoin = [...latest.values()].filter((signal) => signal.address === address && signal.coin === coin);
        const lastAt = Math.max(...ofCoin.map(({ lastFillAt }) => lastFillAt));
        assert.equal(at, lastAt);
        assert.ok(ofCoin.some((signal) => signal.lastFillAt === lastAt && signal.positionAfter === size), `${address} ${coin}`);
      }
    }
    await stop();
  });
});

test('an order has its life, the installation its standing, the quarantine its records', async (t) => {
  await repeatable(async () => {
    const installation = await processedMarket();
    const { url, stop } = await gatewayOn(t, installation);
    const [signal] = (await asked<SignalPage>(url, '/v1/signals?order=desc&limit=1')).signals.map((each) => each.signal);
    assert.ok(signal !== undefined);
    const life = await asked<OrderLife>(url, `/v1/orders/${signal.address}/${String(signal.oid)}/life`);
    const told = life.events.flatMap((event) => (event.kind === 'signal' ? [JSON.stringify(event.signal)] : []));
    assert.ok(told.includes(JSON.stringify(signal)));
    assert.ok(life.events.filter(({ kind }) => kind === 'fill').length >= signal.fillCount);
    assert.equal((await fetch(`${url}/v1/orders/${signal.address}/1/life`)).status, 404);

    const status = await asked<StatusReport>(url, '/v1/status');
    assert.deepEqual(status.partitions.map(({ partition, lag, health }) => [partition, lag, health]), [[0, 0, 'unowned'], [1, 0, 'unowned'], [2, 0, 'unowned']]);
    assert.ok(status.pending !== null);
    const { records } = await asked<QuarantinePage>(url, '/v1/quarantine');
    const refused = await installation.quarantine();
    assert.ok(refused.length > 0);
    const places = (all: readonly { readonly topic: string; readonly partition: number; readonly offset: number; readonly reason: string }[]): string[] => (
      all.map(({ topic, partition, offset, reason }) => `${topic}/${String(partition)}/${String(offset)} ${reason}`).toSorted()
    );
    assert.deepEqual(places(records), places(refused));
    await stop();
  });
});

test('a client that goes from one gateway to another, and back to one that was started anew, misses and repeats nothing', async (t) => {
  await repeatable(async () => {
    const installation = await processedMarket();
    const model = folderFor(t);
    const [first, second] = await Promise.all([gatewayOn(t, installation, model), gatewayOn(t, installation)]);
    const topic = await installation.signals();
    const { signals: [...begun], next } = await asked<SignalPage>(first.url, `/v1/signals?limit=${String(Math.floor(topic.length / 3))}`);
    const middle = await asked<SignalPage>(second.url, `/v1/signals?limit=${String(Math.floor(topic.length / 3))}&after=${next}`);
    await first.stop();
    const again = await gatewayOn(t, installation, model);
    const rest = await signalsAfter(again.url, middle.next);
    assert.deepEqual(linesOf([...begun.map(({ signal }) => signal), ...middle.signals.map(({ signal }) => signal), ...rest.signals]).toSorted(), topic.toSorted());
    await Promise.all([again.stop(), second.stop()]);
  });
});

test('what a transaction aborted is not served, and a topic that was made anew is read anew', async (t) => {
  const installation = await installed('aborted');
  const model = folderFor(t);
  const name = installation.nameOf('signals');
  const format = await WireFormat.of(registryOf(installation.registry), 'signals', name);
  const producer = connectionOf(installation.kafka).producer({ transactionalId: 'gateway-test', maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  const write = async (signals: readonly Signal[], end: 'commit' | 'abort'): Promise<void> => {
    const transaction = await producer.transaction();
    const messages = signals.map((signal) => ({ key: signal.address, partition: 1, value: format.frame(encodeSignal(signal)) }));
    await transaction.send({ topic: name, messages });
    await transaction[end]();
  };
  const [kept, alsoKept] = [testSignal({ address: testAddress(1) }), testSignal({ address: testAddress(1) })];
  await write([kept], 'commit');
  await write([testSignal({ address: testAddress(1) })], 'abort');
  const { url, stop } = await gatewayOn(t, installation, model);
  const before = await signalsAfter(url, null);
  assert.deepEqual(linesOf(before.signals), linesOf([kept]));
  await write([testSignal({ address: testAddress(1) })], 'abort');
  await write([alsoKept], 'commit');
  let rest: readonly Signal[] = [];
  while (rest.length === 0) rest = (await signalsAfter(url, before.next)).signals;
  assert.deepEqual(linesOf(rest), linesOf([alsoKept]));
  await stop();
  await producer.disconnect();

  const admin = connectionOf(installation.kafka).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [name] });
  while ((await admin.listTopics()).includes(name)) await new Promise((resolve) => setTimeout(resolve, 50));
  await admin.disconnect();
  await installation.createTopics(PARTITIONS);
  const anew = await gatewayOn(t, installation, model);
  assert.deepEqual((await signalsAfter(anew.url, null)).signals, []);
  assert.equal((await fetch(`${anew.url}/v1/signals?after=${before.next}`)).status, 400);
  await anew.stop();
});

test('beside the process that writes an embedded log another one serves it', async (t) => {
  const data = join(folderFor(t), 'data');
  const writer = start(['start', '--data', data, '--rate', '300', '--no-gateway']);
  t.after(() => writer.kill('SIGKILL'));
  await writer.heard(/watched/);
  const { url, stop } = await serving(t, start(['gateway', '--data', data, '--listen', '127.0.0.1:0', '--model', join(data, 'model')]));
  while ((await asked<SignalPage>(url, '/v1/signals?limit=1')).signals.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  writer.kill('SIGTERM');
  const { stdout } = await writer.ended;
  const shown = stdout.split('\n').filter((line) => line !== '');
  let served: readonly Signal[] = [];
  while (served.length < shown.length) served = (await signalsAfter(url, null)).signals;
  assert.deepEqual(linesOf(served).toSorted(), shown.toSorted());
  await stop();
});

test('a gateway that others could reach needs tokens, or to be told that it is open', async (t) => {
  const data = join(folderFor(t), 'data');
  assert.equal((await fillstream(['start', '--data', data, '--for', '1s', '--no-gateway'])).code, 0);
  const model = ['--model', join(data, 'model')];
  assertRefused(await fillstream(['gateway', '--data', data, '--open', '--tokens', ...model]), 2, /--open and --tokens/);
  assertRefused(await fillstream(['gateway', '--data', data, '--tls-cert', 'x.pem', ...model]), 2, /--tls-key/);
  assertRefused(await fillstream(['gateway', '--data', data, '--limit', 'nothing=5', ...model]), 2, /--limit/);
  const { url, stop } = await serving(t, start(['gateway', '--data', data, '--listen', '0.0.0.0:0', ...model]));
  assert.equal((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/v1/signals`)).status, 401);
  await stop();
});
