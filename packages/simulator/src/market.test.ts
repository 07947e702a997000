import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FillData, FillRecord, JournalRecord, MarketOptions, OrderUpdateData, OrderUpdateRecord, Shares, Witness } from './index.ts';
import { market } from './index.ts';

const START = 1_760_000_000_000;
const BUSY: MarketOptions = { seed: 7, addresses: 12, startAt: START, orders: 20_000 };

const busy = [...market(BUSY)];
const fillsOf = (records: readonly JournalRecord[]): readonly FillRecord[] => records.filter((record) => record.kind === 'fill');
const updatesOf = (records: readonly JournalRecord[]): readonly OrderUpdateRecord[] =>
  records.filter((record) => record.kind === 'orderUpdate');
const isTerminal = ({ data }: OrderUpdateRecord): boolean => data.status !== 'open' && data.status !== 'triggered';
const isSpot = (coin: string): boolean => coin.startsWith('@') || coin.includes('/');

// Amounts as whole 10^-8, so that sums are exact.
function units(text: string): bigint {
  assert.match(text, /^-?(0|[1-9][0-9]*)\.([0-9]|[0-9]*[1-9])$/);
  const [whole = '', decimals = ''] = text.split('.');
  return BigInt(whole + decimals.padEnd(8, '0'));
}

/** First deliveries, in order of arrival. */
function executed(records: readonly JournalRecord[]): readonly FillRecord[] {
  const seen = new Map<number, FillRecord>();
  for (const fill of fillsOf(records)) if (!seen.has(fill.data.tid)) seen.set(fill.data.tid, fill);
  return [...seen.values()];
}

function byOid(fills: readonly FillRecord[]): ReadonlyMap<number, readonly FillRecord[]> {
  return Map.groupBy(fills, (fill) => fill.data.oid);
}

const sumOf = (fills: readonly FillRecord[]): bigint => fills.reduce((sum, fill) => sum + units(fill.data.sz), 0n);

test('the same options give the same bytes, and another seed gives others', () => {
  const bytes = (seed: number): string => JSON.stringify([...market({ ...BUSY, seed, orders: 2_000 })]);
  assert.equal(bytes(1), bytes(1));
  assert.notEqual(bytes(1), bytes(2));
});

test('a shorter journal is the beginning of a longer one', () => {
  const first = [...market({ ...BUSY, records: 5_000 })];
  assert.equal(first.length, 5_000);
  assert.deepEqual(first, busy.slice(0, 5_000));
});

test('receivedAt never decreases and comes after the exchange', () => {
  let last = START;
  for (const record of busy) {
    assert.ok(record.receivedAt >= last);
    last = record.receivedAt;
    if (record.kind === 'fill') assert.ok(record.data.time < record.receivedAt);
    if (record.kind === 'orderUpdate') assert.ok(record.data.statusTimestamp < record.receivedAt);
    if (record.kind === 'orderUpdate') assert.ok(record.data.order.timestamp <= record.data.statusTimestamp);
    if (record.kind === 'account') assert.ok(record.data.time < record.receivedAt);
  }
});

test('a tid is one fill, delivered again without a change', () => {
  const seen = new Map<number, string>();
  for (const { data } of fillsOf(busy)) {
    const text = JSON.stringify(data);
    assert.equal(seen.get(data.tid) ?? text, text);
    assert.ok(Number.isSafeInteger(data.tid) && data.tid > 0);
    seen.set(data.tid, text);
  }
});

test('a position starts where the fill before left it, less the fee of a spot buy', () => {
  const positions = new Map<string, bigint>();
  for (const { address, data } of chainOf(executed(busy))) {
    const key = `${address} ${data.coin}`;
    const start = units(data.startPosition);
    assert.equal(positions.get(key) ?? start, start, `${key} ${data.oid}`);
    const signed = data.side === 'B' ? units(data.sz) : -units(data.sz);
    positions.set(key, start + signed - (isSpot(data.coin) && data.side === 'B' ? units(data.fee) : 0n));
    if (isSpot(data.coin)) assert.ok(start + signed >= 0n);
  }
  assert.ok(positions.size > 100);
});

// Execution order: by time, and within a millisecond as delivered, since a channel keeps its order.
function chainOf(fills: readonly FillRecord[]): readonly FillRecord[] {
  return fills.toSorted((a, b) => a.data.time - b.data.time);
}

test('dir says what position, side and size say', () => {
  const seen = new Set<string>();
  for (const { data } of fillsOf(busy)) {
    seen.add(data.dir);
    if (/Liquidated|Auto/.test(data.dir)) continue;
    assert.equal(data.dir, expectedDir(data.coin, units(data.startPosition), data.side === 'B', units(data.sz)));
  }
  for (const dir of ['Open Long', 'Close Long', 'Open Short', 'Close Short', 'Long > Short', 'Short > Long', 'Buy', 'Sell']) {
    assert.ok(seen.has(dir), dir);
  }
});

