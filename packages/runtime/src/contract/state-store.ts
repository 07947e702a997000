// What every StateStore must keep, as a suite that any adapter runs on its own server.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { noCounts } from '@fillstream/core';
import { EMPTY_HISTORY_ID, startOf, type HistoryPoint } from '../history.ts';
import type { Checkpoint, CheckpointHead, Owner, StateStore, StoredState } from '../ports.ts';
import { START, addressIn, oidOf } from './records.ts';

/** A fresh store and the hands that the suite needs. */
export type StoreUnderTest = {
  readonly store: StateStore;
  /** The same store as a new process finds it after a crash of the one that had it. */
  reopen(): Promise<StateStore>;
  close(): Promise<void>;
};

const [ALICE, BOB] = [addressIn(0, 1, 10), addressIn(0, 1, 11)];

/** A point of history, told apart from others by its one offset. */
function pointAt(offset: number, id = offset.toString(16).padStart(16, '0')): HistoryPoint {
  return { position: { offsets: [offset, 2 * offset], fired: 0 }, id };
}

function headAt(at: HistoryPoint): CheckpointHead {
  return { at, clocks: [START, START + 1], counts: noCounts() };
}

const ORIGIN = startOf(2);
const EMPTY: CheckpointHead = { at: ORIGIN, clocks: [], counts: noCounts() };

type Contents = { readonly orders?: Checkpoint['orders']; readonly parts?: Checkpoint['parts'] };

function checkpointAt(at: HistoryPoint, { orders = [], parts = [] }: Contents = {}): Checkpoint {
  return { head: headAt(at), orders, parts };
}

function order(oid: number, body: string | null, address = ALICE): Checkpoint['orders'][number] {
  return { address, oid: oidOf(oid), deadline: START + oid, body };
}

function part(number: number, body: string | null, address = ALICE): Checkpoint['parts'][number] {
  return { address, part: number, body };
}

/** What the store says that it holds, in a fixed order. */
function indexOf(state: StoredState | { readonly kind: 'refused' }): readonly string[] {
  if (state.kind !== 'checkpoint') return [state.kind];
  return state.orders.map(({ address, oid, deadline }) => `${address}/${String(oid)} ${String(deadline - START)}`).sort();
}

