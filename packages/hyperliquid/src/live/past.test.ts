// The past of an address, from a server that says what it is told to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXCHANGE_LIMITS, periodsOf } from './feed.ts';
import { PastClient, type Past, type PastOptions, type PastRequest } from './past.ts';
import type { Json } from './ports.ts';
import { ADDRESS, T0, TestExchange, fillOf, updateOf } from './test-exchange.ts';

type Context = { after: (task: () => Promise<void>) => void };

const PERIODS = { ...periodsOf(1), retryLeastMs: 1, retryMostMs: 5, lagMs: 5, throttleMs: 5 };
const ALL = { address: ADDRESS, from: T0, to: T0 + 50_000, statuses: Infinity };

async function startExchange(t: Context, fills: readonly Json[], rows = 2_000): Promise<TestExchange> {
  const exchange = await TestExchange.start();
  t.after(async () => await exchange.close());
  exchange.fills = [...fills];
  exchange.rows = rows;
  return exchange;
}

async function fetchPast(exchange: TestExchange, request: Partial<PastRequest> = {}, options: Partial<PastOptions> = {}): Promise<Past> {
  const limits = { ...EXCHANGE_LIMITS, rowsPerAnswer: exchange.rows, ...options.limits };
  const client = await PastClient.connect({
    endpoint: exchange.endpoint, signal: new AbortController().signal, periods: PERIODS, random: () => 0.5, ...options, limits,
  });
  return await client.fetch({ ...ALL, ...request });
}

const tidsOf = ({ records }: Past): unknown[] => records.flatMap((record) => (record.kind === 'fill' ? [record.data['tid']] : []));
const asked = (exchange: TestExchange, type: string): Json[] => exchange.requests.filter((request) => request['type'] === type);

/** Answers each order's status from these rows. */
function telling(exchange: TestExchange, updates: readonly Json[], recent: readonly Json[] = []): void {
  exchange.answer = (request) => {
    if (request['type'] === 'historicalOrders') return recent;
    if (request['type'] !== 'orderStatus') return undefined;
    const order = updates.find((update) => (update['order'] as Json)['oid'] === request['oid']);
    return order === undefined ? { status: 'unknownOid' } : { status: 'order', order };
  };
}

test('pages give every fill of the span once, at the exchange\'s own time, and nothing outside of it', async (t) => {
  const fills = Array.from({ length: 40 }, (_, place) => fillOf(place + 1, Math.floor(place / 2) * 10, { oid: place }));
  const exchange = await startExchange(t, [fillOf(100, -1), ...fills, fillOf(101, 1_000)], 3);
  const past = await fetchPast(exchange, { to: T0 + 999 });
  assert.deepEqual(tidsOf(past), fills.map(({ tid }) => tid));
  for (const { receivedAt, source, address, data } of past.records) assert.deepEqual([receivedAt, source, address], [data['time'], 'backfill', ADDRESS]);
  assert.deepEqual([past.fills, past.orders, past.ended, past.unasked, past.gaps], [40, 40, 0, 0, []]);
  assert.deepEqual([past.firstFillAt, past.progress], [T0, { lastFillAt: T0 + 190, tids: [39, 40] }]);
});

test('a display name stands where the coin has another, by index', async (t) => {
  const exchange = await startExchange(t, [fillOf(1, 0), fillOf(2, 1, { coin: '@107', dir: 'Buy' }), fillOf(3, 2, { coin: 'xyz:GOLD' })]);
  const { records } = await fetchPast(exchange);
  assert.deepEqual(records.map((record) => ('symbol' in record ? record.symbol : null)), [null, 'HYPE/USDC', null]);
});

test('the ends of orders come at their own time, behind the fills of their millisecond; those that don\'t end are left out', async (t) => {
  const exchange = await startExchange(t, [fillOf(1, 5), fillOf(2, 10, { oid: 2 }), fillOf(3, 10, { oid: 3, twapId: 7 }), fillOf(4, 20, { oid: 4 }), fillOf(5, 30, { oid: 5 })]);
  telling(exchange, [updateOf(1, 'filled', { at: 5 }), updateOf(2, 'filled', { at: 10 }), updateOf(4, 'open', { at: 20 }), updateOf(5, 'canceled', { at: 99_000 })]);
  const past = await fetchPast(exchange);
  const story = past.records.map(({ kind, receivedAt, data }) => [kind, receivedAt - T0, kind === 'fill' ? data['tid'] : data['status']]);
  assert.deepEqual(story, [['fill', 5, 1], ['orderUpdate', 5, 'filled'], ['fill', 10, 2], ['fill', 10, 3], ['orderUpdate', 10, 'filled'], ['fill', 20, 4], ['fill', 30, 5]]);
  assert.deepEqual([past.orders, past.ended], [4, 2]);
  assert.deepEqual(asked(exchange, 'orderStatus').map(({ oid }) => oid), [1, 2, 4, 5]);
});

