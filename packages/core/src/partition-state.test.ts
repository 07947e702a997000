// What a partition has in memory (M1 to M4): from an image, evicted, restored, changed and taken.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { noCounts } from './counts.ts';
import type { Order } from './order.ts';
import { Partition } from './partition.ts';
import type { PartitionImage, PartitionState } from './partition-state.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { ALICE, BOB, Story, T0, oidOf } from './test-records.ts';

const MINUTE = 60_000;

function imageOf(parts: Partial<PartitionImage> = {}): PartitionImage {
  return { clocks: [T0, T0 + 9], counts: { ...noCounts(), fills: 7 }, orders: [{ address: ALICE, oid: oidOf(3), deadline: T0 + MINUTE }], ...parts };
}

function stateOf(image: PartitionImage | null = imageOf()): PartitionState {
  return new Partition(DEFAULT_SETTINGS, 2, image).state;
}

/** An order as a story made it. */
function orderOf(oid = 3): Order {
  const story = new Story();
  story.fill(0, { oid });
  const order = story.partition.state.slot(ALICE, oidOf(oid))?.order;
  if (order === undefined || order.kind === 'absent' || order.kind === 'gone') throw new Error('the order is in memory');
  return order;
}

function oidsOf(state: PartitionState): readonly number[] {
  return state.takeChanges().slots.map(({ oid }) => oid);
}

suite('a partition from an image', () => {
  test('has its clocks and counts, which are its own, and its orders absent', () => {
    const image = imageOf();
    const state = stateOf(image);
    assert.deepEqual([state.now, ...state.clocks, state.counts.fills], [T0, T0, T0 + 9, 7]);
    state.advance(0, T0 + 5);
    state.counts.fills += 1;
    assert.deepEqual([image.clocks, image.counts.fills], [[T0, T0 + 9], 7]);
    assert.deepEqual([state.orders, state.held, state.waits.absent, state.timers.soonest], [1, 0, 1, T0 + MINUTE]);
    assert.equal(state.slot(ALICE, oidOf(3))?.order.kind, 'absent');
    assert.deepEqual(state.takeChanges(), { slots: [], accounts: [] });
  });

  test('before its first record knows no time', () => {
    assert.equal(stateOf(imageOf({ clocks: [], orders: [] })).now, -Infinity);
    assert.equal(stateOf(null).now, -Infinity);
  });

  test('lacks each address until its profile was brought, and what was brought first stays', () => {
    const state = stateOf();
    assert.ok(state.lacksProfile(BOB));
    assert.throws(() => state.profile(state.account(BOB)), { name: 'InvariantViolation', message: new RegExp(BOB) });
    state.restoreProfile(BOB, null);
    assert.ok(!state.lacksProfile(BOB));
    const { memory, ...profile } = state.profile(state.account(BOB));
    assert.deepEqual([profile, memory.size], [{ horizon: null, account: null, changed: false }, 0]);
    state.restoreProfile(ALICE, { horizon: 5, account: null, memory, changed: false });
    state.restoreProfile(ALICE, { horizon: 6, account: null, memory, changed: false });
    assert.equal(state.profile(state.account(ALICE)).horizon, 5);
  });

  test('is not whole, even with everything in memory; a partition of its own lacks nothing', () => {
    assert.ok(!stateOf(imageOf({ orders: [] })).isWhole);
    const state = stateOf(null);
    assert.ok(state.isWhole);
    assert.ok(!state.lacksProfile(ALICE));
  });
});

