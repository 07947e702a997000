// The store's side of an owned partition: which checkpoint the store holds, and what of memory it hasn't seen.
//
// C1  A checkpoint covers committed history only: `begin` is called when memory holds just that.
// C2  One checkpoint or audit is under way at a time, and a prefetch waits for it: both compare with the one the store holds.
// C3  An order that came and went since the last checkpoint was never stored, and needn't be taken away.
// C4  A refusal means another owner, or a store that forgot: memory is worthless from then on.

import { copyCounts, deadlineOf, type Address, type Input, type Partition, type Slot } from '@fillstream/core';
import { samePoint, type HistoryPoint } from './history.ts';
import type { Checkpoint, Fetched, OrderKey, Owner, Refusal, StateStore } from './ports.ts';
import { decodeOrder, decodeProfile, encodeAddressChanges, encodeOrder } from './state-codec.ts';

/** The store refused (C4): take over anew, or stop when no longer the owner. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
  readonly why: Refusal['why'];

  constructor(why: Refusal['why']) {
    super(`the state store refused: ${why}`);
    this.why = why;
  }
}

/** The answer of a store, unless it refused. */
export function accepted<T extends { readonly kind: string }>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new StoreRefused(answer.why);
  return answer;
}

function isRefusal(answer: { readonly kind: string }): answer is Refusal {
  return answer.kind === 'refused';
}

/** When a checkpoint begins. */
export type CheckpointLimits = {
  /** Records between two checkpoints, at least. */
  readonly checkpointRecords: number;
  /** Milliseconds between two, at least, as long as fewer than half of `unsavedRecords` wait. */
  readonly checkpointMs: number;
  /** Records that no checkpoint holds yet: beyond it the loop waits for the one under way. */
  readonly unsavedRecords: number;
};

export class Checkpointer {
  readonly #store: StateStore;
  readonly #owner: Owner;
  /** On record in the store, of those that were in memory (C3). */
  readonly #stored = new WeakSet<Slot>();
  #held: HistoryPoint;
  #begunAt = performance.now();
  #underWay: Promise<void> | null = null;

  /** `held` is the checkpoint that the store holds. */
  constructor(store: StateStore, owner: Owner, held: HistoryPoint) {
    this.#store = store;
    this.#owner = owner;
    this.#held = held;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  /** Whether so many records that no checkpoint holds ask for one. */
  isDue(unsaved: number, { checkpointRecords, checkpointMs, unsavedRecords }: CheckpointLimits): boolean {
    if (unsaved < checkpointRecords) return false;
    return unsaved >= unsavedRecords / 2 || performance.now() - this.#begunAt >= checkpointMs;
  }

  /** Brings into memory what the inputs need, and the orders of the timers due at `until`. */
  async prefetch(partition: Partition, inputs: readonly Input[], until: number, maxTimers: number): Promise<void> {
    if (partition.state.isWhole) return;
    const { orders, addresses } = wantsOf(partition, inputs, until, maxTimers);
    if (orders.length === 0 && addresses.length === 0) return;
    await this.settled();
    restore(partition, addresses, accepted(await this.#store.prefetch(this.#owner, this.#held, orders, addresses)), this.#stored);
  }

  /** Once the one before is written, snapshots what changed since, and writes it behind the loop's back (C1). */
  async begin(partition: Partition, at: HistoryPoint): Promise<void> {
    await this.settled();
    this.#begunAt = performance.now();
    this.#underWay = this.#write(snapshot(partition, at, this.#stored));
    this.#underWay.catch(() => undefined); // Met again by `settled`.
  }

  /** Has the store audit itself, unless a checkpoint is under way, which compares much of it already. */
  audit(): void {
    if (this.#underWay !== null) return;
    this.#underWay = this.#audit();
    this.#underWay.catch(() => undefined); // Met again by `settled`.
  }

  /** Resolves when no checkpoint is under way; throws what the last one met. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  async #audit(): Promise<void> {
    const stored = accepted(await this.#store.read(this.#owner));
    if (stored.kind !== 'checkpoint' || !samePoint(stored.head.at, this.#held)) throw new StoreRefused('gone');
    this.#underWay = null;
  }

  async #write(next: Checkpoint): Promise<void> {
    accepted(await this.#store.checkpoint(this.#owner, this.#held, next));
    this.#held = next.head.at;
    this.#underWay = null;
  }
}

/** What the store is told: everything changed in memory, as it is now. `stored` are the orders that it has (C3), and will have. */
export function snapshot(partition: Partition, at: HistoryPoint, stored = new WeakSet<Slot>()): Checkpoint {
  const { counts, clocks, settings } = partition.state;
  const { slots, accounts } = partition.state.takeChanges();
  return {
    head: { at, clocks: [...clocks], counts: copyCounts(counts) },
    orders: slots.flatMap((slot) => {
      const { address, oid, order } = slot;
      if (order.kind === 'gone' || order.kind === 'absent') return stored.delete(slot) ? { address, oid, deadline: 0, body: null } : [];
      stored.add(slot);
      return { address, oid, deadline: deadlineOf(order, settings), body: encodeOrder(order) };
    }),
    parts: accounts.flatMap(encodeAddressChanges),
  };
}

/** Without a store nobody asks for the changes; they must not pile up. */
export function discardChanges(partition: Partition): void {
  for (const { profile } of partition.state.takeChanges().accounts) profile?.memory.takeChanges();
}

type Wants = { readonly orders: readonly OrderKey[]; readonly addresses: readonly Address[] };

function wantsOf(partition: Partition, inputs: readonly Input[], until: number, maxTimers: number): Wants {
  const { state } = partition;
  const orders = new Set<Slot>();
  const addresses = new Set<Address>();
  for (const input of inputs) {
    if (input.kind === 'tick' || input.kind === 'unusable') continue;
    if (state.lacksProfile(input.address)) addresses.add(input.address);
    if (input.kind !== 'fill' && input.kind !== 'orderUpdate') continue;
    const slot = state.slot(input.address, input.kind === 'fill' ? input.fill.oid : input.update.oid);
    if (slot?.order.kind === 'absent') orders.add(slot);
  }
  for (const slot of state.dueAndAbsent(until, maxTimers)) orders.add(slot);
  for (const { address } of orders) if (state.lacksProfile(address)) addresses.add(address);
  return { orders: Array.from(orders, ({ address, oid }) => ({ address, oid })), addresses: [...addresses] };
}

function restore(partition: Partition, addresses: readonly Address[], fetched: Fetched, stored: WeakSet<Slot>): void {
  const parts = Map.groupBy(fetched.parts, ({ address }) => address);
  for (const address of addresses) partition.state.restoreProfile(address, decodeProfile(parts.get(address) ?? []));
  for (const { address, oid, body } of fetched.orders) {
    partition.state.restoreOrder(address, decodeOrder(body));
    const slot = partition.state.slot(address, oid);
    if (slot !== null) stored.add(slot);
  }
}
