import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FillData, FillRecord, JournalRecord } from './index.ts';
import { Ledger, market } from './index.ts';

const ADDRESS = `0x${'1'.repeat(40)}`;
const FILL: FillData = {
  coin: 'BTC', px: '100.5', sz: '3.0', side: 'A', time: 1_760_000_000_000, startPosition: '1.0', dir: 'Long > Short',
  closedPnl: '2.5', hash: '0x0', oid: 1, crossed: true, fee: '0.00000001', tid: 11, feeToken: 'USDC', twapId: null,
};
const recordOf = (data: Partial<FillData>): FillRecord =>
  ({ kind: 'fill', address: ADDRESS, receivedAt: 1_760_000_000_010, data: { ...FILL, ...data } });

function ledgerOf(records: Iterable<JournalRecord>): Ledger {
  const ledger = new Ledger();
  for (const record of records) ledger.add(record);
  return ledger;
}

test('a reversal is a close and an open whose fees sum to the fill\'s', () => {
  const [order] = ledgerOf([recordOf({ fee: '1.0' })]).orders();
  assert.deepEqual(order?.legs, {
    'close-long': { size: '1', notional: '100.5', closedPnl: '2.5', fees: { USDC: '0.33333333' }, fillCount: 1 },
    'open-short': { size: '2', notional: '201', closedPnl: '0', fees: { USDC: '0.66666667' }, fillCount: 1 },
  });
});

test('a fee in the middle of two goes to the even one', () => {
  const feeOf = (fee: string): unknown => ledgerOf([recordOf({ sz: '2.0', fee })]).orders()[0]?.legs['close-long']?.fees;
  assert.deepEqual(feeOf('0.00000001'), { USDC: '0' });
  assert.deepEqual(feeOf('0.00000003'), { USDC: '0.00000002' });
  assert.deepEqual(feeOf('-0.00000001'), { USDC: '0' });
  assert.deepEqual(feeOf('-0.00000003'), { USDC: '-0.00000002' });
});

test('a fill that comes again counts once', () => {
  const ledger = ledgerOf([recordOf({}), recordOf({}), recordOf({ tid: 12 })]);
  assert.equal(ledger.orders()[0]?.legs['close-long']?.fillCount, 2);
  assert.deepEqual(ledger.counts(), {
    records: 3, fills: 3, duplicates: 1, reversals: 2, orderUpdates: 0, accounts: 0, ticks: 0, statuses: {},
  });
});

test('the totals of coins are the sums of their orders', () => {
  const ledger = ledgerOf(market({ seed: 3, addresses: 4, startAt: 1_760_000_000_000, orders: 3_000 }));
  const total = Object.values(ledger.totals()).reduce((sum, leg) => sum + leg.fillCount, 0);
  const orders = ledger.orders().flatMap((order) => Object.values(order.legs));
  assert.equal(total, orders.reduce((sum, leg) => sum + leg.fillCount, 0));
  const { fills, duplicates, reversals, records, orderUpdates, accounts, ticks } = ledger.counts();
  assert.equal(total, fills - duplicates + reversals);
  assert.equal(records, fills + orderUpdates + accounts + ticks);
});
