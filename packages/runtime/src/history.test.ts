// Positions and the running id of a history (H1, H2).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_HISTORY_ID, HistoryId, comparePositions, samePoint, startOf, type Position } from './history.ts';

type Step = readonly [topic: number, offset: number];

function idOf(steps: readonly Step[], from = EMPTY_HISTORY_ID): string {
  const id = new HistoryId(from);
  for (const [topic, offset] of steps) id.add(topic, offset);
  return id.toString();
}

const offsets = fc.oneof(fc.nat(50), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const histories = fc.array(fc.tuple(fc.nat(2), offsets), { maxLength: 40 });
const positions = fc.record({ offsets: fc.array(fc.nat(3), { minLength: 2, maxLength: 2 }), fired: fc.nat(2) });
/** Topics read side by side: who is next, each with its own offsets. */
const merges = fc.array(fc.nat(1), { minLength: 1, maxLength: 40 });

function merged(topics: readonly number[]): Step[] {
  const next = [0, 0];
  return topics.map((topic) => {
    const offset = next[topic] ?? 0;
    next[topic] = offset + 1;
    return [topic, offset];
  });
}

suite('the id of a history', () => {
  test('is the same however the history was cut into batches (H2)', () => {
    fc.assert(fc.property(histories, fc.array(fc.nat(40), { maxLength: 5 }), (history, cuts) => {
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), history.length];
      let id = EMPTY_HISTORY_ID;
      for (const [place, from] of bounds.slice(0, -1).entries()) id = idOf(history.slice(from, Math.max(from, bounds[place + 1] ?? 0)), id);
      assert.equal(id, idOf(history));
    }));
  });

  test('is 16 hex digits', () => {
    fc.assert(fc.property(histories, (history) => {
      assert.match(idOf(history), /^[0-9a-f]{16}$/);
    }));
    assert.equal(idOf([]), EMPTY_HISTORY_ID);
  });

  test('is another for another merge of the same topics (H2)', () => {
    fc.assert(fc.property(merges.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))), ([all, other]) => {
      assert.equal(idOf(merged(all)) === idOf(merged(other)), all.join() === other.join());
    }));
  });

  test('is another after every record, and for every other record', () => {
    fc.assert(fc.property(histories, fc.tuple(fc.nat(2), offsets), fc.tuple(fc.nat(2), offsets), (history, one, other) => {
      const id = idOf(history);
      assert.notEqual(idOf([one], id), id);
      assert.equal(idOf([one], id) === idOf([other], id), one.join() === other.join());
    }));
  });

  test('tells 100,000 short histories apart', () => {
    const ids = new Set<string>();
    for (let one = 0; one < 1_000; one += 1) for (let other = 0; other < 100; other += 1) ids.add(idOf([[0, one], [1, other]]));
    assert.equal(ids.size, 100_000);
  });
});

suite('positions', () => {
  const opposite = { before: 'after', after: 'before', same: 'same', apart: 'apart' } as const;

  test('are compared the same from both sides', () => {
    fc.assert(fc.property(positions, positions, (a, b) => {
      assert.equal(comparePositions(b, a), opposite[comparePositions(a, b)]);
      assert.equal(comparePositions(a, b) === 'same', JSON.stringify(a) === JSON.stringify(b));
    }));
  });

  test('are a partial order: before what comes before is before', () => {
    fc.assert(fc.property(positions, positions, positions, (a, b, c) => {
      if (comparePositions(a, b) !== 'before' || comparePositions(b, c) !== 'before') return;
      assert.equal(comparePositions(a, c), 'before');
    }), { numRuns: 2_000 });
  });

  test('are apart when topics disagree, or are others', () => {
    const at = (...all: number[]): Position => ({ offsets: all, fired: 0 });
    assert.equal(comparePositions(at(1, 2), at(2, 1)), 'apart');
    assert.equal(comparePositions(at(1), at(1, 2)), 'apart');
    assert.equal(comparePositions(at(1, 2), at(1)), 'apart');
  });

  test('of the same offsets go by the timers fired; records count for more', () => {
    assert.equal(comparePositions({ offsets: [4, 4], fired: 1 }, { offsets: [4, 4], fired: 2 }), 'before');
    assert.equal(comparePositions({ offsets: [4, 4], fired: 9 }, { offsets: [4, 5], fired: 0 }), 'before');
  });

  test('are the same point only with the same id', () => {
    const start = startOf(2);
    assert.ok(samePoint(start, startOf(2)));
    assert.ok(!samePoint(start, { ...start, id: 'f'.repeat(16) }));
    assert.ok(!samePoint(start, startOf(1)));
  });
});
