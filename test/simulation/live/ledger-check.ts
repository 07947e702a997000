// What happened on the exchange against what came out: the sums of each leg's latest revision are the ledger's.
//
// Left out are orders that a subscriber can't expect whole (contract §7): with a fill at or before the address's horizon, or in a
// time that an ingestor told as a gap.

import { decodeGap, decodeInput, SchemaError } from '@fillstream/schemas';
import { isNewer, type Signal } from '@fillstream/client';
import type { Desk } from '@fillstream/simulator/desk';
import type { LegTotals, OrderTotals } from '@fillstream/simulator';
import type { Simulation } from '../simulation.ts';
import type { SimRecord } from '../topic.ts';

type Fact = { readonly kind: unknown; readonly address: unknown; readonly receivedAt: unknown; readonly tid: unknown };
type Told = { readonly from: number; readonly to: number };

const START_BEHIND_MS = 300_000;
const ALL = Number.MAX_SAFE_INTEGER;

/** Every record of an input topic's partition, from an offset on. */
export function readInputs(simulation: Simulation, partition: number, from: number): { readonly facts: readonly Fact[]; readonly next: number } {
  const { records, next } = simulation.broker.read('fills', partition, from, ALL, { committed: true });
  return { facts: records.flatMap(factOf), next };
}

function factOf({ value }: SimRecord): Fact[] {
  const json = value === null ? null : jsonOf(value);
  if (!isObject(json)) return [];
  const { kind, address, receivedAt, data } = json;
  return [{ kind, address, receivedAt, tid: isObject(data) ? data['tid'] : undefined }];
}

/** null for what is no record. */
function jsonOf(body: Uint8Array): unknown {
  try {
    const decoded = decodeInput('fills', body);
    return decoded.kind === 'record' ? decoded.json : null;
  } catch (error) {
    if (error instanceof SchemaError) return null; // Somebody else's.
    throw error;
  }
}

export function ledgerProblems(simulation: Simulation, desk: Desk, signals: readonly Signal[]): string[] {
  const latest = new Map<string, Signal>();
  for (const signal of signals) {
    const known = latest.get(signal.id);
    if (known === undefined || isNewer(known, signal)) latest.set(signal.id, signal);
  }
  const isWhole = wholeOrders(simulation, desk);
  const orders = desk.ledger.totals.orders();
  const problems = orders.filter(({ address, oid }) => isWhole(address, oid)).flatMap((order) => problemsOf(order, latest));
  simulation.count('ledger: orders compared', orders.filter(({ address, oid }) => isWhole(address, oid)).length);
  const known = new Set(orders.flatMap(({ address, oid, legs }) => Object.keys(legs).map((leg) => `${address}/${oid}/${leg}`)));
  return [...problems, ...[...latest.keys()].filter((id) => !known.has(id)).map((id) => `${id}: the exchange knows no such leg`)];
}

function problemsOf({ address, oid, legs }: OrderTotals, latest: ReadonlyMap<string, Signal>): string[] {
  return Object.entries(legs).flatMap(([leg, totals]) => {
    const id = `${address}/${oid}/${leg}`;
    const signal = latest.get(id);
    if (signal === undefined) return [`${id}: no signal; expected ${JSON.stringify(totals)}`];
    const [had, expected] = [told(signal), told(totals)];
    return had === expected ? [] : [`${id} revision ${signal.revision}: has ${had}; expected ${expected}`];
  });
}

function told({ size, notional, closedPnl, fees, fillCount }: LegTotals | Signal): string {
  const sorted = Object.keys(fees).sort().map((token) => `${token}:${fees[token] ?? ''}`).join(',');
  return [size, notional, closedPnl, sorted, fillCount].join(' ');
}

function wholeOrders(simulation: Simulation, desk: Desk): (address: string, oid: number) => boolean {
  const horizons = horizonsOf(simulation);
  const isGap = toldGaps(simulation);
  const partial = new Set<string>();
  for (const { address, data: { oid, time } } of desk.ledger.fills()) {
    const isBefore = time <= (horizons.get(address) ?? -Infinity);
    if (isBefore || isGap(address, time)) partial.add(`${address}/${oid}`);
  }
  if (partial.size > 0) simulation.count('ledger: orders that nobody can expect whole', partial.size);
  return (address, oid) => !partial.has(`${address}/${oid}`);
}

/** By address: the receivedAt of its first fill or account value, less what the contract says. */
function horizonsOf(simulation: Simulation): Map<string, number> {
  const horizons = new Map<string, number>();
  for (let partition = 0; partition < simulation.partitions; partition += 1) {
    for (const { kind, address, receivedAt } of readInputs(simulation, partition, 0).facts) {
      if (kind === 'tick' || typeof address !== 'string' || typeof receivedAt !== 'number' || horizons.has(address)) continue;
      horizons.set(address, receivedAt - START_BEHIND_MS);
    }
  }
  return horizons;
}

/** Whether an ingestor told that it misses something of then. */
export function toldGaps(simulation: Simulation): (address: string, time: number) => boolean {
  const gaps = new Map<string, Told[]>();
  for (let partition = 0; partition < simulation.partitions; partition += 1) {
    for (const { value } of simulation.broker.read('gaps', partition, 0, ALL, { committed: true }).records) {
      if (value === null) continue;
      const { address, from, to } = decodeGap(value);
      gaps.set(address, [...(gaps.get(address) ?? []), { from, to }]);
    }
  }
  return (address, time) => (gaps.get(address) ?? []).some(({ from, to }) => time >= from && time <= to);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
