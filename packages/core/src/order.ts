// One order: what is known of it, when it has something to say, and when it is over (contract §4 to §7).
//
//              terminal status                  fill
//   (unknown) ─────────────────▶ parked ─────────────────▶ pending ──signal──▶ reported
//       │                          │ statusMs: dropped        ▲ ▲                │  │ finishedMs, quietFinishedMs,
//       └──────────fill────────────┼──────────────────────────┘ └──────fill──────┘  │ unfinishedMs: finished
//                                  ▼                                                ▼
//                              (unknown)                                      (remembered)
//
// O1  A function here takes a state and gives the next one; the state that was handed in is not used again.
// O2  `Pending` exactly while a fill is unreported.
// O3  The one deadline of an order is a function of its state (`deadlineOf`): nothing else sets a timer.

import { add, compare, equals, format, signOf, type Decimal } from './decimal.ts';
import type { Fill, Oid, Side } from './input.ts';
import { LEGS, assetTypeOf, type AssetType, type Cause, type LegName, type Part } from './leg.ts';
import type { Settings } from './settings.ts';
import type { TerminalStatus } from './status.ts';
import { addPart, hasUnreported, totalsOf, type LegTotals } from './totals.ts';

/** A terminal status that waits for its first fill. */
export type Parked = {
  readonly kind: 'parked';
  readonly oid: Oid;
  readonly status: TerminalStatus;
  /** Stream time at which the status was applied. */
  readonly changedAt: number;
  /** Its fills, which must exist, were asked for. */
  readonly asked: boolean;
};

/** A fill's tid, or the text of its other facts where it has none. */
export type Identity = number | string;

/** What a later fill of the same identity must agree with. */
export type FillFacts = { readonly side: Side; readonly px: Decimal; readonly sz: Decimal };

/** The fills of an order, summed. Changed in place, owned by the one state that holds it (O1). */
export type Ledger = {
  readonly coin: string;
  readonly symbol: string;
  readonly assetType: AssetType;
  /** The account's value when the first fill was applied; USD. */
  readonly accountValue: Decimal | null;
  readonly identities: Map<Identity, FillFacts>;
  /** In the order of LEGS. */
  readonly legs: LegTotals[];
  cloid: string | null;
  /** S: the sum of raw sizes. */
  rawSize: Decimal;
  /** Every fill is a quiet one. */
  quiet: boolean;
  /** The greatest fill time; the exchange's clock. */
  lastFillAt: number;
};

type WithFills = {
  readonly oid: Oid;
  readonly ledger: Ledger;
  readonly status: TerminalStatus | null;
  /** Stream time of the last new fill or winning status. */
  readonly changedAt: number;
};

export type Pending = WithFills & {
  readonly kind: 'pending';
  /** Stream time at which the first unreported fill was applied. */
  readonly unreportedSince: number;
};

export type Reported = WithFills & { readonly kind: 'reported' };

export type Order = Parked | Pending | Reported;

