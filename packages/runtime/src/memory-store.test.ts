// The memory twin of StateStore keeps the port's contract, and forgets on command.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { noCounts } from '@fillstream/core';
import { stateStoreContract } from './contract/state-store.ts';
import { startOf } from './history.ts';
import { MemoryStore } from './memory-store.ts';

const START = startOf(1);
const NEXT = { position: { offsets: [1], fired: 0 }, id: 'a'.repeat(16) };

stateStoreContract('MemoryStore', () => {
  const store = new MemoryStore();
  return Promise.resolve({ store, reopen: () => Promise.resolve(store), close: () => Promise.resolve() });
});

suite('MemoryStore', () => {
  test('wiped, it knows neither state nor owner', async () => {
    const store = new MemoryStore();
    const owner = await store.claim(0);
    await store.reset(owner, { at: START, clocks: [], counts: noCounts() });
    store.wipe();
    assert.equal((await store.read(owner)).kind, 'refused');
    assert.equal((await store.read(await store.claim(0))).kind, 'missing');
  });

  test('rolled back, it has the owner and the checkpoint of the image', async () => {
    const store = new MemoryStore();
    const owner = await store.claim(0);
    await store.reset(owner, { at: START, clocks: [], counts: noCounts() });
    const image = store.image();
    await store.checkpoint(owner, START, { head: { at: NEXT, clocks: [], counts: noCounts() }, orders: [], parts: [] });
    const later = await store.claim(0);
    store.rollBackTo(image);
    assert.equal((await store.read(later)).kind, 'refused');
    const state = await store.read(owner);
    assert.deepEqual(state.kind === 'checkpoint' && state.head.at, START);
  });
});
