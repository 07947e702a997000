// One order: identities, states and deadlines (contract §4 to §7).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { format, parseDecimal } from './decimal.ts';
import { meaningOf } from './leg.ts';
import {
  asReported, deadlineOf, identityOf, isComplete, isLate, recall, triggerOf, withFill, withStatus, type NewFill, type Order, type Pending,
} from './order.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { statusMeaningOf, type TerminalStatus } from './status.ts';
import { ALICE, T0, fillOf, oidOf, updateOf, type FillParts, type UpdateParts } from './test-records.ts';
import { markReported } from './totals.ts';

function next(at: number, parts: FillParts = {}): NewFill {
  const fill = fillOf(parts);
  const meaning = meaningOf(fill, ALICE);
  if (meaning.kind === 'refused') throw new Error(meaning.reason);
  return { fill, symbol: fill.coin, cause: meaning.cause, parts: meaning.parts, now: T0 + at };
}

function filled(order: Order | null, at: number, parts: FillParts = {}, lateFills: 'revise' | 'drop' = 'revise'): Order {
  return withFill(order, next(at, parts), null, lateFills);
}

function terminal(parts: UpdateParts = {}): TerminalStatus {
  const meaning = statusMeaningOf(updateOf(parts));
  if (meaning.kind !== 'terminal') throw new Error(meaning.kind);
  return meaning.status;
}

function pending(order: Order): Pending {
  if (order.kind !== 'pending') throw new Error(`the order is ${order.kind}`);
  return order;
}

function reported(order: Order): Order {
  const told = pending(order);
  for (const leg of told.ledger.legs) markReported(leg);
  return asReported(told);
}

function waitOf(order: Order): number {
  return deadlineOf(order, DEFAULT_SETTINGS) - T0;
}

suite('the identity of a fill', () => {
  test('is its tid alone', () => {
    assert.equal(identityOf(fillOf({ tid: 7 })), identityOf(fillOf({ tid: 7, px: '3', sz: '9', side: 'A', hash: '0x1', time: T0 + 5 })));
    assert.notEqual(identityOf(fillOf({ tid: 7 })), identityOf(fillOf({ tid: 8 })));
  });

  test('without a tid is coin, time, side, px, sz, startPosition and hash, by value', () => {
    const plain = identityOf(fillOf({ tid: 0 }));
    assert.equal(identityOf(fillOf({ tid: 0, px: '100.00', sz: '1.0', startPosition: '-0.0', fee: '3', closedPnl: '4', cloid: 'c' })), plain);
    const others: FillParts[] = [
      { coin: 'ETH' }, { time: T0 + 1 }, { side: 'A' }, { px: '101' }, { sz: '2' }, { startPosition: '1' }, { hash: '0x1' },
    ];
    for (const other of others) assert.notEqual(identityOf(fillOf({ tid: 0, ...other })), plain, JSON.stringify(other));
  });

  test('recalls the same facts as a duplicate and others as a conflict', () => {
    const order = filled(null, 0, { tid: 7 });
    assert.equal(recall(order, fillOf({ tid: 7, px: '100.0', fee: '5' })), 'duplicate');
    assert.equal(recall(order, fillOf({ tid: 8 })), 'new');
    for (const parts of [{ px: '101' }, { sz: '2' }, { side: 'A' as const }]) {
      assert.equal(recall(order, fillOf({ tid: 7, ...parts })), 'conflict', JSON.stringify(parts));
    }
  });

  test('is new to a parked order', () => {
    assert.equal(recall(withStatus(null, oidOf(1), terminal(), T0), fillOf()), 'new');
  });
});

