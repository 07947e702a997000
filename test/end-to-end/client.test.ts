// The client against a real gateway: subscriptions from everywhere, filters, resuming, backpressure, tokens, REST.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { GatewayClient, GatewayError, subscribe, type From, type Signal, type SubscriptionState } from '@fillstream/client';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { FileTokens, appendToken } from '@fillstream/gateway/tokens/file-tokens';
import { folderFor } from './command.ts';
import { gatewayFor, names, sortedNames, taken } from './client-gateway.ts';
import { until } from './until.ts';

/** Orders of ten addresses, some with revisions; those of an address in their order. */
function history(orders: number): Signal[] {
  return Array.from({ length: orders }, (_, order) => ({ address: testAddress(order % 10), symbol: order % 3 === 0 ? 'BTC' : 'xyz:GÖLD' }))
    .map(({ address, symbol }) => testSignal({ address, coin: symbol, symbol }))
    .flatMap((signal, order) => (order % 4 === 0 ? [signal, revised(signal)] : [signal]));
}

function revised(signal: Signal): Signal {
  return { ...signal, revision: signal.revision + 1, size: '0.75', fillCount: signal.fillCount + 1, lastFillAt: signal.lastFillAt + 10 };
}

test('from the earliest on there is all, then what comes; a signal is as it was written', async (t) => {
  const { url, source } = await gatewayFor(t);
  const [before, after] = [history(50), history(5)];
  source.append(before);
  let isLive = false;
  const subscription = subscribe({ url, from: 'earliest', onState: ({ kind }) => (isLive ||= kind === 'live') });
  const taking = taken(subscription, before.length + after.length);
  await until('it is live', () => isLive);
  source.append(after);
  const signals = await taking;
  assert.deepEqual(sortedNames(signals), sortedNames([...before, ...after]));
  assert.deepEqual(signals.find(({ id }) => id === before[0]?.id), before[0]);
});

test('each beginning gives what it says: a time, a snapshot, a cursor', async (t) => {
  const { url, source } = await gatewayFor(t);
  const all = history(40);
  source.append(all);
  const read = async (from: From): Promise<Signal[]> => await taken(subscribe({ url, from, until: 'live' }));
  const latest = [...Map.groupBy(all, ({ id }) => id).values()].flatMap((revisions) => revisions.slice(-1));
  assert.deepEqual(sortedNames(await read('snapshot')), sortedNames(latest));
  assert.deepEqual(await read('latest'), []);
  const first = subscribe({ url, from: 'earliest' });
  const begun = await taken(first, 13);
  assert.ok(first.cursor !== null);
  const rest = await read({ cursor: first.cursor });
  assert.deepEqual(sortedNames([...begun, ...rest]), sortedNames(all));
  const since = all[20]?.lastFillAt ?? 0;
  const late = new Set(names(await read({ since })));
  assert.deepEqual(all.filter((signal) => signal.lastFillAt >= since && !late.has(names([signal])[0] ?? '')), []);
});

test('a filter is the gateway\'s, addresses with capitals included', async (t) => {
  const { url, source } = await gatewayFor(t);
  const all = history(40);
  source.append(all);
  const address = testAddress(3);
  const filter = { addresses: [address.toUpperCase().replace('0X', '0x')], coins: ['BTC'], revisions: 'first' as const };
  const signals = await taken(subscribe({ url, filter, from: 'earliest', until: 'live' }));
  assert.deepEqual(names(signals), names(all.filter((signal) => signal.address === address && signal.coin === 'BTC' && signal.revision === 1)));
  assert.ok(signals.length > 0);
});

test('a consumer that stops and goes gets everything once, with a bounded buffer, while more comes', async (t) => {
  const { url, source } = await gatewayFor(t);
  const [before, after] = [history(800), history(100)];
  source.append(before);
  const states: string[] = [];
  const signals: Signal[] = [];
  for await (const signal of subscribe({ url, from: 'earliest', maxBuffered: 50, onState: ({ kind }) => states.push(kind) })) {
    signals.push(signal);
    if (signals.length === 100) source.append(after);
    if (signals.length % 200 === 1) await until('it is told of', () => states.at(-1) === 'paused' || states.at(-1) === 'live');
    if (signals.length === before.length + after.length) break;
  }
  assert.deepEqual(sortedNames(signals), sortedNames([...before, ...after]));
  assert.ok(states.includes('paused'));
});

test('what a gateway refuses for good ends the loop: a filter, a cursor, an order of the log that isn\'t its own', async (t) => {
  const { url } = await gatewayFor(t);
  for (const [options, code] of [
    [{ filter: { minNotional: 'much' } }, 'bad-request'], [{ filter: { addresses: ['0x1'] } }, 'bad-request'], [{ from: { cursor: '1.forged' } }, 'bad-cursor'],
  ] as const) {
    await assert.rejects(taken(subscribe({ url, ...options })), (error) => error instanceof GatewayError && error.code === code);
  }
});

