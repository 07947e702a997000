// What the feed has to know of a fill or an order update: when, which order, whether it is the same again. No verdicts: a row
// that the contract refuses goes on like any other.

import { isTerminal } from '@fillstream/core';
import { isObject } from './frames.ts';
import type { Json } from './ports.ts';

const LEAST_TIME = 1e12;
const GREATEST_TIME = 1e13;

/** A fill's time (ms, the exchange's clock), or null when it has none that is one. */
export function timeOf(fill: Json): number | null {
  const { time } = fill;
  return isTime(time) ? time : null;
}

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= LEAST_TIME && value <= GREATEST_TIME;
}

export function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Equal only for the same fill: as fine as the contract's identity (§4), and finer where two rows contradict each other. */
export function fillKey(fill: Json): string {
  const { tid, oid, coin, side, time, px, sz, startPosition, dir, hash } = fill;
  return JSON.stringify([tid, oid, coin, side, time, px, sz, startPosition, dir, hash]);
}

/** Equal only for the same update. */
export function updateKey(update: Json): string {
  const { order, status, statusTimestamp } = update;
  const { oid, coin, side, sz, origSz, reduceOnly } = isObject(order) ? order : {};
  return JSON.stringify([oid, status, statusTimestamp, coin, side, sz, origSz, reduceOnly === true]);
}

/** The order of an update that ends it, or null. */
export function endedOid(update: Json): number | null {
  const { order, status } = update;
  if (!isObject(order) || typeof status !== 'string' || !isTerminal(status)) return null;
  return isId(order['oid']) ? order['oid'] : null;
}

/** An order that was refused before it filled: contract §5 drops it whatever else is known. */
export function isEmptyRejection(update: Json): boolean {
  const { order, status } = update;
  if (!isObject(order) || typeof status !== 'string' || !/(?:^r|R)ejected$/.test(status)) return false;
  const { sz, origSz } = order;
  return typeof sz === 'string' && sz === origSz && /^[0-9.]*[1-9][0-9.]*$/.test(sz);
}

/** The order of a fill that has updates: a TWAP slice has none. Null where there is none to ask for. */
export function askableOid(fill: Json): number | null {
  const { oid, twapId } = fill;
  return isId(oid) && (twapId === undefined || twapId === null) ? oid : null;
}

/** Ascending, those of one millisecond in the order they came in; newest first is turned round. */
export function ascending(rows: readonly Json[]): Json[] {
  const [first, last] = [rows[0], rows.at(-1)];
  const isNewestFirst = first !== undefined && last !== undefined && (timeOf(first) ?? 0) >= (timeOf(last) ?? 0);
  const oldestFirst = isNewestFirst ? rows.toReversed() : rows;
  return oldestFirst.toSorted((one, other) => (timeOf(one) ?? 0) - (timeOf(other) ?? 0));
}
