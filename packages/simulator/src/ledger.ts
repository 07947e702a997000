// What a journal's fills add up to, exactly: the other side of every conservation check on what a processor makes of them.
//
// I1  A fill counts once, however often it was delivered.
// I2  Amounts are bigint of 10^-SCALE, products of two of them 10^-(2 × SCALE): nothing is rounded but a reversal's fee split.

import { invariant } from './invariant.ts';
import type { FillData, FillRecord, JournalRecord } from './record.ts';

const SCALE = 8;

export type Leg = 'open-long' | 'open-short' | 'close-long' | 'close-short' | 'buy' | 'sell';

/** Sums as plain decimals without trailing zeros (contract §9). */
export type LegTotals = {
  readonly size: string;
  readonly notional: string;
  readonly closedPnl: string;
  readonly fees: Readonly<Record<string, string>>;
  readonly fillCount: number;
};

export type OrderTotals = {
  readonly address: string;
  readonly oid: number;
  readonly coin: string;
  readonly legs: Readonly<Partial<Record<Leg, LegTotals>>>;
};

type Sums = { size: bigint; notional: bigint; closedPnl: bigint; readonly fees: Map<string, bigint>; fillCount: number };
type Entry = { readonly address: string; readonly oid: number; readonly coin: string; readonly legs: Map<Leg, Sums> };
type Part = { readonly leg: Leg; readonly size: bigint; readonly fee: bigint; readonly closedPnl: bigint };

/** Records by kind, and what is special among them. */
export type LedgerCounts = {
  readonly records: number;
  readonly fills: number;
  readonly duplicates: number;
  readonly reversals: number;
  readonly orderUpdates: number;
  readonly accounts: number;
  readonly ticks: number;
  readonly statuses: Readonly<Record<string, number>>;
};

export class Ledger {
  readonly #orders = new Map<string, Entry>();
  readonly #trades = new Set<number>();
  readonly #statuses = new Map<string, number>();
  readonly #kinds = { fill: 0, orderUpdate: 0, account: 0, tick: 0 };
  #reversals = 0;

  add(record: JournalRecord): void {
    this.#kinds[record.kind] += 1;
    if (record.kind === 'fill') this.#addFill(record);
    if (record.kind === 'orderUpdate') {
      this.#statuses.set(record.data.status, (this.#statuses.get(record.data.status) ?? 0) + 1);
    }
  }

  /** Each order's legs (contract §3), in order of their first fills. */
  orders(): readonly OrderTotals[] {
    return [...this.#orders.values()].map(({ address, oid, coin, legs }) => ({
      address, oid, coin,
      legs: Object.fromEntries([...legs].map(([leg, sums]) => [leg, totalsOf(sums)])),
    }));
  }

  /** Sums over all orders, by `<address>/<coin>/<leg>`. */
  totals(): Readonly<Record<string, LegTotals>> {
    const all = new Map<string, Sums>();
    for (const { address, coin, legs } of this.#orders.values()) {
      for (const [leg, sums] of legs) addSums(entryOf(all, `${address}/${coin}/${leg}`, newSums), sums);
    }
    return Object.fromEntries([...all].map(([key, sums]) => [key, totalsOf(sums)]));
  }

  counts(): LedgerCounts {
    const { fill, orderUpdate, account, tick } = this.#kinds;
    return {
      records: fill + orderUpdate + account + tick,
      fills: fill,
      duplicates: fill - this.#trades.size,
      reversals: this.#reversals,
      orderUpdates: orderUpdate,
      accounts: account,
      ticks: tick,
      statuses: Object.fromEntries(this.#statuses),
    };
  }

  #addFill({ address, data }: FillRecord): void {
    if (this.#trades.has(data.tid)) return;
    this.#trades.add(data.tid);
    const { oid, coin } = data;
    const entry = entryOf(this.#orders, `${address}/${oid}`, () => ({ address, oid, coin, legs: new Map<Leg, Sums>() }));
    const parts = partsOf(data);
    if (parts.length > 1) this.#reversals += 1;
    for (const part of parts) {
      const fees = new Map([[data.feeToken, part.fee]]);
      const notional = part.size * unitsOf(data.px);
      addSums(entryOf(entry.legs, part.leg, newSums), { ...part, notional, fees, fillCount: 1 });
    }
  }
}

function partsOf(fill: FillData): readonly Part[] {
  const size = unitsOf(fill.sz);
  const fee = unitsOf(fill.fee);
  const closedPnl = unitsOf(fill.closedPnl);
  const isSpot = fill.coin.includes('/') || fill.coin.startsWith('@');
  if (isSpot) return [{ leg: fill.side === 'B' ? 'buy' : 'sell', size, fee, closedPnl }];
  const start = unitsOf(fill.startPosition);
  const opens: Leg = fill.side === 'B' ? 'open-long' : 'open-short';
  const closes: Leg = fill.side === 'B' ? 'close-short' : 'close-long';
  const against = fill.side === 'B' ? -start : start;
  if (against <= 0n) return [{ leg: opens, size, fee, closedPnl }];
  if (size <= against) return [{ leg: closes, size, fee, closedPnl }];
  const closeFee = halfEven(fee * against, size);
  return [
    { leg: closes, size: against, fee: closeFee, closedPnl },
    { leg: opens, size: size - against, fee: fee - closeFee, closedPnl: 0n },
  ];
}

function newSums(): Sums {
  return { size: 0n, notional: 0n, closedPnl: 0n, fees: new Map(), fillCount: 0 };
}

function addSums(sums: Sums, more: Readonly<Sums>): void {
  sums.size += more.size;
  sums.notional += more.notional;
  sums.closedPnl += more.closedPnl;
  sums.fillCount += more.fillCount;
  for (const [token, fee] of more.fees) sums.fees.set(token, (sums.fees.get(token) ?? 0n) + fee);
}

function totalsOf(sums: Sums): LegTotals {
  return {
    size: plain(sums.size, SCALE),
    notional: plain(sums.notional, 2 * SCALE),
    closedPnl: plain(sums.closedPnl, SCALE),
    fees: Object.fromEntries([...sums.fees].map(([token, fee]) => [token, plain(fee, SCALE)])),
    fillCount: sums.fillCount,
  };
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** A decimal string as a whole number of 10^-SCALE. */
function unitsOf(text: string): bigint {
  const point = text.indexOf('.');
  const decimals = point < 0 ? '' : text.slice(point + 1);
  invariant(decimals.length <= SCALE, `at most ${SCALE} decimals in ${text}`);
  return BigInt(`${point < 0 ? text : text.slice(0, point)}${decimals.padEnd(SCALE, '0')}`);
}

function plain(units: bigint, scale: number): string {
  const isNegative = units < 0n;
  const digits = String(isNegative ? -units : units).padStart(scale + 1, '0');
  const text = `${digits.slice(0, -scale)}.${digits.slice(-scale)}`.replace(/\.?0+$/, '');
  return isNegative ? `-${text}` : text;
}

/** `dividend / divisor` to the nearest whole number, ties to the even one; the divisor is positive. */
function halfEven(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n;
  const size = isNegative ? -dividend : dividend;
  const quotient = size / divisor;
  const twice = (size % divisor) * 2n;
  const up = twice > divisor || (twice === divisor && quotient % 2n === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return isNegative ? -rounded : rounded;
}
