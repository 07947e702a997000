// Folds what one address did out of a partition's history, and tells what became of each of its records and timers.
//
// A1  The rules are the core's: what became of a record is read off the core's answer, its counts, and the order before and after.
// A2  Records of other addresses move time and are not applied: nothing else of theirs touches this address.

import {
  Partition, copyCounts, deadlineOf, equals, format, isTerminal, noCounts,
  type Address, type Counts, type Oid, type Order, type RefusalReason, type Settings, type Signal,
} from '@fillstream/core';
import { decodeOrder, encodeOrder, type LogRecord } from '@fillstream/runtime';

/** An order at one moment, as text and numbers that stay as they are. */
export type OrderView = {
  readonly kind: 'parked' | 'pending' | 'reported';
  readonly status: { readonly status: string; readonly timestamp: number; readonly filled: string; readonly owesFills: boolean } | null;
  /** Stream times. */
  readonly changedAt: number;
  readonly unreportedSince: number | null;
  readonly deadline: number;
  /** Its fills were asked for. */
  readonly asked: boolean;
  readonly ledger: LedgerView | null;
};

export type LedgerView = {
  readonly coin: string;
  readonly symbol: string;
  /** The sum of all fills' sizes. */
  readonly sum: string;
  readonly fills: number;
  readonly quiet: boolean;
  /** The sum is what the status says was filled. */
  readonly complete: boolean;
  readonly lastFillAt: number;
  readonly legs: readonly { readonly leg: string; readonly size: string; readonly revision: number; readonly fills: number; readonly reported: number }[];
};

