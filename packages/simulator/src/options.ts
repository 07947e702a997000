// What a market is made from, with its defaults; a wrong option says what was expected.

import { Random } from './random.ts';

/** Shares from 0 to 1; of orders unless it says otherwise. */
export type Shares = {
  /** of fills: those that cross zero */
  readonly reversals: number;
  /** of fills: those delivered twice, nine in ten within 3 s, the rest within an hour */
  readonly duplicates: number;
  /** of terminal statuses that come with an order's last fills: delivered before the fills of that millisecond */
  readonly statusBefore: number;
  /** of terminal statuses: delivered between those fills; what remains comes after them */
  readonly statusBetween: number;
  /** of orders with fills: no order update at all, `open` included */
  readonly statusMissing: number;
  /** of orders with fills: the last fill is delivered 10 to 60 s late */
  readonly lateFills: number;
  /** of orders with updates: `open` is among them */
  readonly open: number;
  /** of orders with fills: canceled with something left */
  readonly canceled: number;
  /** of orders with fills: reduce-only, ended by the venue when the position is gone */
  readonly reduceOnly: number;
  /** of orders with fills: `triggered` comes before the first fill */
  readonly triggered: number;
  /** rejected at once (`badAloPxRejected`) */
  readonly noise: number;
  /** canceled without a fill */
  readonly unfilled: number;
  /** TWAP slices: an own oid each, no updates */
  readonly twap: number;
  /** liquidations and deleveragings, without updates */
  readonly forced: number;
  /** of orders: with a client order id */
  readonly cloid: number;
  /** of orders with fills: on spot pairs */
  readonly spot: number;
  /** of perp orders that rest: paid a rebate, a negative fee */
  readonly rebates: number;
};

export const DEFAULT_SHARES: Shares = {
  reversals: 0.017,
  duplicates: 0.02,
  statusBefore: 1 / 3,
  statusBetween: 1 / 3,
  statusMissing: 0.01,
  lateFills: 0.002,
  open: 0.5,
  canceled: 0.12,
  reduceOnly: 0.04,
  triggered: 0.01,
  noise: 0.1,
  unfilled: 0.05,
  twap: 0.03,
  forced: 0.0005,
  cloid: 0.45,
  spot: 0.12,
  rebates: 0.2,
};

export type MarketOptions = {
  readonly seed: number | string;
  /** addresses as given, or how many to make up from the seed */
  readonly addresses: number | readonly string[];
  /** exchange time of the first order, milliseconds since the epoch */
  readonly startAt: number;
  /** end after so many orders, when all that is under way has been delivered */
  readonly orders?: number;
  /** end after exactly so many records, whatever is under way */
  readonly records?: number;
  /** default 20 */
  readonly ordersPerSecond?: number;
  /** 0 = no ticks; default 1,000 */
  readonly tickEveryMs?: number;
  /** each address's account value, so often; 0 = never; default 60,000 */
  readonly accountEveryMs?: number;
  /** `skewed`: the first addresses trade most; default `even` */
  readonly activity?: 'even' | 'skewed';
  readonly shares?: Partial<Shares>;
};

export type MarketSettings = {
  readonly seed: string;
  readonly addresses: readonly string[];
  readonly startAt: number;
  readonly orders: number;
  readonly records: number;
  readonly orderEveryMs: number;
  readonly tickEveryMs: number;
  readonly accountEveryMs: number;
  readonly activity: 'even' | 'skewed';
  readonly shares: Shares;
};

/** Throws RangeError, naming the option and what was expected. */
export function settingsOf(options: MarketOptions): MarketSettings {
  const seed = String(options.seed);
  const { startAt, orders = Infinity, records = Infinity, ordersPerSecond = 20 } = options;
  const { tickEveryMs = 1_000, accountEveryMs = 60_000, activity = 'even' } = options;
  expect(Number.isSafeInteger(startAt) && startAt >= 1e12 && startAt < 1e13, 'startAt: milliseconds since the epoch', startAt);
  expect(orders >= 0, 'orders: 0 or more', orders);
  expect(records >= 0, 'records: 0 or more', records);
  expect(ordersPerSecond > 0 && Number.isFinite(ordersPerSecond), 'ordersPerSecond: more than 0', ordersPerSecond);
  expect(Number.isInteger(tickEveryMs) && tickEveryMs >= 0, 'tickEveryMs: a whole number, 0 or more', tickEveryMs);
  expect(Number.isInteger(accountEveryMs) && accountEveryMs >= 0, 'accountEveryMs: a whole number, 0 or more', accountEveryMs);
  return {
    seed,
    addresses: addressesOf(options.addresses, seed),
    startAt,
    orders,
    records,
    orderEveryMs: 1_000 / ordersPerSecond,
    tickEveryMs,
    accountEveryMs,
    activity,
    shares: sharesOf(options.shares ?? {}),
  };
}

function sharesOf(given: Partial<Shares>): Shares {
  const shares = { ...DEFAULT_SHARES, ...given };
  for (const [name, share] of Object.entries(shares)) {
    expect(share >= 0 && share <= 1, `shares.${name}: from 0 to 1`, share);
  }
  expect(shares.statusBefore + shares.statusBetween <= 1, 'shares.statusBefore + shares.statusBetween: at most 1',
    shares.statusBefore + shares.statusBetween);
  expect(shares.noise + shares.unfilled + shares.forced <= 1, 'shares.noise + unfilled + forced: at most 1',
    shares.noise + shares.unfilled + shares.forced);
  return shares;
}

function addressesOf(given: number | readonly string[], seed: string): readonly string[] {
  const addresses = typeof given === 'number' ? madeUpAddresses(given, seed) : given;
  expect(addresses.length > 0, 'addresses: at least one', addresses.length);
  for (const address of addresses) expect(/^0x[0-9a-fA-F]{40}$/.test(address), 'addresses: 0x and 40 hex digits', address);
  return addresses;
}

function madeUpAddresses(count: number, seed: string): readonly string[] {
  expect(Number.isInteger(count) && count > 0, 'addresses: a whole number above 0', count);
  const random = new Random(`${seed}/addresses`);
  return Array.from({ length: count }, () => `0x${random.hex(20)}`);
}

function expect(condition: boolean, expected: string, actual: number | string): void {
  if (!condition) throw new RangeError(`expected ${expected}; got ${actual}`);
}