function expectedDir(coin: string, start: bigint, isBuy: boolean, size: bigint): string {
  if (isSpot(coin)) return isBuy ? 'Buy' : 'Sell';
  const after = isBuy ? start + size : start - size;
  if (start < 0n && after > 0n) return 'Short > Long';
  if (start > 0n && after < 0n) return 'Long > Short';
  if (isBuy) return start < 0n ? 'Close Short' : 'Open Long';
  return start > 0n ? 'Close Long' : 'Open Short';
}

test('the fills of a filled order sum to its origSz, and those of a canceled one to what was filled', () => {
  const fills = byOid(executed(busy));
  let filled = 0;
  for (const update of updatesOf(busy).filter(isTerminal)) {
    const { order, status } = update.data;
    if (status.startsWith('reduceOnly')) continue;
    assert.equal(sumOf(fills.get(order.oid) ?? []), units(order.origSz) - units(order.sz));
    if (status !== 'filled') assert.ok(units(order.sz) > 0n);
    else filled += 1;
  }
  assert.ok(filled > 10_000);
});

test('an order ends once at most, belongs to one account and side, and slices send no updates', () => {
  const fills = byOid(fillsOf(busy));
  const updates = Map.groupBy(updatesOf(busy), (update) => update.data.order.oid);
  for (const [oid, own] of updates) assert.ok(own.filter(isTerminal).length <= 1, String(oid));
  for (const [oid, own] of fills) {
    const keys = new Set(own.map(({ address, data }) => `${address} ${data.coin} ${data.side} ${data.cloid} ${data.twapId}`));
    assert.equal(keys.size, 1);
    if (own.some((fill) => fill.data.twapId !== null)) assert.ok(!updates.has(oid));
  }
});

test('oids rise in the order in which orders were made', () => {
  const made = updatesOf(busy).map(({ data }) => data.order).sort((a, b) => a.oid - b.oid);
  made.reduce((before, order) => {
    assert.ok(before.timestamp <= order.timestamp);
    return order;
  });
});

test('a spot buy pays its fee in the token, all else in USDC, and only perps that rest get rebates', () => {
  const rebates = fillsOf(busy).filter((fill) => fill.data.fee.startsWith('-'));
  assert.ok(rebates.length > 100);
  for (const { data } of rebates) assert.ok(!data.crossed && !isSpot(data.coin));
  for (const { data, symbol } of fillsOf(busy)) {
    const token = data.coin === '@107' ? 'HYPE' : 'PURR';
    assert.equal(data.feeToken, isSpot(data.coin) && data.side === 'B' ? token : 'USDC');
    assert.equal(symbol, data.coin === '@107' ? 'HYPE/USDC' : undefined);
  }
});

test('what a flat position realised is what its fills paid and received', () => {
  let checked = 0;
  const open = new Map<string, { pnl: bigint; cash: bigint }>();
  for (const { address, data } of chainOf(executed(busy))) {
    if (isSpot(data.coin)) continue;
    const key = `${address} ${data.coin}`;
    if (units(data.startPosition) === 0n) open.set(key, { pnl: 0n, cash: 0n });
    const run = open.get(key);
    if (run === undefined) continue;
    const value = units(data.px) * units(data.sz);
    run.cash += data.side === 'A' ? value : -value;
    run.pnl += units(data.closedPnl) * 100_000_000n;
    const signed = data.side === 'B' ? units(data.sz) : -units(data.sz);
    if (units(data.startPosition) + signed !== 0n) continue;
    assert.equal(run.pnl, run.cash);
    checked += 1;
  }
  assert.ok(checked > 100);
});

test('shares come out as asked', () => {
  const shares: Partial<Shares> = {
    reversals: 0.05, duplicates: 0.1, noise: 0.2, twap: 0.1, canceled: 0, statusBefore: 0.6, statusBetween: 0,
  };
  const records = [...market({ ...BUSY, ordersPerSecond: 2, shares })];
  const once = executed(records);
  const near = (actual: number, asked: number, tolerance: number): void =>
    assert.ok(Math.abs(actual - asked) < tolerance, `expected about ${asked}; got ${actual}`);
  near(once.filter((fill) => fill.data.dir.includes(' > ')).length / once.length, 0.05, 0.002);
  near(fillsOf(records).length / once.length - 1, 0.1, 0.01);
  near(updatesOf(records).filter((update) => update.data.status === 'badAloPxRejected').length / 20_000, 0.18, 0.01);
  near(new Set(once.filter((fill) => fill.data.twapId !== null).map((fill) => fill.data.oid)).size / 20_000, 0.1, 0.01);
  near(shareOfStatusesFirst(records), 0.6, 0.03);
});

