// What a fake exchange is made from, with its defaults.

import type { MarketOptions, Shares } from '../options.ts';
import type { ExchangeLimits } from './limits.ts';
import { DEFAULT_LIMITS } from './limits.ts';

export type FakeExchangeOptions = {
  readonly seed: number | string;
  /** addresses as given, in lower case, or how many to make up from the seed; default 5 */
  readonly addresses?: number | readonly string[];
  /** of the market; default 20. The market keeps to the exchange's time: only this makes it busier */
  readonly ordersPerSecond?: number;
  /** as in a market, but that nothing is late or repeated unless asked for */
  readonly shares?: Partial<Shares>;
  readonly activity?: 'even' | 'skewed';
  /** each address's account value, so often; default 10,000 */
  readonly accountEveryMs?: number;
  /** about how many orders the market made before the start; default 0 */
  readonly pastOrders?: number;
  /** when the market began, ms since the epoch, in place of `pastOrders`: with the seed's, the market of an earlier start goes on */
  readonly beganAt?: number;
  /** default 127.0.0.1 */
  readonly host?: string;
  /** default any free one */
  readonly port?: number;
  /** all periods of the protocol are divided by it (a minute of a limit, idle, lifetime), not the market; default 1 */
  readonly scale?: number;
  readonly limits?: Partial<ExchangeLimits>;
  /** takes a client's IP from `x-forwarded-for`; default false */
  readonly trustForwardedFor?: boolean;
  /** `wall`: exchange time is `now` plus what was advanced; `manual`: only advances move it. Default wall */
  readonly drive?: 'wall' | 'manual';
  /** wall clock, milliseconds since the epoch; default Date.now */
  readonly now?: () => number;
  /** a connection expires at an age between these, before scale; null never; default half an hour to two */
  readonly lifetimeMs?: readonly [least: number, greatest: number] | null;
  /** bytes waiting for a client that doesn't read, beyond which its connection is cut; default 64 MiB */
  readonly unsentBytes?: number;
  /** of snapshots; default newest first */
  readonly snapshotOrder?: 'newest-first' | 'oldest-first';
  /** false for an exchange that runs for days: the ledger stays empty; default true */
  readonly keepLedger?: boolean;
};

export type FakeExchangeSettings = {
  readonly market: MarketOptions;
  readonly host: string;
  readonly port: number;
  readonly minuteMs: number;
  readonly idleMs: number;
  readonly lifetimeMs: readonly [least: number, greatest: number];
  readonly limits: ExchangeLimits;
  readonly unsentBytes: number;
  readonly trustForwardedFor: boolean;
  readonly drive: 'wall' | 'manual';
  readonly now: () => number;
  readonly snapshotOrder: 'newest-first' | 'oldest-first';
  readonly keepLedger: boolean;
};

const MINUTE_MS = 60_000;
const IDLE_MS = 60_000;
const UNSENT_BYTES = 64 << 20;
const LIFETIME_MS = [1_800_000, 7_200_000] as const;

/** Throws RangeError, naming the option and what was expected; the market's own options are judged by the market. */
export function settingsOf(options: FakeExchangeOptions): FakeExchangeSettings {
  const { seed, scale = 1, ordersPerSecond = 20, pastOrders = 0, addresses = 5, now = Date.now } = options;
  const { lifetimeMs = LIFETIME_MS, accountEveryMs = 10_000, activity = 'even' } = options;
  if (!(scale > 0 && Number.isFinite(scale))) throw new RangeError(`expected scale: more than 0; got ${scale}`);
  if (!(ordersPerSecond > 0)) throw new RangeError(`expected ordersPerSecond: more than 0; got ${ordersPerSecond}`);
  if (!(pastOrders >= 0)) throw new RangeError(`expected pastOrders: 0 or more; got ${pastOrders}`);
  const [least, greatest] = lifetimeMs ?? [Infinity, Infinity];
  return {
    market: {
      seed, ordersPerSecond, accountEveryMs, activity,
      startAt: options.beganAt ?? now() - Math.round((pastOrders * 1_000) / ordersPerSecond),
      addresses: typeof addresses === 'number' ? addresses : addresses.map((address) => address.toLowerCase()),
      shares: { duplicates: 0, lateFills: 0, ...options.shares },
    },
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    minuteMs: MINUTE_MS / scale,
    idleMs: IDLE_MS / scale,
    lifetimeMs: [least / scale, greatest / scale],
    unsentBytes: options.unsentBytes ?? UNSENT_BYTES,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    trustForwardedFor: options.trustForwardedFor ?? false,
    drive: options.drive ?? 'wall',
    now,
    snapshotOrder: options.snapshotOrder ?? 'newest-first',
    keepLedger: options.keepLedger ?? true,
  };
}
