// The fold of one partition (P1, P2): signals, clocks, counts, and what is in memory (contract §1, §6, §8, §10).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Signal } from './signal.ts';
import { ALICE, BOB, Story, T0, oidOf } from './test-records.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function told(signals: readonly Signal[]): readonly string[] {
  return signals.map(({ oid, revision, trigger, size }) => `${String(oid)} r${String(revision)} ${trigger} ${size}`);
}

suite('what an order lacks', () => {
  const lacksOf = ({ partition }: Story): readonly string[] => partition.takeLacks().map(({ oid, missing }) => `${String(oid)} ${missing}`);

  test('fills, when a status that owes them waited for the grace period: told once, again for a new status', () => {
    const story = new Story();
    story.update(0, { origSz: '2' });
    story.tick(5 * SECOND - 1);
    assert.deepEqual(lacksOf(story), []);
    story.tick(5 * SECOND);
    assert.deepEqual(lacksOf(story), ['1 fills']);
    story.update(MINUTE, { status: 'canceled', origSz: '3', sz: '1', statusTimestamp: T0 + 9 });
    story.tick(2 * MINUTE);
    assert.deepEqual(lacksOf(story), ['1 fills']);
    story.tick(11 * MINUTE - 1);
    assert.equal(story.counts.orphaned, 0);
    story.tick(11 * MINUTE);
    assert.deepEqual([story.counts.orphaned, lacksOf(story)], [1, []]);
  });

  test('nothing, when its first fill came in time, or none are owed', () => {
    const story = new Story();
    story.update(0, { oid: 1, origSz: '2' });
    story.fill(4 * SECOND, { oid: 1, sz: '2' });
    story.update(0, { oid: 2, origSz: '2', sz: '1', status: 'canceled', reduceOnly: true });
    story.tick(5 * MINUTE);
    assert.deepEqual(lacksOf(story), []);
  });

  test('fills, when a reduce-only order is filled, which nothing shrinks any more', () => {
    const story = new Story();
    story.update(0, { origSz: '2', reduceOnly: true });
    story.tick(MINUTE);
    assert.deepEqual(lacksOf(story), ['1 fills']);
  });

  test('nothing, when nothing was filled, as of a position stop', () => {
    const story = new Story();
    story.update(0, { origSz: '0' });
    story.tick(10 * MINUTE);
    assert.deepEqual([lacksOf(story), story.counts.expiredStatuses], [[], 1]);
  });

  test('fills, when it goes out with fewer than its status says; not when there are more', () => {
    const story = new Story();
    story.fill(0, { oid: 1 });
    story.update(0, { oid: 1, origSz: '2' });
    story.fill(0, { oid: 2, sz: '3' });
    story.update(0, { oid: 2, origSz: '2' });
    assert.deepEqual(told(story.tick(5 * SECOND).fired), ['1 r1 grace 1', '2 r1 grace 3']);
    assert.deepEqual(lacksOf(story), ['1 fills']);
  });

  test('its status, when it goes out without one; a TWAP slice has none', () => {
    const story = new Story();
    story.fill(0, { oid: 1 });
    story.fill(0, { oid: 2, twapId: 7 });
    story.tick(5 * MINUTE);
    assert.deepEqual(lacksOf(story), ['1 status']);
  });

  test('nothing before its status is dropped, when the grace period is no shorter', () => {
    const story = new Story({ graceMs: MINUTE, statusMs: MINUTE });
    story.update(0, { origSz: '2' });
    story.tick(MINUTE);
    assert.deepEqual([story.counts.orphaned, lacksOf(story)], [1, []]);
  });
});

