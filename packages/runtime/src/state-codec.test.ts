// The stored form of orders and addresses: what was written comes back, and nothing else is taken for it.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_SETTINGS, FinishedMemory, Partition, format, parseDecimal, type Account, type Order, type Settings, type Slot } from '@fillstream/core';
import fc from 'fast-check';
import { snapshot } from './checkpointer.ts';
import { addressIn, fillRecord, journalOf, oidOf, updateRecord, type JournalRecord } from './contract/records.ts';
import { startOf } from './history.ts';
import { PortError, type AddressPart } from './ports.ts';
import { decodeOrder, decodeProfile, encodeAddressChanges, encodeOrder } from './state-codec.ts';

const ADDRESS = addressIn(0, 1);
const START = 1_760_000_000_000;

function played(records: readonly JournalRecord[], settings: Partial<Settings> = {}): Partition {
  const partition = new Partition({ ...DEFAULT_SETTINGS, ...settings });
  play(partition, records);
  return partition;
}

function play(partition: Partition, records: readonly JournalRecord[]): void {
  for (const { input } of records) {
    if (input.receivedAt !== null) partition.state.advance(0, input.receivedAt);
    while (partition.fireNext([]) === 'fired');
    partition.apply(input, []);
  }
}

/** The orders on record after these records. */
function ordersAfter(records: readonly JournalRecord[], settings: Partial<Settings> = {}): readonly Order[] {
  const { slots } = played(records, settings).state.takeChanges();
  return slots.flatMap(({ order }) => (order.kind === 'gone' || order.kind === 'absent' ? [] : [order]));
}

/** With decimals as their texts: a value may come back at another scale. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('units' in value && typeof value.units === 'bigint' && 'scale' in value && typeof value.scale === 'number') {
    return format({ units: value.units, scale: value.scale });
  }
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]));
}

/** A store's parts after the changes of an account. */
function partsOf(account: Account, held: readonly AddressPart[] = []): readonly AddressPart[] {
  const parts = new Map(held.map((part) => [part.part, part]));
  for (const { address, part, body } of encodeAddressChanges(account)) {
    if (body === null) parts.delete(part);
    else parts.set(part, { address, part, body });
  }
  return [...parts.values()].reverse();
}

const journals = fc.record({ seed: fc.integer(), size: fc.integer({ min: 1, max: 120 }) });

suite('the stored form of an order', () => {
  test('gives the order back, with every state that a journal leads to', () => {
    const kinds = new Set<string>();
    fc.assert(fc.property(journals, fc.constantFrom<Partial<Settings>>({}, { lateFills: 'drop' }), ({ seed, size }, settings) => {
      for (const order of ordersAfter(journalOf(seed, size), settings)) {
        assert.deepEqual(plain(decodeOrder(encodeOrder(order))), plain(order));
        kinds.add(order.kind);
      }
    }));
    assert.deepEqual([...kinds].sort(), ['parked', 'pending', 'reported']);
  });

  test('is the same text for what was given back: a checkpoint repeated by another process is equal', () => {
    fc.assert(fc.property(journals, ({ seed, size }) => {
      for (const order of ordersAfter(journalOf(seed, size))) assert.equal(encodeOrder(decodeOrder(encodeOrder(order))), encodeOrder(order));
    }));
  });

  test('keeps identities with and without a tid, names of any letters, and amounts of any length', () => {
    const long = `${'9'.repeat(40)}.${'1'.repeat(30)}`;
    const parts = { oid: 1, px: long, sz: long };
    const [order] = ordersAfter([fillRecord(ADDRESS, START, { ...parts, tid: 0 }), fillRecord(ADDRESS, START, { ...parts, tid: 5, px: '1' })]);
    if (order?.kind !== 'pending') throw new Error('the order waits');
    order.ledger.cloid = '"\\\u2028😀';
    const again = decodeOrder(encodeOrder(order));
    assert.deepEqual(plain(again), plain(order));
    assert.deepEqual(again.kind === 'pending' && [...again.ledger.identities.keys()].map((identity) => typeof identity), ['string', 'number']);
  });

  test('of another version is refused by name', () => {
    const [order] = ordersAfter([updateRecord(ADDRESS, START, { oid: 1 })]);
    if (order === undefined) throw new Error('the status is parked');
    const body = encodeOrder(order);
    assert.ok(body.includes('"v":1'));
    for (const other of ['"v":2', '"v":"1"', '"w":1']) {
      assert.throws(() => decodeOrder(body.replace('"v":1', other)), (error) => error instanceof PortError && error.code === 'mismatch' && !error.retryable);
    }
  });

  test('that is torn is refused', () => {
    const [order] = ordersAfter([fillRecord(ADDRESS, START, { oid: 1, tid: 1 })]);
    if (order === undefined) throw new Error('the fill is on record');
    const body = encodeOrder(order);
    for (const length of [0, 1, body.length >> 1, body.length - 1]) {
      assert.throws(() => decodeOrder(body.slice(0, length)), (error) => error instanceof PortError && error.code === 'store-broken');
    }
  });

  test('without status and fills is refused', () => {
    const [order] = ordersAfter([updateRecord(ADDRESS, START, { oid: 1 })]);
    if (order === undefined) throw new Error('the status is parked');
    const stored: unknown = { ...JSON.parse(encodeOrder(order)), status: null };
    assert.throws(() => decodeOrder(JSON.stringify(stored)), (error) => error instanceof PortError && error.code === 'store-broken');
  });
});

