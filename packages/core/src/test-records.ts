// Test support: fills and updates with plain defaults, and a partition to play them on.
//
// Times given here are milliseconds after T0, for both clocks: a record's receivedAt and the exchange's.

import { parseDecimal } from './decimal.ts';
import type { Address, Fill, Input, Oid, OrderUpdate } from './input.ts';
import { Partition, type Outcome } from './partition.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import type { Signal } from './signal.ts';

export const T0 = 1_760_000_000_000;
export const ALICE = addressOf('a1');
export const BOB = addressOf('b2');

/** The address of one byte, repeated. */
export function addressOf(byte: string): Address {
  const text = `0x${byte.repeat(20)}`;
  if (!isAddress(text)) throw new TypeError(`${text} is no address`);
  return text;
}

function isAddress(text: string): text is Address {
  return /^0x[0-9a-f]{40}$/.test(text);
}

export function oidOf(value: number): Oid {
  if (!isOid(value)) throw new TypeError(`${String(value)} is no oid`);
  return value;
}

function isOid(value: number): value is Oid {
  return Number.isSafeInteger(value) && value >= 0;
}

type Texts<T, Names extends keyof T> = Omit<Partial<T>, Names | 'oid'> & { readonly [Name in Names]?: string } & { readonly oid?: number };
export type FillParts = Texts<Fill, 'px' | 'sz' | 'startPosition' | 'closedPnl' | 'fee'>;
export type UpdateParts = Texts<OrderUpdate, 'sz' | 'origSz'>;

/** A buy of 1 BTC at 100 from flat, unless told otherwise; amounts as texts. */
export function fillOf(parts: FillParts = {}): Fill {
  const { px, sz, startPosition, closedPnl, fee, oid, ...others } = parts;
  return {
    coin: 'BTC', side: 'B', time: T0, dir: 'Open Long', feeToken: 'USDC', tid: 1,
    hash: null, cloid: null, twapId: null, liquidatedUser: null,
    ...others,
    oid: oidOf(oid ?? 1),
    px: parseDecimal(px ?? '100'),
    sz: parseDecimal(sz ?? '1'),
    startPosition: parseDecimal(startPosition ?? '0'),
    closedPnl: parseDecimal(closedPnl ?? '0'),
    fee: parseDecimal(fee ?? '0'),
  };
}

/** `filled` for all of 1, unless told otherwise. */
export function updateOf(parts: UpdateParts = {}): OrderUpdate {
  const { sz, origSz, oid, ...others } = parts;
  return {
    status: 'filled', statusTimestamp: T0, reduceOnly: false,
    ...others,
    oid: oidOf(oid ?? 1),
    sz: parseDecimal(sz ?? '0'),
    origSz: parseDecimal(origSz ?? '1'),
  };
}

/** What one record led to: the signals of timers before it, its own, and its outcome. */
export type Reply = { readonly fired: readonly Signal[]; readonly signals: readonly Signal[]; readonly outcome: Outcome };

/** A partition and a hand to play records on it; `at` is the receivedAt, after T0. */
export class Story {
  readonly partition: Partition;
  #tid = 1_000;

  constructor(settings: Partial<Settings> = {}, clockCount = 1) {
    this.partition = new Partition({ ...DEFAULT_SETTINGS, ...settings }, clockCount);
  }

  get counts(): Partition['state']['counts'] {
    return this.partition.state.counts;
  }

  /** A fill at the exchange's time `at` with a tid of its own, unless told otherwise. */
  fill(at: number, parts: FillParts = {}, address: Address = ALICE, clock = 0): Reply {
    this.#tid += 1;
    const fill = fillOf({ time: T0 + at, tid: this.#tid, ...parts });
    return this.play({ kind: 'fill', address, receivedAt: T0 + at, symbol: fill.coin, fill }, clock);
  }

  update(at: number, parts: UpdateParts = {}, address: Address = ALICE, clock = 0): Reply {
    const update = updateOf({ statusTimestamp: T0 + at, ...parts });
    return this.play({ kind: 'orderUpdate', address, receivedAt: T0 + at, update }, clock);
  }

  account(at: number, accountValue: string, time = at, address: Address = ALICE): Reply {
    return this.play({ kind: 'account', address, receivedAt: T0 + at, time: T0 + time, accountValue: parseDecimal(accountValue) });
  }

  noTrade(at: number, address: Address = ALICE): Reply {
    return this.play({ kind: 'noTrade', address, receivedAt: T0 + at });
  }

  tick(at: number, clock = 0): Reply {
    return this.play({ kind: 'tick', receivedAt: T0 + at }, clock);
  }

  play(input: Input, clock = 0): Reply {
    if (input.receivedAt !== null) this.partition.state.advance(clock, input.receivedAt);
    const fired = this.fire();
    const signals: Signal[] = [];
    const outcome = this.partition.apply(input, signals);
    return { fired, signals, outcome };
  }

  /** Fires what is due, at the end of time when told so. */
  fire(until?: number): readonly Signal[] {
    const signals: Signal[] = [];
    while (this.partition.fireNext(signals, until) === 'fired');
    return signals;
  }
}
