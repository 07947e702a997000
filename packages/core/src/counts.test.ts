// What is counted (contract §10), added up and copied; and what a bug looks like.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { addCounts, copyCounts, noCounts, quarantinedTotal, type Counts } from './counts.ts';
import { InvariantViolation, assertNever, invariant } from './invariant.ts';

/** Each count another number, from 1 on. */
function distinct(): Counts {
  let next = 0;
  const numbered = <T extends Record<string, number>>(counts: T): T => Object.fromEntries(Object.keys(counts).map((name) => [name, (next += 1)])) as T;
  const { quarantined, triggers, ...plain } = noCounts();
  return { ...numbered(plain), quarantined: numbered(quarantined), triggers: numbered(triggers) };
}

function numbersOf({ quarantined, triggers, ...plain }: Counts): readonly number[] {
  return [...Object.values(plain), ...Object.values(quarantined), ...Object.values(triggers)];
}

suite('counts', () => {
  test('begin at zero', () => {
    assert.deepEqual(new Set(numbersOf(noCounts())), new Set([0]));
  });

  test('are summed one by one, and what is added stays as it was', () => {
    const [sum, more] = [distinct(), distinct()];
    addCounts(sum, more);
    assert.deepEqual(numbersOf(sum), numbersOf(distinct()).map((count) => 2 * count));
    assert.deepEqual(more, distinct());
  });

  test('of a copy are its own', () => {
    const counts = distinct();
    const copy = copyCounts(counts);
    assert.deepEqual(copy, counts);
    copy.fills += 1;
    copy.quarantined.late += 1;
    copy.triggers.quiet += 1;
    assert.deepEqual(counts, distinct());
  });

  test('of what was refused are summed over all reasons', () => {
    const { quarantined } = distinct();
    const total = Object.values(quarantined).reduce((sum, count) => sum + count, 0);
    assert.equal(quarantinedTotal(distinct()), total);
    assert.equal(quarantinedTotal(noCounts()), 0);
  });
});

suite('a bug', () => {
  test('is told by its message', () => {
    assert.doesNotThrow(() => invariant(true, 'fine'));
    assert.throws(() => invariant(false, 'two is three'), (error) => (
      error instanceof InvariantViolation && error.name === 'InvariantViolation' && error.message === 'two is three'
    ));
  });

  test('in a union shows the case that nobody expected', () => {
    assert.throws(() => assertNever({ kind: 'gossip' } as never), { name: 'InvariantViolation', message: 'no case for {"kind":"gossip"}' });
  });
});