// Of orders filled within one millisecond, where no earlier fill can be ahead.
function shareOfStatusesFirst(records: readonly JournalRecord[]): number {
  const spread = new Set([...byOid(fillsOf(records))]
    .filter(([, own]) => new Set(own.map((fill) => fill.data.time)).size > 1)
    .map(([oid]) => oid));
  const started = new Set<number>();
  let first = 0;
  let all = 0;
  for (const record of records) {
    if (record.kind === 'fill') started.add(record.data.oid);
    if (record.kind !== 'orderUpdate' || record.data.status !== 'filled' || spread.has(record.data.order.oid)) continue;
    all += 1;
    if (!started.has(record.data.order.oid)) first += 1;
  }
  return first / all;
}

test('with all shares at zero each order is filled, told and told once', () => {
  const zero: Shares = {
    reversals: 0, duplicates: 0, statusBefore: 0, statusBetween: 0, statusMissing: 0, lateFills: 0, open: 0, canceled: 0,
    reduceOnly: 0, triggered: 0, noise: 0, unfilled: 0, twap: 0, forced: 0, cloid: 0, spot: 0, rebates: 0,
  };
  const records = [...market({ ...BUSY, orders: 2_000, tickEveryMs: 0, accountEveryMs: 0, shares: zero })];
  assert.equal(fillsOf(records).length, executed(records).length);
  assert.equal(byOid(fillsOf(records)).size, 2_000);
  assert.equal(updatesOf(records).filter((update) => update.data.status === 'filled').length, 2_000);
  assert.equal(updatesOf(records).length + fillsOf(records).length, records.length);
});

test('orders fill as recorded ones do: in one millisecond, over seconds, over minutes', () => {
  const spreads = [...byOid(executed([...market({ ...BUSY, orders: 60_000 })])).values()]
    .filter((own) => own.length > 1)
    .map((own) => own.map((fill) => fill.data.time))
    .map((times) => times.reduce((a, b) => Math.max(a, b)) - times.reduce((a, b) => Math.min(a, b)));
  const share = (test: (ms: number) => boolean): number => spreads.filter(test).length / spreads.length;
  assert.ok(Math.abs(share((ms) => ms === 0) - 0.78) < 0.02);
  assert.ok(Math.abs(share((ms) => ms > 1_000) - 0.15) < 0.02);
  assert.ok(Math.abs(share((ms) => ms > 60_000) - 0.027) < 0.01);
});

test('ticks come each period, and account values each turn', () => {
  const ticks = busy.filter((record) => record.kind === 'tick');
  ticks.forEach((tick, index) => assert.equal(tick.receivedAt, START + (index + 1) * 1_000));
  const accounts = busy.filter((record) => record.kind === 'account' && record.receivedAt < START + 600_000);
  assert.ok(accounts.length >= 12 * 10);
});

test('whatever the seed, a market ends with every order delivered', () => {
  fc.assert(fc.property(fc.string(), fc.integer({ min: 1, max: 4 }), (seed, addresses) => {
    const records = [...market({ seed, addresses, startAt: START, orders: 60 })];
    const fills = byOid(executed(records));
    for (const update of updatesOf(records).filter(({ data }) => data.status === 'filled')) {
      assert.equal(sumOf(fills.get(update.data.order.oid) ?? []), units(update.data.order.origSz));
    }
  }), { numRuns: 40 });
});

test('an option that makes no sense is refused with what was expected', () => {
  const refused = (options: Partial<MarketOptions>, expected: RegExp): void =>
    assert.throws(() => market({ ...BUSY, ...options }), expected);
  refused({ addresses: 0 }, /addresses: a whole number above 0; got 0/);
  refused({ addresses: ['0x12'] }, /addresses: 0x and 40 hex digits; got 0x12/);
  refused({ startAt: 1_760_000_000 }, /startAt: milliseconds since the epoch/);
  refused({ shares: { noise: 2 } }, /shares\.noise: from 0 to 1; got 2/);
  refused({ ordersPerSecond: 0 }, /ordersPerSecond: more than 0/);
});

test('a witness changes nothing, and is told everything in order of exchange time, before it is delivered', () => {
  const fills = new Set<FillData>();
  const updates = new Set<OrderUpdateData>();
  const lefts = new Map<number, string>();
  const times: number[] = [];
  const witness: Witness = {
    filled: (_address, data, left) => {
      fills.add(data);
      lefts.set(data.oid, left);
      times.push(data.time);
    },
    changed: (_address, data) => {
      updates.add(data);
      times.push(data.statusTimestamp);
    },
    valued: (_address, { time }) => times.push(time),
  };
  const options = { ...BUSY, orders: 5_000 };
  const records: JournalRecord[] = [];
  for (const record of market(options, witness)) {
    if (record.kind === 'fill') assert.ok(fills.has(record.data));
    if (record.kind === 'orderUpdate') assert.ok(updates.has(record.data));
    records.push(record);
  }
  assert.deepEqual(records, [...market(options)]);
  assert.deepEqual(times, [...times].sort((one, other) => one - other));
  assert.equal(fills.size, executed(records).length);
  const filled = [...updates].filter(({ order, status }) => status === 'filled' && lefts.has(order.oid));
  assert.ok(filled.length > 2_000);
  for (const { order } of filled) assert.equal(lefts.get(order.oid), '0.0');
});