test('a token opens its addresses; none, a wrong one, too little of one, and one that was revoked end the loop by name', async (t) => {
  const folder = folderFor(t);
  const text = `fst_${randomBytes(32).toString('base64url')}`;
  const token = {
    id: 'reader', name: 'reader', hash: createHash('sha256').update(text).digest('hex'), actions: ['signals'], addresses: [testAddress(1)],
    createdAt: 1_700_000_000_000, expiresAt: null, revokedAt: null,
  };
  await appendToken(folder, token);
  const authority = await FileTokens.follow(folder, { onTrouble: (trouble) => assert.fail(trouble) });
  t.after(async () => await authority.close());
  const { url, source } = await gatewayFor(t, { authority });
  source.append(history(20));
  const codeOf = async (reading: Promise<unknown>): Promise<unknown> => (
    await reading.then(() => 'nothing', (error: unknown) => (error instanceof GatewayError ? [error.code, error.closeCode ?? error.status] : error))
  );
  assert.deepEqual(await codeOf(taken(subscribe({ url }))), ['unauthorized', null]);
  assert.deepEqual(await codeOf(taken(subscribe({ url, token: `${text.slice(0, -1)}_` }))), ['unauthorized', null]);
  assert.deepEqual(await codeOf(new GatewayClient({ url }).signals()), ['unauthorized', 401]);
  assert.deepEqual(await codeOf(new GatewayClient({ url, token: text }).status()), ['forbidden', 403]);
  assert.deepEqual((await codeOf(taken(subscribe({ url, token: text, filter: { addresses: [testAddress(2)] } }))) as unknown[])[0], 'forbidden');
  let isLive = false;
  const onState = ({ kind }: SubscriptionState): void => {
    isLive ||= kind === 'live';
  };
  const signals: Signal[] = [];
  const reading = (async () => {
    for await (const signal of subscribe({ url, token: text, from: 'earliest', onState })) signals.push(signal);
  })();
  await Promise.race([until('it is live', () => isLive), reading]);
  await appendToken(folder, { ...token, revokedAt: Date.now() });
  assert.deepEqual(await codeOf(reading), ['unauthorized', 4009]);
  assert.deepEqual([...new Set(signals.map(({ address }) => address))], [testAddress(1)]);
});

test('a gateway that goes away and comes back is waited for, and nothing is missed', async (t) => {
  const first = await gatewayFor(t);
  const { port } = new URL(first.url);
  const [before, meanwhile, after] = [history(20), history(20), history(20)];
  first.source.append(before);
  const signals: Signal[] = [];
  const reading = (async () => {
    for await (const signal of subscribe({ url: first.url, from: 'earliest', reconnect: { minMs: 10, maxMs: 50 } })) {
      signals.push(signal);
      if (signals.length === before.length + meanwhile.length + after.length) break;
    }
  })();
  await until('all arrived', () => signals.length === before.length);
  await first.gateway.stop();
  first.source.append(meanwhile);
  const second = await gatewayFor(t, { source: first.source, listen: { host: '127.0.0.1', port: Number(port) } });
  await until('all arrived', () => signals.length === before.length + meanwhile.length);
  second.source.append(after);
  await reading;
  assert.deepEqual(sortedNames(signals), sortedNames([...before, ...meanwhile, ...after]));
});

test('each route of REST is a method, and lists are iterated whole', async (t) => {
  const { url, source } = await gatewayFor(t);
  const all = history(60);
  source.append(all);
  const client = new GatewayClient({ url });
  const [first] = all;
  assert.ok(first !== undefined);
  const { id, address, oid } = first;
  const up: Signal[] = [];
  for await (const { signal } of client.eachSignal({ limit: 7 })) up.push(signal);
  const down: Signal[] = [];
  for await (const { signal } of client.eachSignal({ limit: 7, order: 'desc' })) down.push(signal);
  assert.deepEqual(sortedNames(up), sortedNames(all));
  assert.deepEqual(sortedNames(down), sortedNames(all));
  const since = all[30]?.lastFillAt ?? 0;
  let count = 0;
  for await (const _ of client.eachSignal({ since, limit: 5, coins: ['BTC'] })) count += 1;
  assert.ok(count >= all.filter((signal) => signal.lastFillAt >= since && signal.coin === 'BTC').length);
  const addresses: string[] = [];
  for await (const summary of client.eachAddress({ limit: 3 })) addresses.push(summary.address);
  assert.deepEqual(addresses, Array.from({ length: 10 }, (_, number) => testAddress(number)));
  assert.equal((await client.signal(id)).revision, 2);
  assert.deepEqual((await client.revisions(id)).map(({ revision }) => revision), [2, 1]);
  assert.deepEqual((await client.order(address, oid)).legs.map((leg) => leg.id), [id]);
  assert.equal((await client.positions(address)).positions.length, 2);
  assert.ok((await client.pnl(address)).points.length > 0);
  assert.ok((await client.status()).gateway.ready);
  assert.deepEqual(await client.quarantine({ limit: 5 }), { records: [] });
  for (const missing of [client.orderLife(address, oid), client.signal(`${address}/1/buy`)]) {
    await assert.rejects(missing, (error) => error instanceof GatewayError && error.code === 'not-found');
  }
});

test('a page of the past and a subscription meet without a gap and without a repeat', async (t) => {
  const { url, source } = await gatewayFor(t);
  const [before, after] = [history(30), history(10)];
  source.append(before);
  const { signals, next } = await new GatewayClient({ url }).signals({ limit: 1_000 });
  source.append(after);
  const rest = await taken(subscribe({ url, from: { cursor: next }, until: 'live' }));
  assert.deepEqual(sortedNames([...signals.map(({ signal }) => signal), ...rest]), sortedNames([...before, ...after]));
});
