// A made-up market for the dashboard's tests: accounts that open, close and turn round, the signals of it, and the lives of
// its orders. Seeded: the same every time, but for when it begins.
//
// M1  Amounts are exact, and hang together: a position after is the next one's position before.

import { decimal as exact, type Cause, type OrderLife, type Signal, type Trigger } from '@fillstream/client';
import { decimal, lifeOf } from './dashboard-life.ts';

export type MadeOrder = { readonly signals: readonly Signal[]; readonly life: OrderLife };

export type Coin = {
  readonly coin: string;
  readonly symbol: string;
  readonly assetType: Signal['assetType'];
  readonly pxDecimals: number;
  readonly szDecimals: number;
  px: bigint;
};
export type Fill = { readonly px: bigint; readonly sz: bigint; readonly at: number };
export type Plan = {
  readonly address: string;
  readonly oid: number;
  readonly coin: Coin;
  readonly isBuy: boolean;
  readonly fills: readonly Fill[];
  readonly before: bigint;
  readonly cause: Cause;
  readonly trigger: Trigger;
  readonly twapId: number | null;
};

const COINS: readonly (readonly [
  coin: string,
  symbol: string,
  assetType: Signal['assetType'],
  px: number,
  pxDecimals: number,
  szDecimals: number,
])[] = [
  ['BTC', 'BTC', 'futures', 96_412, 0, 5],
  ['ETH', 'ETH', 'futures', 3_385, 1, 4],
  ['SOL', 'SOL', 'futures', 241, 2, 2],
  ['HYPE', 'HYPE', 'futures', 27, 3, 2],
  ['@107', 'HYPE/USDC', 'spot', 27, 3, 2],
  ['kPEPE', 'kPEPE', 'futures', 0.0207, 6, 0],
  ['XRP', 'XRP', 'futures', 1.42, 4, 0],
  ['dex:NVDA', 'dex:NVDA', 'futures', 146, 2, 3],
];

export class MadeMarket {
  readonly addresses: readonly string[];
  readonly orders = new Map<string, MadeOrder>();
  readonly #coins: readonly Coin[];
  readonly #positions = new Map<string, bigint>();
  #seed: number;
  #oid = 52_840_113_007;