export type Verdict =
  /** A new fill; `late`: one of its legs had sent a signal. */
  | { readonly kind: 'counted'; readonly late: boolean }
  /** A terminal status that is kept. */
  | { readonly kind: 'won' }
  | { readonly kind: 'lost' | 'same' }
  | { readonly kind: 'duplicate' }
  /** Of an order that is finished and remembered. */
  | { readonly kind: 'finished' }
  | { readonly kind: 'stale'; readonly horizon: number | null }
  | { readonly kind: 'goesOn' | 'unknownStatus' | 'untouched' | 'noTrade' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

/** One thing that happened to an order; `at` is stream time. */
export type Step<R extends LogRecord> = {
  readonly oid: Oid;
  readonly at: number;
  readonly before: OrderView | null;
  readonly after: OrderView | null;
  readonly signals: readonly Signal[];
} & (
  | { readonly kind: 'record'; readonly record: R; readonly verdict: Verdict }
  /** `movedBy` is the record that moved time so far; null: no record did. `afterEnd`: time ran on past the end of all records. */
  | { readonly kind: 'timer'; readonly deadline: number; readonly movedBy: R | null; readonly what: Fired; readonly asks: boolean; readonly afterEnd: boolean }
);

/** What a timer did; whatever it was, `asks` says that an ingestor was told what is missing. */
export type Fired = 'asked' | 'orphaned' | 'expired' | 'signalled' | 'finished';

/** What will happen to an order when nothing more comes. */
export type Coming = { readonly at: number; readonly what: Fired; readonly signals: readonly Signal[] };

export type AddressFoldOptions<R extends LogRecord> = {
  readonly settings: Settings;
  readonly clocks: number;
  readonly address: Address;
  /** Which order a record that the fold can't attribute speaks of, as far as it can be told. */
  readonly mentions: (record: R) => Oid | null;
  readonly onStep: (step: Step<R>) => void;
};

export class AddressFold<R extends LogRecord> {
  readonly #options: AddressFoldOptions<R>;
  readonly #partition: Partition;
  /** As they were when they last changed. */
  readonly #views = new Map<Oid, OrderView>();
  #counts: Counts;

  constructor(options: AddressFoldOptions<R>) {
    this.#options = options;
    this.#partition = new Partition(options.settings, options.clocks);
    this.#counts = copyCounts(this.#partition.state.counts);
  }

  /** Stream time; -Infinity before the first record. */
  get now(): number {
    return this.#partition.state.now;
  }

  /** The order as it is now; null when it isn't on record. */
  order(oid: Oid): Order | null {
    const order = this.#partition.state.slot(this.#options.address, oid)?.order;
    return order === undefined || order.kind === 'absent' || order.kind === 'gone' ? null : order;
  }

  /** The oids on record. */
  get onRecord(): readonly Oid[] {
    return [...this.#partition.state.account(this.#options.address).orders.keys()];
  }

  /** The lastFillAt of an order that is finished and remembered, else null. */
  rememberedAt(oid: Oid): number | null {
    return this.#partition.state.account(this.#options.address).profile?.memory.lastFillAt(oid) ?? null;
  }

  get horizon(): number | null {
    return this.#partition.state.account(this.#options.address).profile?.horizon ?? null;
  }

  apply(record: R, clock: number): void {
    const { input } = record;
    if (input.receivedAt !== null) this.advance(clock, input.receivedAt, record);
    if (input.kind === 'tick') return;
    if (input.kind !== 'unusable' ? input.address === this.#options.address : this.#options.mentions(record) !== null) this.#applyOwn(record);
  }

  /** Moves a clock, and fires what is due. */
  advance(clock: number, to: number, movedBy: R | null): void {
    this.#partition.state.advance(clock, to);
    this.#fire(movedBy, undefined);
  }

  /** Time runs on: all timers fire. */
  runToTheEnd(): void {
    this.#fire(null, Infinity);
  }

  #applyOwn(record: R): void {
    const oid = this.#oidOf(record);
    const signals: Signal[] = [];
    const outcome = this.#partition.apply(record.input, signals);
    this.#partition.takeLacks();
    this.#partition.state.takeChanges();
    if (oid !== null) {
      const before = this.#views.get(oid) ?? null;
      const after = this.#look(oid);
      const verdict: Verdict = outcome.kind === 'refused' ? { kind: 'refused', reason: outcome.reason } : this.#verdictOf(record, before);
      this.#options.onStep({ kind: 'record', oid, at: this.now, record, verdict, before, after, signals });
    }
    this.#counts = copyCounts(this.#partition.state.counts);
  }

  #oidOf(record: R): Oid | null {
    const { input } = record;
    switch (input.kind) {
      case 'fill': return input.fill.oid;
      case 'orderUpdate': return input.update.oid;
      case 'noTrade': case 'unusable': return this.#options.mentions(record);
      default: return null;
    }
  }

  /** A1: by what was counted. */
  #verdictOf({ input }: R, before: OrderView | null): Verdict {
    const { counts } = this.#partition.state;
    const grew = (name: 'duplicates' | 'stale' | 'lateFills' | 'duplicateUpdates' | 'staleUpdates' | 'ignored' | 'unknownStatuses' | 'droppedStatuses'): boolean => (
      counts[name] > this.#counts[name]
    );
    if (input.kind === 'noTrade') return { kind: 'noTrade' };
    if (grew('stale') || grew('staleUpdates')) return { kind: 'stale', horizon: this.horizon };
    if (grew('duplicates')) return { kind: (before?.ledger ?? null) === null ? 'finished' : 'duplicate' };
    if (grew('duplicateUpdates')) return { kind: before === null ? 'finished' : 'same' };
    if (grew('unknownStatuses')) return { kind: 'unknownStatus' };
    if (grew('droppedStatuses')) return { kind: 'untouched' };
    if (grew('ignored')) return { kind: input.kind === 'orderUpdate' && isTerminal(input.update.status) ? 'lost' : 'goesOn' };
    return input.kind === 'orderUpdate' ? { kind: 'won' } : { kind: 'counted', late: grew('lateFills') };
  }

  #fire(movedBy: R | null, until: number | undefined): void {
    for (;;) {
      const signals: Signal[] = [];
      if (this.#partition.fireNext(signals, until) !== 'fired') return;
      const asks = this.#partition.takeLacks().length > 0;
      const what = firedBy(this.#counts, this.#partition.state.counts);
      this.#counts = copyCounts(this.#partition.state.counts);
      for (const { oid } of this.#partition.state.takeChanges().slots) {
        const before = this.#views.get(oid) ?? null;
        const after = this.#look(oid);
        const [deadline, afterEnd] = [before?.deadline ?? this.now, until !== undefined];
        this.#options.onStep({ kind: 'timer', oid, at: afterEnd ? deadline : this.now, deadline, movedBy, before, after, signals, what, asks, afterEnd });
      }
    }
  }

  /** The order as it is now, kept for the next step. */
  #look(oid: Oid): OrderView | null {
    const order = this.order(oid);
    if (order === null) {
      this.#views.delete(oid);
      return null;
    }
    const view = viewOf(order, this.#options.settings);
    this.#views.set(oid, view);
    return view;
  }
}

/** By what was counted (A1); what counts nothing asks. */
function firedBy(before: Counts, after: Counts): Fired {
  if (after.signals > before.signals) return 'signalled';
  if (after.orphaned > before.orphaned) return 'orphaned';
  if (after.expiredStatuses > before.expiredStatuses) return 'expired';
  return after.finished > before.finished ? 'finished' : 'asked';
}

/** What the core will do with the order when nothing more comes: it is asked, with a copy of the order. */
export function comingOf(order: Order, address: Address, settings: Settings, now: number): Coming[] {
  const { oid } = order;
  const image = { clocks: [now], counts: noCounts(), orders: [{ address, oid, deadline: deadlineOf(order, settings) }] };
  const partition = new Partition(settings, 1, image);
  const { state } = partition;
  state.restoreProfile(address, null);
  state.restoreOrder(address, decodeOrder(encodeOrder(order)));
  const coming: Coming[] = [];
  for (let slot = state.slot(address, oid); slot !== null; slot = state.slot(address, oid)) {
    const before = copyCounts(state.counts);
    const signals: Signal[] = [];
    const at = slot.order.kind === 'absent' || slot.order.kind === 'gone' ? now : deadlineOf(slot.order, settings);
    if (partition.fireNext(signals, Infinity) !== 'fired') break;
    coming.push({ at, what: firedBy(before, state.counts), signals });
  }
  return coming;
}

export function viewOf(order: Order, settings: Settings): OrderView {
  const { status } = order;
  return {
    kind: order.kind,
    status: status === null ? null : { ...status, filled: format(status.filled) },
    changedAt: order.changedAt,
    unreportedSince: order.kind === 'pending' ? order.unreportedSince : null,
    deadline: deadlineOf(order, settings),
    asked: order.kind === 'parked' && order.asked,
    ledger: order.kind === 'parked' ? null : ledgerView(order),
  };
}

function ledgerView({ ledger, status }: Exclude<Order, { readonly kind: 'parked' }>): LedgerView {
  return {
    coin: ledger.coin,
    symbol: ledger.symbol,
    sum: format(ledger.rawSize),
    fills: ledger.identities.size,
    quiet: ledger.quiet,
    complete: status !== null && equals(ledger.rawSize, status.filled),
    lastFillAt: ledger.lastFillAt,
    legs: ledger.legs.map(({ leg, size, revision, fillCount, reportedFills }) => ({ leg, size: format(size), revision, fills: fillCount, reported: reportedFills })),
  };
}
