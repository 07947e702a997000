// One order of the oracle: all its fills, kept in an array; whatever is asked of it is worked out from scratch.
//
//   parked ──fill──▶ on record (unreported ⇄ reported) ──period──▶ finished: remembered by its address
//   parked ──statusMs──▶ gone
//
// O1  An order without fills has a status; one with fills may have one.
// O2  A part is unreported until a signal of its leg counted it; a dropped part never goes into a leg.
import { compare, equal, sum, type Exact } from './exact.ts';
import type { Cause, Part } from './legs.ts';
import type { FillRecord, UpdateRecord } from './records.ts';
import type { Settings } from './settings.ts';

export type Trigger = 'complete' | 'grace' | 'quiet' | 'timeout';
export type AppliedPart = Part & { fate: 'unreported' | 'reported' | 'dropped' };
export type AppliedFill = {
  readonly record: FillRecord;
  readonly cause: Cause;
  readonly parts: readonly AppliedPart[];
  /** Stream time (ms) at which the fill was applied. */
  readonly appliedAt: number;
};
export type WonStatus = { readonly update: UpdateRecord; readonly appliedAt: number };
export type Order = {
  readonly address: string;
  readonly oid: number;
  readonly fills: AppliedFill[];
  status: WonStatus | null;
  /** The account value known when the first fill was applied. */
  accountValue: Exact | null;
  /** Leg → the revision last sent. */
  readonly revisions: Map<string, number>;
};

/** What an order waits for, and the stream time (ms) at which it happens. */
export type Timer =
  | { readonly kind: 'signal'; readonly at: number; readonly trigger: Trigger }
  | { readonly kind: 'finish'; readonly at: number }
  | { readonly kind: 'expire'; readonly at: number };

export function timerOf(order: Order, settings: Settings): Timer {
  const statusAt = order.status === null ? Number.NEGATIVE_INFINITY : order.status.appliedAt;
  if (order.fills.length === 0) return { kind: 'expire', at: statusAt + settings.statusMs };
  const lastFillAt = Math.max(...order.fills.map((fill) => fill.appliedAt));
  const lastChangeAt = Math.max(lastFillAt, statusAt);
  const unreported = order.fills.filter((fill) => fill.parts.some((part) => part.fate === 'unreported'));
  if (unreported.length === 0) return { kind: 'finish', at: lastChangeAt + finishPeriod(order, settings) };
  if (isComplete(order)) return { kind: 'signal', at: lastChangeAt, trigger: 'complete' };
  if (order.status !== null) return { kind: 'signal', at: lastChangeAt + settings.graceMs, trigger: 'grace' };
  const timeoutAt = Math.min(...unreported.map((fill) => fill.appliedAt)) + settings.timeoutMs;
  if (!isQuiet(order)) return { kind: 'signal', at: timeoutAt, trigger: 'timeout' };
  return { kind: 'signal', at: Math.min(lastFillAt + settings.quietMs, timeoutAt), trigger: 'quiet' };
}

function finishPeriod(order: Order, settings: Settings): number {
  if (isComplete(order)) return settings.finishedMs;
  if (order.status === null && isQuiet(order)) return settings.quietFinishedMs;
  return settings.unfinishedMs;
}

/** A terminal status is known and the raw sizes of all fills sum to its filled quantity. */
export function isComplete(order: Order): boolean {
  if (order.status === null) return false;
  const filled = sum(order.fills.map((fill) => fill.record.sz));
  return equal(filled, filledQuantity(order.status.update));
}

function isQuiet(order: Order): boolean {
  return order.fills.every((fill) => fill.record.twapId !== null || fill.cause !== 'trade');
}

export function filledQuantity(update: UpdateRecord): Exact {
  return sum([update.origSz, { units: -update.sz.units, places: update.sz.places }]);
}

/** Greatest exchange time of an order's fills. */
export function lastFillTime(order: Order): number {
  return Math.max(...order.fills.map((fill) => fill.record.time));
}

/** The earlier fill with the same identity (contract §4). */
export function findSame(order: Order, record: FillRecord): FillRecord | undefined {
  return order.fills.map((fill) => fill.record).find((earlier) => isSameFill(earlier, record));
}

function isSameFill(a: FillRecord, b: FillRecord): boolean {
  if (a.tid !== 0 || b.tid !== 0) return a.tid === b.tid;
  return (
    a.coin === b.coin &&
    a.time === b.time &&
    a.hash === b.hash &&
    equal(a.startPosition, b.startPosition) &&
    !isConflict(a, b)
  );
}

/** Of two fills of one identity: whether they tell different stories. */
export function isConflict(a: FillRecord, b: FillRecord): boolean {
  return a.side !== b.side || compare(a.px, b.px) !== 0 || compare(a.sz, b.sz) !== 0;
}

/** Whether a status replaces the one that an order has (contract §5). */
export function wins(challenger: UpdateRecord, holder: UpdateRecord): boolean {
  if (challenger.statusTimestamp !== holder.statusTimestamp) return challenger.statusTimestamp > holder.statusTimestamp;
  if (challenger.status === holder.status || holder.status === 'filled') return false;
  return challenger.status === 'filled' || challenger.status < holder.status;
}

export function isSameStatus(a: UpdateRecord, b: UpdateRecord): boolean {
  return a.status === b.status && a.statusTimestamp === b.statusTimestamp;
}
