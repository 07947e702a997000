// The fold of one partition: records in, signals and refusals out (contract §1 to §8).
//
// P1  Time comes from the records alone: `advance` moves it, and every due timer fires before the record is applied.
// P2  The same records in the same order give the same state, signals and counts, however they are cut into batches.
// P3  Nothing here waits: what a record needs is in memory before it is applied.

import type { Counts } from './counts.ts';
import type { Address, Fill, Input, Oid, OrderUpdate, RecordKind, RefusalReason } from './input.ts';
import { assertNever, invariant } from './invariant.ts';
import { meaningOf } from './leg.ts';
import {
  asReported, deadlineOf, isLate, isToAsk, missingOf, recall, triggerOf, withFill, withStatus,
  type Missing, type Order, type Pending, type Trigger,
} from './order.ts';
import { PartitionState, type PartitionImage } from './partition-state.ts';
import type { Settings } from './settings.ts';
import { signalOf, type Signal } from './signal.ts';
import type { Account, Profile, Slot } from './slot.ts';
import { contest, statusMeaningOf, type TerminalStatus } from './status.ts';
import { hasUnreported, markReported } from './totals.ts';

/** What became of a record. */
export type Outcome = { readonly kind: 'applied' } | { readonly kind: 'refused'; readonly reason: RefusalReason };

/** An order of which something should be there and isn't: whoever watches the address can ask the exchange for it. */
export type Lack = { readonly address: Address; readonly oid: Oid; readonly missing: Missing };

const APPLIED: Outcome = { kind: 'applied' };

export class Partition {
  readonly state: PartitionState;
  readonly #counts: Counts;
  readonly #settings: Settings;
  #lacks: Lack[] = [];

  /** `clockCount` topics share stream time; an `image` is what a store remembers of the partition. */
  constructor(settings: Settings, clockCount = 1, image: PartitionImage | null = null) {
    this.state = new PartitionState(settings, clockCount, image);
    this.#counts = this.state.counts;
    this.#settings = settings;
  }

  /**
   * Fires the soonest timer due at `until`, stream time unless told otherwise, and adds what it signals.
   * `absent`: its order has to be brought into memory first. `none`: nothing is due.
   */
  fireNext(signals: Signal[], until: number = this.state.now): 'fired' | 'absent' | 'none' {
    const { timers } = this.state;
    for (;;) {
      const due = timers.takeDue(until);
      if (due === null) return 'none';
      const { slot, queuedAt } = due;
      if (slot.order.kind === 'gone') continue;
      if (slot.order.kind === 'absent') {
        timers.schedule(slot, queuedAt);
        return 'absent';
      }
      const deadline = deadlineOf(slot.order, this.#settings);
      if (deadline > queuedAt) {
        timers.schedule(slot, deadline);
        continue;
      }
      this.#fire(slot, slot.order, signals);
      return 'fired';
    }
  }

  /** What was found lacking since the last call; no signal depends on it. */
  takeLacks(): readonly Lack[] {
    const lacks = this.#lacks;
    if (lacks.length > 0) this.#lacks = [];
    return lacks;
  }

  /** Applies a record whose time has been moved to, with all due timers fired; adds what it signals. */
  apply(input: Input, signals: Signal[]): Outcome {
    this.#counts.records += 1;
    switch (input.kind) {
      case 'fill': return this.#applyFill(input, signals);
      case 'orderUpdate': return this.#applyUpdate(input.address, input.update, signals);
      case 'account': return this.#applyAccount(input);
      case 'noTrade': return this.#applyNoTrade(input.address, input.receivedAt);
      case 'tick':
        this.#counts.ticks += 1;
        return APPLIED;
      case 'unusable':
        if (input.record !== null) this.#countKind(input.record);
        return this.#refuse(input.reason);
      default: return assertNever(input);
    }
  }

  #applyFill(input: Extract<Input, { kind: 'fill' }>, signals: Signal[]): Outcome {
    const { fill, address } = input;
    this.#counts.fills += 1;
    const meaning = meaningOf(fill, address);
    if (meaning.kind === 'refused') return this.#refuse(meaning.reason);
    const account = this.state.account(address);
    const profile = this.#startHorizon(account, input.receivedAt);
    const slot = account.orders.get(fill.oid) ?? null;
    const order = orderIn(slot);
    if (order === null || order.kind === 'parked') {
      const past = this.#judgeUnknown(account, profile, fill);
      if (past !== null) return past;
    } else {
      const recalled = recall(order, fill);
      if (recalled === 'conflict') return this.#refuse('conflict');
      if (recalled === 'duplicate') {
        this.#counts.duplicates += 1;
        return APPLIED;
      }
    }
    const next = { fill, symbol: input.symbol, cause: meaning.cause, parts: meaning.parts, now: this.state.now };
    if (isLate(order, next.parts)) this.#counts.lateFills += 1;
    this.#settle(account, slot, withFill(order, next, profile.account?.value ?? null, this.#settings.lateFills), signals);
    return APPLIED;
  }

