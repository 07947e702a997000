// What revisions add.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { add } from './decimal.ts';
import { delta, isNewer, type Delta } from './delta.ts';
import type { Signal } from './protocol.ts';
import { testSignal } from './test-signals.ts';

const amounts = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 18 }))
  .map(([units, scale]) => `${String(units)}.${'7'.repeat(scale + 1)}`);

/** What a fill brings. */
const fills = fc.record({
  size: amounts, notional: amounts, closedPnl: amounts, fee: amounts, token: fc.constantFrom('USDC', 'HYPE', 'PURR'), isLate: fc.boolean(),
});

function sum(a: Delta, b: Delta): Delta {
  const tokens = [...new Set([...Object.keys(a.fees), ...Object.keys(b.fees)])].sort();
  return {
    size: add(a.size, b.size), notional: add(a.notional, b.notional), closedPnl: add(a.closedPnl, b.closedPnl),
    fees: Object.fromEntries(tokens.map((token) => [token, add(a.fees[token] ?? '0', b.fees[token] ?? '0')])),
    fillCount: a.fillCount + b.fillCount,
  };
}

function totals({ size, notional, fees, closedPnl, fillCount }: Signal): Delta {
  return { size, notional, fees, closedPnl, fillCount };
}

test("the deltas of a leg's revisions sum to its totals, to the last digit", () => {
  fc.assert(fc.property(fc.array(fills, { minLength: 1, maxLength: 8 }), (each) => {
    let signal: Signal | null = null;
    let added: Delta = { size: '0', notional: '0', fees: {}, closedPnl: '0', fillCount: 0 };
    for (const { size, notional, closedPnl, fee, token, isLate } of each) {
      const before: Signal = signal ?? testSignal(1, { revision: 0, size: '0', notional: '0', closedPnl: '0', fees: {}, fillCount: 0 });
      const next = {
        ...before, revision: before.revision + 1, size: add(before.size, size), notional: add(before.notional, notional),
        closedPnl: add(before.closedPnl, closedPnl), fees: { ...before.fees, [token]: add(before.fees[token] ?? '0', fee) },
        fillCount: before.fillCount + 1, lastFillAt: before.lastFillAt + (isLate ? 0 : 10),
      };
      added = sum(added, delta(signal, next));
      signal = next;
    }
    assert.ok(signal !== null);
    assert.deepEqual(sum(added, { size: '0', notional: '0', fees: {}, closedPnl: '0', fillCount: 0 }), { ...totals(signal), fees: added.fees });
    for (const [token, fee] of Object.entries(signal.fees)) assert.equal(add(fee, '0'), added.fees[token]);
  }));
});

test('before the first revision all was 0', () => {
  const signal = testSignal(1);
  assert.deepEqual(delta(null, signal), totals(signal));
});

test('a token that a revision no longer names is taken away', () => {
  const [first, second] = [testSignal(1, { fees: { HYPE: '0.1', USDC: '1' } }), testSignal(1, { revision: 2, fees: { USDC: '1' } })];
  assert.deepEqual(delta(first, second).fees, { HYPE: '-0.1', USDC: '0' });
});

test('another order, the same revision and an earlier one are refused', () => {
  const [first, second] = [testSignal(1), testSignal(1, { revision: 2 })];
  assert.throws(() => delta(first, testSignal(2)), RangeError);
  assert.throws(() => delta(second, second), RangeError);
  assert.throws(() => delta(second, first), RangeError);
});

test('a forgotten order that fills again adds all of it, and is newer than all it was', () => {
  const known = testSignal(1, { revision: 3 });
  const anew = testSignal(1, { firstFillAt: known.lastFillAt + 1, lastFillAt: known.lastFillAt + 2, size: '0.1' });
  assert.ok(isNewer(known, anew) && !isNewer(anew, known));
  assert.equal(delta(known, anew).size, '0.1');
  const revised = { ...anew, revision: 4, size: '0.3' };
  assert.equal(delta(anew, revised).size, '0.2');
});