/** Why a signal went out (contract §6). */
export const TRIGGERS = ['complete', 'grace', 'quiet', 'timeout'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** What an order on record waits for: to be finished once it is `reported`, for fills while it is `parked`, else for its trigger. */
export const WAITS = ['parked', 'grace', 'quiet', 'timeout', 'reported'] as const;
export type Wait = (typeof WAITS)[number];

/** What of an order should be there and isn't. */
export type Missing = 'fills' | 'status';

/** The identity of a fill within its order (contract §4). */
export function identityOf(fill: Fill): Identity {
  if (fill.tid !== 0) return fill.tid;
  const { coin, time, side, px, sz, startPosition, hash } = fill;
  return JSON.stringify([coin, time, side, format(px), format(sz), format(startPosition), hash]);
}

/** Whether the order has seen this identity, and if so whether with the same facts. */
export function recall(order: Order, fill: Fill): 'new' | 'duplicate' | 'conflict' {
  if (order.kind === 'parked') return 'new';
  const facts = order.ledger.identities.get(identityOf(fill));
  if (facts === undefined) return 'new';
  const same = facts.side === fill.side && equals(facts.px, fill.px) && equals(facts.sz, fill.sz);
  return same ? 'duplicate' : 'conflict';
}

/** A new fill, with what it means and the stream time at which it is applied. */
export type NewFill = {
  readonly fill: Fill;
  readonly symbol: string;
  readonly cause: Cause;
  readonly parts: readonly Part[];
  readonly now: number;
};

/** Whether one of the fill's legs has sent a signal before it. */
export function isLate(order: Order | null, parts: readonly Part[]): boolean {
  if (order === null || order.kind === 'parked') return false;
  return parts.some((part) => (legOf(order.ledger, part.leg)?.revision ?? 0) > 0);
}

/** The state after a new fill; `accountValue` counts for an order's first. */
export function withFill(
  order: Order | null, next: NewFill, accountValue: Decimal | null, lateFills: Settings['lateFills'],
): Pending | Reported {
  const { fill, now } = next;
  const ledger = order === null || order.kind === 'parked' ? newLedger(next, accountValue) : addToLedger(order.ledger, next);
  for (const part of next.parts) addToLeg(ledger, next, part, lateFills);
  const status = order === null ? null : order.status;
  if (!ledger.legs.some(hasUnreported)) return { kind: 'reported', oid: fill.oid, ledger, status, changedAt: now };
  const unreportedSince = order?.kind === 'pending' ? order.unreportedSince : now;
  return { kind: 'pending', oid: fill.oid, ledger, status, changedAt: now, unreportedSince };
}

/** The ledger of an order's first fill, its legs left out. */
function newLedger({ fill, symbol, cause }: NewFill, accountValue: Decimal | null): Ledger {
  return {
    coin: fill.coin,
    symbol,
    assetType: assetTypeOf(fill.coin),
    accountValue,
    identities: new Map([[identityOf(fill), factsOf(fill)]]),
    legs: [],
    cloid: fill.cloid,
    rawSize: fill.sz,
    quiet: isQuiet(fill, cause),
    lastFillAt: fill.time,
  };
}

/** The same ledger with one more fill, its legs left out. */
function addToLedger(ledger: Ledger, { fill, cause }: NewFill): Ledger {
  ledger.identities.set(identityOf(fill), factsOf(fill));
  ledger.rawSize = add(ledger.rawSize, fill.sz);
  ledger.cloid ??= fill.cloid;
  ledger.quiet &&= isQuiet(fill, cause);
  ledger.lastFillAt = Math.max(ledger.lastFillAt, fill.time);
  return ledger;
}

function factsOf(fill: Fill): FillFacts {
  return { side: fill.side, px: fill.px, sz: fill.sz };
}

/** A quiet fill announces no end: TWAP slices and what the exchange does by itself have no order updates. */
function isQuiet(fill: Fill, cause: Cause): boolean {
  return fill.twapId !== null || cause !== 'trade';
}

function addToLeg(ledger: Ledger, { fill, cause }: NewFill, part: Part, lateFills: Settings['lateFills']): void {
  const held = legOf(ledger, part.leg);
  if (held === undefined) insertLeg(ledger, totalsOf(fill, part, cause));
  else if (held.revision === 0 || lateFills === 'revise') addPart(held, fill, part, cause);
}

function insertLeg(ledger: Ledger, totals: LegTotals): void {
  const place = LEGS.indexOf(totals.leg);
  const after = ledger.legs.findIndex((other) => LEGS.indexOf(other.leg) > place);
  ledger.legs.splice(after < 0 ? ledger.legs.length : after, 0, totals);
}

export function legOf(ledger: Ledger, leg: LegName): LegTotals | undefined {
  return ledger.legs.find((totals) => totals.leg === leg);
}

/** The state after a terminal status that won. */
export function withStatus(order: Order | null, oid: Oid, status: TerminalStatus, now: number): Order {
  if (order === null || order.kind === 'parked') return { kind: 'parked', oid, status, changedAt: now, asked: false };
  return { ...order, status, changedAt: now };
}

/** The state after all its legs were reported. */
export function asReported({ oid, ledger, status, changedAt }: Pending): Reported {
  return { kind: 'reported', oid, ledger, status, changedAt };
}

/** A terminal status is known and the fills sum to its filled quantity. */
export function isComplete(order: Pending | Reported): boolean {
  return order.status !== null && equals(order.ledger.rawSize, order.status.filled);
}

/** What would end the wait of a pending order; `complete` doesn't wait (contract §6). */
export function triggerOf(order: Pending): Trigger {
  if (order.status !== null) return isComplete(order) ? 'complete' : 'grace';
  return order.ledger.quiet ? 'quiet' : 'timeout';
}

export function waitOf(order: Order): Wait {
  if (order.kind !== 'pending') return order.kind;
  const trigger = triggerOf(order);
  return trigger === 'complete' ? 'grace' : trigger; // One that is complete has its say at once.
}

/** The stream time at which the order has its next say (O3). */
export function deadlineOf(order: Order, settings: Settings): number {
  if (order.kind === 'parked') return order.changedAt + (isToAsk(order, settings) ? settings.graceMs : settings.statusMs);
  if (order.kind === 'reported') return order.changedAt + finishedAfterMs(order, settings);
  const timeout = order.unreportedSince + settings.timeoutMs;
  const trigger = triggerOf(order);
  switch (trigger) {
    case 'complete': return order.changedAt;
    case 'grace': return order.changedAt + settings.graceMs;
    case 'quiet': return Math.min(order.changedAt + settings.quietMs, timeout);
    case 'timeout': return timeout;
  }
}

/** Whether the exchange has fills for it: of a reduce-only order's quantity only once it is `filled`, as it may be shrunk before. */
function isToHaveFills({ status, owesFills, filled }: TerminalStatus): boolean {
  return owesFills || (status === 'filled' && signOf(filled) > 0);
}

/** Whether the next say of a parked order is to ask for its fills. */
export function isToAsk({ asked, status }: Parked, { graceMs, statusMs }: Settings): boolean {
  return isToHaveFills(status) && !asked && graceMs < statusMs;
}

/** What a pending order that stops waiting should have and hasn't: fills, or its end. */
export function missingOf({ status, ledger }: Pending, trigger: Trigger): Missing | null {
  if (trigger === 'timeout') return 'status';
  const lacks = trigger === 'grace' && status !== null && isToHaveFills(status) && compare(ledger.rawSize, status.filled) < 0;
  return lacks ? 'fills' : null;
}

function finishedAfterMs(order: Reported, settings: Settings): number {
  if (isComplete(order)) return settings.finishedMs;
  return order.status === null && order.ledger.quiet ? settings.quietFinishedMs : settings.unfinishedMs;
}
