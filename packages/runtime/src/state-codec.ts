// The stored form of orders and addresses: compact JSON text, the same in every store.
//
// Every body names its format's version; a body of another version is refused, never guessed at.

import {
  FinishedMemory, assetTypeOf, format, parseDecimal,
  type Account, type Cause, type Decimal, type LegName, type LegTotals, type MemoryChunk, type Oid, type Order,
  type Profile, type Side, type TerminalStatus,
} from '@fillstream/core';
import { PortError, type AddressPart } from './ports.ts';

const FORMAT_VERSION = 1;
const PROFILE_PART = 0;

type StoredStatus = readonly [status: string, timestamp: number, filled: string, owesFills: boolean];
type StoredPlace = readonly [time: number, start: string, tid: number];
type StoredLeg = {
  readonly leg: LegName;
  readonly size: string;
  readonly notional: string;
  readonly pnl: string;
  readonly fees: readonly (readonly [token: string, sum: string])[];
  readonly fills: number;
  readonly reported: number;
  readonly revision: number;
  readonly first: number;
  readonly last: number;
  readonly earliest: StoredPlace;
  readonly latest: StoredPlace;
  readonly after: string;
  readonly cause: Cause;
  readonly twapId: number | null;
};
type StoredLedger = {
  readonly coin: string;
  readonly symbol: string;
  readonly account: string | null;
  readonly seen: readonly (readonly [identity: number | string, side: Side, px: string, sz: string])[];
  readonly legs: readonly StoredLeg[];
  readonly cloid: string | null;
  readonly raw: string;
  readonly quiet: boolean;
  readonly last: number;
};
type StoredOrder = {
  readonly v: number;
  readonly oid: Oid;
  readonly status: StoredStatus | null;
  readonly changedAt: number;
  /** null unless pending. */
  readonly since: number | null;
  /** null: parked. */
  readonly ledger: StoredLedger | null;
  /** Only of a parked one. */
  readonly asked?: boolean;
};
type StoredProfile = {
  readonly v: number;
  readonly horizon: number | null;
  readonly account: readonly [time: number, value: string] | null;
};
/** `times` are differences from the entry before. */
type StoredChunk = { readonly v: number; readonly oids: readonly number[]; readonly times: readonly number[] };

export function encodeOrder(order: Order): string {
  const ledger = order.kind === 'parked' ? null : order.ledger;
  const stored: StoredOrder = {
    v: FORMAT_VERSION,
    oid: order.oid,
    status: order.status === null ? null : storeStatus(order.status),
    changedAt: order.changedAt,
    since: order.kind === 'pending' ? order.unreportedSince : null,
    ledger: ledger === null ? null : {
      coin: ledger.coin,
      symbol: ledger.symbol,
      account: ledger.accountValue === null ? null : format(ledger.accountValue),
      seen: Array.from(ledger.identities, ([identity, { side, px, sz }]) => [identity, side, format(px), format(sz)] as const),
      legs: ledger.legs.map(storeLeg),
      cloid: ledger.cloid,
      raw: format(ledger.rawSize),
      quiet: ledger.quiet,
      last: ledger.lastFillAt,
    },
    ...(order.kind === 'parked' ? { asked: order.asked } : {}),
  };
  return JSON.stringify(stored);
}

/** Throws PortError (`store-broken`) for a body of another version or that isn't whole. */
export function decodeOrder(body: string): Order {
  return whole(() => loadOrder(body));
}

function loadOrder(body: string): Order {
  const { oid, status, changedAt, since, ledger, asked } = parseStored<StoredOrder>(body);
  const terminal = status === null ? null : loadStatus(status);
  if (ledger === null) {
    if (terminal === null) throw broken('an order without status and fills');
    return { kind: 'parked', oid, status: terminal, changedAt, asked: asked === true };
  }
  const base = {
    oid,
    status: terminal,
    changedAt,
    ledger: {
      coin: ledger.coin,
      symbol: ledger.symbol,
      assetType: assetTypeOf(ledger.coin),
      accountValue: ledger.account === null ? null : parseDecimal(ledger.account),
      identities: new Map(ledger.seen.map(([identity, side, px, sz]) => (
        [identity, { side, px: parseDecimal(px), sz: parseDecimal(sz) }] as const
      ))),
      legs: ledger.legs.map(loadLeg),
      cloid: ledger.cloid,
      rawSize: parseDecimal(ledger.raw),
      quiet: ledger.quiet,
      lastFillAt: ledger.last,
    },
  };
  return since === null ? { kind: 'reported', ...base } : { kind: 'pending', ...base, unreportedSince: since };
}

function storeStatus({ status, timestamp, filled, owesFills }: TerminalStatus): StoredStatus {
  return [status, timestamp, format(filled), owesFills];
}

