// The signal of one leg, worked out from all the order's fills (contract §9).
//
// G1  Sums, counts, times, cause and twapId are the leg's; cloid, status, complete and reversal are the order's.
import { absolute, add, compare, exact, HUNDRED, multiply, ONE, plain, ratio, sum, ZERO, type Exact } from './exact.ts';
import { assetTypeOf, sideOfLeg, afterPart, type AssetType, type Cause, type Leg } from './legs.ts';
import { isComplete, type AppliedFill, type AppliedPart, type Order, type Trigger } from './order.ts';
import type { Settings } from './settings.ts';

export type Signal = {
  readonly id: string;
  readonly revision: number;
  readonly address: string;
  readonly oid: number;
  readonly coin: string;
  readonly symbol: string;
  readonly cloid: string | null;
  readonly assetType: AssetType;
  readonly direction: 'open' | 'close';
  readonly side: 'LONG' | 'SHORT';
  readonly size: string;
  readonly notional: string;
  readonly price: string;
  readonly positionSize: 'small' | 'medium' | 'large';
  readonly positionBefore: string;
  readonly positionAfter: string;
  readonly closeRate: string;
  readonly positionRate: string | null;
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

type LegPart = { readonly fill: AppliedFill; readonly part: AppliedPart; readonly arrival: number };

export function signalOf(order: Order, leg: Leg, revision: number, trigger: Trigger, settings: Settings): Signal {
  const first = firstOf(order.fills).record;
  const parts = partsOf(order, leg);
  const sorted = [...parts].sort((a, b) => comparePlaces(leg, a, b));
  const size = sum(parts.map(({ part }) => part.size));
  const notional = sum(parts.map(({ fill, part }) => multiply(fill.record.px, part.size)));
  const before = firstOf(sorted).part.start;
  const after = afterPart(firstOf([...sorted].reverse()).part);
  const times = parts.map(({ fill }) => fill.record.time);
  return {
    id: `${order.address}/${order.oid}/${leg}`,
    revision,
    address: order.address,
    oid: order.oid,
    coin: first.coin,
    symbol: first.symbol ?? first.coin,
    cloid: order.fills.map(({ record }) => record.cloid).find((cloid) => cloid !== null) ?? null,
    assetType: assetTypeOf(first.coin),
    direction: directionOf(leg),
    side: leg.endsWith('-short') ? 'SHORT' : 'LONG',
    size: plain(size),
    notional: plain(notional),
    price: plain(ratio(notional, size, 18)),
    positionSize: sizeClass(notional, settings),
    positionBefore: plain(before),
    positionAfter: plain(after),
    closeRate: plain(closeRate(leg, size, before)),
    positionRate: positionRate(notional, order.accountValue),
    fees: feesOf(parts),
    closedPnl: plain(sum(parts.map(({ part }) => part.closedPnl))),
    fillCount: parts.length,
    firstFillAt: Math.min(...times),
    lastFillAt: Math.max(...times),
    orderStatus: order.status === null ? null : order.status.update.status,
    trigger,
    complete: isComplete(order),
    reversal: isReversal(order),
    cause: causeOf(parts),
    twapId: parts.map(({ fill }) => fill.record.twapId).find((twapId) => twapId !== null) ?? null,
  };
}

function partsOf(order: Order, leg: Leg): readonly LegPart[] {
  return order.fills.flatMap((fill, arrival) =>
    fill.parts.filter((part) => part.leg === leg && part.fate !== 'dropped').map((part) => ({ fill, part, arrival })),
  );
}

function comparePlaces(leg: Leg, a: LegPart, b: LegPart): number {
  const alongSide = sideOfLeg(leg) === 'B' ? compare(a.part.start, b.part.start) : compare(b.part.start, a.part.start);
  const byTid = a.fill.record.tid - b.fill.record.tid;
  return a.fill.record.time - b.fill.record.time || alongSide || byTid || a.arrival - b.arrival;
}

function directionOf(leg: Leg): 'open' | 'close' {
  return leg === 'buy' || leg.startsWith('open-') ? 'open' : 'close';
}

function sizeClass(notional: Exact, settings: Settings): 'small' | 'medium' | 'large' {
  if (compare(notional, threshold(settings.smallBelow)) < 0) return 'small';
  return compare(notional, threshold(settings.mediumBelow)) < 0 ? 'medium' : 'large';
}

function threshold(value: number | string): Exact {
  const parsed = exact(String(value));
  if (parsed === undefined) throw new Error(`a threshold is a decimal, but was ${value}`);
  return parsed;
}

function closeRate(leg: Leg, size: Exact, before: Exact): Exact {
  if (directionOf(leg) === 'open' || compare(before, ZERO) === 0) return ZERO;
  const rate = ratio(size, absolute(before), 6);
  return compare(size, absolute(before)) >= 0 ? ONE : rate;
}

function positionRate(notional: Exact, accountValue: Exact | null): string | null {
  if (accountValue === null || compare(accountValue, ZERO) <= 0) return null;
  return plain(ratio(multiply(notional, HUNDRED), accountValue, 6));
}

function feesOf(parts: readonly LegPart[]): Readonly<Record<string, string>> {
  const sums = new Map<string, Exact>();
  for (const { fill, part } of parts) sums.set(fill.record.feeToken, add(sums.get(fill.record.feeToken) ?? ZERO, part.fee));
  const tokens = [...sums.keys()].sort();
  return Object.fromEntries(tokens.map((token) => [token, plain(sums.get(token) ?? ZERO)]));
}

function isReversal(order: Order): boolean {
  const legs = new Set(order.fills.flatMap((fill) => fill.parts.map((part) => part.leg)));
  return (legs.has('close-long') && legs.has('open-short')) || (legs.has('close-short') && legs.has('open-long'));
}

function causeOf(parts: readonly LegPart[]): Cause {
  const precedence: readonly Cause[] = ['liquidation', 'adl', 'settlement'];
  return precedence.find((cause) => parts.some(({ fill }) => fill.cause === cause)) ?? 'trade';
}

function firstOf<Item>(items: readonly Item[]): Item {
  const [first] = items;
  if (first === undefined) throw new Error('a leg or an order that is signalled has a fill');
  return first;
}
