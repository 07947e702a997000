// The budget of a limit, on a clock of its own.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Budget, type Grant } from './budget.ts';

const WINDOW_MS = 40;

/** What the exchange would count: at any moment between a grant and its settling. */
type Counted = { readonly at: number; readonly amount: number };

function mostInAWindow(counted: readonly Counted[], windowMs: number): number {
  return Math.max(0, ...counted.map(({ at: from }) => counted.filter(({ at }) => at >= from && at < from + windowMs).reduce((sum, { amount }) => sum + amount, 0)));
}

suite('Budget', () => {
  test('whenever between grant and settling the exchange counts, no window holds more than the limit, and all are served', async () => {
    const request = fc.record({ amount: fc.integer({ min: 1, max: 5 }), holdMs: fc.integer({ min: 0, max: 30 }), share: fc.double({ min: 0, max: 1, noNaN: true }) });
    await fc.assert(fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 25 }), fc.integer({ min: 1, max: 8 }), async (requests, limit) => {
      const budget = new Budget({ limit, windowMs: WINDOW_MS });
      const counted: Counted[] = [];
      await Promise.all(requests.map(async ({ amount, holdMs, share }) => {
        const grant = await budget.take(amount);
        await sleep(holdMs * share);
        counted.push({ at: performance.now(), amount: Math.min(amount, limit) });
        await sleep(holdMs * (1 - share));
        grant.settle();
      }));
      assert.equal(counted.length, requests.length);
      assert.ok(mostInAWindow(counted, WINDOW_MS) <= limit);
    }), { numRuns: 12 });
  });

  test('who waits is served by priority, and in order among equals; a large one is not passed over', async () => {
    const budget = new Budget({ limit: 4, windowMs: 5 });
    const served: string[] = [];
    const first = await budget.take(4);
    const wait = async (name: string, amount: number, priority: number): Promise<void> => {
      const grant = await budget.take(amount, { priority });
      served.push(name);
      grant.settle();
    };
    const all = [wait('poll', 1, 3), wait('large repair', 4, 0), wait('repair', 1, 0), wait('other poll', 1, 3), wait('status', 1, 1)];
    assert.equal(budget.waiting, 5);
    first.settle();
    await Promise.all(all);
    assert.deepEqual(served, ['large repair', 'repair', 'status', 'poll', 'other poll']);
  });

  test('a quarter is left to the most urgent, and something larger than that share is granted when nothing counts', async () => {
    let now = 0;
    const budget = new Budget({ limit: 100, windowMs: 1_000, clock: () => now });
    (await budget.take(60, { priority: 1 })).settle();
    const late = budget.take(20, { priority: 1 });
    assert.equal(budget.waiting, 1);
    (await budget.take(40)).settle();
    assert.equal(budget.used, 100);
    now = 2_000;
    (await budget.take(0)).settle();
    (await late).settle();
    now = 4_000;
    (await budget.take(90, { priority: 4 })).settle();
    assert.equal(budget.used, 90);
  });

  test('what is given back is free at once; what isn\'t settled is never free', async () => {
    let now = 0;
    const budget = new Budget({ limit: 100, windowMs: 1_000, clock: () => now });
    const grant = await budget.take(100);
    grant.settle(30);
    grant.settle(0);
    assert.equal(budget.used, 30);
    await budget.take(70);
    now = 2_000;
    assert.equal(budget.used, 70);
  });

  test('one that is aborted while it waits leaves, and lets the next one through', async () => {
    const budget = new Budget({ limit: 3, windowMs: 1_000 });
    const [stop, other] = [new AbortController(), new AbortController()];
    await budget.take(2);
    const large = budget.take(2, { signal: stop.signal });
    const small = budget.take(1, { signal: other.signal });
    stop.abort(new Error('stopped'));
    await assert.rejects(large, /stopped/);
    const granted: Grant = await small;
    granted.settle();
    assert.equal(budget.waiting, 0);
    await assert.rejects(budget.take(1, { signal: stop.signal }), /stopped/);
  });

  test('blocked, it grants nothing for that long', async () => {
    const budget = new Budget({ limit: 3, windowMs: 1_000 });
    const started = performance.now();
    budget.block(60);
    await budget.take(1);
    assert.ok(performance.now() - started >= 55);
  });

  test('more than the limit is asked for as the limit, and a limit below one is refused', async () => {
    const budget = new Budget({ limit: 3, windowMs: 1_000 });
    await budget.take(500);
    assert.equal(budget.used, 3);
    assert.throws(() => new Budget({ limit: 0, windowMs: 1 }), RangeError);
  });
});