suite('the states of an order', () => {
  test('a status before the fills is parked, and replaced by one that wins', () => {
    const parked = withStatus(null, oidOf(1), terminal(), T0);
    assert.equal(parked.kind, 'parked');
    const later = withStatus(parked, oidOf(1), terminal({ status: 'canceled', statusTimestamp: T0 + 1 }), T0 + 9);
    assert.deepEqual([later.kind, later.status?.status, later.changedAt], ['parked', 'canceled', T0 + 9]);
  });

  test('the first fill makes it pending and takes the parked status along', () => {
    const order = filled(withStatus(null, oidOf(1), terminal(), T0), 3);
    assert.deepEqual([order.kind, order.status?.status], ['pending', 'filled']);
  });

  test('the first unreported fill sets the time from which is waited, later ones do not', () => {
    const order = pending(filled(filled(null, 3, { tid: 1 }), 8, { tid: 2 }));
    assert.equal(order.unreportedSince, T0 + 3);
    assert.equal(order.changedAt, T0 + 8);
    assert.equal(pending(filled(reported(order), 20, { tid: 3 })).unreportedSince, T0 + 20);
  });

  test('coin, symbol and account value are those of the first fill, the cloid of any', () => {
    const value = parseDecimal('500');
    const first = withFill(null, { ...next(0, { tid: 1 }), symbol: 'First' }, value, 'revise');
    const { ledger } = withFill(first, { ...next(1, { tid: 2, cloid: '0xc' }), symbol: 'Second' }, parseDecimal('9'), 'revise');
    assert.deepEqual([ledger.coin, ledger.symbol, ledger.accountValue, ledger.cloid], ['BTC', 'First', value, '0xc']);
  });

  test('the legs of an order stand in the order in which they go out, close before open', () => {
    let order = filled(null, 0, { tid: 1, startPosition: '0', side: 'B' });
    order = filled(order, 0, { tid: 2, startPosition: '-1', sz: '3', dir: 'Short > Long' });
    assert.deepEqual(pending(order).ledger.legs.map(({ leg }) => leg), ['close-short', 'open-long']);
  });

  test("S sums raw sizes: a reversal's once", () => {
    const order = pending(filled(null, 0, { startPosition: '-1', sz: '3', dir: 'Short > Long' }));
    assert.equal(format(order.ledger.rawSize), '3');
    assert.ok(isComplete(pending(withStatus(order, oidOf(1), terminal({ origSz: '3' }), T0))));
  });

  test('a fill is late when one of its legs has sent a signal', () => {
    const told = reported(filled(null, 0, { tid: 1, startPosition: '-1', dir: 'Close Short' }));
    assert.ok(isLate(told, next(0, { startPosition: '-1', sz: '2', dir: 'Short > Long' }).parts));
    assert.ok(!isLate(told, next(0, { startPosition: '0' }).parts));
    assert.ok(!isLate(null, next(0).parts));
    assert.ok(!isLate(withStatus(null, oidOf(1), terminal(), T0), next(0).parts));
  });

  test('with late fills dropped a late fill counts towards S and in no leg, and its order has nothing to say', () => {
    const told = reported(filled(null, 0, { tid: 1 }));
    const after = filled(told, 9, { tid: 2, time: T0 + 9 }, 'drop');
    if (after.kind !== 'reported') throw new Error(`the order is ${after.kind}`);
    assert.equal(format(after.ledger.rawSize), '2');
    assert.equal(after.ledger.legs[0]?.fillCount, 1);
    assert.deepEqual([after.ledger.lastFillAt, after.changedAt], [T0 + 9, T0 + 9]);
  });

  test('with late fills dropped a reversal still opens the leg that has sent nothing', () => {
    const told = reported(filled(null, 0, { tid: 1, startPosition: '-2', dir: 'Close Short' }));
    const after = pending(filled(told, 9, { tid: 2, startPosition: '-1', sz: '3', dir: 'Short > Long' }, 'drop'));
    assert.deepEqual(after.ledger.legs.map(({ leg, size }) => `${leg} ${format(size)}`), ['close-short 1', 'open-long 2']);
  });
});

suite('what an order waits for', () => {
  const slice = { twapId: 5 };

  test('a parked status waits 10 minutes from when it won, and asks for the fills that it owes on the way', () => {
    const parked = withStatus(null, oidOf(1), terminal(), T0 + 4);
    assert.ok(parked.kind === 'parked');
    assert.equal(waitOf(parked), 5_004);
    assert.equal(waitOf({ ...parked, asked: true }), 600_004);
    assert.equal(waitOf({ ...parked, status: { ...parked.status, status: 'canceled', owesFills: false } }), 600_004);
  });

  test('a trade without a status waits 5 minutes from its first unreported fill', () => {
    const order = filled(filled(null, 1, { tid: 1 }), 9, { tid: 2 });
    assert.deepEqual([triggerOf(pending(order)), waitOf(order)], ['timeout', 300_001]);
  });

  test('a status whose quantity does not fit waits 5 seconds from the last change', () => {
    const order = withStatus(filled(null, 1), oidOf(1), terminal({ origSz: '2' }), T0 + 7);
    assert.deepEqual([triggerOf(pending(order)), waitOf(order)], ['grace', 5_007]);
    assert.equal(waitOf(filled(order, 9, { tid: 2, sz: '3' })), 5_009);
  });

  test('a status whose quantity fits does not wait', () => {
    assert.equal(triggerOf(pending(withStatus(filled(null, 1), oidOf(1), terminal(), T0 + 7))), 'complete');
  });

  test('quiet fills wait 2 seconds from the last, at most 5 minutes from the first unreported', () => {
    const order = filled(filled(null, 1, { tid: 1, ...slice }), 9, { tid: 2, dir: 'Settlement' });
    assert.deepEqual([triggerOf(pending(order)), waitOf(order)], ['quiet', 2_009]);
    assert.equal(waitOf(filled(order, 299_000, { tid: 3, ...slice })), 300_001);
  });

  test('one loud fill makes the whole order loud, with late fills dropped too', () => {
    const order = filled(filled(null, 1, { tid: 1, ...slice }), 9, { tid: 2 });
    assert.equal(triggerOf(pending(order)), 'timeout');
    const told = reported(filled(null, 1, { tid: 1, ...slice }));
    assert.equal(waitOf(filled(told, 9, { tid: 2 }, 'drop')), 2_592_000_009);
  });

  test('a reported order is finished after 10 minutes when complete, an hour when quiet, else 30 days', () => {
    const told = reported(filled(null, 1));
    assert.equal(waitOf(told), 2_592_000_001);
    assert.equal(waitOf(withStatus(told, oidOf(1), terminal(), T0 + 2)), 600_002);
    assert.equal(waitOf(withStatus(told, oidOf(1), terminal({ origSz: '2' }), T0 + 2)), 2_592_000_002);
    const quiet = reported(filled(null, 1, slice));
    assert.equal(waitOf(quiet), 3_600_001);
    assert.equal(waitOf(withStatus(quiet, oidOf(1), terminal({ origSz: '2' }), T0 + 2)), 2_592_000_002);
    assert.equal(waitOf(withStatus(quiet, oidOf(1), terminal(), T0 + 2)), 600_002);
  });
});
