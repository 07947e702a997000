// What must come of a fake exchange's market, however it was read: its ledger, added up, beside the signals.

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Signal } from '@fillstream/schemas';
import type { FakeExchange } from '@fillstream/simulator/exchange';

export type Totals = Pick<Signal, 'size' | 'notional' | 'closedPnl' | 'fees' | 'fillCount'>;
/** By a signal's id. */
export type Sums = ReadonlyMap<string, Totals>;

type Counted = Totals & Pick<Signal, 'id' | 'revision'>;

const SHOWN = 3;

/** Of everything that ever happened there. */
export function ledgerSums({ ledger }: FakeExchange): Sums {
  return new Map(ledger.totals.orders().flatMap(({ address, oid, legs }) => (
    Object.entries(legs).map(([leg, totals]): [string, Totals] => [`${address}/${String(oid)}/${leg}`, totals])
  )));
}

/** Of the latest revisions. */
export function signalSums(signals: Iterable<Counted>): Sums {
  const latest = new Map<string, Counted>();
  for (const signal of signals) if (signal.revision > (latest.get(signal.id)?.revision ?? 0)) latest.set(signal.id, signal);
  return new Map(Array.from(latest.values(), ({ id, size, notional, closedPnl, fees, fillCount }): [string, Totals] => (
    [id, { size, notional, closedPnl, fees, fillCount }]
  )));
}

/** What is wrong with the sums, in a line; null when nothing is. */
export function difference(sums: Sums, expected: Sums): string | null {
  const wrong = [...new Set([...expected.keys(), ...sums.keys()])].filter((id) => !isDeepStrictEqual(sums.get(id), expected.get(id)));
  if (wrong.length === 0) return null;
  const shown = wrong.slice(0, SHOWN).map((id) => `${id}: ${JSON.stringify(sums.get(id) ?? null)} and not ${JSON.stringify(expected.get(id) ?? null)}`);
  return `${String(wrong.length)} of ${String(expected.size)} signals aren't the ledger's: ${shown.join('; ')}`;
}

/** No client went over a limit, as far as the exchange counted. */
export function assertWithinLimits({ violations }: FakeExchange): void {
  const over = violations.flatMap(({ ip, over: times, greatest }) => Object.entries(times).map(([limit, count]) => ({ ip, limit, count, greatest })));
  assert.deepEqual(over.filter(({ count }) => count > 0), [], 'limits of the exchange that were gone beyond');
}

/** Runs a task whose failure names the seed. */
export async function seeded<T>(seed: number, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw new Error(`seed ${String(seed)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
