// The part of the model that says what Redis holds: bytes an order on record, a finished order remembered, and an address.

import { market, type MarketOptions } from '@fillstream/simulator';
import { folded, goOn, heldBy, type Held } from '../redis-held.ts';
import { dot, errorOf, fitCosts } from './fit.ts';
import { HOUR, fillsOfHour } from './hour.ts';
import type { HourState, RedisBytes } from './sizes.ts';

const START_AT = 1_760_000_000_000;
const HOUR_MS = 3_600_000;
type Market = Omit<MarketOptions, 'seed' | 'startAt'> & { readonly records: number };
const FIT: readonly Market[] = [
  { addresses: 100, records: 300_000, ordersPerSecond: 50 },
  { addresses: 5_000, records: 50_000 },
  { addresses: 1_000, records: 200_000, ordersPerSecond: 100 },
];
const CHECK: readonly Market[] = [
  { addresses: 2_000, records: 100_000 },
  { addresses: 300, records: 250_000, ordersPerSecond: 80 },
];

export type MemoryPoint = Held & {
  readonly name: string;
  readonly used: 'to fit' | 'to check';
  readonly predicted: number;
  readonly error: number;
};
export type MemoryModel = { readonly redis: RedisBytes; readonly points: readonly MemoryPoint[]; readonly hour: HourState };

/** `share`: of the records, for a smoke run. */
export async function measureMemory(share = 1): Promise<MemoryModel> {
  const measured = async (options: Market): Promise<Held & { readonly name: string }> => {
    const records = Math.round(options.records * share);
    const held = await heldBy(folded(market({ ...options, records, seed: 3, startAt: START_AT })));
    return { ...held, name: `${records.toLocaleString('en')} records of ${options.addresses.toLocaleString('en')} addresses` };
  };
  const [fit, check] = [await all(FIT, measured), await all(CHECK, measured)];
  const hour = folded(fillsOfHour(share));
  const { orders } = hour.state;
  const ofHour = { ...(await heldBy(hour)), name: 'the busiest hour' };
  goOn(hour, 2 * HOUR_MS);
  const costs = fitCosts({ features: fit.map(featuresOf), measured: fit.map(bytesOf) });
  const [order = 0, remembered = 0, address = 0] = costs;
  const judged =
    (used: MemoryPoint['used']) =>
    (held: Held & { readonly name: string }): MemoryPoint => {
      const predicted = dot(costs, featuresOf(held));
      return { ...held, used, predicted, error: errorOf(predicted, bytesOf(held)) };
    };
  return {
    redis: { order, remembered, address },
    points: [...fit.map(judged('to fit')), ...[...check, ofHour].map(judged('to check'))],
    hour: { orders, staying: hour.state.orders, remembered: ofHour.remembered, users: HOUR.users, fills: HOUR.fills * share },
  };
}

export function bytesOf({ orderBytes, addressBytes }: Held): number {
  return orderBytes + addressBytes;
}

function featuresOf({ orders, remembered, addresses }: Held): number[] {
  return [orders, remembered, addresses];
}

async function all<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await each(item));
  return results;
}
