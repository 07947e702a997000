// The loop's invariants (I1 to I4) on the memory twins: whatever is cut, lost or repeated, the outputs are the plain fold's.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Settings } from '@fillstream/core';
import fc from 'fast-check';
import { below, journalOf, randomOf } from './contract/records.ts';
import { FAULT_POINTS, World, type Fault, type WorldOptions } from './loop-world.ts';
import type { LoopLimits } from './loop.ts';
import type { LoopEvent } from './loop-event.ts';
import { PortError, type EventLog, type LogRecord, type StateStore, type Taken } from './ports.ts';

const journals = fc.record({ seed: fc.integer(), size: fc.integer({ min: 1, max: 160 }) });
const limits: fc.Arbitrary<LoopLimits> = fc.record({
  batchRecords: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(200)),
  batchTimers: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(2_000)),
  checkpointRecords: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(60)),
  checkpointMs: fc.constantFrom(0, 1, 60_000),
  unsavedRecords: fc.constantFrom(12, 120),
  auditMs: fc.constantFrom(0, Infinity),
  ordersInMemory: fc.constantFrom(0, 1, 4, 1_000),
});
const settings: fc.Arbitrary<Partial<Settings>> = fc.constantFrom<Partial<Settings>>(
  {}, { memory: 2 }, { lateFills: 'drop' }, { memory: 1, lateFills: 'drop', startBehindMs: 1 }, { statusMs: 500, finishedMs: 1_000, quietFinishedMs: 1_000 },
);
const faults: fc.Arbitrary<Fault[]> = fc.array(fc.record({
  point: fc.constantFrom(...FAULT_POINTS),
  hit: fc.integer({ min: 1, max: 6 }),
  process: fc.constantFrom('crashes', 'loses the reply', 'goes on'),
  store: fc.constantFrom('stays', 'stays', 'is wiped', 'is rolled back'),
}), { minLength: 1, maxLength: 8 });

function worldOf({ seed, size }: { seed: number; size: number }, options: Omit<WorldOptions, 'records'>): World {
  return new World({ records: journalOf(seed, size), ...options });
}

/** Topics are read side by side in any way, differently each time. */
function anyHead(seed: number): (heads: readonly LogRecord[]) => LogRecord {
  const random = randomOf(seed);
  return (heads) => {
    const head = heads[below(random, heads.length)];
    if (head === undefined) throw new Error('no head to choose');
    return head;
  };
}

/** Outputs and counts are those of the plain fold of what was committed, and all was committed. */
function assertFolded(world: World, topics: number): void {
  const { counts, ...outputs } = world.expected;
  assert.deepEqual(world.outputs, outputs);
  assert.deepEqual(world.counts, counts);
  const ends = world.log.data(0).topics.map((records) => records.length);
  assert.deepEqual(world.log.data(0).commits.at(-1)?.to.position.offsets ?? new Array<number>(topics).fill(0), ends);
}

async function plainOutputs(journal: { seed: number; size: number }, changed: Partial<Settings>): Promise<World['outputs']> {
  const world = worldOf(journal, { topics: 1, settings: changed, withStore: false });
  await world.run();
  return world.outputs;
}

suite('the outputs of a partition', () => {
  test('are those of the plain fold, whatever the batches, checkpoints and orders in memory', async () => {
    await fc.assert(fc.asyncProperty(journals, limits, settings, fc.boolean(), async (journal, cut, changed, withStore) => {
      const world = worldOf(journal, { topics: 1, limits: cut, settings: changed, withStore });
      await world.run();
      assertFolded(world, 1);
      assert.deepEqual(world.outputs, await plainOutputs(journal, changed));
    }), { numRuns: 250 });
  });

  test('are the undisturbed ones byte for byte, wherever processes crash, replies are lost and the store forgets', async () => {
    await fc.assert(fc.asyncProperty(journals, limits, settings, faults, async (journal, cut, changed, planned) => {
      const world = worldOf(journal, { topics: 1, limits: cut, settings: changed, faults: planned });
      await world.run();
      assertFolded(world, 1);
      assert.deepEqual(world.outputs, await plainOutputs(journal, changed));
    }), { numRuns: 500 });
  });

  test('are the undisturbed ones without a store, wherever processes crash', async () => {
    await fc.assert(fc.asyncProperty(journals, limits, faults, async (journal, cut, planned) => {
      const world = worldOf(journal, { topics: 1, limits: cut, faults: planned, withStore: false });
      await world.run();
      assertFolded(world, 1);
      assert.deepEqual(world.outputs, await plainOutputs(journal, {}));
    }), { numRuns: 100 });
  });

  test('of two topics are those of the merge that was committed first, however it would be merged again', async () => {
    await fc.assert(fc.asyncProperty(journals, limits, settings, faults, fc.integer(), async (journal, cut, changed, planned, seed) => {
      const world = worldOf(journal, { topics: 2, limits: cut, settings: changed, faults: planned, choose: anyHead(seed) });
      await world.run();
      assertFolded(world, 2);
    }), { numRuns: 400 });
  });

  for (const point of FAULT_POINTS) {
    test(`are the undisturbed ones when each process but the last crashes ${point}`, async () => {
      const stores = ['stays', 'is wiped', 'is rolled back'] as const;
      for (const store of stores) {
        for (const hit of [1, 2, 3]) {
          const journal = { seed: hit, size: 60 };
          const planned = new Array<Fault>(6).fill({ point, hit, process: 'crashes', store });
          const world = worldOf(journal, { topics: 1, faults: planned, limits: { batchRecords: 7, checkpointRecords: 10, ordersInMemory: 3 } });
          await world.run();
          assertFolded(world, 1);
          assert.deepEqual(world.outputs, await plainOutputs(journal, {}));
        }
      }
    });
  }
});

