import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivered, Signal } from '@fillstream/client';
import { Tape } from './tape.ts';

function delivered(oid: number, more: Partial<Signal> = {}): Delivered {
  const signal = { id: `0xa/${String(oid)}/open-long`, oid, revision: 1, direction: 'open', side: 'LONG', ...more } as Signal;
  return { cursor: String(oid), signal };
}

const oids = (tape: Tape): (number | undefined)[] => Array.from({ length: tape.length }, (_, place) => tape.at(place)?.signal.oid);

test('the newest row is the first', () => {
  const tape = new Tape(10);
  tape.append([delivered(1), delivered(2)]);
  tape.append([delivered(3)]);
  assert.deepEqual(oids(tape), [3, 2, 1]);
});

test('while it is held nothing in sight moves, and what comes is counted (T1)', () => {
  const tape = new Tape(10);
  tape.append([delivered(1), delivered(2)]);
  tape.hold();
  tape.append([delivered(3), delivered(4)]);
  assert.deepEqual([oids(tape), tape.waiting], [[2, 1], 2]);
  tape.release();
  assert.deepEqual([oids(tape), tape.waiting], [[4, 3, 2, 1], 0]);
});

test('an empty list that is held stays empty (T1)', () => {
  const tape = new Tape(10);
  tape.hold();
  tape.append([delivered(1)]);
  assert.deepEqual([tape.length, tape.waiting], [0, 1]);
});

test('rows from before go to the end, and keep the places of the others', () => {
  const tape = new Tape(10);
  tape.append([delivered(5)]);
  tape.prepend([delivered(4), delivered(3)]);
  tape.prepend([delivered(2)]);
  assert.deepEqual(oids(tape), [5, 4, 3, 2]);
  assert.deepEqual([tape.placeOf(0), tape.placeOf(-1), tape.placeOf(-3), tape.placeOf(-4), tape.placeOf(1)], [0, 1, 3, -1, -1]);
});

test('there are never more rows than the limit and a tenth (T2)', () => {
  const tape = new Tape(100);
  for (let oid = 0; oid <= 1_000; oid += 1) {
    tape.append([delivered(oid)]);
    assert.ok(tape.length <= 110);
  }
  assert.deepEqual([tape.received, tape.at(0)?.signal.oid], [1_001, 1_000]);
  tape.prepend([delivered(-1)]);
  assert.ok(tape.counts.all <= 110);
});

test('rows in sight stay however many come while it is held, and make place without a gap when it is let go (T1, T3)', () => {
  const tape = new Tape(100);
  tape.append([delivered(0), delivered(1)]);
  tape.hold();
  for (let oid = 2; oid <= 1_000; oid += 1) tape.append([delivered(oid)]);
  assert.deepEqual([oids(tape), tape.waiting], [[1, 0], 999]);
  assert.ok(tape.counts.all <= 112);
  tape.release();
  assert.deepEqual(oids(tape), Array.from({ length: 100 }, (_, place) => 1_000 - place));
  assert.deepEqual([tape.counts.all, tape.placeOf(1_000), tape.placeOf(901), tape.placeOf(900)], [100, 0, 99, -1]);
});

test('a row with a later revision in the list says so (T4)', () => {
  const tape = new Tape(10);
  tape.append([delivered(1), delivered(2), delivered(1, { revision: 2 })]);
  const replaced = [0, 1, 2].map((place) => tape.isReplaced(tape.at(place)!));
  assert.deepEqual(replaced, [false, false, true]);
});

test('counts are of the rows there are', () => {
  const tape = new Tape(2);
  tape.append([delivered(1), delivered(2, { side: 'SHORT' }), delivered(3, { direction: 'close' })]);
  assert.equal(tape.length, 2);
  assert.deepEqual(tape.counts, { all: 2, open: 1, long: 1 });
});
