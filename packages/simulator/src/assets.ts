// The coins of the market. A lot is the least size (10^-sizeScale), a step the least price (10^-priceScale).
//
// I1  sizeScale + priceScale <= MONEY_SCALE: size × price is a whole number of money units.

import type { Random } from './random.ts';

/** Money (USDC) is counted in millionths. */
export const MONEY_SCALE = 6;
/** Spot balances are counted in 10^-8 of the token. */
export const BALANCE_SCALE = 8;

export type Asset = {
  readonly kind: 'perp' | 'spot';
  readonly index: number;
  readonly coin: string;
  /** display name, where it differs from the coin */
  readonly symbol: string | null;
  readonly baseToken: string;
  readonly sizeScale: number;
  readonly priceScale: number;
  /** money units of one lot at a price of one step */
  readonly lotStep: number;
  /** balance units of one lot; spot only */
  readonly lotBalance: number;
  readonly startPrice: number;
};

type Listing = readonly [
  kind: Asset['kind'], coin: string, symbol: string | null, baseToken: string,
  sizeScale: number, priceScale: number, startPrice: number,
];

const LISTINGS: readonly Listing[] = [
  ['perp', 'BTC', null, 'BTC', 5, 0, 96_432],
  ['perp', 'ETH', null, 'ETH', 4, 1, 34_127],
  ['perp', 'SOL', null, 'SOL', 2, 2, 18_745],
  ['perp', 'HYPE', null, 'HYPE', 2, 3, 41_206],
  ['perp', 'DOGE', null, 'DOGE', 0, 5, 21_340],
  ['perp', 'kPEPE', null, 'kPEPE', 0, 6, 11_872],
  ['perp', 'xyz:GOLD', null, 'GOLD', 4, 1, 41_503],
  ['perp', 'xyz:TSLA', null, 'TSLA', 3, 2, 42_531],
  ['spot', '@107', 'HYPE/USDC', 'HYPE', 2, 3, 41_211],
  ['spot', 'PURR/USDC', null, 'PURR', 0, 5, 19_634],
];

export const ASSETS: readonly Asset[] = LISTINGS.map(assetOf);

function assetOf([kind, coin, symbol, baseToken, sizeScale, priceScale, startPrice]: Listing, index: number): Asset {
  return {
    kind, index, coin, symbol, baseToken, sizeScale, priceScale, startPrice,
    lotStep: 10 ** (MONEY_SCALE - sizeScale - priceScale),
    lotBalance: 10 ** (BALANCE_SCALE - sizeScale),
  };
}

export const PERPS: readonly Asset[] = ASSETS.filter((asset) => asset.kind === 'perp');
export const SPOTS: readonly Asset[] = ASSETS.filter((asset) => asset.kind === 'spot');

/** The price after one move of at most 2 basis points, kept within a third and three times the first one. */
export function walkedPrice(asset: Asset, price: number, random: Random): number {
  const reach = Math.max(1, Math.floor(price / 5_000));
  const next = price + random.between(-reach, reach);
  if (next * 3 < asset.startPrice) return price + reach;
  return next > asset.startPrice * 3 ? price - reach : next;
}
