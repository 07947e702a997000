// An account: its positions, balances and cash, and what one fill does to them.
//
// I1  All amounts are integers (lots, balance units, money units); a position's chain of starts never breaks.
// I2  Realised profit is what was received less what was paid: cost moves between fills but none is made or lost.

import { invariant, itemAt } from './invariant.ts';
import type { Asset } from './assets.ts';
import { ASSETS, BALANCE_SCALE, MONEY_SCALE } from './assets.ts';
import { decimalOf } from './decimal.ts';
import type { Side } from './record.ts';
import type { Random } from './random.ts';

/** `amount`: signed lots of a perp, balance units of a spot token. `cost`: money paid (or received, for a short) for it. */
export type Holding = { amount: number; cost: number };

export type Account = {
  readonly address: string;
  readonly holdings: readonly Holding[];
  /** the value it began with; what is lost is paid in again below a fifth of it */
  readonly stake: number;
  cash: number;
  /** the value at the last snapshot */
  worth: number;
  /** receivedAt of the last record delivered on each of its two channels */
  fillsAt: number;
  updatesAt: number;
};

export type Execution = {
  readonly startPosition: string;
  readonly dir: string;
  readonly closedPnl: string;
  readonly fee: string;
  readonly feeToken: string;
  readonly isReversal: boolean;
};

export function newAccount(address: string, random: Random): Account {
  const stake = random.between(5, 50) * random.pick([1_000, 1_000, 10_000, 10_000, 100_000]) * 10 ** MONEY_SCALE;
  const holdings = ASSETS.map((asset) => firstHolding(asset, stake, random));
  return { address, holdings, stake, cash: stake, worth: stake, fillsAt: 0, updatesAt: 0 };
}

// Half of the coins start with a position: an account was trading before anybody watched it.
function firstHolding(asset: Asset, stake: number, random: Random): Holding {
  if (random.chance(0.5)) return { amount: 0, cost: 0 };
  const lots = Math.max(1, Math.floor((stake * random.between(1, 20)) / (100 * asset.startPrice * asset.lotStep)));
  const cost = lots * asset.startPrice * asset.lotStep;
  if (asset.kind === 'spot') return { amount: lots * asset.lotBalance, cost };
  return { amount: random.chance(0.5) ? lots : -lots, cost };
}

export function holdingOf(account: Account, asset: Asset): Holding {
  return itemAt(account.holdings, asset.index);
}

/** How many lots a fill of `side` would close. */
export function closableLots(account: Account, asset: Asset, side: Side): number {
  const { amount } = holdingOf(account, asset);
  if (asset.kind === 'spot') return side === 'A' ? Math.floor(amount / asset.lotBalance) : 0;
  return side === 'B' ? Math.max(0, -amount) : Math.max(0, amount);
}

/** The account's value in money units at these prices. */
export function worthAt(account: Account, prices: readonly number[]): number {
  let worth = account.cash;
  for (const asset of ASSETS) {
    const { amount, cost } = holdingOf(account, asset);
    const lots = asset.kind === 'spot' ? Math.floor(amount / asset.lotBalance) : amount;
    const value = lots * itemAt(prices, asset.index) * asset.lotStep;
    if (asset.kind === 'spot') worth += value;
    else worth += amount < 0 ? value + cost : value - cost;
  }
  return worth;
}

/** Applies one fill; `feePpm` is millionths of its value, negative for a rebate. */
export function execute(account: Account, asset: Asset, side: Side, lots: number, price: number, feePpm: number): Execution {
  invariant(lots > 0 && price > 0, 'a fill with a size and a price');
  return asset.kind === 'perp'
    ? executePerp(account, asset, side, lots, price, feePpm)
    : executeSpot(account, asset, side, lots, price, feePpm);
}

function executePerp(account: Account, asset: Asset, side: Side, lots: number, price: number, feePpm: number): Execution {
  const holding = holdingOf(account, asset);
  const start = holding.amount;
  const step = price * asset.lotStep;
  const closed = Math.min(lots, closableLots(account, asset, side));
  const costOut = costShare(holding, closed);
  const closedPnl = start > 0 ? closed * step - costOut : costOut - closed * step;
  const fee = Math.round((lots * step * feePpm) / 1e6);
  holding.amount = side === 'B' ? start + lots : start - lots;
  holding.cost += (lots - closed) * step - costOut;
  account.cash += closedPnl - fee;
  return {
    startPosition: decimalOf(start, asset.sizeScale),
    dir: perpDir(start, side, lots),
    closedPnl: decimalOf(closedPnl, MONEY_SCALE),
    fee: decimalOf(fee, MONEY_SCALE),
    feeToken: 'USDC',
    isReversal: closed > 0 && closed < lots,
  };
}

// A spot buy pays its fee out of the tokens it bought; a sale pays in USDC.
function executeSpot(account: Account, asset: Asset, side: Side, lots: number, price: number, feePpm: number): Execution {
  const holding = holdingOf(account, asset);
  const start = holding.amount;
  const amount = lots * asset.lotBalance;
  const value = lots * price * asset.lotStep;
  const fee = Math.round(((side === 'B' ? amount : value) * feePpm) / 1e6);
  const costOut = side === 'B' ? 0 : costShare(holding, amount);
  holding.amount = side === 'B' ? start + amount - fee : start - amount;
  holding.cost += side === 'B' ? value : -costOut;
  account.cash += side === 'B' ? -value : value - fee;
  return {
    startPosition: decimalOf(start, BALANCE_SCALE),
    dir: side === 'B' ? 'Buy' : 'Sell',
    closedPnl: decimalOf(side === 'B' ? 0 : value - costOut, MONEY_SCALE),
    fee: decimalOf(fee, side === 'B' ? BALANCE_SCALE : MONEY_SCALE),
    feeToken: side === 'B' ? asset.baseToken : 'USDC',
    isReversal: false,
  };
}

function costShare(holding: Holding, amount: number): number {
  const held = Math.abs(holding.amount);
  if (amount === 0) return 0;
  return amount === held ? holding.cost : Math.floor(holding.cost * (amount / held));
}

/** The exchange's `dir` of a perp fill (contract §3). */
export function perpDir(start: number, side: Side, lots: number): string {
  if (side === 'B') {
    if (start >= 0) return 'Open Long';
    return lots <= -start ? 'Close Short' : 'Short > Long';
  }
  if (start <= 0) return 'Open Short';
  return lots <= start ? 'Close Long' : 'Long > Short';
}