export function stateStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  const law = (sentence: string, check: (under: StoreUnderTest) => Promise<void>): void => {
    test(sentence, async () => {
      const under = await make();
      try {
        await check(under);
      } finally {
        await under.close();
      }
    });
  };
  /** An owner of an empty partition. */
  const ready = async (store: StateStore, partition = 0): Promise<Owner> => {
    const owner = await store.claim(partition);
    assert.equal((await store.reset(owner, EMPTY)).kind, 'reset');
    return owner;
  };
  /** An owner whose checkpoint at 1 has orders 1 and 2, and parts 0 and 3 of an address. */
  const filled = async (store: StateStore, partition = 0): Promise<Owner> => {
    const owner = await ready(store, partition);
    const contents = { orders: [order(1, 'one'), order(2, 'two')], parts: [part(0, 'profile'), part(3, 'chunk')] };
    assert.equal((await store.checkpoint(owner, ORIGIN, checkpointAt(pointAt(1), contents))).kind, 'written');
    return owner;
  };
  const bodiesOf = async (store: StateStore, owner: Owner, at: HistoryPoint, oids: readonly number[], addresses = [ALICE]): Promise<readonly string[]> => {
    const fetched = await store.prefetch(owner, at, oids.map((oid) => ({ address: ALICE, oid: oidOf(oid) })), addresses);
    if (fetched.kind === 'refused') return ['refused'];
    const orders = fetched.orders.map(({ address, oid, body }) => `${address === ALICE ? '' : address}${String(oid)}=${body}`);
    return [...orders, ...fetched.parts.map(({ address, part: number, body }) => `${address === ALICE ? '' : 'other '}#${String(number)}=${body}`)].sort();
  };

  suite(`${name} as a StateStore`, () => {
    law('a new partition has no state, claimed or not', async ({ store }) => {
      assert.equal((await store.read(await store.claim(0))).kind, 'missing');
      assert.equal((await store.read(await store.claim(0))).kind, 'missing');
    });

    law('without a state there is no checkpoint to build on, and nothing to fetch', async ({ store }) => {
      const owner = await store.claim(0);
      assert.equal((await store.checkpoint(owner, ORIGIN, checkpointAt(pointAt(1)))).kind, 'refused');
      assert.equal((await store.prefetch(owner, ORIGIN, [], [ALICE])).kind, 'refused');
      assert.equal((await store.read(owner)).kind, 'missing');
    });

    law('a reset sets an empty checkpoint at the start', async ({ store }) => {
      const owner = await ready(store);
      assert.deepEqual(await store.read(owner), { kind: 'checkpoint', head: EMPTY, orders: [] });
      assert.deepEqual(await bodiesOf(store, owner, ORIGIN, [], [ALICE, BOB]), []);
    });

    law('a checkpoint gives back what was written, orders and parts', async ({ store }) => {
      const owner = await filled(store);
      assert.deepEqual(indexOf(await store.read(owner)), [`${ALICE}/1 1`, `${ALICE}/2 2`]);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [1, 2]), ['#0=profile', '#3=chunk', '1=one', '2=two']);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [2], []), ['2=two']);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [], [BOB]), []);
    });

    law('position, id, clocks and counts come back exactly, after a crash too', async (under) => {
      const owner = await ready(under.store);
      const counts = { ...noCounts(), records: 2 ** 40 + 1, lateFills: 7, quarantined: { ...noCounts().quarantined, 'bad-address': 3 } };
      const at = { position: { offsets: [2 ** 45 + 1, 0], fired: 12_345 }, id: 'fedcba9876543210' };
      const head = { at, clocks: [START + 999, 1e13], counts };
      assert.equal((await under.store.checkpoint(owner, ORIGIN, { head, orders: [], parts: [] })).kind, 'written');
      assert.deepEqual(await under.store.read(owner), { kind: 'checkpoint', head, orders: [] });
      const store = await under.reopen();
      assert.deepEqual(await store.read(await store.claim(0)), { kind: 'checkpoint', head, orders: [] });
    });

    law('oids and deadlines come back exactly', async ({ store }) => {
      const owner = await ready(store);
      const orders = [
        { ...order(Number.MAX_SAFE_INTEGER, 'greatest'), deadline: 1e13 + 2_592_000_000 }, { ...order(0, 'least'), deadline: 1e12 },
        { ...order(0, 'of another', BOB), deadline: 1e12 + 1 },
      ];
      await store.checkpoint(owner, ORIGIN, checkpointAt(pointAt(1), { orders }));
      const state = await store.read(owner);
      assert.equal(state.kind, 'checkpoint');
      if (state.kind !== 'checkpoint') return;
      const keys = (all: typeof state.orders): typeof state.orders => (
        all.map(({ address, oid, deadline }) => ({ address, oid, deadline })).sort((a, b) => a.deadline - b.deadline)
      );
      assert.deepEqual(keys(state.orders), keys(orders));
    });

    law('bodies are any text, whatever its length and letters', async ({ store }) => {
      const owner = await ready(store);
      const bodies = ['', '"\'\\\n\u0000', 'ü 漢 😀', 'x'.repeat(300_000)];
      const contents = { orders: bodies.map((body, oid) => order(oid, body)), parts: bodies.map((body, number) => part(number, body)) };
      await store.checkpoint(owner, ORIGIN, checkpointAt(pointAt(1), contents));
      const fetched = await store.prefetch(owner, pointAt(1), contents.orders, [ALICE]);
      if (fetched.kind === 'refused') throw new Error(fetched.why);
      assert.deepEqual(fetched.orders.toSorted((a, b) => a.oid - b.oid).map(({ body }) => body), bodies);
      assert.deepEqual(fetched.parts.toSorted((a, b) => a.part - b.part).map(({ body }) => body), bodies);
    });

    law('a checkpoint replaces, adds and removes orders and parts, and leaves the others', async ({ store }) => {
      const owner = await filled(store);
      const contents = {
        orders: [order(1, 'one again'), order(2, null), order(4, 'four'), order(9, null)],
        parts: [part(0, 'profile again'), part(3, null), part(4, 'chunk 4'), part(9, null)],
      };
      assert.equal((await store.checkpoint(owner, pointAt(1), checkpointAt(pointAt(2), contents))).kind, 'written');
      assert.deepEqual(indexOf(await store.read(owner)), [`${ALICE}/1 1`, `${ALICE}/4 4`]);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(2), [1, 4]), ['#0=profile again', '#4=chunk 4', '1=one again', '4=four']);
      assert.equal((await store.checkpoint(owner, pointAt(2), checkpointAt(pointAt(3), { parts: [part(5, 'chunk 5')] }))).kind, 'written');
      assert.deepEqual(await bodiesOf(store, owner, pointAt(3), [1]), ['#0=profile again', '#4=chunk 4', '#5=chunk 5', '1=one again']);
    });

    law('a prefetch of an order that is not there is refused', async ({ store }) => {
      const owner = await filled(store);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [1, 3]), ['refused']);
      await store.checkpoint(owner, pointAt(1), checkpointAt(pointAt(2), { orders: [order(1, null)] }));
      assert.deepEqual(await bodiesOf(store, owner, pointAt(2), [1]), ['refused']);
      assert.equal((await store.prefetch(owner, pointAt(2), [{ address: BOB, oid: oidOf(2) }], [])).kind, 'refused');
    });

    law('a prefetch of another checkpoint is refused: older, newer, or of another history', async ({ store }) => {
      const owner = await filled(store);
      const others = [ORIGIN, pointAt(2), pointAt(1, EMPTY_HISTORY_ID), { ...pointAt(1), position: { ...pointAt(1).position, fired: 1 } }];
      for (const other of others) assert.deepEqual(await bodiesOf(store, owner, other, [1]), ['refused']);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [1], []), ['1=one']);
    });

    law('a checkpoint on another than the one before is refused, and changes nothing', async ({ store }) => {
      const owner = await filled(store);
      const next = checkpointAt(pointAt(3), { orders: [order(1, 'wrong'), order(2, null)], parts: [part(0, 'wrong')] });
      for (const before of [ORIGIN, pointAt(2), pointAt(1, EMPTY_HISTORY_ID)]) {
        assert.equal((await store.checkpoint(owner, before, next)).kind, 'refused');
      }
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [1, 2]), ['#0=profile', '#3=chunk', '1=one', '2=two']);
    });

    law('the same checkpoint again is written once', async ({ store }) => {
      const owner = await filled(store);
      const next = checkpointAt(pointAt(2), { orders: [order(1, 'newer'), order(5, 'five')] });
      for (let time = 0; time < 3; time += 1) assert.equal((await store.checkpoint(owner, pointAt(1), next)).kind, 'written');
      assert.deepEqual(indexOf(await store.read(owner)), [`${ALICE}/1 1`, `${ALICE}/2 2`, `${ALICE}/5 5`]);
      await store.checkpoint(owner, pointAt(2), checkpointAt(pointAt(3), { orders: [order(1, 'newest')] }));
      assert.equal((await store.checkpoint(owner, pointAt(1), next)).kind, 'refused', 'a late repeat of an older one');
      assert.deepEqual(await bodiesOf(store, owner, pointAt(3), [1], []), ['1=newest']);
    });

    law('a later claim makes every call of the earlier owner refused, and leaves the state', async ({ store }) => {
      const old = await filled(store);
      const owner = await store.claim(0);
      assert.notEqual(owner.token, old.token);
      assert.equal((await store.read(old)).kind, 'refused');
      assert.deepEqual(await bodiesOf(store, old, pointAt(1), [1]), ['refused']);
      const next = checkpointAt(pointAt(2), { orders: [order(1, null)] });
      assert.equal((await store.checkpoint(old, pointAt(1), next)).kind, 'refused');
      assert.equal((await store.reset(old, EMPTY)).kind, 'refused');
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [1, 2]), ['#0=profile', '#3=chunk', '1=one', '2=two']);
    });

    law('an earlier owner is refused even a checkpoint that was written', async ({ store }) => {
      const old = await filled(store);
      const owner = await store.claim(0);
      const next = checkpointAt(pointAt(2));
      assert.equal((await store.checkpoint(owner, pointAt(1), next)).kind, 'written');
      assert.equal((await store.checkpoint(old, pointAt(1), next)).kind, 'refused');
    });

    law('an owner token is never given twice, nor valid for another partition', async ({ store }) => {
      const owners = [await store.claim(0), await store.claim(1), await store.claim(0), await store.claim(1)];
      assert.equal(new Set(owners.map(({ token }) => token)).size, owners.length);
      const [, , zero] = owners;
      if (zero === undefined) return;
      assert.equal((await store.read({ ...zero, partition: 1 })).kind, 'refused');
    });

    law('a reset forgets all that was there', async ({ store }) => {
      const owner = await filled(store);
      assert.equal((await store.reset(owner, EMPTY)).kind, 'reset');
      assert.deepEqual(await store.read(owner), { kind: 'checkpoint', head: EMPTY, orders: [] });
      assert.deepEqual(await bodiesOf(store, owner, ORIGIN, [1]), ['refused']);
      assert.deepEqual(await bodiesOf(store, owner, ORIGIN, [], [ALICE]), []);
      const next = checkpointAt(pointAt(4), { orders: [order(2, 'anew')] });
      assert.equal((await store.checkpoint(owner, pointAt(1), next)).kind, 'refused');
      assert.equal((await store.checkpoint(owner, ORIGIN, next)).kind, 'written');
      assert.deepEqual(await bodiesOf(store, owner, pointAt(4), [2]), ['2=anew']);
    });

    law('partitions know nothing of each other', async ({ store }) => {
      const [zero, one] = [await filled(store, 0), await filled(store, 1)];
      await store.checkpoint(one, pointAt(1), checkpointAt(pointAt(2), { orders: [order(1, 'other'), order(2, null)], parts: [part(0, null)] }));
      assert.deepEqual(await bodiesOf(store, zero, pointAt(1), [1, 2]), ['#0=profile', '#3=chunk', '1=one', '2=two']);
      assert.deepEqual(await bodiesOf(store, one, pointAt(2), [1]), ['#3=chunk', '1=other']);
      assert.equal((await store.reset(one, EMPTY)).kind, 'reset');
      assert.deepEqual(await bodiesOf(store, zero, pointAt(1), [1, 2]), ['#0=profile', '#3=chunk', '1=one', '2=two']);
      await store.claim(1);
      assert.equal((await store.read(zero)).kind, 'checkpoint');
    });

    law('what was checkpointed is there after a crash, and the owner before it is not the owner any more', async (under) => {
      const old = await filled(under.store);
      const store = await under.reopen();
      const owner = await store.claim(0);
      assert.deepEqual(indexOf(await store.read(owner)), [`${ALICE}/1 1`, `${ALICE}/2 2`]);
      assert.deepEqual(await bodiesOf(store, owner, pointAt(1), [1, 2]), ['#0=profile', '#3=chunk', '1=one', '2=two']);
      assert.equal((await store.read(old)).kind, 'refused');
    });

    law('a large checkpoint is written whole', async ({ store }) => {
      const owner = await ready(store);
      const orders = Array.from({ length: 5_000 }, (_, oid) => order(oid, `body ${String(oid)}`));
      assert.equal((await store.checkpoint(owner, ORIGIN, checkpointAt(pointAt(1), { orders }))).kind, 'written');
      assert.equal(indexOf(await store.read(owner)).length, 5_000);
      const fetched = await store.prefetch(owner, pointAt(1), orders, []);
      assert.equal(fetched.kind === 'fetched' && fetched.orders.length, 5_000);
    });
  });
}