  /** A fill of an order without fills on record: a finished one's, history, or (null) news (contract §7). */
  #judgeUnknown(account: Account, profile: Profile, fill: Fill): Outcome | null {
    const lastFillAt = profile.memory.lastFillAt(fill.oid);
    if (lastFillAt === null) {
      if (fill.time > (profile.horizon ?? -Infinity)) return null;
      this.#counts.stale += 1;
      return APPLIED;
    }
    if (fill.time <= lastFillAt) {
      this.#counts.duplicates += 1;
      return APPLIED;
    }
    profile.memory.move(fill.oid, fill.time);
    this.state.markProfile(account, profile);
    return this.#refuse('late');
  }

  #applyUpdate(address: Address, update: OrderUpdate, signals: Signal[]): Outcome {
    this.#counts.orderUpdates += 1;
    const meaning = statusMeaningOf(update);
    switch (meaning.kind) {
      case 'goesOn':
        this.#counts.ignored += 1;
        break;
      case 'unknown':
        this.#counts.unknownStatuses += 1;
        break;
      case 'untouched':
        this.#counts.droppedStatuses += 1;
        break;
      case 'terminal':
        this.#applyTerminal(this.state.account(address), update, meaning.status, signals);
        break;
      default: assertNever(meaning);
    }
    return APPLIED;
  }

  #applyTerminal(account: Account, { oid }: OrderUpdate, status: TerminalStatus, signals: Signal[]): void {
    const profile = this.state.profile(account);
    const slot = account.orders.get(oid) ?? null;
    const order = orderIn(slot);
    if (order === null || order.kind === 'parked') {
      if (profile.memory.lastFillAt(oid) !== null) {
        this.#counts.duplicateUpdates += 1;
        return;
      }
      if (status.timestamp <= (profile.horizon ?? -Infinity)) {
        this.#counts.staleUpdates += 1;
        return;
      }
    }
    const held = order?.status ?? null;
    const result = held === null ? 'wins' : contest(held, status);
    if (result === 'wins') this.#settle(account, slot, withStatus(order, oid, status, this.state.now), signals);
    else if (result === 'same') this.#counts.duplicateUpdates += 1;
    else this.#counts.ignored += 1;
  }

  #applyAccount(input: Extract<Input, { kind: 'account' }>): Outcome {
    this.#counts.accounts += 1;
    const account = this.state.account(input.address);
    const profile = this.#startHorizon(account, input.receivedAt);
    if (input.time > (profile.account?.time ?? -Infinity)) {
      profile.account = { time: input.time, value: input.accountValue };
      this.state.markProfile(account, profile);
    }
    return APPLIED;
  }

  #applyNoTrade(address: Address, receivedAt: number): Outcome {
    this.#counts.fills += 1;
    this.#counts.ignored += 1;
    this.#startHorizon(this.state.account(address), receivedAt);
    return APPLIED;
  }

  /** The address's profile; its first fill or account record sets the horizon (contract §7). */
  #startHorizon(account: Account, receivedAt: number): Profile {
    const profile = this.state.profile(account);
    if (profile.horizon === null) {
      profile.horizon = receivedAt - this.#settings.startBehindMs;
      this.state.markProfile(account, profile);
    }
    return profile;
  }

  /** Puts the next state on record; an order that became complete signals at once. */
  #settle(account: Account, slot: Slot | null, order: Order, signals: Signal[]): void {
    const complete = order.kind === 'pending' && triggerOf(order) === 'complete';
    this.state.put(account, slot, complete ? this.#report(account.address, order, 'complete', signals) : order);
  }

  #fire(slot: Slot, order: Order, signals: Signal[]): void {
    switch (order.kind) {
      case 'parked':
        if (isToAsk(order, this.#settings)) {
          this.#lacks.push({ address: slot.address, oid: slot.oid, missing: 'fills' });
          this.state.put(this.state.account(slot.address), slot, { ...order, asked: true });
          break;
        }
        if (order.status.owesFills) this.#counts.orphaned += 1;
        else this.#counts.expiredStatuses += 1;
        this.state.remove(slot);
        break;
      case 'pending':
        this.#giveUp(slot, order, triggerOf(order), signals);
        break;
      case 'reported':
        this.#finish(slot, order.ledger.lastFillAt);
        break;
      default: assertNever(order);
    }
  }

  /** Reports an order that waited long enough. */
  #giveUp(slot: Slot, order: Pending, trigger: Trigger, signals: Signal[]): void {
    const missing = missingOf(order, trigger);
    if (missing !== null) this.#lacks.push({ address: slot.address, oid: slot.oid, missing });
    this.state.put(this.state.account(slot.address), slot, this.#report(slot.address, order, trigger, signals));
  }

  /** One signal for each leg with unreported fills, close before open (contract §6). */
  #report(address: Address, order: Pending, trigger: Trigger, signals: Signal[]): Order {
    for (const totals of order.ledger.legs) {
      if (!hasUnreported(totals)) continue;
      signals.push(signalOf(address, order, totals, trigger, this.#settings));
      markReported(totals);
      this.#counts.signals += 1;
      this.#counts.triggers[trigger] += 1;
      if (totals.revision > 1) this.#counts.revisions += 1;
    }
    return asReported(order);
  }

  /** Only (oid, lastFillAt) remains; the oldest beyond the memory's size moves the horizon (contract §7). */
  #finish(slot: Slot, lastFillAt: number): void {
    const account = this.state.account(slot.address);
    const profile = this.state.profile(account);
    this.#counts.finished += 1;
    this.state.remove(slot);
    const forgotten = profile.memory.remember(slot.oid, lastFillAt, this.#settings.memory);
    if (forgotten !== null) profile.horizon = Math.max(profile.horizon ?? -Infinity, forgotten);
    this.state.markProfile(account, profile);
  }

  #countKind(kind: RecordKind): void {
    switch (kind) {
      case 'fill': this.#counts.fills += 1; break;
      case 'orderUpdate': this.#counts.orderUpdates += 1; break;
      case 'account': this.#counts.accounts += 1; break;
      case 'tick': this.#counts.ticks += 1; break;
      default: assertNever(kind);
    }
  }

  #refuse(reason: RefusalReason): Outcome {
    this.#counts.quarantined[reason] += 1;
    return { kind: 'refused', reason };
  }
}

/** The order on record in a slot, which must be in memory (P3); null without a slot. */
function orderIn(slot: Slot | null): Order | null {
  if (slot === null) return null;
  const { order } = slot;
  invariant(order.kind !== 'absent' && order.kind !== 'gone', `order ${slot.address}/${String(slot.oid)} is not in memory`);
  return order;
}
