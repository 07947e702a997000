// Random faults, all kinds at once: when they end, nothing is missing, and no limit was gone beyond meanwhile.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind, FaultOptions } from '@fillstream/simulator/exchange';
import { assertUntouched, assertWithinLimits, startWorld, untilComplete, untilLive } from './live.ts';
import { until } from './until.ts';

const SEEDS = [1, 2, 3, 4];
const FAULTS = 60;
const EVERY_MS = 60;

type Plan = readonly [kind: FaultKind, options: FaultOptions];

const PLANS: readonly Plan[] = [
  ['cut', {}], ['cut', { how: 'end' }], ['half-open', {}], ['slow', { bytesPerSecond: 5_000, forMs: 300 }], ['expire', {}],
  ['repeat-snapshot', {}], ['rubbish', {}], ['rubbish', { how: 'text' }], ['rubbish', { how: 'shape' }], ['reorder', { times: 3 }], ['duplicate', { times: 3 }],
  ['truncate', { times: 2 }], ['truncate', { how: 'fragment', times: 1 }], ['error-reply', {}], ['missing-ack', {}], ['missing-ack', { how: 'unanswered' }],
  ['limit-refusal', {}], ['refuse-connect', {}], ['refuse-connect', { how: 'hang' }], ['refuse-connect', { how: 'tcp', forMs: 200 }],
  ['rest-429', { times: 2 }], ['rest-500', { times: 3 }], ['rest-hang', {}], ['rest-truncated', { times: 2 }], ['rest-truncated', { how: 'socket' }],
  ['rest-invalid', { times: 2 }], ['rest-invalid', { how: 'shape', times: 2 }], ['rest-empty', { times: 3 }],
];

/** A seeded sequence of numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

suite('random faults', { concurrency: 2 }, () => {
  for (const seed of SEEDS) {
    test(`${FAULTS} faults of seed ${seed} lose no fill`, async (t) => {
      const random = randomOf(seed);
      const world = await startWorld(t, {
        exchange: { seed, addresses: 3, ordersPerSecond: 60, pastOrders: 300, shares: { duplicates: 0.02, lateFills: 0.01, twap: 0.1 } },
        periods: { openMs: 300, ackMs: 300, snapshotMs: 300, requestMs: 300, throttleMs: 50, auditMs: 500, rotateMs: 2_000 },
        settings: { heldRecords: 50, queueRecords: 200, twapSlices: seed % 2 === 0, badFramesInARow: 3 },
        feed: { random },
      });
      await untilLive(world);
      for (let fault = 0; fault < FAULTS; fault += 1) {
        const [kind, options] = PLANS[Math.floor(random() * PLANS.length)] ?? ['cut', {}];
        const address = world.exchange.addresses[Math.floor(random() * 3)];
        const isForAll = random() < 0.2 || options.how === 'tcp';
        world.exchange.fault(kind, isForAll ? options : { ...options, address });
        await sleep(random() * 2 * EVERY_MS);
      }
      world.exchange.clearFaults();
      await untilComplete(world);
      await until('all are live', () => world.feed.status().addresses.every(({ state }) => state === 'live'));
      await world.feed.close();
      assert.deepEqual([world.sink.problems, world.sink.gaps], [[], []]);
      assertUntouched(world);
      assertWithinLimits(world.exchange);
    });
  }
});
