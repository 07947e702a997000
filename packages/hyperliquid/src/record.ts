// From the JSON value of one journal record to an input of the fold (contract §1, §2).
//
// R1  Total: every value gives an input; what can't be used is `unusable` with its reason, never an exception.
// R2  Checks come in the contract's order: malformed, then bad-address; what looks at meaning is the fold's.
// R3  null counts as absent. Unknown fields are ignored here, and kept by whoever stores the record.
// R4  Written by hand, as it is the hot path: docs/PERFORMANCE.md has the cost of a schema library beside it.

import {
  ZERO, isNoTrade, readDecimal, signOf,
  type Address, type Decimal, type Fill, type Input, type Oid, type OrderUpdate, type RecordKind, type Side,
} from '@fillstream/core';

/** Times are milliseconds since the epoch: what lies outside comes from a clock in other units. */
const LEAST_TIME = 1e12;
const GREATEST_TIME = 1e13;
/** Far beyond any amount; a decimal as long as a record would make a signal that no topic takes. */
export const MAX_DECIMAL_CHARS = 1_000;

const LOWER_ADDRESS = /^0x[0-9a-f]{40}$/;

type Json = { readonly [field: string]: unknown };

/** Reads the JSON value of a record; `undefined` stands for a line that isn't JSON. */
export function readRecord(value: unknown): Input {
  if (!isObject(value)) return malformed(null);
  const { receivedAt, kind, address, data, symbol, source } = value;
  if (!isTime(receivedAt)) return malformed(null);
  if (kind === 'tick') return { kind, receivedAt };
  if (!isAddressedKind(kind) || typeof address !== 'string' || !isObject(data)) return malformed(receivedAt);
  if (kind === 'fill' && typeof data['dir'] === 'string' && isNoTrade(data['dir'])) {
    const checked = checkAddress(address);
    return checked === null ? badAddress(kind, receivedAt) : { kind: 'noTrade', address: checked, receivedAt };
  }
  switch (kind) {
    case 'fill': {
      const fill = readFill(data);
      if (fill === null || !isOptional(symbol, isText) || !isOptional(source, isText)) return malformed(receivedAt);
      const checked = checkAddress(address);
      if (checked === null) return badAddress(kind, receivedAt);
      return { kind, address: checked, receivedAt, symbol: symbol ?? fill.coin, fill };
    }
    case 'orderUpdate': {
      const update = readOrderUpdate(data);
      if (update === null) return malformed(receivedAt);
      const checked = checkAddress(address);
      return checked === null ? badAddress(kind, receivedAt) : { kind, address: checked, receivedAt, update };
    }
    case 'account': {
      const { time } = data;
      const accountValue = decimalOf(data['accountValue']);
      if (!isTime(time) || accountValue === null) return malformed(receivedAt);
      const checked = checkAddress(address);
      return checked === null ? badAddress(kind, receivedAt) : { kind, address: checked, receivedAt, time, accountValue };
    }
  }
}

function malformed(receivedAt: number | null): Input {
  return { kind: 'unusable', reason: 'malformed', receivedAt, record: null };
}

function badAddress(record: RecordKind, receivedAt: number): Input {
  return { kind: 'unusable', reason: 'bad-address', receivedAt, record };
}

/** The exchange's fill object, or null when a field is missing or of the wrong type. */
function readFill(data: Json): Fill | null {
  const { coin, side, time, dir, oid, feeToken, tid, hash, crossed, cloid, twapId } = data;
  if (!isText(coin) || !isSide(side) || !isTime(time) || !isText(dir) || !isId(oid)) return null;
  if (!isOptional(tid, isId) || !isOptional(twapId, isId) || !isOptional(crossed, isBoolean)) return null;
  if (!isOptional(feeToken, isText) || !isOptional(hash, isText) || !isOptional(cloid, isText)) return null;
  const px = decimalOf(data['px']);
  const sz = decimalOf(data['sz']);
  const startPosition = decimalOf(data['startPosition']);
  const closedPnl = optionalDecimalOf(data['closedPnl']);
  const fee = optionalDecimalOf(data['fee']);
  if (px === null || sz === null || startPosition === null || closedPnl === null || fee === null) return null;
  if (optionalDecimalOf(data['builderFee']) === null || signOf(sz) <= 0 || signOf(px) < 0) return null;
  const liquidatedUser = readLiquidatedUser(data['liquidation']);
  if (liquidatedUser === undefined) return null;
  return {
    coin, px, sz, side, time, startPosition, dir, oid, closedPnl, fee,
    feeToken: feeToken ?? 'USDC',
    tid: tid ?? 0,
    hash: hash ?? null,
    cloid: cloid ?? null,
    twapId: twapId ?? null,
    liquidatedUser,
  };
}

/** null without a liquidation object, undefined when it is malformed. */
function readLiquidatedUser(liquidation: unknown): string | null | undefined {
  if (liquidation === undefined || liquidation === null) return null;
  if (!isObject(liquidation)) return undefined;
  const { liquidatedUser } = liquidation;
  return isOptional(liquidatedUser, isText) ? (liquidatedUser?.toLowerCase() ?? null) : undefined;
}

/** The exchange's order update, or null when a field is missing or of the wrong type. */
function readOrderUpdate(data: Json): OrderUpdate | null {
  const { order, status, statusTimestamp } = data;
  if (!isObject(order) || !isText(status) || !isTime(statusTimestamp)) return null;
  const { coin, side, oid, reduceOnly } = order;
  if (!isText(coin) || !isSide(side) || !isId(oid) || !isOptional(reduceOnly, isBoolean)) return null;
  const sz = decimalOf(order['sz']);
  const origSz = decimalOf(order['origSz']);
  if (sz === null || origSz === null) return null;
  return { oid, status, statusTimestamp, sz, origSz, reduceOnly: reduceOnly ?? false };
}

/** null when it is no decimal's text, or a longer one. */
function decimalOf(value: unknown): Decimal | null {
  return typeof value === 'string' && value.length <= MAX_DECIMAL_CHARS ? readDecimal(value) : null;
}

/** Zero when it is absent. */
function optionalDecimalOf(value: unknown): Decimal | null {
  return value === undefined || value === null ? ZERO : decimalOf(value);
}

/** The address in lower case, or null when it is none. */
export function checkAddress(text: string): Address | null {
  if (isLowerAddress(text)) return text;
  const lower = text.toLowerCase();
  return text.startsWith('0x') && isLowerAddress(lower) ? lower : null;
}

function isLowerAddress(text: string): text is Address {
  return LOWER_ADDRESS.test(text);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOptional<T>(value: unknown, holds: (value: unknown) => value is T): value is T | null | undefined {
  return value === undefined || value === null || holds(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isSide(value: unknown): value is Side {
  return value === 'B' || value === 'A';
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= LEAST_TIME && value <= GREATEST_TIME;
}

function isId(value: unknown): value is Oid {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isAddressedKind(value: unknown): value is Exclude<RecordKind, 'tick'> {
  return value === 'fill' || value === 'orderUpdate' || value === 'account';
}
