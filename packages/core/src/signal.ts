// A signal: what a subscriber gets for one leg of one order (contract §9).

import {
  HUNDRED, ONE, absolute, compare, divideHalfEven, format, multiply, signOf, type Decimal,
} from './decimal.ts';
import type { Address, Oid } from './input.ts';
import { LEG_FACTS, type AssetType, type Cause, type Direction, type LegName, type PositionSide } from './leg.ts';
import { isComplete, legOf, type Ledger, type Pending, type Trigger } from './order.ts';
import type { Settings } from './settings.ts';
import type { LegTotals, TokenSum } from './totals.ts';

export type PositionSize = 'small' | 'medium' | 'large';

/**
 * One signal; the fields stand in the order of contract §9. Decimals are canonical text, times milliseconds since the
 * epoch on the exchange's clock. `notional`, `price`, `closedPnl` and the sizes' thresholds are USD.
 */
export type Signal = {
  readonly id: string;
  readonly revision: number;
  readonly address: Address;
  readonly oid: Oid;
  readonly coin: string;
  readonly symbol: string;
  readonly cloid: string | null;
  readonly assetType: AssetType;
  readonly direction: Direction;
  readonly side: PositionSide;
  readonly size: string;
  readonly notional: string;
  readonly price: string;
  readonly positionSize: PositionSize;
  readonly positionBefore: string;
  readonly positionAfter: string;
  /** Share of the position before that was closed, 0 to 1. */
  readonly closeRate: string;
  /** Percent of the account's value. */
  readonly positionRate: string | null;
  /** Token → sum, keys in the order of their code units. */
  readonly fees: Readonly<Record<string, string>>;
  readonly closedPnl: string;
  readonly fillCount: number;
  readonly firstFillAt: number;
  readonly lastFillAt: number;
  readonly orderStatus: string | null;
  readonly trigger: Trigger;
  readonly complete: boolean;
  readonly reversal: boolean;
  readonly cause: Cause;
  readonly twapId: number | null;
};

const PRICE_DIGITS = 18;
const RATE_DIGITS = 6;

/** The signal of `totals` as it stands; its revision is one more than the last. */
export function signalOf(address: Address, order: Pending, totals: LegTotals, trigger: Trigger, settings: Settings): Signal {
  const { ledger } = order;
  const { direction, side } = LEG_FACTS[totals.leg];
  return {
    id: `${address}/${order.oid}/${totals.leg}`,
    revision: totals.revision + 1,
    address,
    oid: order.oid,
    coin: ledger.coin,
    symbol: ledger.symbol,
    cloid: ledger.cloid,
    assetType: ledger.assetType,
    direction,
    side,
    size: format(totals.size),
    notional: format(totals.notional),
    price: format(divideHalfEven(totals.notional, totals.size, PRICE_DIGITS)),
    positionSize: positionSizeOf(totals.notional, settings),
    positionBefore: format(totals.earliest.start),
    positionAfter: format(totals.positionAfter),
    closeRate: direction === 'close' ? closeRate(totals.size, totals.earliest.start) : '0',
    positionRate: positionRate(totals.notional, ledger.accountValue),
    fees: feesOf(totals.fees),
    closedPnl: format(totals.closedPnl),
    fillCount: totals.fillCount,
    firstFillAt: totals.firstFillAt,
    lastFillAt: totals.lastFillAt,
    orderStatus: order.status === null ? null : order.status.status,
    trigger,
    complete: isComplete(order),
    reversal: isReversal(ledger),
    cause: totals.cause,
    twapId: totals.twapId,
  };
}

function positionSizeOf(notional: Decimal, settings: Settings): PositionSize {
  if (compare(notional, settings.smallBelow) < 0) return 'small';
  return compare(notional, settings.mediumBelow) < 0 ? 'medium' : 'large';
}

function closeRate(size: Decimal, before: Decimal): string {
  const held = absolute(before);
  if (held.units === 0n) return '0';
  return compare(size, held) >= 0 ? format(ONE) : format(divideHalfEven(size, held, RATE_DIGITS));
}

function positionRate(notional: Decimal, accountValue: Decimal | null): string | null {
  if (accountValue === null || signOf(accountValue) <= 0) return null;
  return format(divideHalfEven(multiply(notional, HUNDRED), accountValue, RATE_DIGITS));
}

function feesOf(fees: readonly TokenSum[]): Readonly<Record<string, string>> {
  const sorted = fees.length < 2 ? fees : [...fees].sort((a, b) => (a.token < b.token ? -1 : 1));
  return Object.fromEntries(sorted.map(({ token, sum }) => [token, format(sum)]));
}

function isReversal(ledger: Ledger): boolean {
  const has = (leg: LegName): boolean => legOf(ledger, leg) !== undefined;
  return (has('close-long') && has('open-short')) || (has('close-short') && has('open-long'));
}
