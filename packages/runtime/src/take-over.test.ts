// Taking over a partition: the table of what a store holds and what follows (V1, V2).

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { noCounts } from '@fillstream/core';
import { addressIn, fillRecord, journalOf, tickRecord, updateRecord, type JournalRecord } from './contract/records.ts';
import { startOf, type HistoryPoint } from './history.ts';
import { World } from './loop-world.ts';
import { MemoryStore } from './memory-store.ts';
import { PortError, type CheckpointHead } from './ports.ts';
import { takeOver, type Owned } from './take-over.ts';

const RECORDS = journalOf(3, 60);
const LIMITS = { batchRecords: 6, checkpointRecords: 12 };

/** A world that came to its end, and the image of its store while it was on the way. */
async function ended(records: readonly JournalRecord[] = RECORDS): Promise<{ readonly world: World; readonly midway: MemoryStore }> {
  const world = new World({ records, topics: 1, limits: LIMITS });
  let midway = world.store.image();
  const loop = world.loop({
    onEvent: (event) => {
      if (event.kind === 'committed' && event.commit.to.position.offsets[0] === 30) midway = world.store.image();
    },
  });
  await loop.run();
  return { world, midway };
}

const TRUSTING = { checkpointRecords: 10, checkpointMs: 0, unsavedRecords: 20, ordersInMemory: 1_000, distrustStore: false };

async function again({ log, settings }: World, store: MemoryStore | null): Promise<Owned> {
  return await takeOver({ partition: 0, log, store, settings, ...TRUSTING });
}

/** A store whose checkpoint is what it is told. */
async function storeAt(at: HistoryPoint): Promise<MemoryStore> {
  const store = new MemoryStore();
  const head: CheckpointHead = { at, clocks: [], counts: noCounts() };
  await store.reset(await store.claim(0), head);
  return store;
}

/** It came to the end of committed history, and its store with it. */
async function assertAtEnd(world: World, store: MemoryStore, owned: Owned): Promise<void> {
  assert.deepEqual(owned.at, world.log.data(0).commits.at(-1)?.to);
  await owned.checkpointer?.settled();
  const next = await again(world, store);
  assert.deepEqual(next.at, owned.at);
  const counts = { ...owned.partition.state.counts };
  assert.deepEqual({ ...next.partition.state.counts }, counts);
}

