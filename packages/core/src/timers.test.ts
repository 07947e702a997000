// The queue of deadlines (Q1 to Q3) against a plain map of slot to deadline.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ABSENT, type Slot } from './slot.ts';
import { ALICE, BOB, oidOf } from './test-records.ts';
import { Timers } from './timers.ts';

function slotOf(number: number): Slot {
  return { address: number % 2 === 0 ? ALICE : BOB, oid: oidOf(number >> 1), order: ABSENT, queuedAt: Infinity, changed: false, wait: 'absent' };
}

function byTimeAddressOid(a: { slot: Slot; at: number }, b: { slot: Slot; at: number }): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.slot.address !== b.slot.address) return a.slot.address < b.slot.address ? -1 : 1;
  return a.slot.oid - b.slot.oid;
}

function drain(timers: Timers, until = Infinity): { slot: Slot; at: number }[] {
  const taken = [];
  for (let due = timers.takeDue(until); due !== null; due = timers.takeDue(until)) taken.push({ slot: due.slot, at: due.queuedAt });
  return taken;
}

const schedules = fc.array(fc.tuple(fc.nat(15), fc.nat(20)), { maxLength: 60 });

suite('timers', () => {
  test('come up in the order of deadline, address and oid (Q3)', () => {
    fc.assert(fc.property(schedules, (all) => {
      const timers = new Timers();
      for (const [place, [, at]] of all.entries()) timers.schedule(slotOf(place), at);
      const taken = drain(timers);
      assert.equal(taken.length, all.length);
      assert.deepEqual(taken, taken.toSorted(byTimeAddressOid));
    }));
  });

  test('a slot comes up once, at the soonest of its deadlines (Q1, Q2)', () => {
    fc.assert(fc.property(schedules, fc.nat(20), (all, until) => {
      const timers = new Timers();
      const slots = Array.from({ length: 16 }, (_, number) => slotOf(number));
      const soonest = new Map<Slot, number>();
      for (const [number, at] of all) {
        const slot = slots[number];
        if (slot === undefined) continue;
        timers.schedule(slot, at);
        soonest.set(slot, Math.min(at, soonest.get(slot) ?? Infinity));
      }
      const expected = Array.from(soonest, ([slot, at]) => ({ slot, at })).sort(byTimeAddressOid);
      assert.deepEqual(drain(timers, until), expected.filter(({ at }) => at <= until));
      assert.deepEqual(drain(timers), expected.filter(({ at }) => at > until));
      assert.ok(slots.every(({ queuedAt }) => queuedAt === Infinity));
    }));
  });

  test('any play of scheduling, taking and taking off agrees with a map', () => {
    const plays = fc.array(fc.oneof(
      fc.record({ kind: fc.constant('schedule' as const), slot: fc.nat(9), at: fc.nat(20) }),
      fc.record({ kind: fc.constant('takeOff' as const), slot: fc.nat(9), at: fc.constant(0) }),
      fc.record({ kind: fc.constant('take' as const), slot: fc.constant(0), at: fc.nat(20) }),
    ), { maxLength: 80 });
    fc.assert(fc.property(plays, (all) => {
      const timers = new Timers();
      const slots = Array.from({ length: 10 }, (_, number) => slotOf(number));
      const queued = new Map<Slot, number>();
      for (const { kind, slot: number, at } of all) {
        const slot = slots[number];
        if (slot === undefined) continue;
        if (kind === 'schedule') {
          timers.schedule(slot, at);
          queued.set(slot, Math.min(at, queued.get(slot) ?? Infinity));
        } else if (kind === 'takeOff') {
          slot.queuedAt = Infinity;
          queued.delete(slot);
        } else {
          const [next] = Array.from(queued, ([held, time]) => ({ slot: held, at: time })).sort(byTimeAddressOid);
          const due = timers.takeDue(at);
          if (next === undefined || next.at > at) assert.equal(due, null);
          else assert.ok(due !== null && due.slot === next.slot && due.queuedAt === next.at);
          if (due !== null) queued.delete(due.slot);
        }
      }
    }));
  });

  test('nothing is due before its deadline, and what is due at it is', () => {
    const timers = new Timers();
    timers.schedule(slotOf(1), 10);
    assert.equal(timers.takeDue(9), null);
    assert.equal(timers.takeDue(10)?.queuedAt, 10);
    assert.equal(timers.takeDue(Infinity), null);
  });

  test('a slot met early can be queued again for later', () => {
    const timers = new Timers();
    const [early, other] = [slotOf(1), slotOf(2)];
    timers.schedule(early, 5);
    timers.schedule(other, 7);
    assert.equal(timers.takeDue(6)?.slot, early);
    timers.schedule(early, 8);
    assert.deepEqual(drain(timers).map(({ slot }) => slot), [other, early]);
  });
});
