// An order from its plan to its end, in the exchange's own terms.
//
//   planned ──open?──▶ resting ──triggered?──▶ filling (burst by burst) ──▶ filled | canceled
//
// I1  `times` ascend, one for each part; parts of one millisecond are one burst.
// I2  origLots is the sum of the parts, plus what a cancel leaves.

import type { Account } from './account.ts';
import type { Asset } from './assets.ts';
import type { Random } from './random.ts';
import type { Side } from './record.ts';

export type Ending =
  | { readonly kind: 'filled' }
  /** `shrunk`: the venue reports nothing left, though not all was filled */
  | { readonly kind: 'canceled'; readonly status: string; readonly afterMs: number; readonly shrunk: boolean };

/** Where the terminal status arrives, seen from the fills of the last burst. */
export type Place = 'before' | 'between' | 'after';

export type Updates =
  | { readonly kind: 'none' }
  | {
    readonly kind: 'sent';
    readonly open: boolean;
    readonly triggered: boolean;
    readonly place: Place;
    readonly ending: Ending;
  };

export type Force = 'none' | 'liquidation' | 'backstop' | 'deleveraging' | 'counterparty';

export type Order = {
  readonly oid: number;
  readonly account: Account;
  readonly asset: Asset;
  readonly side: Side;
  readonly createdAt: number;
  /** in price steps */
  readonly limit: number;
  readonly cloid: string | null;
  /** false for an order that rested */
  readonly crossed: boolean;
  readonly reduceOnly: boolean;
  readonly feePpm: number;
  readonly origLots: number;
  readonly parts: readonly number[];
  readonly times: readonly number[];
  readonly updates: Updates;
  readonly isLate: boolean;
  readonly twapId: number | null;
  readonly force: Force;
  /** still expected to cross zero */
  reverses: boolean;
  /** parts executed */
  done: number;
  filledLots: number;
  fillCount: number;
};

type Band = readonly [upTo: number, least: number, greatest: number];

// Upper bounds of cumulated shares: of 1,387 recorded orders 63 % had one fill, the longest hundreds.
const FILL_COUNTS: readonly Band[] = [
  [0.63, 1, 1], [0.8, 2, 2], [0.88, 3, 3], [0.95, 4, 6], [0.99, 7, 15], [0.999, 16, 60], [1, 61, 300],
];

// Milliseconds from first to last fill. With slices and forced orders, which are never spread, the recorded shares come out:
// 78 % none, 15 % over a second, 2.7 % over a minute, one in 500 over half an hour.
const SPREADS: readonly Band[] = [
  [0.757, 0, 0], [0.834, 1, 1_000], [0.9705, 1_001, 60_000], [0.9985, 60_001, 900_000], [1, 1_800_001, 2_700_000],
];

const RESTS: readonly Band[] = [[0.5, 5, 2_000], [0.9, 2_000, 60_000], [1, 60_000, 600_000]];

export const drawFillCount = (random: Random): number => drawFrom(FILL_COUNTS, random);
export const drawSpread = (random: Random): number => drawFrom(SPREADS, random);
export const drawRest = (random: Random): number => drawFrom(RESTS, random);

function drawFrom(bands: readonly Band[], random: Random): number {
  const at = random.unit();
  for (const [upTo, least, greatest] of bands) if (at < upTo) return random.between(least, greatest);
  return 0;
}

/** `lots` in at most `count` uneven parts of one lot or more. */
export function splitLots(lots: number, count: number, random: Random): readonly number[] {
  const size = Math.min(lots, count);
  if (size === 1) return [lots];
  const weights = Array.from({ length: size }, () => random.between(1, 1_000));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const parts = weights.map((weight) => 1 + Math.floor(((lots - size) * weight) / total));
  const rest = lots - parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part, index) => (index === size - 1 ? part + rest : part));
}

/** Times of `count` parts from `first` to `first + spread`. */
export function spreadTimes(first: number, spread: number, count: number, random: Random): readonly number[] {
  if (spread === 0 || count === 1) return Array.from({ length: count }, () => first);
  const inner = Array.from({ length: count - 2 }, () => first + random.between(0, spread));
  return [first, ...inner.sort((a, b) => a - b), first + spread];
}
