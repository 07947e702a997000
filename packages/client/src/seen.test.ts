// What counts as known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seen } from './seen.ts';
import { testSignal } from './test-signals.ts';

test('each revision is news once, and an earlier one is none', () => {
  const seen = new Seen();
  assert.ok(seen.take(testSignal(1, { revision: 2 })));
  assert.ok(!seen.take(testSignal(1, { revision: 2 })));
  assert.ok(!seen.take(testSignal(1)));
  assert.ok(seen.take(testSignal(1, { revision: 3 })));
});

test('a forgotten order that fills again is news, and what it was before is none', () => {
  const seen = new Seen();
  const [before, anew] = [testSignal(1, { revision: 3 }), testSignal(1, { lastFillAt: 1_800_000_000_000 })];
  assert.deepEqual([seen.take(before), seen.take(anew), seen.take(anew), seen.take(before)], [true, true, false, false]);
});

test('of more ids than it remembers it forgets those told of longest ago', () => {
  const seen = new Seen(2);
  for (const signal of [testSignal(1), testSignal(2), testSignal(1, { revision: 2 }), testSignal(3)]) assert.ok(seen.take(signal));
  assert.ok(seen.has(testSignal(1, { revision: 2 })) && seen.has(testSignal(3)) && !seen.has(testSignal(2)));
});