suite('signals', () => {
  test('a status that changes nothing about the fills never makes a revision', () => {
    const story = new Story();
    story.fill(0);
    story.tick(5 * MINUTE);
    assert.deepEqual(story.update(6 * MINUTE).signals, []);
    assert.deepEqual(story.update(7 * MINUTE, { status: 'canceled', origSz: '9' }).signals, []);
    assert.equal(story.fire(T0 + DAY).length, 0);
  });

  test('a new status that won starts the grace period again; a lost one does not', () => {
    const story = new Story();
    story.fill(0);
    story.update(0, { origSz: '2', statusTimestamp: T0 + 9 });
    story.update(3 * SECOND, { origSz: '3', status: 'canceled', statusTimestamp: T0 + 10 });
    story.update(6 * SECOND, { origSz: '1', status: 'canceled', statusTimestamp: T0 + 1 });
    assert.deepEqual(story.tick(8 * SECOND - 1).fired, []);
    assert.deepEqual(told(story.tick(8 * SECOND).fired), ['1 r1 grace 1']);
  });

  test('an update whose status won completes the order when its quantity fits', () => {
    const story = new Story();
    story.fill(0);
    story.update(0, { origSz: '2' });
    const { signals } = story.update(1, { status: 'canceled', sz: '1', origSz: '2', statusTimestamp: T0 + 2 });
    assert.deepEqual(told(signals), ['1 r1 complete 1']);
  });

  test('quiet fills that never pause go out 5 minutes after the first unreported one', () => {
    const story = new Story();
    const fired: string[] = [];
    for (let at = 0; at <= 10 * MINUTE; at += SECOND) fired.push(...told(story.fill(at, { twapId: 1 }).fired));
    assert.deepEqual(fired, ['1 r1 quiet 300', '1 r2 quiet 600']);
  });

  test('with late fills dropped a leg has one signal, and its late fills count towards S', () => {
    const story = new Story({ lateFills: 'drop' });
    story.fill(0);
    assert.deepEqual(told(story.tick(5 * MINUTE).fired), ['1 r1 timeout 1']);
    story.fill(6 * MINUTE);
    assert.deepEqual(story.update(6 * MINUTE, { origSz: '2' }).signals, []);
    story.tick(16 * MINUTE);
    assert.deepEqual([story.counts.lateFills, story.counts.finished, story.counts.signals], [1, 1, 1], 'S fits: finished after 10 minutes');
  });

  test('with late fills dropped the same fill again is a duplicate, and with other facts a conflict', () => {
    const story = new Story({ lateFills: 'drop' });
    story.fill(0);
    story.tick(5 * MINUTE);
    story.fill(6 * MINUTE, { tid: 5, time: T0 });
    story.fill(6 * MINUTE, { tid: 5, time: T0 });
    assert.deepEqual(story.fill(6 * MINUTE, { tid: 5, time: T0, sz: '2' }).outcome, { kind: 'refused', reason: 'conflict' });
    assert.deepEqual([story.counts.lateFills, story.counts.duplicates], [1, 1]);
  });

  test('a late fill is counted once, though both its legs had signals', () => {
    const story = new Story();
    story.fill(0, { startPosition: '-1', sz: '2', dir: 'Short > Long' });
    story.tick(5 * MINUTE);
    story.fill(6 * MINUTE, { startPosition: '-1', sz: '2', dir: 'Short > Long' });
    assert.equal(story.counts.lateFills, 1);
    assert.deepEqual([story.tick(11 * MINUTE).fired.length, story.counts.revisions], [2, 2]);
  });
});

