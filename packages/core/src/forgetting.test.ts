// What an address forgets and remembers: horizon, finished orders, parked statuses (contract §5, §7).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Signal } from './signal.ts';
import { BOB, Story, T0, type Reply } from './test-records.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function told(signals: readonly Signal[]): readonly string[] {
  return signals.map(({ oid, revision, trigger, size }) => `${String(oid)} r${String(revision)} ${trigger} ${size}`);
}

function reasonOf({ outcome }: Reply): string {
  return outcome.kind === 'refused' ? outcome.reason : outcome.kind;
}

/** A story whose order 1 was complete at 0 and is finished. */
function withFinished(settings: ConstructorParameters<typeof Story>[0] = {}): Story {
  const story = new Story(settings);
  story.fill(0, { tid: 1 });
  story.update(0);
  story.tick(10 * MINUTE);
  assert.equal(story.counts.finished, 1);
  return story;
}

suite('the horizon of an address', () => {
  test('starts 5 minutes before the receivedAt of its first fill, and that fill is judged by it', () => {
    const story = new Story();
    story.fill(0, { time: T0 - 5 * MINUTE });
    assert.equal(story.counts.stale, 1);
    story.fill(9 * SECOND, { oid: 2, time: T0 - 5 * MINUTE });
    assert.equal(story.counts.stale, 2);
    story.fill(9 * SECOND, { oid: 2, time: T0 - 5 * MINUTE + 1 });
    assert.equal(story.counts.stale, 2);
    assert.equal(story.partition.state.orders, 1);
  });

  test('starts with an account record or a fill that is no trade as well', () => {
    for (const first of ['account', 'noTrade'] as const) {
      const story = new Story();
      if (first === 'account') story.account(0, '5');
      else story.noTrade(0);
      story.fill(HOUR, { time: T0 - 5 * MINUTE });
      assert.equal(story.counts.stale, 1, first);
      story.fill(HOUR, { time: T0 - 5 * MINUTE + 1 });
      assert.equal(story.counts.stale, 1, first);
    }
  });

  test('does not start with a refused fill, an update, a tick, or the record of another address', () => {
    const story = new Story();
    assert.equal(reasonOf(story.fill(0, { dir: 'gossip' })), 'unknown-dir');
    assert.equal(reasonOf(story.fill(0, { dir: 'Close Long' })), 'dir-contradiction');
    story.update(0, { oid: 9 });
    story.tick(0);
    story.fill(0, {}, BOB);
    story.fill(-HOUR, { oid: 3, time: T0 - HOUR });
    assert.equal(story.counts.stale, 0);
  });

  test('before it, no update is stale; after it, one of an unknown order at or before it is', () => {
    const story = new Story();
    story.update(0, { oid: 5, statusTimestamp: T0 - DAY });
    story.account(0, '5');
    story.update(0, { oid: 6, statusTimestamp: T0 - 5 * MINUTE });
    assert.equal(story.counts.staleUpdates, 1);
    story.update(0, { oid: 7, statusTimestamp: T0 - 5 * MINUTE + 1 });
    assert.equal(story.counts.staleUpdates, 1);
    assert.equal(story.partition.state.orders, 2);
  });

  test('judges an order that has only a parked status as unknown', () => {
    const story = new Story();
    story.update(0, { statusTimestamp: T0 });
    story.fill(0, { time: T0 - 5 * MINUTE });
    story.update(0, { statusTimestamp: T0 - 5 * MINUTE });
    assert.deepEqual([story.counts.stale, story.counts.staleUpdates], [1, 1]);
  });

  test('does not concern an order with fills on record', () => {
    const story = new Story();
    story.fill(0);
    story.fill(0, { time: T0 - DAY });
    const { signals } = story.update(0, { statusTimestamp: T0 - DAY, origSz: '2' });
    assert.deepEqual(told(signals), ['1 r1 complete 2']);
  });

  test('updates that leave no trace are dropped before any look', () => {
    const story = withFinished();
    const status = (parts: Parameters<Story['update']>[1]): void => void story.update(HOUR, { statusTimestamp: T0 - DAY, ...parts });
    status({ status: 'open' });
    status({ status: 'triggered' });
    status({ status: 'gossip' });
    status({ status: 'canceled', sz: '1' });
    const { ignored, unknownStatuses, droppedStatuses, duplicateUpdates, staleUpdates } = story.counts;
    assert.deepEqual([ignored, unknownStatuses, droppedStatuses, duplicateUpdates, staleUpdates], [2, 1, 1, 0, 0]);
  });

  test('moves to the lastFillAt of the order that memory forgets', () => {
    const story = new Story({ memory: 1 });
    for (const [place, oid] of [1, 2].entries()) {
      story.fill(place * SECOND, { oid });
      story.update(place * SECOND, { oid });
    }
    story.tick(11 * MINUTE);
    assert.equal(story.counts.finished, 2);
    story.fill(11 * MINUTE, { oid: 1, time: T0 });
    assert.equal(story.counts.stale, 1, 'the forgotten fill itself is history');
    story.fill(11 * MINUTE, { oid: 3, time: T0 + 1 });
    assert.equal(story.counts.stale, 1, 'what came after it is news');
  });

  test('never moves back when the order forgotten is older', () => {
    const story = new Story({ memory: 1, startBehindMs: 0 });
    for (const oid of [1, 2, 3]) story.fill(0, { oid, time: T0 + (oid === 3 ? 2 : 5 * oid) });
    for (const oid of [1, 2]) story.update(0, { oid });
    story.update(4 * MINUTE, { oid: 3 });
    story.tick(10 * MINUTE);
    assert.equal(story.counts.finished, 2, '1 was forgotten: the horizon is at 5');
    story.tick(14 * MINUTE);
    assert.equal(story.counts.finished, 3, '3, of 2, was forgotten');
    story.fill(14 * MINUTE, { oid: 4, time: T0 + 5 });
    assert.equal(story.counts.stale, 1);
    story.fill(14 * MINUTE, { oid: 4, time: T0 + 6 });
    assert.equal(story.counts.stale, 1);
  });
});

