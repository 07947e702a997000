// What a fill means: the legs it belongs to, and why it happened (contract §3).
//
// L1  The parts of a fill sum to its size, its fee and its closedPnl, exactly.
// L2  A perp's legs follow from (startPosition, side, sz) alone; `dir` can only agree, name a cause, or be refused.

import {
  ZERO, absolute, add, compare, divideHalfEven, multiply, subtract, type Decimal,
} from './decimal.ts';
import type { Address, Fill, Side } from './input.ts';

/** In the order in which the legs of one order go out: close before open. */
export const LEGS = ['close-long', 'close-short', 'sell', 'open-long', 'open-short', 'buy'] as const;
export type LegName = (typeof LEGS)[number];

export type AssetType = 'futures' | 'spot' | 'outcome';

/** In the order of precedence among the fills of one leg. */
export const CAUSES = ['liquidation', 'adl', 'settlement', 'trade'] as const;
export type Cause = (typeof CAUSES)[number];

/** The share of one fill in one leg. */
export type Part = {
  readonly leg: LegName;
  readonly size: Decimal;
  /** The signed position that the part starts from. */
  readonly start: Decimal;
  readonly fee: Decimal;
  readonly closedPnl: Decimal;
};

export type Meaning =
  | { readonly kind: 'trade'; readonly cause: Cause; readonly parts: readonly Part[] }
  | { readonly kind: 'refused'; readonly reason: 'unknown-dir' | 'dir-contradiction' };

/** Decimals of the close part's fee in a reversal. */
const FEE_DIGITS = 8;

const NO_TRADES: ReadonlySet<string> = new Set([
  'Spot Dust Conversion', 'Net Child Vaults', 'Split Outcome', 'Merge Outcome', 'Merge Question', 'Negate Outcome',
]);
const PERP_DIRS: ReadonlySet<string> = new Set([
  'Open Long', 'Open Short', 'Close Long', 'Close Short', 'Long > Short', 'Short > Long',
]);

const UNKNOWN_DIR: Meaning = { kind: 'refused', reason: 'unknown-dir' };
const CONTRADICTION: Meaning = { kind: 'refused', reason: 'dir-contradiction' };

/** Balance changes that the exchange reports as fills (contract §3). */
export function isNoTrade(dir: string): boolean {
  return NO_TRADES.has(dir);
}

export function assetTypeOf(coin: string): AssetType {
  const first = coin.charCodeAt(0);
  if (first === 64 /* @ */ || coin.includes('/')) return 'spot';
  if (first === 35 /* # */ || first === 43 /* + */) return 'outcome';
  return 'futures';
}

/** The parts and the cause of a fill of `address`, or why it is refused. */
export function meaningOf(fill: Fill, address: Address): Meaning {
  const meaning = assetTypeOf(fill.coin) === 'futures' ? perpMeaning(fill) : spotMeaning(fill);
  if (meaning.kind === 'trade' && fill.liquidatedUser === address) return { ...meaning, cause: 'liquidation' };
  return meaning;
}

function perpMeaning(fill: Fill): Meaning {
  const { dir } = fill;
  const kind = perpKind(fill);
  const facts = PERP_FACTS[fill.side][kind];
  const cause = PERP_DIRS.has(dir) ? 'trade' : perpCause(dir);
  if (cause === null) return UNKNOWN_DIR;
  if (cause === 'trade' && dir !== facts.dir && plainClose(fill) !== facts.dir) return CONTRADICTION;
  const parts = kind === 'reversal' ? reversalParts(fill, facts.close, facts.open) : [wholeFill(fill, facts[kind])];
  return { kind: 'trade', cause, parts };
}

/** The table of contract §3, by side and by where the position goes. */
const PERP_FACTS = {
  B: {
    open: { dir: 'Open Long', open: 'open-long', close: 'close-short' },
    close: { dir: 'Close Short', open: 'open-long', close: 'close-short' },
    reversal: { dir: 'Short > Long', open: 'open-long', close: 'close-short' },
  },
  A: {
    open: { dir: 'Open Short', open: 'open-short', close: 'close-long' },
    close: { dir: 'Close Long', open: 'open-short', close: 'close-long' },
    reversal: { dir: 'Long > Short', open: 'open-short', close: 'close-long' },
  },
} as const;

/** Whether the fill opens, closes, or goes through zero. */
function perpKind({ side, startPosition, sz }: Fill): 'open' | 'close' | 'reversal' {
  const opens = side === 'B' ? startPosition.units >= 0n : startPosition.units <= 0n;
  if (opens) return 'open';
  return compare(sz, absolute(startPosition)) <= 0 ? 'close' : 'reversal';
}

/** A reversal `dir` whose size is just the position's is taken as the plain close. */
function plainClose(fill: Fill): string | null {
  if (compare(fill.sz, absolute(fill.startPosition)) !== 0) return null;
  if (fill.dir === 'Long > Short') return 'Close Long';
  return fill.dir === 'Short > Long' ? 'Close Short' : null;
}

function perpCause(dir: string): Cause | null {
  if (dir.includes('Liquidat') || dir.includes('Backstop')) return 'liquidation';
  if (dir === 'Auto-Deleveraging') return 'adl';
  return dir === 'Settlement' ? 'settlement' : null;
}

function wholeFill(fill: Fill, leg: LegName): Part {
  return { leg, size: fill.sz, start: fill.startPosition, fee: fill.fee, closedPnl: fill.closedPnl };
}

function reversalParts(fill: Fill, close: LegName, open: LegName): readonly Part[] {
  const held = absolute(fill.startPosition);
  const closeFee = divideHalfEven(multiply(fill.fee, held), fill.sz, FEE_DIGITS);
  return [
    { leg: close, size: held, start: fill.startPosition, fee: closeFee, closedPnl: fill.closedPnl },
    { leg: open, size: subtract(fill.sz, held), start: ZERO, fee: subtract(fill.fee, closeFee), closedPnl: ZERO },
  ];
}

function spotMeaning(fill: Fill): Meaning {
  const part = wholeFill(fill, fill.side === 'B' ? 'buy' : 'sell');
  if (fill.dir === 'Buy' || fill.dir === 'Sell') {
    const agrees = (fill.dir === 'Buy') === (fill.side === 'B');
    return agrees ? { kind: 'trade', cause: 'trade', parts: [part] } : CONTRADICTION;
  }
  if (fill.dir.includes('Liquidat')) return { kind: 'trade', cause: 'liquidation', parts: [part] };
  return fill.dir === 'Settlement' ? { kind: 'trade', cause: 'settlement', parts: [part] } : UNKNOWN_DIR;
}

/** The position after a part of `size` on `side` that starts at `start`. */
export function positionAfter(start: Decimal, size: Decimal, side: Side): Decimal {
  return side === 'B' ? add(start, size) : subtract(start, size);
}

export type Direction = 'open' | 'close';
export type PositionSide = 'LONG' | 'SHORT';

/** Direction and position side of a leg: a buy opens a long, a sell closes one (contract §9). */
export const LEG_FACTS: Readonly<Record<LegName, { readonly direction: Direction; readonly side: PositionSide; readonly trade: Side }>> = {
  'close-long': { direction: 'close', side: 'LONG', trade: 'A' },
  'close-short': { direction: 'close', side: 'SHORT', trade: 'B' },
  sell: { direction: 'close', side: 'LONG', trade: 'A' },
  'open-long': { direction: 'open', side: 'LONG', trade: 'B' },
  'open-short': { direction: 'open', side: 'SHORT', trade: 'A' },
  buy: { direction: 'open', side: 'LONG', trade: 'B' },
};
