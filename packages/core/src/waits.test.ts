// What orders wait for is counted as they change: the counts are always those of a look at all of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { waitOf } from './order.ts';
import type { PartitionState, Waits } from './partition-state.ts';
import { ALICE, BOB, Story, oidOf } from './test-records.ts';

const OIDS = 6;
const SECOND = 1_000;

type Step = { readonly kind: 'fill' | 'twap' | 'partial' | 'update' | 'tick' | 'evict'; readonly oid: number; readonly bob: boolean; readonly waitMs: number };

const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({
  kind: fc.constantFrom('fill', 'twap', 'partial', 'update', 'tick', 'evict'),
  oid: fc.integer({ min: 1, max: OIDS }), bob: fc.boolean(), waitMs: fc.constantFrom(0, 3 * SECOND, 20 * SECOND, 400 * SECOND),
}), { minLength: 1, maxLength: 60 });

/** By a look at all orders that there can be; and the soonest timer. */
function lookedAt(state: PartitionState): { readonly waits: Waits; readonly soonest: number } {
  const waits: Waits = { parked: 0, grace: 0, quiet: 0, timeout: 0, reported: 0, absent: 0 };
  let soonest = Infinity;
  for (const address of [ALICE, BOB]) {
    for (let oid = 1; oid <= OIDS; oid += 1) {
      const slot = state.slot(address, oidOf(oid));
      if (slot === null) continue;
      const { order } = slot;
      assert.ok(order.kind !== 'gone');
      waits[order.kind === 'absent' ? 'absent' : waitOf(order)] += 1;
      soonest = Math.min(soonest, slot.queuedAt);
    }
  }
  return { waits, soonest };
}

/** Orders that memory let go come back before they are needed, as a prefetch brings them. */
class Evictable extends Story {
  readonly #gone = new Map<string, () => void>();

  evict(): void {
    const { state } = this.partition;
    state.takeChanges();
    for (const address of [ALICE, BOB]) {
      for (let oid = 1; oid <= OIDS; oid += 1) {
        const order = state.slot(address, oidOf(oid))?.order;
        if (order === undefined || order.kind === 'absent' || order.kind === 'gone') continue;
        this.#gone.set(`${address}/${String(oid)}`, () => state.restoreOrder(address, order));
      }
    }
    state.evict(0);
  }

  restore(): void {
    for (const bring of this.#gone.values()) bring();
    this.#gone.clear();
  }
}

test('the counts of what orders wait for are those of a look at all of them', () => {
  const seen = new Set<string>();
  fc.assert(fc.property(steps, (all) => {
    const story = new Evictable();
    let at = 0;
    for (const { kind, oid, bob, waitMs } of all) {
      at += waitMs;
      const address = bob ? BOB : ALICE;
      if (kind === 'evict') story.evict();
      else story.restore();
      if (kind === 'fill') story.fill(at, { oid }, address);
      else if (kind === 'partial') story.fill(at, { oid, sz: '0.4' }, address);
      else if (kind === 'twap') story.fill(at, { oid, twapId: 5 }, address);
      else if (kind === 'update') story.update(at, { oid }, address);
      else if (kind === 'tick') story.tick(at);
      const { waits, soonest } = lookedAt(story.partition.state);
      assert.deepEqual({ ...story.partition.state.waits }, waits);
      assert.equal(story.partition.state.timers.soonest, soonest);
      for (const [wait, count] of Object.entries(waits)) if (count > 0) seen.add(wait);
    }
  }), { numRuns: 300 });
  assert.deepEqual([...seen].sort(), ['absent', 'grace', 'parked', 'quiet', 'reported', 'timeout'], 'all of them came up');
});