suite('a finished order', () => {
  test('takes its fills and updates again as duplicates', () => {
    const story = withFinished();
    story.fill(HOUR, { tid: 1, time: T0 });
    story.fill(HOUR, { tid: 99, time: T0 - 1 });
    story.update(HOUR);
    story.update(HOUR, { status: 'canceled', statusTimestamp: T0 + DAY });
    assert.deepEqual([story.counts.duplicates, story.counts.duplicateUpdates], [2, 2]);
    assert.equal(story.partition.state.orders, 0);
  });

  test('refuses a newer fill as late once; again it is a duplicate', () => {
    const story = withFinished();
    assert.equal(reasonOf(story.fill(HOUR, { tid: 2, time: T0 + 5 })), 'late');
    assert.equal(reasonOf(story.fill(HOUR, { tid: 2, time: T0 + 5 })), 'applied');
    assert.equal(reasonOf(story.fill(HOUR, { tid: 3, time: T0 + 6 })), 'late');
    assert.deepEqual([story.counts.quarantined.late, story.counts.duplicates], [2, 1]);
  });

  test('stays longer in memory once a late fill has moved it', () => {
    const story = withFinished({ memory: 2 });
    story.fill(HOUR, { tid: 2, time: T0 + HOUR });
    for (const oid of [2, 3]) {
      story.fill(HOUR + oid, { oid, time: T0 + oid });
      story.update(HOUR + oid, { oid });
    }
    story.tick(2 * HOUR);
    story.fill(2 * HOUR, { oid: 1, time: T0 + HOUR });
    story.fill(2 * HOUR, { oid: 2, time: T0 + 2 });
    assert.deepEqual([story.counts.duplicates, story.counts.stale], [1, 1]);
  });

  test('that was forgotten and fills again is a new order, from revision 1', () => {
    const story = new Story({ memory: 1 });
    for (const oid of [1, 2]) {
      story.fill(oid, { oid });
      story.update(oid, { oid });
    }
    story.tick(11 * MINUTE);
    story.fill(12 * MINUTE, { oid: 1, sz: '3' });
    assert.deepEqual(told(story.update(12 * MINUTE, { oid: 1, origSz: '3' }).signals), ['1 r1 complete 3']);
  });

  test('is finished after its time to the millisecond, counted from its last change', () => {
    const story = new Story();
    story.fill(0);
    story.update(7);
    story.tick(10 * MINUTE + 6);
    assert.equal(story.counts.finished, 0);
    story.tick(10 * MINUTE + 7);
    assert.equal(story.counts.finished, 1);
  });

  test('without a status is finished after 30 days, or an hour when its fills were quiet', () => {
    const story = new Story();
    story.fill(0, { oid: 1 });
    story.fill(0, { oid: 2, twapId: 4 });
    story.tick(HOUR);
    assert.deepEqual([story.counts.finished, story.partition.state.orders], [1, 1]);
    story.tick(30 * DAY);
    assert.deepEqual([story.counts.finished, story.partition.state.orders], [2, 0]);
  });

  test('of two addresses are told apart, though they share the oid', () => {
    const story = withFinished();
    story.account(10 * MINUTE, '1', 0, BOB);
    assert.deepEqual(told(story.update(11 * MINUTE, {}, BOB).signals), []);
    assert.deepEqual(told(story.fill(11 * MINUTE, { tid: 1 }, BOB).signals), ['1 r1 complete 1']);
  });
});

suite('a parked status', () => {
  test('is dropped 10 minutes after it won, and counted as orphaned when fills are owed', () => {
    const story = new Story();
    story.update(0, { status: 'canceled' });
    story.update(MINUTE, { status: 'filled' });
    story.tick(11 * MINUTE - 1);
    assert.deepEqual([story.counts.orphaned, story.partition.state.orders], [0, 1]);
    story.tick(11 * MINUTE);
    assert.deepEqual([story.counts.orphaned, story.counts.expiredStatuses, story.partition.state.orders], [1, 0, 0]);
  });

  test('is no orphan of a reduce-only order or a position stop', () => {
    const story = new Story();
    story.update(0, { oid: 1, reduceOnly: true });
    story.update(0, { oid: 2, status: 'reduceOnlyCanceled' });
    story.update(0, { oid: 3, status: 'canceled', origSz: '0' });
    story.tick(10 * MINUTE);
    assert.deepEqual([story.counts.orphaned, story.counts.expiredStatuses], [0, 3]);
  });

  test('that loses or comes again gives no more time', () => {
    const story = new Story();
    story.update(0, { statusTimestamp: T0 + 5 });
    story.update(MINUTE, { statusTimestamp: T0 + 5 });
    story.update(MINUTE, { statusTimestamp: T0 + 4, status: 'canceled' });
    assert.deepEqual([story.counts.duplicateUpdates, story.counts.ignored], [1, 1]);
    story.tick(10 * MINUTE);
    assert.equal(story.counts.orphaned, 1);
  });

  test('that was dropped leaves nothing: its fill waits as if it had never been', () => {
    const story = new Story();
    story.update(0);
    story.tick(10 * MINUTE);
    assert.deepEqual(told(story.fill(10 * MINUTE).signals), []);
    assert.deepEqual(told(story.tick(15 * MINUTE).fired), ['1 r1 timeout 1']);
  });
});
