// The totals of a leg against a plain list of its parts (T1, T2; positions of contract §9).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ZERO, add, compare, format, multiply, type Decimal } from './decimal.ts';
import type { Fill } from './input.ts';
import { CAUSES, LEG_FACTS, positionAfter, type Cause, type LegName, type Part } from './leg.ts';
import { T0, fillOf } from './test-records.ts';
import { addPart, hasUnreported, markReported, totalsOf as firstTotals, type LegTotals } from './totals.ts';

type Share = { readonly fill: Fill; readonly part: Part; readonly cause: Cause };

function shareOf(leg: LegName, fill: Fill, cause: Cause): Share {
  return { fill, cause, part: { leg, size: fill.sz, start: fill.startPosition, fee: fill.fee, closedPnl: fill.closedPnl } };
}

function totalsOf(_leg: LegName, shares: readonly Share[]): LegTotals {
  const [first] = shares;
  if (first === undefined) throw new Error('a leg has a part');
  const totals = firstTotals(first.fill, first.part, first.cause);
  for (const { fill, part, cause } of shares.slice(1)) addPart(totals, fill, part, cause);
  return totals;
}

/** Parts by time, then start along the order's side, then tid, then arrival. */
function inOrder(leg: LegName, shares: readonly Share[]): readonly Share[] {
  const along = LEG_FACTS[leg].trade === 'B' ? 1 : -1;
  return shares.toSorted((a, b) => (
    a.fill.time - b.fill.time || along * compare(a.part.start, b.part.start) || a.fill.tid - b.fill.tid
  ));
}

function sum(amounts: readonly Decimal[]): string {
  return format(amounts.reduce(add, ZERO));
}

const amount = fc.integer({ min: -50, max: 50 }).map((tenths) => `${String(tenths)}.5`);
const size = fc.integer({ min: 1, max: 9 }).map(String);
const fills = fc
  .record({
    px: size, sz: size, startPosition: amount, fee: amount, closedPnl: amount,
    time: fc.integer({ min: T0, max: T0 + 2 }), tid: fc.integer({ min: 0, max: 3 }),
    feeToken: fc.constantFrom('USDC', 'HYPE'), twapId: fc.option(fc.nat(3), { nil: null }),
  })
  .map(fillOf);
const legs = fc.constantFrom<LegName>('open-long', 'open-short', 'close-long', 'close-short', 'buy', 'sell');
const someShares = fc.tuple(legs, fc.array(fc.tuple(fills, fc.constantFrom(...CAUSES)), { minLength: 1, maxLength: 8 })).map(
  ([leg, all]) => ({ leg, shares: all.map(([fill, cause]) => shareOf(leg, fill, cause)) }),
);

suite('the totals of a leg', () => {
  test('sums, counts and times are those of all its parts', () => {
    fc.assert(fc.property(someShares, ({ leg, shares }) => {
      const totals = totalsOf(leg, shares);
      const times = shares.map(({ fill }) => fill.time);
      assert.equal(format(totals.size), sum(shares.map(({ part }) => part.size)));
      assert.equal(format(totals.notional), sum(shares.map(({ fill, part }) => multiply(fill.px, part.size))));
      assert.equal(format(totals.closedPnl), sum(shares.map(({ part }) => part.closedPnl)));
      assert.equal(totals.fillCount, shares.length);
      assert.deepEqual([totals.firstFillAt, totals.lastFillAt], [Math.min(...times), Math.max(...times)]);
    }));
  });

  test('fees are summed by token, and a token keeps its place with a sum of zero', () => {
    fc.assert(fc.property(someShares, ({ leg, shares }) => {
      const { fees } = totalsOf(leg, shares);
      for (const token of ['USDC', 'HYPE']) {
        const paid = shares.filter(({ fill }) => fill.feeToken === token).map(({ part }) => part.fee);
        const held = fees.find((fee) => fee.token === token);
        assert.equal(held !== undefined, paid.length > 0);
        assert.equal(format(held?.sum ?? ZERO), sum(paid));
      }
    }));
  });

  test('positions are the start of the earliest part and the end of the latest', () => {
    fc.assert(fc.property(someShares, ({ leg, shares }) => {
      const totals = totalsOf(leg, shares);
      const ordered = inOrder(leg, shares);
      const [first, last] = [ordered[0], ordered.at(-1)];
      if (first === undefined || last === undefined) return;
      assert.equal(format(totals.earliest.start), format(first.part.start));
      assert.equal(format(totals.positionAfter), format(positionAfter(last.part.start, last.part.size, LEG_FACTS[leg].trade)));
    }));
  });

  test('the cause is the first in precedence, the twapId the first that came', () => {
    fc.assert(fc.property(someShares, ({ leg, shares }) => {
      const totals = totalsOf(leg, shares);
      assert.equal(totals.cause, CAUSES.find((cause) => shares.some((share) => share.cause === cause)));
      assert.equal(totals.twapId, shares.find(({ fill }) => fill.twapId !== null)?.fill.twapId ?? null);
    }));
  });

  test('a fill is unreported until a signal has counted it, and each signal is a revision', () => {
    const fill = fillOf();
    const { part } = shareOf('open-long', fill, 'trade');
    const totals = totalsOf('open-long', [shareOf('open-long', fill, 'trade')]);
    assert.ok(hasUnreported(totals));
    markReported(totals);
    assert.ok(!hasUnreported(totals));
    assert.equal(totals.revision, 1);
    addPart(totals, fill, part, 'trade');
    assert.ok(hasUnreported(totals));
    markReported(totals);
    assert.deepEqual([totals.revision, totals.reportedFills], [2, 2]);
  });
});
