// The running totals of one leg: sums, the two parts that bound its position, and what has been reported.
//
// T1  Totals cover every part the leg was given, reported or not; a revision restates them all (contract §6).
// T2  Only the earliest and the latest part are kept: they alone decide the positions (contract §9).
// T3  Totals belong to one order and are changed in place, by `addPart` and `markReported` alone.

import { add, compare, multiply, type Decimal } from './decimal.ts';
import type { Fill } from './input.ts';
import { CAUSES, LEG_FACTS, positionAfter, type Cause, type LegName, type Part } from './leg.ts';

/** Where a part stands in its leg: by time, then start along the order's side, then tid, then arrival. */
export type PartPlace = {
  readonly time: number;
  readonly start: Decimal;
  readonly tid: number;
};

export type TokenSum = { readonly token: string; readonly sum: Decimal };

export type LegTotals = {
  readonly leg: LegName;
  size: Decimal;
  /** Sum of px × size. */
  notional: Decimal;
  closedPnl: Decimal;
  /** One sum a token, in the order of their first fills. */
  fees: readonly TokenSum[];
  fillCount: number;
  /** How many of the fills the last signal counted. */
  reportedFills: number;
  /** The last signal's revision; 0 before the first. */
  revision: number;
  firstFillAt: number;
  lastFillAt: number;
  earliest: PartPlace;
  latest: PartPlace;
  /** The position after the latest part. */
  positionAfter: Decimal;
  cause: Cause;
  twapId: number | null;
};

/** The totals of a leg's first part. */
export function totalsOf(fill: Fill, part: Part, cause: Cause): LegTotals {
  const place = { time: fill.time, start: part.start, tid: fill.tid };
  return {
    leg: part.leg,
    size: part.size,
    notional: multiply(fill.px, part.size),
    closedPnl: part.closedPnl,
    fees: [{ token: fill.feeToken, sum: part.fee }],
    fillCount: 1,
    reportedFills: 0,
    revision: 0,
    firstFillAt: fill.time,
    lastFillAt: fill.time,
    earliest: place,
    latest: place,
    positionAfter: positionAfter(part.start, part.size, LEG_FACTS[part.leg].trade),
    cause,
    twapId: fill.twapId,
  };
}

export function addPart(totals: LegTotals, fill: Fill, part: Part, cause: Cause): void {
  totals.size = add(totals.size, part.size);
  totals.notional = add(totals.notional, multiply(fill.px, part.size));
  totals.closedPnl = add(totals.closedPnl, part.closedPnl);
  totals.fees = withFee(totals.fees, fill.feeToken, part.fee);
  if (CAUSES.indexOf(cause) < CAUSES.indexOf(totals.cause)) totals.cause = cause;
  totals.twapId ??= fill.twapId;
  totals.firstFillAt = Math.min(totals.firstFillAt, fill.time);
  totals.lastFillAt = Math.max(totals.lastFillAt, fill.time);
  placePart(totals, fill, part);
  totals.fillCount += 1;
}

function withFee(fees: readonly TokenSum[], token: string, fee: Decimal): readonly TokenSum[] {
  if (!fees.some((held) => held.token === token)) return [...fees, { token, sum: fee }];
  return fees.map((held) => (held.token === token ? { token, sum: add(held.sum, fee) } : held));
}

function placePart(totals: LegTotals, fill: Fill, part: Part): void {
  const { trade } = LEG_FACTS[totals.leg];
  const place = { time: fill.time, start: part.start, tid: fill.tid };
  if (comparePlaces(place, totals.earliest, trade) < 0) totals.earliest = place;
  if (comparePlaces(place, totals.latest, trade) < 0) return;
  totals.latest = place;
  totals.positionAfter = positionAfter(part.start, part.size, trade);
}

function comparePlaces(a: PartPlace, b: PartPlace, trade: 'B' | 'A'): number {
  if (a.time !== b.time) return a.time - b.time;
  const byStart = compare(a.start, b.start);
  if (byStart !== 0) return trade === 'B' ? byStart : -byStart;
  return a.tid - b.tid;
}

export function hasUnreported(totals: LegTotals): boolean {
  return totals.fillCount > totals.reportedFills;
}

/** Counts all fills as told by one more signal. */
export function markReported(totals: LegTotals): void {
  totals.reportedFills = totals.fillCount;
  totals.revision += 1;
}