suite('taking over', () => {
  test('a new partition builds an empty state', async () => {
    const world = new World({ records: RECORDS, topics: 1 });
    const { how, replayed, at, lost } = await again(world, world.store);
    assert.deepEqual([how, replayed, at, lost], ['rebuilt', 0, startOf(1), null], 'there was nothing to lose');
  });

  test('goes on from a store that is at the end of the log', async () => {
    const { world } = await ended();
    const owned = await again(world, world.store);
    assert.deepEqual([owned.how, owned.replayed, owned.lost], ['resumed', 0, null]);
    await assertAtEnd(world, world.store, owned);
  });

  test('replays what a store behind the log lacks, and nothing else', async () => {
    const { world, midway } = await ended();
    const state = await midway.read(await midway.claim(0));
    const behind = state.kind === 'checkpoint' ? state.head.at.position.offsets[0] ?? NaN : NaN;
    assert.ok(behind > 0 && behind < RECORDS.length);
    const owned = await again(world, midway);
    assert.deepEqual([owned.how, owned.replayed], ['caught-up', RECORDS.length - behind]);
    await assertAtEnd(world, midway, owned);
  });

  test('rebuilds a store that lost everything', async () => {
    const { world } = await ended();
    world.store.wipe();
    const owned = await again(world, world.store);
    assert.deepEqual([owned.how, owned.replayed, owned.lost], ['rebuilt', RECORDS.length, 'missing']);
    await assertAtEnd(world, world.store, owned);
  });

  test('rebuilds a store that is ahead of the log', async () => {
    const { world } = await ended();
    const store = await storeAt({ position: { offsets: [RECORDS.length + 1], fired: 0 }, id: 'a'.repeat(16) });
    const owned = await again(world, store);
    assert.deepEqual([owned.how, owned.lost], ['rebuilt', 'elsewhere']);
    await assertAtEnd(world, store, owned);
  });

  test('rebuilds a store of other topics', async () => {
    const { world } = await ended();
    const store = await storeAt(startOf(2));
    const owned = await again(world, store);
    assert.deepEqual([owned.how, owned.lost], ['rebuilt', 'elsewhere']);
    await assertAtEnd(world, store, owned);
  });

  test('rebuilds a store behind the log when the replay comes to another id', async () => {
    const { world } = await ended();
    const first = world.log.data(0).commits[0]?.to;
    if (first === undefined) throw new Error('nothing was committed');
    const store = await storeAt({ ...first, id: 'a'.repeat(16) });
    const owned = await again(world, store);
    assert.deepEqual([owned.how, owned.replayed, owned.lost], ['rebuilt', RECORDS.length, 'other-history']);
    await assertAtEnd(world, store, owned);
  });

  test('without a store replays the whole log each time', async () => {
    const { world } = await ended();
    const owned = await again(world, null);
    assert.deepEqual([owned.how, owned.replayed, owned.checkpointer], ['rebuilt', RECORDS.length, null]);
    assert.equal(owned.lost, null, 'nothing was to be there');
    assert.deepEqual(owned.at, world.log.data(0).commits.at(-1)?.to);
  });

  test('emits nothing (V2)', async () => {
    const { world } = await ended();
    const { signals } = world.log.data(0);
    const before = signals.length;
    world.store.wipe();
    await again(world, world.store);
    assert.equal(signals.length, before);
  });

  test('claims the store before it fences the log, and reads the committed point after (V1)', async () => {
    const { world } = await ended();
    const steps: string[] = [];
    const store = new MemoryStore((point) => steps.push(point));
    const log = Object.assign(Object.create(world.log), { open: async (partition: number) => {
      steps.push('open');
      return await world.log.open(partition);
    } });
    await takeOver({ partition: 0, log, store, settings: world.settings, ...TRUSTING });
    assert.deepEqual(steps.slice(0, 3), ['before claim', 'after claim', 'open']);
  });

  test('stops with a named error when not even the whole log leads to what is committed', async () => {
    const { world } = await ended();
    const { commits } = world.log.data(0);
    const last = commits.pop();
    if (last === undefined) throw new Error('nothing was committed');
    commits.push({ ...last, to: { ...last.to, id: 'b'.repeat(16) } });
    for (const store of [new MemoryStore(), null]) {
      await assert.rejects(again(world, store), (error) => error instanceof PortError && error.code === 'log-broken' && !error.retryable);
    }
  });

  test('writes checkpoints on the way, so that a rebuild cut short is gone on with', async () => {
    const { world } = await ended();
    let written = 0;
    const store = new MemoryStore((point) => {
      if (point === 'after checkpoint' && ++written === 2) throw new PortError('unknown-outcome', 'no reply', { retryable: true });
    });
    await assert.rejects(again(world, store), (error) => error instanceof PortError && error.code === 'unknown-outcome');
    const owned = await again(world, store);
    assert.equal(owned.how, 'caught-up');
    assert.ok(owned.replayed < RECORDS.length);
    await assertAtEnd(world, store, owned);
  });

  test('repeats commits that hold timers only, to the timer', async () => {
    const address = addressIn(0, 1);
    const at = 1_760_000_000_000;
    const fills = [1, 2, 3, 4, 5].map((oid) => fillRecord(address, at, { oid, tid: oid }));
    const records = [...fills, updateRecord(address, at, { oid: 6 }), tickRecord(at + 400_000)];
    const world = new World({ records, topics: 1, limits: { batchTimers: 2 } });
    const loop = world.loop({
      onEvent: (event) => {
        if (event.kind === 'committed' && event.commit.to.position.fired === 4) loop.stop();
      },
    });
    assert.equal(await loop.run(), 'stopped');
    world.store.wipe();
    const owned = await again(world, world.store);
    assert.deepEqual(owned.at.position, { offsets: [6], fired: 4 });
    assert.equal(owned.partition.state.counts.signals, 3, 'the first timer asked for the fills of oid 6');
    assert.equal(owned.partition.state.now, at + 400_000);
    await world.run();
    assert.deepEqual(world.outputs.signals, world.expected.signals);
  });
});
