// One batch folded into one commit (B1, B2), and the same commit repeated.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_SETTINGS, Partition } from '@fillstream/core';
import { accountRecord, addressIn, fillRecord, tickRecord, updateRecord, type JournalRecord } from './contract/records.ts';
import { decide, decideEnd, repeat } from './decide.ts';
import { HistoryId, startOf } from './history.ts';
import type { LogRecord } from './ports.ts';

const INPUTS = [{ name: 'fills', clock: 0 }];
const ADDRESS = addressIn(0, 1);
const START = 1_760_000_000_000;
const OVERDUE = START + 300_000;

function logged(records: readonly JournalRecord[], first = 0): LogRecord[] {
  return records.map(({ input }, place) => ({ topic: 0, offset: first + place, next: first + place + 1, input, original: '' }));
}

function fills(count: number): JournalRecord[] {
  return Array.from({ length: count }, (_, oid) => fillRecord(ADDRESS, START, { oid, tid: oid + 1 }));
}

suite('deciding a batch', () => {
  test('holds its records, their merge, the point they lead to and the time they moved to', () => {
    const partition = new Partition(DEFAULT_SETTINGS);
    const records = logged([...fills(2), updateRecord(ADDRESS, START + 5, { oid: 1 })]);
    const { commit, taken } = decide(partition, INPUTS, startOf(1), records, 10);
    const id = new HistoryId(startOf(1).id);
    for (const { topic, offset } of records) id.add(topic, offset);
    assert.equal(taken, 3);
    assert.deepEqual(commit.to, { position: { offsets: [3], fired: 0 }, id: id.toString() });
    assert.deepEqual([commit.from, commit.merge, commit.clocks, commit.afterEnd], [startOf(1), [{ topic: 0, count: 3 }], [START + 5], false]);
    assert.deepEqual(commit.signals.map(({ oid }) => oid), [1]);
  });

  test('tells a refused record with its reason, and applies those after it', () => {
    const records = logged([fillRecord(ADDRESS, START, { oid: 1, tid: 1, dir: 'gossip' }), ...fills(1)]);
    const { commit, taken } = decide(new Partition(DEFAULT_SETTINGS), INPUTS, startOf(1), records, 10);
    assert.equal(taken, 2);
    assert.deepEqual(commit.refused, [{ reason: 'unknown-dir', record: records[0] }]);
  });

  test('ends before the record whose timers are more than the batch may fire, and goes on from there (B1)', () => {
    const partition = new Partition(DEFAULT_SETTINGS);
    const records = logged([...fills(5), tickRecord(OVERDUE), accountRecord(ADDRESS, OVERDUE, '5')]);
    const first = decide(partition, INPUTS, startOf(1), records, 2);
    assert.deepEqual([first.taken, first.commit.to.position, first.commit.signals.length], [5, { offsets: [5], fired: 2 }, 2]);
    assert.deepEqual(first.commit.clocks, [OVERDUE]);
    const second = decide(partition, INPUTS, first.commit.to, records.slice(5), 2);
    assert.deepEqual([second.taken, second.commit.to.position, second.commit.to.id], [0, { offsets: [5], fired: 4 }, first.commit.to.id]);
    const third = decide(partition, INPUTS, second.commit.to, records.slice(5), 2);
    assert.deepEqual([third.taken, third.commit.to.position, third.commit.signals.length], [2, { offsets: [7], fired: 0 }, 1]);
  });

  test('counts the timers since the last record it applied, not those before it', () => {
    const partition = new Partition(DEFAULT_SETTINGS);
    const records = logged([...fills(3), tickRecord(OVERDUE)]);
    const { commit } = decide(partition, INPUTS, startOf(1), records, 10);
    assert.deepEqual([commit.to.position, commit.signals.length], [{ offsets: [4], fired: 0 }, 3]);
  });

  test('ends at the timer of an order that is not in memory (B2)', () => {
    const partition = new Partition(DEFAULT_SETTINGS);
    const { commit } = decide(partition, INPUTS, startOf(1), logged(fills(2)), 10);
    partition.state.takeChanges();
    partition.state.evict(1);
    const starved = decide(partition, INPUTS, commit.to, logged([tickRecord(OVERDUE)], 2), 10);
    assert.deepEqual([starved.starved, starved.taken, starved.commit.to], [true, 0, commit.to]);
  });

  test('at the end fires all timers, however late, in as many commits as it needs', () => {
    const partition = new Partition(DEFAULT_SETTINGS);
    const { commit } = decide(partition, INPUTS, startOf(1), logged(fills(3)), 10);
    const first = decideEnd(partition, commit.to, 2);
    assert.deepEqual([first.done, first.commit.afterEnd, first.commit.signals.length], [false, true, 2]);
    const rest = decideEnd(partition, commit.to, 100);
    assert.deepEqual([rest.done, rest.commit.signals.length, partition.state.orders], [true, 1, 0]);
  });
});

suite('repeating a commit', () => {
  test('leads to its point, with as many timers fired as it held', () => {
    const records = logged([...fills(5), tickRecord(OVERDUE)]);
    const [partition, other] = [new Partition(DEFAULT_SETTINGS), new Partition(DEFAULT_SETTINGS)];
    let [at, left, again] = [startOf(1), records, startOf(1)];
    while (left.length > 0) {
      const { commit, taken } = decide(partition, INPUTS, at, left, 2);
      again = repeat(other, INPUTS, again, left.slice(0, taken), commit);
      assert.deepEqual(again, commit.to);
      assert.deepEqual(other.state.counts, partition.state.counts);
      [at, left] = [commit.to, left.slice(taken)];
    }
  });
});
