// The memory of finished orders (M1 to M3) against a plain sorted array.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { CHUNK_ENTRIES, FinishedMemory, type MemoryChunk } from './memory.ts';

/** A failure is made smaller for so long at most. */
const MAX_MS = 10_000;

type Entry = { oid: number; time: number };

/** The same, written plainly. */
class Model {
  entries: Entry[] = [];

  remember(oid: number, time: number, limit: number): number | null {
    this.entries.push({ oid, time });
    this.#sort();
    return this.entries.length > limit ? this.entries.shift()?.time ?? null : null;
  }

  move(oid: number, time: number): void {
    const entry = this.entries.find((other) => other.oid === oid);
    if (entry !== undefined) entry.time = time;
    this.#sort();
  }

  timeOf(oid: number): number | null {
    return this.entries.find((entry) => entry.oid === oid)?.time ?? null;
  }

  #sort(): void {
    this.entries.sort((a, b) => a.time - b.time || a.oid - b.oid);
  }
}

/** A store of chunks, as an adapter keeps them. */
class ChunkStore {
  readonly bodies = new Map<number, { readonly oids: readonly number[]; readonly times: readonly number[] }>();
  writes = 0;

  take(memory: FinishedMemory): void {
    const { changed, removed } = memory.takeChanges();
    for (const { number, oids, times } of changed) this.bodies.set(number, { oids: [...oids], times: [...times] });
    for (const number of removed) this.bodies.delete(number);
    this.writes += changed.length;
  }

  /** What a restart reads, in no particular order. */
  chunks(): MemoryChunk[] {
    return Array.from(this.bodies, ([number, { oids, times }]) => ({ number, oids: [...oids], times: [...times], changed: false })).reverse();
  }

  entries(): Entry[] {
    const all = this.chunks().flatMap(({ oids, times }) => oids.map((oid, place) => ({ oid, time: times[place] ?? NaN })));
    return all.sort((a, b) => a.time - b.time || a.oid - b.oid);
  }
}

type Step =
  | { readonly kind: 'remember'; readonly oid: number; readonly time: number }
  | { readonly kind: 'move'; readonly oid: number; readonly time: number }
  | { readonly kind: 'store' }
  | { readonly kind: 'restart' };

function steps(oids: number, times: number, length: number): fc.Arbitrary<Step[]> {
  const oid = fc.nat(oids);
  const time = fc.nat(times);
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('remember' as const), oid, time }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('move' as const), oid, time }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('store' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );
  return fc.array(step, { minLength: length / 2, maxLength: length, size: 'max' });
}

/** Plays the steps on memory, model and store; they agree after each. */
function check(all: readonly Step[], limit: number): void {
  let memory = new FinishedMemory();
  const model = new Model();
  const store = new ChunkStore();
  for (const step of all) {
    switch (step.kind) {
      case 'remember':
        if (model.timeOf(step.oid) !== null) break;
        assert.equal(memory.remember(step.oid, step.time, limit), model.remember(step.oid, step.time, limit));
        break;
      case 'move':
        memory.move(step.oid, step.time);
        model.move(step.oid, step.time);
        break;
      case 'store':
        store.take(memory);
        assert.deepEqual(store.entries(), model.entries);
        break;
      case 'restart':
        store.take(memory);
        memory = new FinishedMemory(store.chunks());
        break;
    }
    assert.equal(memory.size, model.entries.length);
    if ('oid' in step) assert.equal(memory.lastFillAt(step.oid), model.timeOf(step.oid));
  }
  for (const { oid, time } of model.entries) assert.equal(memory.lastFillAt(oid), time);
  store.take(memory);
  assert.deepEqual(store.entries(), model.entries);
  for (const { oids, times } of store.chunks()) assert.ok(oids.length > 0 && oids.length <= CHUNK_ENTRIES && times.length === oids.length);
}

suite('the memory of finished orders', () => {
  test('agrees with a sorted array through eviction, moves, storing and restarts', () => {
    fc.assert(fc.property(steps(40, 30, 60), fc.integer({ min: 1, max: 12 }), check), { interruptAfterTimeLimit: MAX_MS });
  });

  test('agrees with it over many chunks that split and empty', () => {
    fc.assert(fc.property(steps(3_000, 500, 700), fc.constantFrom(100, 130, 400), check), { numRuns: 25, interruptAfterTimeLimit: MAX_MS });
  });

  test('beyond the limit the oldest goes: by lastFillAt, then by oid', () => {
    const memory = new FinishedMemory();
    for (const [oid, time] of [[5, 20], [9, 10], [4, 10]] as const) assert.equal(memory.remember(oid, time, 3), null);
    assert.equal(memory.remember(1, 30, 3), 10);
    assert.deepEqual([4, 9, 5, 1].map((oid) => memory.lastFillAt(oid)), [null, 10, 20, 30]);
  });

  test('an entry older than all the others goes at once when memory is full', () => {
    const memory = new FinishedMemory();
    memory.remember(1, 10, 1);
    assert.equal(memory.remember(2, 5, 1), 5);
    assert.deepEqual([memory.lastFillAt(1), memory.lastFillAt(2), memory.size], [10, null, 1]);
  });

  test('a finished order writes one or two chunks, though thousands are remembered', () => {
    const memory = new FinishedMemory();
    const store = new ChunkStore();
    for (let oid = 0; oid < 2_048; oid += 1) memory.remember(oid, oid, 2_048);
    store.take(memory);
    store.writes = 0;
    memory.remember(5_000, 5_000, 2_048);
    store.take(memory);
    assert.ok(store.writes <= 2, `${String(store.writes)} chunks`);
  });

  test('what came in order goes in order, over many chunks, also after a restart', () => {
    const limit = 5 * CHUNK_ENTRIES;
    let memory = new FinishedMemory();
    const store = new ChunkStore();
    for (let oid = 0; oid < limit; oid += 1) assert.equal(memory.remember(oid, oid, limit), null);
    for (let oid = limit; oid < 2 * limit; oid += 1) assert.equal(memory.remember(oid, oid, limit), oid - limit);
    store.take(memory);
    memory = new FinishedMemory(store.chunks());
    for (let oid = 2 * limit; oid < 3 * limit; oid += 1) assert.equal(memory.remember(oid, oid, limit), oid - limit);
    assert.equal(memory.size, limit);
  });

  test('a chunk that is empty is none: its number is taken, and nothing is found in it', () => {
    const memory = new FinishedMemory([{ number: 7, oids: [], times: [], changed: false }, { number: 3, oids: [4], times: [9], changed: false }]);
    assert.equal(memory.remember(5, 1, 9), null);
    assert.equal(memory.remember(6, 2, 2), 1);
    assert.deepEqual([memory.size, memory.lastFillAt(4), memory.lastFillAt(5), memory.lastFillAt(6)], [2, 9, null, 2]);
  });

  test('nothing changed is nothing to write', () => {
    const memory = new FinishedMemory();
    memory.remember(1, 1, 5);
    memory.takeChanges();
    assert.deepEqual(memory.takeChanges(), { changed: [], removed: [] });
    memory.move(7, 9);
    assert.deepEqual(memory.takeChanges(), { changed: [], removed: [] });
  });
});
