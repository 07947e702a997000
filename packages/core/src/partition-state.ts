// What a partition has in memory: its clocks, addresses, orders and their timers, and what has changed of them.
//
// M1  Every order on record has a slot and a timer entry, whether the order itself is in memory or absent.
// M2  A changed order stays in memory until its change has been taken; only unchanged ones may become absent.
// M3  Stream time is the least of the clocks; the first record sets them all, as a topic without records holds none back.
// M4  Orders are counted by what they wait for as they come, change and go: nobody has to look at all of them.

import { copyCounts, noCounts, type Counts } from './counts.ts';
import type { Address, Oid } from './input.ts';
import { invariant } from './invariant.ts';
import { FinishedMemory } from './memory.ts';
import { deadlineOf, waitOf, type Order, type Wait } from './order.ts';
import type { Settings } from './settings.ts';
import { ABSENT, GONE, type Account, type Profile, type Slot } from './slot.ts';
import { Timers } from './timers.ts';

/** A partition as a store remembers it: all but the orders and profiles themselves, which are fetched when needed. */
export type PartitionImage = {
  /** The greatest receivedAt of each clock; empty before the first record. */
  readonly clocks: readonly number[];
  readonly counts: Counts;
  readonly orders: Iterable<{ readonly address: Address; readonly oid: Oid; readonly deadline: number }>;
};

/** How many orders wait for what; `absent`: only a store knows (M4). */
export type Waits = Record<Wait | 'absent', number>;

/** The orders and addresses changed since they were last taken, each once. */
export type Changes = { readonly slots: readonly Slot[]; readonly accounts: readonly Account[] };

export class PartitionState {
  readonly counts: Counts;
  readonly settings: Settings;
  readonly timers = new Timers();
  readonly #waits: Waits = { parked: 0, grace: 0, quiet: 0, timeout: 0, reported: 0, absent: 0 };
  readonly #clockCount: number;
  readonly #accounts = new Map<Address, Account>();
  /** Addresses that aren't in memory may be in a store. */
  readonly #elsewhere: boolean;
  #clocks: number[];
  #now: number;
  #orders = 0;
  /** Of them, those in memory. */
  #held = 0;
  #changedSlots: Slot[] = [];
  #changedAccounts: Account[] = [];

