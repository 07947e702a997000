// When an order is over, and which of several terminal statuses it keeps (contract §5).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { format } from './decimal.ts';
import { contest, isTerminal, statusMeaningOf, type TerminalStatus } from './status.ts';
import { T0, updateOf, type UpdateParts } from './test-records.ts';

const TERMINAL = [
  'filled', 'canceled', 'rejected', 'scheduledCancel', 'marginCanceled', 'reduceOnlyCanceled', 'selfTradeCanceled', 'vaultWithdrawalCanceled',
  'liquidatedCanceled', 'expiredCanceled', 'anythingCancel', 'badAloPxRejected', 'tickRejected', 'Canceled', 'Cancel', 'Rejected',
];
const NOT_TERMINAL = ['open', 'triggered', 'Filled', 'cancel', 'canceledMaybe', 'partiallyFilled', 'marginRejectedSoon', 'CANCELED', ''];

function terminal(parts: UpdateParts): TerminalStatus {
  const meaning = statusMeaningOf(updateOf({ sz: '0', origSz: '1', ...parts }));
  if (meaning.kind !== 'terminal') throw new Error(`the status is ${meaning.kind}`);
  return meaning.status;
}

const statuses = fc
  .record({ status: fc.constantFrom('filled', 'canceled', 'aCanceled', 'zRejected', 'marginCanceled'), statusTimestamp: fc.integer({ min: T0, max: T0 + 3 }) })
  .map(terminal);

suite('what a status says', () => {
  test('the terminal statuses are four words and three endings', () => {
    assert.deepEqual(TERMINAL.filter((status) => !isTerminal(status)), []);
    assert.deepEqual(NOT_TERMINAL.filter(isTerminal), []);
  });

  test('open and triggered go on, whatever their sizes', () => {
    for (const status of ['open', 'triggered']) assert.equal(statusMeaningOf(updateOf({ status, sz: '0' })).kind, 'goesOn');
  });

  test('any other status is unknown', () => {
    for (const status of NOT_TERMINAL.slice(2)) assert.equal(statusMeaningOf(updateOf({ status })).kind, 'unknown', status);
  });

  test('a terminal status whose order was not touched says nothing about fills', () => {
    assert.equal(statusMeaningOf(updateOf({ status: 'canceled', sz: '1.0', origSz: '1' })).kind, 'untouched');
    assert.equal(statusMeaningOf(updateOf({ status: 'filled', sz: '1', origSz: '1' })).kind, 'untouched');
  });

  test('of a position stop, whose origSz is 0, the terminal status counts', () => {
    assert.equal(statusMeaningOf(updateOf({ status: 'canceled', sz: '0.0', origSz: '0.0' })).kind, 'terminal');
  });

  test('the filled quantity is what is gone of the original size', () => {
    assert.equal(format(terminal({ sz: '0.25', origSz: '1.50' }).filled), '1.25');
  });

  test('fills are owed for a filled quantity, but not by a reduce-only order', () => {
    assert.ok(terminal({ status: 'canceled' }).owesFills);
    assert.ok(!terminal({ status: 'canceled', origSz: '0' }).owesFills);
    assert.ok(!terminal({ status: 'canceled', reduceOnly: true }).owesFills);
    assert.ok(!terminal({ status: 'reduceOnlyCanceled' }).owesFills);
    assert.ok(terminal({ status: 'notReduceOnlyCanceled' }).owesFills);
  });
});

suite('the contest of two terminal statuses', () => {
  const at = (status: string, after: number): TerminalStatus => terminal({ status, statusTimestamp: T0 + after });

  test('the later wins, whatever its name', () => {
    assert.equal(contest(at('filled', 0), at('canceled', 1)), 'wins');
    assert.equal(contest(at('canceled', 1), at('filled', 0)), 'loses');
  });

  test('at a tie filled wins, else the lexicographically smallest', () => {
    assert.equal(contest(at('aCanceled', 0), at('filled', 0)), 'wins');
    assert.equal(contest(at('filled', 0), at('aCanceled', 0)), 'loses');
    assert.equal(contest(at('zRejected', 0), at('aCanceled', 0)), 'wins');
    assert.equal(contest(at('aCanceled', 0), at('zRejected', 0)), 'loses');
  });

  test('the same status and timestamp again is no change, whatever its sizes', () => {
    assert.equal(contest(at('filled', 0), terminal({ statusTimestamp: T0, origSz: '7' })), 'same');
  });

  test('of two statuses one wins from either side, unless they are the same', () => {
    fc.assert(fc.property(statuses, statuses, (a, b) => {
      const opposite = { wins: 'loses', loses: 'wins', same: 'same' } as const;
      assert.equal(contest(b, a), opposite[contest(a, b)]);
      assert.equal(contest(a, b) === 'same', a.status === b.status && a.timestamp === b.timestamp);
    }));
  });

  test('an order keeps the same status in whatever order they come', () => {
    const shuffled = fc.array(statuses, { minLength: 1, maxLength: 8 }).chain((all) => (
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))
    ));
    const keptOf = (all: readonly TerminalStatus[]): TerminalStatus => all.reduce((held, next) => (contest(held, next) === 'wins' ? next : held));
    fc.assert(fc.property(shuffled, ([all, others]) => {
      const [kept, other] = [keptOf(all), keptOf(others)];
      assert.deepEqual([kept.status, kept.timestamp], [other.status, other.timestamp]);
    }));
  });
});