test('of many orders the last ones are looked at first, of the rest only so many asked for, the latest', async (t) => {
  const oids = Array.from({ length: 60 }, (_, place) => place + 1);
  const exchange = await startExchange(t, oids.map((oid) => fillOf(oid, oid, { oid })));
  const ends = oids.map((oid) => updateOf(oid, 'filled', { at: oid }));
  telling(exchange, ends, ends.slice(40).reverse());
  for (const [statuses, ended] of [[0, 20], [5, 25], [100, 60]] as const) {
    exchange.requests.length = 0;
    const past = await fetchPast(exchange, { statuses });
    assert.deepEqual([past.ended, past.unasked], [ended, 60 - ended]);
    assert.deepEqual(asked(exchange, 'orderStatus').map(({ oid }) => oid), oids.slice(60 - ended, 40));
  }
});

test('what lies before the last fills that exist is a gap, up to the first that is had; fewer fills leave none', async (t) => {
  const fills = Array.from({ length: 10 }, (_, place) => fillOf(place, 1_000 + place));
  const exchange = await startExchange(t, fills, 4);
  const reason = 'only the last 10 fills can be asked for';
  assert.deepEqual((await fetchPast(exchange, {}, { limits: { fillsKept: 10 } })).gaps, [{ from: T0, to: T0 + 1_000, cause: 'history', reason }]);
  assert.deepEqual((await fetchPast(exchange, { to: T0 + 500 }, { limits: { fillsKept: 10 } })).gaps, [{ from: T0, to: T0 + 1_000, cause: 'history', reason }]);
  assert.deepEqual((await fetchPast(exchange, { from: T0 + 1_001 }, { limits: { fillsKept: 10 } })).gaps, []);
  assert.deepEqual((await fetchPast(exchange, {}, { limits: { fillsKept: 11 } })).gaps, []);
});

test('a millisecond with more fills than a page has is a gap, and what follows is had', async (t) => {
  const crowd = Array.from({ length: 8 }, (_, place) => fillOf(place, 10));
  const exchange = await startExchange(t, [fillOf(100, 0), ...crowd, fillOf(101, 20)], 4);
  const past = await fetchPast(exchange);
  assert.deepEqual(past.gaps.map(({ from, to }) => [from, to]), [[T0 + 10, T0 + 10]]);
  assert.deepEqual([tidsOf(past)[0], tidsOf(past).at(-1)], [100, 101]);
});

test('answers that are none, and one that is empty by mistake, are asked for again', async (t) => {
  const exchange = await startExchange(t, [fillOf(1, 0), fillOf(2, 1, { oid: 2 })]);
  const wrong: unknown[] = [429, 500, 'cut', { fills: null }, []];
  exchange.answer = (request) => {
    if (request['type'] !== 'userFillsByTime' || wrong.length === 0) return undefined;
    const answer = wrong.shift();
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    if (typeof answer === 'number') throw answer;
    return answer;
  };
  assert.deepEqual(tidsOf(await fetchPast(exchange)), [1, 2]);
});

test('an exchange that doesn\'t answer at all, or refuses, is an error that says which request', async (t) => {
  const exchange = await startExchange(t, []);
  for (const [status, attempts] of [[503, 8], [422, 1]] as const) {
    let asks = 0;
    exchange.answer = (request) => {
      if (request['type'] !== 'userFillsByTime') return undefined;
      asks += 1;
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw status;
    };
    await assert.rejects(fetchPast(exchange), { name: 'InfoError', message: `userFillsByTime: status ${status}` });
    assert.equal(asks, attempts);
  }
});

test('whoever stops it gets their own reason, also while the exchange says nothing', async (t) => {
  const exchange = await startExchange(t, []);
  const stop = new AbortController();
  exchange.answer = async (request) => {
    if (request['type'] !== 'userFillsByTime') return undefined;
    stop.abort();
    await sleep(60_000, undefined, { ref: false });
    return [];
  };
  await assert.rejects(fetchPast(exchange, {}, { signal: stop.signal }), (error) => error === stop.signal.reason);
});

test('a minute has no more weight than it may', async (t) => {
  const exchange = await startExchange(t, Array.from({ length: 30 }, (_, place) => fillOf(place, place, { oid: place })), 10);
  telling(exchange, []);
  const times: { readonly at: number; readonly weight: number }[] = [];
  const { answer } = exchange;
  const weights: Readonly<Record<string, number>> = { orderStatus: 2 };
  exchange.answer = (request) => {
    times.push({ at: performance.now(), weight: weights[String(request['type'])] ?? 20 });
    return answer(request);
  };
  const minuteMs = 400;
  await fetchPast(exchange, {}, { periods: { ...PERIODS, minuteMs }, limits: { weightPerMinute: 60 } });
  assert.ok(times.reduce((sum, { weight }) => sum + weight, 0) > 120);
  for (const { at } of times) {
    const within = times.filter((other) => other.at >= at && other.at < at + minuteMs);
    assert.ok(within.reduce((sum, { weight }) => sum + weight, 0) <= 60);
  }
});
