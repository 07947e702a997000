import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FillData } from '../record.ts';
import type { FakeExchangeOptions } from './fake-exchange.ts';
import { FakeExchange } from './fake-exchange.ts';
import type { Json } from './test-client.ts';
import { info } from './test-client.ts';

const open = new Set<FakeExchange>();
after(async () => {
  for (const exchange of open) await exchange.close();
});

const START = 1_780_000_000_000;

async function started(options: Partial<FakeExchangeOptions> = {}): Promise<FakeExchange> {
  const exchange = await FakeExchange.start({
    seed: 5, addresses: 1, drive: 'manual', now: () => START, ordersPerSecond: 100, limits: { weightPerMinute: 100_000 }, ...options,
  });
  open.add(exchange);
  return exchange;
}

const first = (exchange: FakeExchange): string => exchange.addresses[0] ?? '';
const fillsOf = (exchange: FakeExchange): readonly FillData[] => exchange.ledger.fills(first(exchange)).map(({ data }) => data);

/** Page by page: by the last time, dropping what was there already. */
async function paged(exchange: FakeExchange, startTime: number): Promise<{ readonly pages: number; readonly fills: readonly FillData[] }> {
  const fills = new Map<number, FillData>();
  for (let pages = 1, from = startTime; ; pages += 1) {
    const { body } = await info(exchange, { type: 'userFillsByTime', user: first(exchange), startTime: from });
    const known = fills.size;
    for (const fill of body) fills.set(fill.tid, fill);
    if (fills.size === known || body.length < 2_000) return { pages, fills: [...fills.values()] };
    from = body.at(-1).time;
  }
}

test('paging by time gives every fill from there on, in order of execution', async () => {
  const exchange = await started({ pastOrders: 2_500 });
  const fills = fillsOf(exchange);
  assert.ok(fills.length > 4_000 && fills.length < 10_000);
  const all = await paged(exchange, 0);
  assert.ok(all.pages >= 3);
  assert.deepEqual(all.fills, fills);
  const from = fills[1_234]?.time ?? 0;
  assert.deepEqual((await paged(exchange, from)).fills, fills.filter((fill) => fill.time >= from));
});

test('an answer by time has at most 2,000 rows, ascending, from its start to its end inclusive', async () => {
  const exchange = await started({ pastOrders: 2_500 });
  const fills = fillsOf(exchange);
  const [startTime, endTime] = [fills[10]?.time ?? 0, fills[900]?.time ?? 0];
  const { body } = await info(exchange, { type: 'userFillsByTime', user: first(exchange), startTime, endTime });
  assert.deepEqual(body, fills.filter(({ time }) => time >= startTime && time <= endTime));
  const whole = await info(exchange, { type: 'userFillsByTime', user: first(exchange), startTime: 0 });
  assert.deepEqual(whole.body, fills.slice(0, 2_000));
});

test('only the last 10,000 fills exist', async () => {
  const exchange = await started({ pastOrders: 9_000 });
  const fills = fillsOf(exchange);
  assert.ok(fills.length > 15_000);
  assert.deepEqual((await paged(exchange, 0)).fills, fills.slice(-10_000));
});

test('userFills gives the last 2,000, newest first', async () => {
  const exchange = await started({ pastOrders: 1_500 });
  const { body } = await info(exchange, { type: 'userFills', user: first(exchange) });
  assert.deepEqual(body, fillsOf(exchange).slice(-2_000).reverse());
  const slices = await info(exchange, { type: 'userTwapSliceFills', user: first(exchange) });
  assert.deepEqual(slices.body, fillsOf(exchange).filter((fill) => fill.twapId !== null).reverse().map((fill) => ({ fill, twapId: fill.twapId })));
});

test('historicalOrders gives up to 2,000 last statuses, newest first, and two rows of an order that was triggered', async () => {
  const exchange = await started({ pastOrders: 4_000, shares: { triggered: 0.3 } });
  const { body } = await info(exchange, { type: 'historicalOrders', user: first(exchange) });
  assert.equal(body.length, 2_000);
  assert.deepEqual(body, [...body].sort((one, other) => other.statusTimestamp - one.statusTimestamp));
  const byOid = Map.groupBy<number, Json>(body, (row) => row.order.oid);
  assert.ok([...byOid.values()].some((rows) => rows.length === 2 && rows.some(({ status }) => status === 'triggered')));
  assert.ok([...byOid.values()].every((rows) => rows.length <= 2));
});

