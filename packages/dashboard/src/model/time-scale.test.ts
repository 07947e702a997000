import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { burstsOf, timeScale, withoutOverlap } from './time-scale.ts';

const T = 1_760_000_000_000;

test('later is never further left, and every event is within the width (S1)', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: T, max: T + 86_400_000 }), { minLength: 1, maxLength: 60 }), (times) => {
    const { xOf } = timeScale(times, 800);
    const xs = times.toSorted((a, b) => a - b).map(xOf);
    for (const [place, x] of xs.entries()) {
      assert.ok(x >= 0 && x <= 800.000001);
      assert.ok(place === 0 || x >= (xs[place - 1] ?? 0) - 1e-9);
    }
  }));
});

test('a burst of milliseconds beside minutes keeps its events apart', () => {
  const { xOf } = timeScale([T, T + 2, T + 9, T + 300_009], 800);
  assert.ok(xOf(T + 2) - xOf(T) > 20);
  assert.ok(xOf(T + 9) - xOf(T + 2) > 20);
});

test('a gap much longer than its neighbours is cut, and an even row of events is not (S2)', () => {
  const { cuts } = timeScale([T, T + 2, T + 9, T + 20, T + 300_020], 800);
  assert.deepEqual(cuts.map(({ from, to }) => [from, to]), [[T + 20, T + 300_020]]);
  assert.deepEqual(timeScale([T, T + 60_000, T + 120_000, T + 180_000], 800).cuts, []);
});

test('a time between two events is drawn between them, one beyond the ends at the end', () => {
  const { xOf } = timeScale([T, T + 1_000], 100);
  assert.equal(xOf(T + 500), 50);
  assert.equal(xOf(T + 9_000), 100);
  assert.equal(xOf(T - 1), 0);
});

test('one event alone stands in the middle', () => {
  assert.equal(timeScale([T, T], 100).xOf(T), 50);
  assert.equal(timeScale([], 100).xOf(T), 50);
});

test('bursts hold every item once, in order, and none spans more than its reach', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 80 }), (xs) => {
    const bursts = burstsOf(xs, (x) => x, 12);
    assert.deepEqual(bursts.flatMap(({ items }) => items), xs.toSorted((a, b) => a - b));
    for (const { items } of bursts) assert.ok(Math.max(...items) - Math.min(...items) <= 12);
  }));
});

test('labels that are kept never touch', () => {
  const kept = withoutOverlap([0, 5, 60, 90, 200], (x) => ({ x, width: 40 }));
  assert.deepEqual(kept, [0, 60, 200]);
});