  constructor(settings: Settings, clockCount: number, image: PartitionImage | null) {
    this.settings = settings;
    this.#clockCount = clockCount;
    this.#elsewhere = image !== null;
    this.#clocks = [...(image?.clocks ?? [])];
    this.#now = this.#clocks.length === 0 ? -Infinity : Math.min(...this.#clocks);
    this.counts = image === null ? noCounts() : copyCounts(image.counts);
    for (const { address, oid, deadline } of image?.orders ?? []) {
      this.timers.schedule(this.#newSlot(this.account(address), oid), deadline);
    }
  }

  /** Orders on record, parked ones too. */
  get orders(): number {
    return this.#orders;
  }

  /** The same by what they wait for. */
  get waits(): Readonly<Waits> {
    return this.#waits;
  }

  /** Orders in memory. */
  get held(): number {
    return this.#held;
  }

  /** Whether everything on record is in memory, so that nothing needs to be fetched. */
  get isWhole(): boolean {
    return !this.#elsewhere && this.#held === this.#orders;
  }

  /** Stream time; -Infinity before the first record. */
  get now(): number {
    return this.#now;
  }

  get clocks(): readonly number[] {
    return this.#clocks;
  }

  /** Moves a clock to a record's receivedAt; never back. */
  advance(clock: number, receivedAt: number): void {
    if (this.#clocks.length === 0) this.#clocks = new Array<number>(this.#clockCount).fill(receivedAt);
    else if (receivedAt > (this.#clocks[clock] ?? -Infinity)) this.#clocks[clock] = receivedAt;
    else return;
    this.#now = Math.min(...this.#clocks);
  }

  account(address: Address): Account {
    const held = this.#accounts.get(address);
    if (held !== undefined) return held;
    const account: Account = { address, profile: this.#elsewhere ? null : newProfile(), orders: new Map() };
    this.#accounts.set(address, account);
    return account;
  }

  profile(account: Account): Profile {
    invariant(account.profile !== null, `the profile of ${account.address} is not in memory`);
    return account.profile;
  }

  /** Puts an order's next state on record, in the slot it has or in a new one, and its timer in the queue. */
  put(account: Account, held: Slot | null, order: Order): void {
    const slot = held ?? this.#newSlot(account, order.oid);
    if (slot.order.kind === 'absent') this.#held += 1;
    slot.order = order;
    this.timers.schedule(slot, deadlineOf(order, this.settings));
    this.#countAs(slot, waitOf(order));
    this.#markSlot(slot);
  }

  /** Takes an order off the record. */
  remove(slot: Slot): void {
    if (slot.order.kind !== 'absent') this.#held -= 1;
    slot.order = GONE;
    slot.queuedAt = Infinity;
    this.account(slot.address).orders.delete(slot.oid);
    this.#orders -= 1;
    this.#waits[slot.wait] -= 1;
    this.#markSlot(slot);
  }

  markProfile(account: Account, profile: Profile): void {
    if (profile.changed) return;
    profile.changed = true;
    this.#changedAccounts.push(account);
  }

  takeChanges(): Changes {
    const changes = { slots: this.#changedSlots, accounts: this.#changedAccounts };
    for (const slot of changes.slots) slot.changed = false;
    for (const account of changes.accounts) this.profile(account).changed = false;
    this.#changedSlots = [];
    this.#changedAccounts = [];
    return changes;
  }

  /** The slot of an order on record, in memory or absent. */
  slot(address: Address, oid: Oid): Slot | null {
    return this.#accounts.get(address)?.orders.get(oid) ?? null;
  }

  /** Whether the address's profile has to be fetched before one of its records can be applied. */
  lacksProfile(address: Address): boolean {
    return this.account(address).profile === null;
  }

  /** Brings a fetched profile into memory; null: the store has none. */
  restoreProfile(address: Address, profile: Profile | null): void {
    this.account(address).profile ??= profile ?? newProfile();
  }

  /** Brings a fetched order into memory. */
  restoreOrder(address: Address, order: Order): void {
    const slot = this.slot(address, order.oid);
    if (slot?.order.kind !== 'absent') return;
    slot.order = order;
    this.#countAs(slot, waitOf(order));
    this.#held += 1;
  }

  /** The absent orders among the soonest `limit` timers due at `until`. */
  dueAndAbsent(until: number, limit: number): readonly Slot[] {
    const due = [];
    for (let next = this.timers.takeDue(until); next !== null; next = this.timers.takeDue(until)) {
      due.push(next);
      if (due.length === limit) break;
    }
    for (const { slot, queuedAt } of due) this.timers.schedule(slot, queuedAt);
    return due.flatMap(({ slot }) => (slot.order.kind === 'absent' ? [slot] : []));
  }

  /** Lets go of unchanged orders, longest on record first within an address, until at most `limit` are in memory. */
  evict(limit: number): void {
    for (const account of this.#accounts.values()) {
      for (const slot of account.orders.values()) {
        if (this.#held <= limit) return;
        if (slot.changed || slot.order.kind === 'absent') continue;
        slot.order = ABSENT;
        this.#countAs(slot, 'absent');
        this.#held -= 1;
      }
    }
  }

  #newSlot(account: Account, oid: Oid): Slot {
    const slot: Slot = { address: account.address, oid, order: ABSENT, queuedAt: Infinity, changed: false, wait: 'absent' };
    account.orders.set(oid, slot);
    this.#orders += 1;
    this.#waits.absent += 1;
    return slot;
  }

  #countAs(slot: Slot, wait: Slot['wait']): void {
    if (slot.wait === wait) return;
    this.#waits[slot.wait] -= 1;
    this.#waits[wait] += 1;
    slot.wait = wait;
  }

  #markSlot(slot: Slot): void {
    if (slot.changed) return;
    slot.changed = true;
    this.#changedSlots.push(slot);
  }
}

function newProfile(): Profile {
  return { horizon: null, account: null, memory: new FinishedMemory(), changed: false };
}