suite('time', () => {
  test('every timer due at a record fires before it is applied, in the order of deadline, address and oid (P1)', () => {
    const story = new Story();
    story.fill(1, { oid: 9 }, BOB);
    story.fill(1, { oid: 10 }, ALICE);
    story.fill(1, { oid: 2 }, ALICE);
    story.fill(0, { oid: 8 }, BOB);
    const { fired, signals } = story.fill(5 * MINUTE + 1, { oid: 2 }, ALICE);
    assert.deepEqual(fired.map(({ address, oid }) => [address, oid]), [[ALICE, 2], [ALICE, 10], [BOB, 8], [BOB, 9]]);
    assert.deepEqual(fired.map(({ size }) => size), ['1', '1', '1', '1'], 'the record itself is not in them');
    assert.deepEqual(signals, []);
  });

  test('a deadline that was put off fires in its new place among the others', () => {
    const story = new Story();
    story.fill(0, { oid: 1 });
    story.fill(2 * SECOND, { oid: 2 });
    story.update(299 * SECOND, { oid: 1, origSz: '2' });
    assert.deepEqual(told(story.tick(305 * SECOND).fired), ['2 r1 timeout 1', '1 r1 grace 1']);
  });

  test('one record can fire several timers of one order, each in its time', () => {
    const story = new Story();
    story.fill(0, { twapId: 3 });
    assert.deepEqual(told(story.tick(DAY).fired), ['1 r1 quiet 1']);
    assert.equal(story.counts.finished, 1, 'its hour runs from its last fill, not from its signal');
  });

  test('an earlier receivedAt moves nothing back', () => {
    const story = new Story();
    story.tick(HOUR);
    story.fill(0);
    assert.equal(story.partition.state.now, T0 + HOUR);
    assert.deepEqual(story.tick(HOUR + 5 * MINUTE - 1).fired, []);
    assert.equal(story.tick(HOUR + 5 * MINUTE).fired.length, 1);
  });

  test('refused records move it, and one without a usable time does not', () => {
    const story = new Story();
    story.fill(0);
    const refused = story.play({ kind: 'unusable', reason: 'malformed', receivedAt: T0 + 5 * MINUTE, record: null });
    assert.equal(refused.fired.length, 1);
    story.play({ kind: 'unusable', reason: 'malformed', receivedAt: null, record: null });
    assert.equal(story.partition.state.now, T0 + 5 * MINUTE);
  });

  test('of two clocks it is the smaller, and the first record sets both', () => {
    const story = new Story({}, 2);
    assert.equal(story.partition.state.now, -Infinity);
    story.fill(0, {}, ALICE, 0);
    assert.deepEqual([story.partition.state.now, ...story.partition.state.clocks], [T0, T0, T0]);
    assert.deepEqual(story.tick(HOUR, 0).fired, []);
    assert.equal(story.partition.state.now, T0);
    assert.equal(story.tick(5 * MINUTE, 1).fired.length, 1);
    assert.equal(story.partition.state.now, T0 + 5 * MINUTE);
    story.tick(2 * HOUR, 1);
    assert.equal(story.partition.state.now, T0 + HOUR);
  });

  test('with time run on to its end, every order signals and is finished', () => {
    const story = new Story();
    story.fill(0, { oid: 1 });
    story.fill(0, { oid: 2, twapId: 1 });
    story.update(0, { oid: 3 });
    assert.deepEqual(told(story.fire(Infinity)), ['2 r1 quiet 1', '1 r1 timeout 1']);
    assert.deepEqual([story.partition.state.orders, story.counts.finished, story.counts.orphaned], [0, 2, 1]);
  });
});

suite('counts', () => {
  test('each record is one, by its kind when it was readable', () => {
    const story = new Story();
    story.fill(0);
    story.noTrade(0);
    story.update(0);
    story.account(0, '5');
    story.tick(0);
    story.play({ kind: 'unusable', reason: 'malformed', receivedAt: T0, record: null });
    story.play({ kind: 'unusable', reason: 'bad-address', receivedAt: T0, record: 'account' });
    const { records, fills, orderUpdates, accounts, ticks, ignored, quarantined } = story.counts;
    assert.deepEqual([records, fills, orderUpdates, accounts, ticks, ignored], [7, 2, 1, 2, 1, 1]);
    assert.deepEqual([quarantined.malformed, quarantined['bad-address']], [1, 1]);
  });

  test('a record with a bad address is counted by its kind, and one that is malformed by none', () => {
    const story = new Story();
    const kinds = ['fill', 'orderUpdate', 'account', 'tick'] as const;
    for (const record of kinds) story.play({ kind: 'unusable', reason: 'bad-address', receivedAt: T0, record });
    story.play({ kind: 'unusable', reason: 'malformed', receivedAt: T0, record: null });
    const { records, fills, orderUpdates, accounts, ticks } = story.counts;
    assert.deepEqual([records, fills, orderUpdates, accounts, ticks], [5, 1, 1, 1, 1]);
  });

  test('a refused fill is a fill, and a terminal status that did not win is ignored', () => {
    const story = new Story();
    story.fill(0, { dir: 'gossip' });
    story.fill(0);
    story.update(0, { origSz: '2', statusTimestamp: T0 + 1 });
    story.update(0, { origSz: '2', status: 'canceled' });
    assert.deepEqual([story.counts.fills, story.counts.ignored, story.counts.quarantined['unknown-dir']], [2, 1, 1]);
  });
});