suite('an order that is brought back', () => {
  test('is counted by what it waits for, changes nothing, and takes no one else\'s place', () => {
    const state = stateOf();
    state.restoreOrder(ALICE, orderOf(3));
    assert.deepEqual([state.held, state.orders, state.waits.absent, state.waits.timeout], [1, 1, 0, 1]);
    assert.deepEqual(oidsOf(state), []);
    const held = state.slot(ALICE, oidOf(3))?.order;
    state.restoreOrder(ALICE, { ...orderOf(3) });
    assert.equal(state.slot(ALICE, oidOf(3))?.order, held, 'one in memory stays');
    state.restoreOrder(BOB, orderOf(3));
    assert.deepEqual([state.slot(BOB, oidOf(3)), state.orders, state.held], [null, 1, 1], 'one that is not on record stays away');
  });

  test('is found absent among the timers that are due, and no more are looked at than asked for', () => {
    const orders = [1, 2, 3].map((oid) => ({ address: ALICE, oid: oidOf(oid), deadline: T0 + oid }));
    const state = stateOf(imageOf({ orders }));
    state.restoreOrder(ALICE, orderOf(2));
    const due = (until: number, limit: number): readonly number[] => state.dueAndAbsent(until, limit).map(({ oid }) => oid);
    assert.deepEqual([due(T0, 9), due(T0 + 2, 9), due(T0 + 3, 9), due(T0 + 3, 2), due(T0 + 3, 3)], [[], [1], [1, 3], [1], [1, 3]]);
    assert.equal(state.timers.soonest, T0 + 1);
  });
});

suite('what changed', () => {
  test('is told once, whatever happened to it in between, and again after the next change', () => {
    const story = new Story();
    const { state } = story.partition;
    story.fill(0, { oid: 1 });
    story.fill(1, { oid: 1 });
    story.fill(2, { oid: 2 });
    const { slots, accounts } = state.takeChanges();
    assert.deepEqual([slots.map(({ oid }) => oid), accounts.map(({ address }) => address)], [[1, 2], [ALICE]]);
    story.fill(3, { oid: 2 });
    assert.deepEqual(oidsOf(state), [2]);
    story.account(4, '5');
    assert.deepEqual(state.takeChanges().accounts.map(({ address }) => address), [ALICE]);
  });

  test('keeps an order in memory until it was taken; then the longest on record go first, as few as must', () => {
    const story = new Story();
    const { state } = story.partition;
    for (const oid of [1, 2, 3]) story.fill(oid, { oid });
    state.takeChanges();
    story.fill(4, { oid: 1 });
    const held = (): readonly boolean[] => [1, 2, 3].map((oid) => state.slot(ALICE, oidOf(oid))?.order.kind === 'pending');
    state.evict(2);
    assert.deepEqual([held(), state.held, state.waits.absent], [[true, false, true], 2, 1]);
    state.evict(0);
    assert.deepEqual([held(), state.held, state.waits.absent], [[true, false, false], 1, 2]);
  });

  test('of an absent order that goes is counted with the absent', () => {
    const state = stateOf();
    const slot = state.slot(ALICE, oidOf(3));
    if (slot === null) throw new Error('the order is on record');
    state.remove(slot);
    assert.deepEqual([state.orders, state.held, state.waits.absent, state.timers.soonest], [0, 0, 0, Infinity]);
    assert.deepEqual([state.slot(ALICE, oidOf(3)), slot.order.kind], [null, 'gone']);
    assert.deepEqual(oidsOf(state), [3]);
  });

  test('of an order in memory that goes leaves nothing held', () => {
    const state = stateOf();
    state.restoreOrder(ALICE, orderOf(3));
    const slot = state.slot(ALICE, oidOf(3));
    if (slot === null) throw new Error('the order is on record');
    state.remove(slot);
    assert.deepEqual([state.orders, state.held, state.waits.timeout], [0, 0, 0]);
  });
});

suite('the clocks', () => {
  test('move forwards alone, each by itself, and time with the least of them', () => {
    const state = stateOf(null);
    state.advance(1, T0);
    state.advance(0, T0 + 5);
    assert.deepEqual([state.now, ...state.clocks], [T0, T0 + 5, T0]);
    state.advance(0, T0 + 3);
    assert.deepEqual([state.now, ...state.clocks], [T0, T0 + 5, T0]);
    state.advance(1, T0 + 4);
    assert.deepEqual([state.now, ...state.clocks], [T0 + 4, T0 + 5, T0 + 4]);
  });
});