  constructor({ seed = 7, addresses = 24 } = {}) {
    this.#seed = seed;
    this.addresses = Array.from(
      { length: addresses },
      () => `0x${Array.from({ length: 40 }, () => Math.floor(this.#random() * 16).toString(16)).join('')}`,
    );
    this.#coins = COINS.map(([coin, symbol, assetType, px, pxDecimals, szDecimals]) => ({
      coin,
      symbol,
      assetType,
      pxDecimals,
      szDecimals,
      px: BigInt(Math.round(px * 10 ** pxDecimals)),
    }));
  }

  /** An order that ended at `at`, and its signals. */
  order(at: number): MadeOrder {
    const plan = this.#plan(at);
    const made = madeOf(plan);
    this.#positions.set(`${plan.address}/${plan.coin.coin}`, afterOf(plan));
    this.orders.set(`${plan.address}/${String(plan.oid)}`, made);
    return made;
  }

  /** Signals of as many orders, the last of which ended at `until`. */
  signals(count: number, until: number, everyMs = 900): Signal[] {
    return Array.from({ length: count }, (_, place) => this.order(until - (count - 1 - place) * everyMs)).flatMap(
      ({ signals }) => signals,
    );
  }

  /** As many fills again, late: its next revision. */
  revised(signal: Signal): Signal {
    const [size, notional] = [exact.add(signal.size, signal.size), exact.add(signal.notional, signal.notional)];
    return {
      ...signal,
      revision: signal.revision + 1,
      size,
      notional,
      fillCount: signal.fillCount * 2,
      lastFillAt: signal.lastFillAt + 2_400,
      trigger: 'grace',
    };
  }

  #plan(at: number): Plan {
    const coin = this.#pick(this.#coins);
    const address = this.#pick(this.addresses);
    const before = this.#positions.get(`${address}/${coin.coin}`) ?? 0n;
    coin.px += BigInt(Math.round((this.#random() - 0.5) * Number(coin.px) * 0.002));
    const one = this.#sizeOf(coin);
    const isBuy =
      coin.assetType === 'spot'
        ? before < one || this.#random() < 0.4
        : before === 0n
          ? this.#random() < 0.55
          : before > 0n
            ? this.#random() < 0.35
            : this.#random() < 0.65;
    const closes = isBuy ? before < 0n : before > 0n;
    const held = before < 0n ? -before : before;
    const wanted = closes && this.#random() < 0.5 ? held : one;
    const size = coin.assetType === 'spot' && !isBuy && wanted > held ? held : wanted;
    const kind = this.#random();
    const isTwap = kind > 0.94;
    const cause: Cause = closes && kind < 0.03 ? 'liquidation' : closes && kind < 0.035 ? 'adl' : 'trade';
    const trigger: Trigger = isTwap || cause !== 'trade' ? 'quiet' : kind < 0.09 ? 'timeout' : kind < 0.12 ? 'grace' : 'complete';
    this.#oid += 1 + Math.floor(this.#random() * 900);
    return {
      address,
      oid: this.#oid,
      coin,
      isBuy,
      before,
      cause,
      trigger,
      twapId: isTwap ? 4_000 + Math.floor(kind * 900) : null,
      fills: this.#fills(coin, size, isBuy, at),
    };
  }

  #sizeOf({ px, pxDecimals, szDecimals }: Coin): bigint {
    const usd = 10 ** (2.2 + this.#random() * this.#random() * 4.2);
    const units = Math.round((usd / (Number(px) / 10 ** pxDecimals)) * 10 ** szDecimals);
    return BigInt(Math.max(1, units));
  }

  #fills({ px }: Coin, size: bigint, isBuy: boolean, at: number): Fill[] {
    const count = Math.min(Number(size), 1 + Math.floor(this.#random() ** 4 * 60));
    const tick = BigInt(Math.max(1, Math.round(Number(px) * 0.00004)));
    let [left, time] = [size, at - Math.floor(this.#random() * 900)];
    const fills: Fill[] = [];
    for (let place = 0; place < count && left > 0n; place += 1) {
      const share =
        place === count - 1
          ? left
          : BigInt(Math.max(1, Math.round((Number(left) / (count - place)) * (0.3 + this.#random() * 1.4))));
      const sz = share > left ? left : share;
      fills.push({ px: px + (isBuy ? tick : -tick) * BigInt(Math.floor(place / 3)), sz, at: time });
      left -= sz;
      time += this.#random() < 0.7 ? Math.floor(this.#random() * 6) : Math.floor(this.#random() * 400);
    }
    return fills;
  }

  #pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.#random() ** 1.4 * from.length)];
    if (found === undefined) throw new Error('expected something to pick from');
    return found;
  }

  /** Mulberry32. */
  #random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

function afterOf({ isBuy, before, fills }: Plan): bigint {
  const size = fills.reduce((sum, { sz }) => sum + sz, 0n);
  return isBuy ? before + size : before - size;
}

function madeOf(plan: Plan): MadeOrder {
  const { isBuy, before, fills } = plan;
  const held = before < 0n ? -before : before;
  const closes = isBuy ? before < 0n : before > 0n;
  const [closing, opening] = closes ? splitAt(fills, held) : [[], fills];
  const isReversal = closing.length > 0 && opening.length > 0;
  const signals = [
    ...(closing.length > 0 ? [signalOf(plan, 'close', closing, isReversal)] : []),
    ...(opening.length > 0 ? [signalOf(plan, 'open', opening, isReversal)] : []),
  ];
  return { signals, life: lifeOf(plan, signals) };
}

function splitAt(fills: readonly Fill[], size: bigint): [Fill[], Fill[]] {
  const [before, after]: [Fill[], Fill[]] = [[], []];
  let left = size;
  for (const fill of fills) {
    const first = fill.sz < left ? fill.sz : left;
    if (first > 0n) before.push({ ...fill, sz: first });
    if (fill.sz > first) after.push({ ...fill, sz: fill.sz - first });
    left -= first;
  }
  return [before, after];
}

function signalOf(plan: Plan, direction: Signal['direction'], fills: readonly Fill[], reversal: boolean): Signal {
  const { address, oid, coin, isBuy, before, cause, trigger, twapId } = plan;
  const isSpot = coin.assetType !== 'futures';
  const side = (direction === 'open') === isBuy ? 'LONG' : 'SHORT';
  const size = fills.reduce((sum, { sz }) => sum + sz, 0n);
  const notional = fills.reduce((sum, { px, sz }) => sum + px * sz, 0n);
  const scale = coin.pxDecimals + coin.szDecimals;
  const start = direction === 'open' && reversal ? 0n : before;
  const held = start < 0n ? -start : start;
  const usd = Number(notional) / 10 ** scale;
  return {
    id: `${address}/${String(oid)}/${isSpot ? (isBuy ? 'buy' : 'sell') : `${direction}-${side.toLowerCase()}`}`,
    revision: 1,
    address,
    oid,
    coin: coin.coin,
    symbol: coin.symbol,
    cloid: null,
    assetType: coin.assetType,
    direction,
    side,
    size: decimal(size, coin.szDecimals),
    notional: decimal(notional, scale),
    price: quotient(notional * 10n ** BigInt(18 - coin.pxDecimals), size),
    positionSize: usd < 10_000 ? 'small' : usd < 100_000 ? 'medium' : 'large',
    positionBefore: decimal(start, coin.szDecimals),
    positionAfter: decimal(isBuy ? start + size : start - size, coin.szDecimals),
    closeRate: direction === 'open' || held === 0n ? '0' : decimal((size * 1_000_000n) / held, 6),
    positionRate: decimal(BigInt(Math.round(usd * 20)), 6),
    fees: { USDC: decimal((notional * 45n) / 100_000n, scale) },
    closedPnl: direction === 'open' ? '0' : decimal((notional * BigInt((oid % 61) - 26)) / 2_000n, scale),
    fillCount: fills.length,
    firstFillAt: fills[0]?.at ?? 0,
    lastFillAt: fills.at(-1)?.at ?? 0,
    orderStatus: trigger === 'complete' ? 'filled' : trigger === 'grace' ? 'canceled' : null,
    trigger,
    complete: trigger === 'complete',
    reversal,
    cause,
    twapId,
  };
}

/** `value / size` of 18 decimals, cut off. */
function quotient(value: bigint, size: bigint): string {
  return decimal(value / size, 18);
}