function loadStatus([status, timestamp, filled, owesFills]: StoredStatus): TerminalStatus {
  return { status, timestamp, filled: parseDecimal(filled), owesFills };
}

function storeLeg(totals: LegTotals): StoredLeg {
  return {
    leg: totals.leg,
    size: format(totals.size),
    notional: format(totals.notional),
    pnl: format(totals.closedPnl),
    fees: totals.fees.map(({ token, sum }) => [token, format(sum)] as const),
    fills: totals.fillCount,
    reported: totals.reportedFills,
    revision: totals.revision,
    first: totals.firstFillAt,
    last: totals.lastFillAt,
    earliest: storePlace(totals.earliest),
    latest: storePlace(totals.latest),
    after: format(totals.positionAfter),
    cause: totals.cause,
    twapId: totals.twapId,
  };
}

function loadLeg(leg: StoredLeg): LegTotals {
  return {
    leg: leg.leg,
    size: parseDecimal(leg.size),
    notional: parseDecimal(leg.notional),
    closedPnl: parseDecimal(leg.pnl),
    fees: leg.fees.map(([token, sum]) => ({ token, sum: parseDecimal(sum) })),
    fillCount: leg.fills,
    reportedFills: leg.reported,
    revision: leg.revision,
    firstFillAt: leg.first,
    lastFillAt: leg.last,
    earliest: loadPlace(leg.earliest),
    latest: loadPlace(leg.latest),
    positionAfter: parseDecimal(leg.after),
    cause: leg.cause,
    twapId: leg.twapId,
  };
}

function storePlace({ time, start, tid }: LegTotals['earliest']): StoredPlace {
  return [time, format(start), tid];
}

function loadPlace([time, start, tid]: StoredPlace): { time: number; start: Decimal; tid: number } {
  return { time, start: parseDecimal(start), tid };
}

/** The parts of an address that changed since this was last called; null bodies are parts that are gone. */
export function encodeAddressChanges({ address, profile }: Account): (Omit<AddressPart, 'body'> & { body: string | null })[] {
  if (profile === null) return [];
  const { horizon, account } = profile;
  const head: StoredProfile = {
    v: FORMAT_VERSION, horizon, account: account === null ? null : [account.time, format(account.value)],
  };
  const { changed, removed } = profile.memory.takeChanges();
  return [
    { address, part: PROFILE_PART, body: JSON.stringify(head) },
    ...changed.map((chunk) => ({ address, part: chunk.number, body: encodeChunk(chunk) })),
    ...removed.map((part) => ({ address, part, body: null })),
  ];
}

/** The profile made of an address's parts, null when there are none. Throws PortError as decodeOrder does. */
export function decodeProfile(parts: readonly AddressPart[]): Profile | null {
  return whole(() => loadProfile(parts));
}

function loadProfile(parts: readonly AddressPart[]): Profile | null {
  const head = parts.find(({ part }) => part === PROFILE_PART);
  if (head === undefined) {
    if (parts.length > 0) throw broken('an address without its profile');
    return null;
  }
  const { horizon, account } = parseStored<StoredProfile>(head.body);
  const chunks = parts.filter(({ part }) => part !== PROFILE_PART).map(({ part, body }) => decodeChunk(part, body));
  return {
    horizon,
    account: account === null ? null : { time: account[0], value: parseDecimal(account[1]) },
    memory: new FinishedMemory(chunks),
    changed: false,
  };
}

function encodeChunk({ oids, times }: MemoryChunk): string {
  const steps = times.map((time, place) => time - (times[place - 1] ?? 0));
  const stored: StoredChunk = { v: FORMAT_VERSION, oids, times: steps };
  return JSON.stringify(stored);
}

function decodeChunk(number: number, body: string): MemoryChunk {
  const { oids, times } = parseStored<StoredChunk>(body);
  let time = 0;
  return { number, oids: [...oids], times: times.map((step) => (time += step)), changed: false };
}

function parseStored<T extends { readonly v: number }>(body: string): T {
  const stored = parseJson<T | null>(body);
  if (stored?.v === FORMAT_VERSION) return stored;
  throw new PortError('mismatch', `state of format ${String(stored?.v)}, expected ${String(FORMAT_VERSION)}`, { retryable: false });
}

function parseJson<T>(body: string): T {
  // What is read here was written above: the version tells its shape.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(body) as T;
}

/** A body that isn't as it was written shows as some error or other while it is taken apart. */
function whole<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    throw error instanceof PortError ? error : broken('a body that is not whole', error);
  }
}

function broken(found: string, cause?: unknown): PortError {
  return new PortError('store-broken', `the state store holds ${found}`, { retryable: false, cause });
}