test('orderStatus tells the last status, also one that no update told, and knows no other order', async () => {
  const exchange = await started({ pastOrders: 500, shares: { statusMissing: 0.5, forced: 0, noise: 0, unfilled: 0, twap: 0 } });
  const ended = exchange.ledger.records.findLast((record) => record.kind === 'orderUpdate' && record.data.order.sz === '0.0');
  assert.ok(ended?.kind === 'orderUpdate');
  const { order, status, statusTimestamp } = ended.data;
  const { body } = await info(exchange, { type: 'orderStatus', user: first(exchange), oid: order.oid });
  assert.equal(body.status, 'order');
  assert.deepEqual([body.order.order.oid, body.order.status, body.order.statusTimestamp], [order.oid, status, statusTimestamp]);
  assert.equal(body.order.order.origSz, order.origSz);
  const statuses = new Set<string>();
  for (const { data } of exchange.ledger.fills().slice(0, 50)) {
    statuses.add((await info(exchange, { type: 'orderStatus', user: first(exchange), oid: data.oid })).body.status);
  }
  assert.deepEqual([...statuses], ['order']);
  const unknown = await info(exchange, { type: 'orderStatus', user: first(exchange), oid: 1 });
  assert.deepEqual(unknown, { status: 200, body: { status: 'unknownOid' } });
});

test('what is left of an open order shrinks with its fills, though no update says so', async () => {
  const exchange = await started({ pastOrders: 2_000 });
  const { body } = await info(exchange, { type: 'openOrders', user: first(exchange) });
  const filled = new Map<number, number>();
  for (const { oid, sz } of fillsOf(exchange)) filled.set(oid, (filled.get(oid) ?? 0) + Number(sz));
  const partly = body.filter(({ oid }: { oid: number }) => filled.has(oid));
  assert.ok(partly.length > 3 && partly.length < body.length);
  for (const { oid, sz, origSz } of body) assert.ok(Math.abs(Number(origSz) - Number(sz) - (filled.get(oid) ?? 0)) < 1e-6 * Number(origSz));
  const asked = await info(exchange, { type: 'orderStatus', user: first(exchange), oid: partly[0].oid });
  assert.equal(asked.body.order.order.sz, partly[0].sz);
  const { cloid, oid } = body.find((row: { cloid?: string }) => row.cloid !== undefined);
  const byCloid = await info(exchange, { type: 'orderStatus', user: first(exchange), oid: cloid });
  assert.equal(byCloid.body.order.order.oid, oid);
});

test('clearinghouseState has the last account value, and an address that never traded has nothing', async () => {
  const exchange = await started({ pastOrders: 2_000 });
  const value = exchange.ledger.records.findLast((record) => record.kind === 'account');
  const state = await info(exchange, { type: 'clearinghouseState', user: first(exchange) });
  assert.equal(state.body.marginSummary.accountValue, value?.kind === 'account' && value.data.accountValue);
  assert.equal(state.body.time, START);
  const user = `0x${'f'.repeat(40)}`;
  assert.deepEqual((await info(exchange, { type: 'userFills', user })).body, []);
  assert.equal((await info(exchange, { type: 'clearinghouseState', user })).body.marginSummary.accountValue, '0.0');
});

test('every coin of the market has a name in meta, perpDexs or spotMeta, and a place in an array says nothing', async () => {
  const exchange = await started({ pastOrders: 2_000 });
  const { body: dexs } = await info(exchange, { type: 'perpDexs' });
  assert.equal(dexs[0], null);
  const names = new Set<string>();
  for (const dex of dexs) {
    const { body } = await info(exchange, dex === null ? { type: 'meta' } : { type: 'meta', dex: dex.name });
    for (const { name } of body.universe) names.add(name);
  }
  const { body: spot } = await info(exchange, { type: 'spotMeta' });
  for (const { name, index, tokens } of spot.universe) {
    assert.equal(spot.universe[index]?.name === name, false);
    assert.ok(tokens.every((token: number) => spot.tokens.some((known: { index: number }) => known.index === token)));
    names.add(name);
  }
  for (const { coin } of fillsOf(exchange)) assert.ok(names.has(coin), coin);
  assert.equal((await info(exchange, { type: 'allPerpMetas' })).body.length, dexs.length);
});

test('a request that makes no sense is 422, another path 404, another method 405', async () => {
  const exchange = await started();
  const user = first(exchange);
  const bad = ['', 'nonsense', '[]', { type: 'weather', user }, { type: 'userFills', user: '0x1' }, { type: 'userFillsByTime', user },
    { type: 'orderStatus', user }, { type: 'meta', dex: 'nowhere' }];
  for (const request of bad) assert.equal((await info(exchange, request)).status, 422, JSON.stringify(request));
  assert.equal((await fetch(`${exchange.url}/info`)).status, 405);
  assert.equal((await fetch(`${exchange.url}/exchange`, { method: 'POST' })).status, 404);
  assert.equal((await info(exchange, 'x'.repeat(100_000))).status, 413);
});
