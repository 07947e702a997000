// What every plan of a storm keeps to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS, SORTS, endOf, planOf, type PlanOptions, type Strike } from './plan.ts';

const HOUR: PlanOptions = { seed: 1, minutes: 60, faults: 200, brokers: 3, clocks: true };
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

test('a seed gives one plan, and another seed another', () => {
  assert.deepEqual(planOf(HOUR), planOf(HOUR));
  assert.notDeepEqual(planOf(HOUR), planOf({ ...HOUR, seed: 2 }));
});

test('an hour has two hundred faults, and every kind strikes every sort that it can', () => {
  for (const seed of SEEDS) {
    const strikes = planOf({ ...HOUR, seed });
    assert.equal(strikes.length, 200);
    const cells = new Set(strikes.map(({ deed: { kind }, sort }) => `${kind} ${sort}`));
    const wanted = KINDS.slice(0, 4).flatMap((kind) => SORTS.map((sort) => `${kind} ${sort}`));
    wanted.push('clock processor', 'clock ingestor', 'clock gateway', 'failover redis');
    assert.deepEqual(wanted.filter((cell) => !cells.has(cell)), [], `seed ${seed}`);
    const last = Math.max(...strikes.map(endOf));
    assert.ok(last > 50 * 60_000 && last < 75 * 60_000, `seed ${seed}: ends after ${last} ms`);
  }
});

test('never two brokers are away at once, nor is a target struck twice', () => {
  for (const seed of SEEDS) {
    const strikes = planOf({ ...HOUR, seed });
    for (const strike of strikes) {
      const keyOf = ({ target, sort }: Strike): string => (sort === 'broker' ? sort : target);
      const others = strikes.slice(strike.number).filter((each) => keyOf(each) === keyOf(strike));
      for (const other of others) assert.ok(other.atMs >= endOf(strike), `seed ${seed}: ${strike.number} and ${other.number}`);
    }
  }
});

test('the first seven faults are of seven kinds, and ten are followed by quiet', () => {
  for (const seed of SEEDS) {
    const strikes = planOf({ ...HOUR, seed });
    assert.equal(new Set(strikes.slice(0, 7).map(({ deed: { kind } }) => kind)).size, 7);
    const [before, after] = [strikes.slice(0, 10), strikes[10]];
    assert.ok(after !== undefined && after.atMs >= Math.max(...before.map(endOf)) + 30_000, `seed ${seed}`);
  }
});

test('without a library for clocks none goes wrong', () => {
  assert.ok(planOf({ ...HOUR, clocks: false }).every(({ deed: { kind } }) => kind !== 'clock'));
});
