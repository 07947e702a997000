// Reading one journal line (contract §1, §2 "malformed"): what it says, or that it can't be read.
//
// R1  A receivedAt that is a time is found even in a record that is malformed otherwise.
// R2  Of a fill that is no trade, only receivedAt and the address are looked at.
// R3  null counts as absent; fields the contract doesn't name are not looked at.
import { compare, exact, ZERO, type Exact } from './exact.ts';

export type Side = 'B' | 'A';

export type FillRecord = {
  readonly kind: 'fill';
  readonly address: string;
  readonly receivedAt: number;
  readonly symbol: string | null;
  readonly coin: string;
  readonly px: Exact;
  readonly sz: Exact;
  readonly side: Side;
  readonly time: number;
  readonly startPosition: Exact;
  readonly dir: string;
  readonly oid: number;
  readonly closedPnl: Exact;
  readonly fee: Exact;
  readonly feeToken: string;
  readonly tid: number;
  readonly hash: string | null;
  readonly cloid: string | null;
  readonly twapId: number | null;
  readonly liquidatedUser: string | null;
};
export type NoTradeRecord = { readonly kind: 'noTrade'; readonly address: string; readonly receivedAt: number };
export type UpdateRecord = {
  readonly kind: 'orderUpdate';
  readonly address: string;
  readonly oid: number;
  readonly sz: Exact;
  readonly origSz: Exact;
  readonly reduceOnly: boolean;
  readonly status: string;
  readonly statusTimestamp: number;
};
export type AccountRecord = {
  readonly kind: 'account';
  readonly address: string;
  readonly receivedAt: number;
  readonly time: number;
  readonly accountValue: Exact;
};
export type TickRecord = { readonly kind: 'tick' };
export type Readable = FillRecord | NoTradeRecord | UpdateRecord | AccountRecord | TickRecord;

export type Reading = {
  /** The parsed JSON value, or the line itself when it is no JSON. */
  readonly record: unknown;
  readonly receivedAt: number | undefined;
  /** undefined: malformed. */
  readonly readable: Readable | undefined;
};

const NO_TRADES: readonly string[] = [
  'Spot Dust Conversion',
  'Net Child Vaults',
  'Split Outcome',
  'Merge Outcome',
  'Merge Question',
  'Negate Outcome',
];

export function read(line: string): Reading {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return { record: line, receivedAt: undefined, readable: undefined };
  }
  if (!isObject(record)) return { record, receivedAt: undefined, readable: undefined };
  const receivedAt = timeOf(record['receivedAt']);
  if (receivedAt === undefined) return { record, receivedAt, readable: undefined };
  return { record, receivedAt, readable: readRecord(record, receivedAt) };
}

function readRecord(record: Record<string, unknown>, receivedAt: number): Readable | undefined {
  const { kind, data } = record;
  if (kind === 'tick') return { kind: 'tick' };
  const address = stringOf(record['address']);
  if (address === undefined || !isObject(data)) return undefined;
  if (kind === 'fill') {
    const { dir } = data;
    if (typeof dir === 'string' && NO_TRADES.includes(dir)) return { kind: 'noTrade', address, receivedAt };
    return readFill(address, receivedAt, record, data);
  }
  if (kind === 'orderUpdate') return readUpdate(address, data);
  if (kind === 'account') return readAccount(address, receivedAt, data);
  return undefined;
}

function readFill(
  address: string,
  receivedAt: number,
  record: Record<string, unknown>,
  data: Record<string, unknown>,
): FillRecord | undefined {
  const coin = stringOf(data['coin']);
  const px = decimalOf(data['px']);
  const sz = decimalOf(data['sz']);
  const side = sideOf(data['side']);
  const time = timeOf(data['time']);
  const startPosition = decimalOf(data['startPosition']);
  const dir = stringOf(data['dir']);
  const oid = countingOf(data['oid']);
  if (coin === undefined || px === undefined || sz === undefined || side === undefined) return undefined;
  if (time === undefined || startPosition === undefined || dir === undefined || oid === undefined) return undefined;
  if (compare(sz, ZERO) <= 0 || compare(px, ZERO) < 0) return undefined;

  const closedPnl = optional(data['closedPnl'], decimalOf, ZERO);
  const fee = optional(data['fee'], decimalOf, ZERO);
  const builderFee = optional(data['builderFee'], decimalOf, ZERO);
  if (closedPnl === undefined || fee === undefined || builderFee === undefined) return undefined;
  const feeToken = optional(data['feeToken'], stringOf, 'USDC');
  const tid = optional(data['tid'], countingOf, 0);
  const hash = optional(data['hash'], stringOf, null);
  const cloid = optional(data['cloid'], stringOf, null);
  if (feeToken === undefined || tid === undefined || hash === undefined || cloid === undefined) return undefined;
  const twapId = optional(data['twapId'], countingOf, null);
  const crossed = optional(data['crossed'], booleanOf, null);
  const liquidatedUser = optional(data['liquidation'], liquidatedUserOf, null);
  if (twapId === undefined || crossed === undefined || liquidatedUser === undefined) return undefined;
  const symbol = optional(record['symbol'], stringOf, null);
  const source = optional(record['source'], stringOf, null);
  if (symbol === undefined || source === undefined) return undefined;

  const needed = { address, receivedAt, coin, px, sz, side, time, startPosition, dir, oid };
  return { kind: 'fill', ...needed, symbol, closedPnl, fee, feeToken, tid, hash, cloid, twapId, liquidatedUser };
}

function readUpdate(address: string, data: Record<string, unknown>): UpdateRecord | undefined {
  const { order } = data;
  if (!isObject(order)) return undefined;
  const coin = stringOf(order['coin']);
  const side = sideOf(order['side']);
  const sz = decimalOf(order['sz']);
  const oid = countingOf(order['oid']);
  const origSz = decimalOf(order['origSz']);
  const reduceOnly = optional(order['reduceOnly'], booleanOf, false);
  const status = stringOf(data['status']);
  const statusTimestamp = timeOf(data['statusTimestamp']);
  if (coin === undefined || side === undefined || sz === undefined || oid === undefined) return undefined;
  if (origSz === undefined || reduceOnly === undefined || status === undefined || statusTimestamp === undefined) {
    return undefined;
  }
  return { kind: 'orderUpdate', address, oid, sz, origSz, reduceOnly, status, statusTimestamp };
}

function readAccount(address: string, receivedAt: number, data: Record<string, unknown>): AccountRecord | undefined {
  const time = timeOf(data['time']);
  const accountValue = decimalOf(data['accountValue']);
  if (time === undefined || accountValue === undefined) return undefined;
  return { kind: 'account', address, receivedAt, time, accountValue };
}

// Each reader gives undefined for a value that is absent or of the wrong type.

function optional<Value, Default>(
  value: unknown,
  reader: (value: unknown) => Value | undefined,
  absent: Default,
): Value | Default | undefined {
  return value === undefined || value === null ? absent : reader(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function booleanOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function decimalOf(value: unknown): Exact | undefined {
  return typeof value === 'string' && value.length <= 1_000 ? exact(value) : undefined;
}

function countingOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function timeOf(value: unknown): number | undefined {
  const isTime = typeof value === 'number' && Number.isInteger(value) && value >= 1e12 && value <= 1e13;
  return isTime ? value : undefined;
}

function sideOf(value: unknown): Side | undefined {
  return value === 'B' || value === 'A' ? value : undefined;
}

/** The user, or null when the object names none. */
function liquidatedUserOf(value: unknown): string | null | undefined {
  return isObject(value) ? optional(value['liquidatedUser'], stringOf, null) : undefined;
}