suite('a journal that grows', () => {
  test('is gone on with where it ended, and what time had run on to is decided anew', async () => {
    await fc.assert(fc.asyncProperty(journals, journals, limits, async (journal, more, cut) => {
      const [first, second] = [journalOf(journal.seed, journal.size), journalOf(more.seed, more.size)];
      const world = new World({ records: first, topics: 1, limits: cut });
      await world.run();
      for (const { input } of second) world.log.append(0, 0, input);
      await world.run();
      const whole = new World({ records: [...first, ...second], topics: 1, withStore: false });
      await whole.run();
      assert.deepEqual(world.outputs, whole.outputs);
      const [, again] = world.events.filter(({ kind }) => kind === 'takenOver');
      assert.ok(again?.kind === 'takenOver' && again.how === 'resumed' && again.replayed === 0);
    }), { numRuns: 60 });
  });
});

/** The log with a gate before a process's n-th take. */
function gated(log: EventLog, nth: number, gate: Promise<void>, reached: () => void): EventLog {
  let takes = 0;
  return {
    inputs: log.inputs,
    assigned: (partition) => log.assigned(partition),
    async open(partition) {
      const opened = await log.open(partition);
      const take = async (limit: number): Promise<Taken> => {
        const taken = await opened.take(limit);
        takes += 1;
        if (takes !== nth) return taken;
        reached();
        await gate;
        return taken;
      };
      return {
        start: opened.start, committed: opened.committed, take,
        commit: (commit) => opened.commit(commit), replay: (from) => opened.replay(from), close: () => opened.close(),
      };
    },
  };
}

suite('an owner that does not know that it was replaced', () => {
  test('writes nothing: neither outputs nor state', async () => {
    const limitsOf = fc.record({ batchRecords: fc.integer({ min: 1, max: 9 }), checkpointRecords: fc.integer({ min: 1, max: 9 }) });
    await fc.assert(fc.asyncProperty(journals, limitsOf, fc.integer({ min: 1, max: 4 }), async (journal, cut, nth) => {
      const world = worldOf({ ...journal, size: journal.size + 40 }, { topics: 1, limits: cut });
      const [gate, reached] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const { log } = world;
      const slow = gated(log, nth, gate.promise, () => {
        reached.resolve(undefined);
      });
      const ended = world.loop({ log: slow, onEvent: stopWhenInterrupted }).run();
      await reached.promise;
      await world.run();
      const [outputs, commits, image] = [world.outputs, log.data(0).commits.length, JSON.stringify(await stateOf(world.store))];
      gate.resolve(undefined);
      await assert.rejects(ended, { message: 'interrupted' });
      assert.deepEqual(world.outputs, outputs);
      assert.equal(log.data(0).commits.length, commits);
      assert.equal(JSON.stringify(await stateOf(world.store)), image);
      assertFolded(world, 1);
    }), { numRuns: 60 });
  });
});

function stopWhenInterrupted({ kind }: LoopEvent): void {
  if (kind === 'interrupted') throw new Error('interrupted');
}

async function stateOf(store: StateStore): Promise<unknown> {
  return await store.read(await store.claim(0));
}