suite('the stored form of an address', () => {
  const entries = fc.uniqueArray(fc.record({ oid: fc.nat(Number.MAX_SAFE_INTEGER), time: fc.integer({ min: 1e12, max: 1e13 }) }), {
    selector: ({ oid }) => oid, maxLength: 200,
  });
  const profiles = fc.record({
    entries, more: entries,
    horizon: fc.option(fc.integer({ min: 1e12, max: 1e13 }), { nil: null }),
    account: fc.option(fc.record({ time: fc.integer({ min: 1e12, max: 1e13 }), value: fc.constantFrom('1', '-2.50', '0').map(parseDecimal) }), { nil: null }),
  });

  test('gives the profile and its memory back, whatever the order of its parts', () => {
    fc.assert(fc.property(profiles, ({ entries: first, more, horizon, account }) => {
      const held: Account = { address: ADDRESS, profile: { horizon, account, memory: new FinishedMemory(), changed: true }, orders: new Map() };
      const { profile } = held;
      if (profile === null) return;
      let parts: readonly AddressPart[] = [];
      for (const some of [first, more]) {
        for (const { oid, time } of some) if (profile.memory.lastFillAt(oid) === null) profile.memory.remember(oid, time, 150);
        parts = partsOf(held, parts);
      }
      const again = decodeProfile(parts);
      assert.deepEqual(plain({ horizon: again?.horizon, account: again?.account }), plain({ horizon, account }));
      assert.equal(again?.memory.size, profile.memory.size);
      for (const { oid } of [...first, ...more]) assert.equal(again?.memory.lastFillAt(oid), profile.memory.lastFillAt(oid));
    }));
  });

  test('without parts is an address that the store does not know', () => {
    assert.equal(decodeProfile([]), null);
  });

  test('without its profile, torn, or of another version is refused', () => {
    const profile = { horizon: 1e12, account: null, memory: new FinishedMemory(), changed: true };
    profile.memory.remember(7, 1e12, 5);
    const parts = partsOf({ address: ADDRESS, profile, orders: new Map() });
    const isBroken = (error: unknown): boolean => error instanceof PortError && error.code === 'store-broken';
    assert.throws(() => decodeProfile(parts.filter(({ part }) => part !== 0)), isBroken);
    for (const number of [0, 1]) {
      const changed = (change: (body: string) => string): AddressPart[] => parts.map((part) => (part.part === number ? { ...part, body: change(part.body) } : part));
      assert.throws(() => decodeProfile(changed((body) => body.slice(0, -2))), isBroken);
      assert.throws(() => decodeProfile(changed((body) => body.replace('"v":1', '"v":9'))), (error) => error instanceof PortError && error.code === 'mismatch');
    }
  });
});

suite('a checkpoint', () => {
  test('has each order that changed once, with its deadline, and without a body when it is gone', () => {
    const partition = played([
      fillRecord(ADDRESS, START, { oid: 1, tid: 1 }), updateRecord(ADDRESS, START, { oid: 1 }),
      fillRecord(ADDRESS, START, { oid: 2, tid: 2 }),
    ]);
    const stored = new WeakSet<Slot>();
    snapshot(partition, startOf(1), stored);
    play(partition, [fillRecord(ADDRESS, START + 700_000, { oid: 3, tid: 3 }), fillRecord(ADDRESS, START + 700_000, { oid: 2, tid: 4 })]);
    const { orders, parts } = snapshot(partition, startOf(1), stored);
    assert.deepEqual(orders.map(({ oid, deadline, body }) => [oid, body === null ? null : deadline - START]), [
      [oidOf(2), 1_000_000], [oidOf(1), null], [oidOf(3), 1_000_000],
    ]);
    assert.deepEqual(parts.map(({ part }) => part), [0, 1]);
    assert.deepEqual(snapshot(partition, startOf(1), stored).orders, []);
  });

  test('says nothing of an order that came and went since the one before', () => {
    const partition = played([
      fillRecord(ADDRESS, START, { oid: 1, tid: 1 }), updateRecord(ADDRESS, START, { oid: 1 }), fillRecord(ADDRESS, START + 700_000, { oid: 3, tid: 3 }),
    ]);
    assert.deepEqual(snapshot(partition, startOf(1), new Set()).orders.map(({ oid }) => oid), [oidOf(3)]);
  });

  test('is a copy: what happens later changes nothing of it', () => {
    const partition = played([fillRecord(ADDRESS, START, { oid: 1, tid: 1 })]);
    const taken = snapshot(partition, startOf(1));
    const before = JSON.stringify(taken);
    partition.state.advance(0, START + 1_000);
    partition.apply(fillRecord(ADDRESS, START + 1_000, { oid: 1, tid: 2 }).input, []);
    assert.equal(JSON.stringify(taken), before);
  });
});
