// What a fill means (contract §3): its legs, its cause, or why it is refused.
//
// L1  The sizes, fees and closedPnl of a fill's parts sum to the fill's own.
import { absolute, add, compare, equal, multiply, negate, ratio, subtract, ZERO, type Exact } from './exact.ts';
import type { FillRecord, Side } from './records.ts';

export type Leg = 'close-long' | 'close-short' | 'sell' | 'open-long' | 'open-short' | 'buy';
export type Cause = 'liquidation' | 'adl' | 'settlement' | 'trade';
export type AssetType = 'futures' | 'spot' | 'outcome';
export type Part = {
  readonly leg: Leg;
  readonly size: Exact;
  readonly start: Exact;
  readonly fee: Exact;
  readonly closedPnl: Exact;
};
export type Meaning =
  | { readonly kind: 'trade'; readonly cause: Cause; readonly parts: readonly Part[] }
  | { readonly kind: 'refused'; readonly reason: 'unknown-dir' | 'dir-contradiction' };

/** The order in which the legs of one order go out. */
export const LEG_ORDER: readonly Leg[] = ['close-long', 'close-short', 'sell', 'open-long', 'open-short', 'buy'];

const PLAIN_CLOSE: Readonly<Record<string, string>> = { 'Long > Short': 'Close Long', 'Short > Long': 'Close Short' };
const PERP_DIRS: readonly string[] = [
  'Open Long',
  'Close Long',
  'Open Short',
  'Close Short',
  'Long > Short',
  'Short > Long',
];

export function assetTypeOf(coin: string): AssetType {
  if (coin.includes('/') || coin.startsWith('@')) return 'spot';
  if (coin.startsWith('#') || coin.startsWith('+')) return 'outcome';
  return 'futures';
}

export function meaningOf(fill: FillRecord): Meaning {
  const meaning = assetTypeOf(fill.coin) === 'futures' ? perpMeaning(fill) : spotMeaning(fill);
  if (meaning.kind === 'refused') return meaning;
  const isLiquidated = fill.liquidatedUser?.toLowerCase() === fill.address.toLowerCase();
  return isLiquidated ? { ...meaning, cause: 'liquidation' } : meaning;
}

function perpMeaning(fill: FillRecord): Meaning {
  const parts = perpParts(fill);
  if (PERP_DIRS.includes(fill.dir)) {
    const sellsFlat = equal(fill.sz, absolute(fill.startPosition));
    const dir = sellsFlat ? (PLAIN_CLOSE[fill.dir] ?? fill.dir) : fill.dir;
    const expected = expectedDir(fill.side, fill.startPosition, fill.sz);
    if (dir !== expected) return { kind: 'refused', reason: 'dir-contradiction' };
    return { kind: 'trade', cause: 'trade', parts };
  }
  if (fill.dir.includes('Liquidat') || fill.dir.includes('Backstop')) return { kind: 'trade', cause: 'liquidation', parts };
  if (fill.dir === 'Auto-Deleveraging') return { kind: 'trade', cause: 'adl', parts };
  if (fill.dir === 'Settlement') return { kind: 'trade', cause: 'settlement', parts };
  return { kind: 'refused', reason: 'unknown-dir' };
}

function spotMeaning(fill: FillRecord): Meaning {
  const parts = [wholePart(fill, fill.side === 'B' ? 'buy' : 'sell')];
  if (fill.dir === 'Buy' || fill.dir === 'Sell') {
    const expected = fill.side === 'B' ? 'Buy' : 'Sell';
    if (fill.dir !== expected) return { kind: 'refused', reason: 'dir-contradiction' };
    return { kind: 'trade', cause: 'trade', parts };
  }
  if (fill.dir.includes('Liquidat')) return { kind: 'trade', cause: 'liquidation', parts };
  if (fill.dir === 'Settlement') return { kind: 'trade', cause: 'settlement', parts };
  return { kind: 'refused', reason: 'unknown-dir' };
}

/** The `dir` that the table of contract §3 gives a perp fill. */
export function expectedDir(side: Side, s: Exact, q: Exact): string {
  if (side === 'B') {
    if (compare(s, ZERO) >= 0) return 'Open Long';
    return compare(q, negate(s)) <= 0 ? 'Close Short' : 'Short > Long';
  }
  if (compare(s, ZERO) <= 0) return 'Open Short';
  return compare(q, s) <= 0 ? 'Close Long' : 'Long > Short';
}

function perpParts(fill: FillRecord): readonly Part[] {
  switch (expectedDir(fill.side, fill.startPosition, fill.sz)) {
    case 'Open Long':
      return [wholePart(fill, 'open-long')];
    case 'Close Short':
      return [wholePart(fill, 'close-short')];
    case 'Short > Long':
      return splitParts(fill, 'close-short', 'open-long');
    case 'Open Short':
      return [wholePart(fill, 'open-short')];
    case 'Close Long':
      return [wholePart(fill, 'close-long')];
    default:
      return splitParts(fill, 'close-long', 'open-short');
  }
}

function wholePart(fill: FillRecord, leg: Leg): Part {
  return { leg, size: fill.sz, start: fill.startPosition, fee: fill.fee, closedPnl: fill.closedPnl };
}

function splitParts(fill: FillRecord, close: Leg, open: Leg): readonly Part[] {
  const closeSize = absolute(fill.startPosition);
  const closeFee = ratio(multiply(fill.fee, closeSize), fill.sz, 8);
  return [
    { leg: close, size: closeSize, start: fill.startPosition, fee: closeFee, closedPnl: fill.closedPnl },
    { leg: open, size: subtract(fill.sz, closeSize), start: ZERO, fee: subtract(fill.fee, closeFee), closedPnl: ZERO },
  ];
}

/** The position after a part: its start, moved by its size along its side. */
export function afterPart(part: Part): Exact {
  return sideOfLeg(part.leg) === 'B' ? add(part.start, part.size) : subtract(part.start, part.size);
}

export function sideOfLeg(leg: Leg): Side {
  return leg === 'open-long' || leg === 'close-short' || leg === 'buy' ? 'B' : 'A';
}