suite('failures', () => {
  const journal = { seed: 1, size: 30 };

  test('in a row without a commit between end the loop with the last error (I4)', async () => {
    const always = new Array<Fault>(50).fill({ point: 'before commit', hit: 1, process: 'loses the reply', store: 'stays' });
    const world = worldOf(journal, { topics: 1, faults: always });
    await assert.rejects(world.loop().run(), (error) => error instanceof PortError && error.code === 'unknown-outcome');
    assert.equal(world.events.filter(({ kind }) => kind === 'interrupted').length, 4);
    assert.deepEqual(world.outputs, { signals: [], refused: [] });
  });

  test('with commits between are mended by the same loop, however many', async () => {
    const many = new Array<Fault>(12).fill({ point: 'after commit', hit: 2, process: 'loses the reply', store: 'stays' });
    const world = worldOf(journal, { topics: 1, faults: many, limits: { batchRecords: 1 } });
    assert.equal(await world.loop().run(), 'ended');
    assert.deepEqual(world.outputs.signals, world.expected.signals);
  });

  test('that a new take-over cannot mend end the loop at once', async () => {
    const world = worldOf(journal, { topics: 1, faults: [{ point: 'before commit', hit: 2, process: 'crashes', store: 'stays' }], limits: { batchRecords: 4 } });
    await assert.rejects(world.loop().run(), { name: 'Crash' });
    assert.ok(world.events.every(({ kind }) => kind !== 'interrupted'));
  });

  test('of the store while it writes behind the loop stop no commit, and are met by the loop', async () => {
    const lost: Fault = { point: 'after checkpoint', hit: 1, process: 'loses the reply', store: 'stays' };
    const world = worldOf(journal, { topics: 1, faults: [lost], limits: { batchRecords: 3, checkpointRecords: 6 } });
    assert.equal(await world.loop().run(), 'ended');
    assert.deepEqual(world.events.filter(({ kind }) => kind !== 'committed').map(({ kind }) => kind), ['takenOver', 'interrupted', 'takenOver', 'checkpointed']);
    assert.deepEqual(world.outputs.signals, world.expected.signals);
  });
});

suite('stopping', () => {
  test('ends after the batch under way, with all that was committed in the store', async () => {
    const world = worldOf({ seed: 5, size: 80 }, { topics: 1, limits: { batchRecords: 5 } });
    const loop = world.loop({
      onEvent: (event) => {
        if (event.kind === 'committed' && event.commit.to.position.offsets[0] === 20) loop.stop();
      },
    });
    assert.equal(await loop.run(), 'stopped');
    const committed = world.log.data(0).commits.at(-1)?.to;
    const state = await world.store.read(await world.store.claim(0));
    assert.deepEqual(state.kind === 'checkpoint' && state.head.at, committed);
    await world.run();
    const [event] = world.events;
    assert.ok(event?.kind === 'takenOver' && event.how === 'resumed' && event.replayed === 0);
    assertFolded(world, 1);
  });
});

suite('stopping while the log is out of reach', () => {
  test('ends in order, however many failures came before: the next owner takes over', async () => {
    for (const last of [1, 5]) {
      let opened = 0;
      const world = worldOf({ seed: 1, size: 30 }, { topics: 1 });
      const away: EventLog = {
        inputs: world.log.inputs,
        assigned: async () => { await world.log.assigned(); },
        open: async () => {
          opened += 1;
          if (opened === last) loop.stop();
          return await Promise.reject(new PortError('unknown-outcome', 'no broker', { retryable: true }));
        },
      };
      const loop = world.loop({ log: away });
      assert.equal(await loop.run(), 'stopped');
    }
  });
});

suite('events', () => {
  test('tell of each commit once, in order, with its stream time', async () => {
    const world = worldOf({ seed: 9, size: 90 }, { topics: 1, limits: { batchRecords: 7, batchTimers: 3 } });
    await world.run();
    const commits = world.events.flatMap((event) => (event.kind === 'committed' && !event.commit.afterEnd ? [event] : []));
    assert.deepEqual(commits.map(({ commit }) => commit), world.log.data(0).commits);
    for (const [place, { commit }] of commits.entries()) assert.deepEqual(commit.from, commits[place - 1]?.commit.to ?? commits[0]?.commit.from);
  });

  test('no commit has more records or timers than its limits', async () => {
    await fc.assert(fc.asyncProperty(journals, limits, async (journal, cut) => {
      const world = worldOf(journal, { topics: 1, limits: cut });
      await world.run();
      for (const { merge, from, to } of world.log.data(0).commits) {
        assert.ok(merge.reduce((sum, { count }) => sum + count, 0) <= cut.batchRecords);
        if (merge.length === 0) assert.ok(to.position.fired - from.position.fired <= cut.batchTimers);
      }
    }), { numRuns: 40 });
  });
});
