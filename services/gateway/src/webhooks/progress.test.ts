import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNote, progressOf, startOf } from './progress.ts';

const id = fc.nat().map((number) => `wh_${number.toString(16).padStart(12, '0')}`);
const positions = fc.array(fc.tuple(id, fc.nat(2_000_000)), { maxLength: 400 }).map((entries) => new Map(entries));

test('nothing that a webhook is owed lies before where it begins again', () => {
  fc.assert(fc.property(positions, fc.nat(2_000_000), (given, next) => {
    const held = progressOf(given, next, 7);
    assert.ok(held.note.length <= 4_000);
    const webhooks = Array.from(given, ([each]) => ({ id: each, createdAt: 7, from: 0 }));
    const { next: again, reached } = startOf(held, { low: 0, high: next }, webhooks);
    for (const [each, position] of given) {
      assert.ok((reached.get(each) ?? NaN) <= Math.min(position, next));
      assert.ok((reached.get(each) ?? NaN) >= Math.min(position, again));
    }
  }));
});

test('those that are behind are named, so that the others begin where they were', () => {
  const held = progressOf(new Map([['wh_a', 5], ['wh_b', 100], ['wh_c', 250]]), 100, 9);
  assert.deepEqual(held, { offset: 100, note: '1 9 wh_a:5' });
  const webhooks = ['wh_a', 'wh_b'].map((each) => ({ id: each, createdAt: 1, from: 0 }));
  assert.deepEqual(startOf(held, { low: 0, high: 120 }, webhooks), { next: 100, reached: new Map([['wh_a', 5], ['wh_b', 100]]) });
});

test('when too many are behind to be named, those behind the most are, and the first of the others holds the offset', () => {
  const all = new Map(Array.from({ length: 500 }, (_, place) => [`wh_${String(place).padStart(12, '0')}`, 1_000 + place]));
  const { offset, note } = progressOf(all, 10_000, 9);
  const named = parseNote(note)?.behind ?? new Map<string, number>();
  assert.ok(named.size > 100 && named.size < 500);
  assert.equal(offset, 1_000 + named.size);
});

test('a webhook that whoever committed didn\'t know begins where it was made', () => {
  const held = progressOf(new Map(), 100, 9);
  const webhooks = [{ id: 'wh_new', createdAt: 10, from: 60 }, { id: 'wh_later', createdAt: 11, from: 130 }, { id: 'wh_strange', createdAt: 12, from: null }];
  assert.deepEqual([...startOf(held, { low: 0, high: 120 }, webhooks).reached.values()], [60, 130, 100]);
});

test('an offset that somebody else set is meant for all, but for what they were never owed', () => {
  const webhooks = [{ id: 'wh_a', createdAt: 1, from: 10 }, { id: 'wh_b', createdAt: 99, from: 70 }];
  assert.deepEqual(startOf({ offset: 50, note: '' }, { low: 0, high: 120 }, webhooks), { next: 50, reached: new Map([['wh_a', 50], ['wh_b', 70]]) });
});

test('a group that was forgotten begins where the oldest webhook does, and without webhooks at the end', () => {
  const webhooks = [{ id: 'wh_a', createdAt: 1, from: 10 }, { id: 'wh_b', createdAt: 99, from: 70 }];
  assert.deepEqual(startOf(null, { low: 0, high: 120 }, webhooks), { next: 10, reached: new Map([['wh_a', 10], ['wh_b', 70]]) });
  assert.equal(startOf(null, { low: 0, high: 120 }, []).next, 120);
  assert.equal(startOf(null, { low: 0, high: 120 }, [{ id: 'wh_c', createdAt: 1, from: null }]).next, 120);
});

test('what was deleted isn\'t asked for', () => {
  const { next, reached } = startOf({ offset: 50, note: '1 9 wh_a:5' }, { low: 80, high: 120 }, [{ id: 'wh_a', createdAt: 1, from: 0 }]);
  assert.deepEqual([next, reached.get('wh_a')], [80, 80]);
});

test('another program\'s note is none of ours', () => {
  for (const note of ['', '2 9 wh_a:5', '1 x wh_a:5', '1 9 wh_a', '1 9 wh_a:5,', 'whatever']) assert.equal(parseNote(note), null, note);
  assert.deepEqual(parseNote('1 9 '), { asOf: 9, behind: new Map() });
});
