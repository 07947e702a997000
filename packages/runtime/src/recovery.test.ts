import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS, Partition, noCounts } from '@fillstream/core';
import { accountRecord, addressIn, fillRecord, journalOf, tickRecord } from './contract/records.ts';
import { decide, repeat } from './decide.ts';
import { startOf } from './history.ts';
import { World } from './loop-world.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryStore } from './memory-store.ts';
import { takeOver } from './take-over.ts';
import { decodeOrder } from './state-codec.ts';

const A = addressIn(0, 1);
const T = 1_760_000_000_000;

async function ended(): Promise<World> {
  const world = new World({ records: journalOf(3, 60), topics: 1, limits: { batchRecords: 6, checkpointRecords: 12 } });
  await world.run();
  return world;
}

test('rebuilds a store at the end of the log whose id is another', async () => {
  const world = await ended();
  const c = world.log.data(0).commits.at(-1)!.to;
  const store = new MemoryStore();
  await store.reset(await store.claim(0), { at: { ...c, id: 'a'.repeat(16) }, clocks: [], counts: noCounts() });
  const owned = await takeOver({ partition: 0, log: world.log, store, settings: world.settings, checkpointRecords: 10, checkpointMs: 0, unsavedRecords: 20, ordersInMemory: 1_000, distrustStore: false });
  assert.equal(owned.how, 'rebuilt');
});

test('a replay from the committed point is empty', async () => {
  const log = new MemoryLog({ inputs: [{ name: 'x', clock: 0 }] });
  const opened = await log.open(0);
  for await (const _ of opened.replay(opened.committed.position)) assert.fail();
});

test('rebuilds a store behind the log that is at the end of no commit', async () => {
  const world = await ended();
  const store = new MemoryStore();
  await store.reset(await store.claim(0), { at: { position: { offsets: [1], fired: 0 }, id: 'a'.repeat(16) }, clocks: [], counts: noCounts() });
  const owned = await takeOver({ partition: 0, log: world.log, store, settings: world.settings, checkpointRecords: 10, checkpointMs: 0, unsavedRecords: 20, ordersInMemory: 1_000, distrustStore: false });
  assert.equal(owned.how, 'rebuilt');
});

test('repeating a commit moves the clocks to where it moved them, also when it fired no timer after its last record', () => {
  const inputs = [{ name: 'fills', clock: 0 }];
  const log = [fillRecord(A, T, { oid: 1, tid: 1 }), accountRecord(A, T + 5, '5'), tickRecord(T + 300_000)]
    .map(({ input }, offset) => ({ topic: 0, offset, next: offset + 1, input, original: '' }));
  const [one, other] = [new Partition(DEFAULT_SETTINGS), new Partition(DEFAULT_SETTINGS)];
  const first = decide(one, inputs, startOf(1), log.slice(0, 1), 9);
  one.state.takeChanges();
  one.state.evict(0);
  const second = decide(one, inputs, first.commit.to, log.slice(1), 9); // starved before the tick
  assert.deepEqual([second.taken, second.starved], [1, true]);
  const at = repeat(other, inputs, startOf(1), log.slice(0, 1), first.commit);
  assert.deepEqual(repeat(other, inputs, at, log.slice(1, 2), second.commit), second.commit.to);
  assert.deepEqual(other.state.clocks, second.commit.clocks);
});

test('a loop stopped while interrupted does not take over again', async () => {
  const world = new World({ records: journalOf(3, 60), topics: 1, limits: { batchRecords: 6 },
    faults: [{ point: 'before commit', hit: 2, process: 'loses the reply', store: 'stays' }] });
  const loop = world.loop({ onEvent: (event) => { world.events.push(event); if (event.kind === 'interrupted') loop.stop(); } });
  await loop.run();
  assert.equal(world.events.filter(({ kind }) => kind === 'takenOver').length, 1);
});

test('a stored order that is not whole is a PortError', () => {
  for (const body of ['null', '{"v":1}', '5', '[]']) assert.throws(() => decodeOrder(body), { name: 'PortError' }, body);
});

test('an unbounded MemoryLog that is idle lets timers and sockets run', { timeout: 2_000 }, async () => {
  const world = new MemoryLog({ inputs: [{ name: 'x', clock: 0 }] });
  const opened = await world.open(0);
  let rang = false;
  setTimeout(() => { rang = true; }, 1);
  for (let n = 0; n < 200_000 && !rang; n += 1) await opened.take(1);
  assert.ok(rang);
});