suite('what is in memory', () => {
  test('an order that was changed stays until its change was taken, and an absent one has to be fetched for its timer', () => {
    const story = new Story();
    const { state } = story.partition;
    story.fill(0, { oid: 1 });
    state.evict(0);
    assert.equal(state.held, 1);
    const [slot] = state.takeChanges().slots;
    const order = slot?.order;
    state.evict(0);
    assert.deepEqual([state.held, state.orders, state.isWhole], [0, 1, false]);
    state.advance(0, T0 + 5 * MINUTE);
    const signals: Signal[] = [];
    assert.equal(story.partition.fireNext(signals), 'absent');
    assert.deepEqual(state.dueAndAbsent(state.now, 5), [slot]);
    if (order === undefined || order.kind === 'absent' || order.kind === 'gone') throw new Error('the order was in memory');
    state.restoreOrder(ALICE, order);
    assert.equal(story.partition.fireNext(signals), 'fired');
    assert.deepEqual(told(signals), ['1 r1 timeout 1']);
  });

  test('changes are given once, also of orders that are gone', () => {
    const story = new Story();
    story.fill(0, { tid: 1 });
    story.update(0);
    story.tick(10 * MINUTE);
    const { state } = story.partition;
    const first = state.takeChanges();
    assert.deepEqual(first.slots.map(({ oid, order }) => [oid, order.kind]), [[oidOf(1), 'gone']]);
    assert.deepEqual(first.accounts.map(({ address }) => address), [ALICE]);
    assert.deepEqual(state.takeChanges(), { slots: [], accounts: [] });
  });

  test('an address has changed when its horizon began, its value, or its memory; and not when nothing of it did', () => {
    const story = new Story({ finishedMs: MINUTE });
    const changed = (): readonly string[] => story.partition.state.takeChanges().accounts.map(({ address }) => address);
    story.noTrade(0, BOB);
    assert.deepEqual(changed(), [BOB]);
    story.account(0, '5', 7);
    assert.deepEqual(changed(), [ALICE]);
    story.account(1, '6', 7);
    story.fill(1, { tid: 1 });
    story.update(1);
    assert.deepEqual(changed(), []);
    story.account(2, '6', 8);
    assert.deepEqual(changed(), [ALICE]);
    story.tick(2 * MINUTE);
    assert.deepEqual([story.counts.finished, changed()], [1, [ALICE]]);
    story.fill(3 * MINUTE, { tid: 1, time: T0 });
    assert.deepEqual(changed(), []);
    story.fill(3 * MINUTE, { tid: 2, time: T0 + 5 });
    assert.deepEqual([story.counts.quarantined.late, changed()], [1, [ALICE]]);
  });

  test('when nothing is due, nothing fires', () => {
    const story = new Story();
    story.fill(0);
    assert.equal(story.partition.fireNext([]), 'none');
    assert.equal(story.partition.fireNext([], T0 + 5 * MINUTE), 'fired');
    assert.equal(story.partition.fireNext([], T0 + 5 * MINUTE), 'none');
  });

  test('a record of an absent order is a bug, not an event', () => {
    const story = new Story();
    story.fill(0);
    story.partition.state.takeChanges();
    story.partition.state.evict(0);
    assert.throws(() => story.fill(1), { name: 'InvariantViolation', message: `order ${ALICE}/1 is not in memory` });
  });

  test('the due timers asked for are at most as many as asked, and stay due', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 12 }), (orders, limit) => {
      const story = new Story();
      const { state } = story.partition;
      for (let oid = 0; oid < orders; oid += 1) story.fill(oid, { oid });
      state.takeChanges();
      state.evict(0);
      const due = state.dueAndAbsent(T0 + HOUR, limit);
      assert.deepEqual(due.map(({ oid }) => oid), Array.from({ length: Math.min(orders, limit) }, (_, oid) => oid));
      assert.deepEqual(state.dueAndAbsent(T0 + HOUR, limit), due);
    }));
  });
});
