// A journal's records spread evenly over time, and when each order is complete by that.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ZERO, add, equals, parseDecimal, subtract, type Decimal } from '@fillstream/core';

export type JournalRecord =
  | { readonly kind: 'fill'; readonly receivedAt: number; readonly data: { readonly oid: number; readonly tid: number; readonly sz: string; readonly time: number } }
  | {
      readonly kind: 'orderUpdate'; readonly receivedAt: number;
      readonly data: { readonly order: { readonly oid: number; readonly sz: string; readonly origSz: string }; readonly status: string; readonly statusTimestamp: number };
    };

type Seen = { readonly tids: Set<number>; sum: Decimal; filled: Decimal | null };

/** Milliseconds after the first record at which the `place`th is due. */
export function dueOf(place: number, rate: number): number {
  return Math.floor(place * 1_000 / rate);
}

/** The first `count` records that are fills or order updates. Throws when there are fewer. */
export async function firstRecords(path: string, count: number): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    // A generator's own record.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    const record = JSON.parse(line) as JournalRecord | { readonly kind: 'account' | 'tick' };
    if (record.kind === 'fill' || record.kind === 'orderUpdate') records.push(record);
    if (records.length === count) return records;
  }
  throw new Error(`${path} has ${String(records.length)} fills and updates, expected ${String(count)}: the latency needs a longer journal`);
}

/** By order, when the record is due that completes it: its status known, and all its fills. */
export function completions(records: readonly JournalRecord[], rate: number): Map<number, number> {
  const completed = new Map<number, number>();
  const orders = new Map<number, Seen>();
  for (const [place, record] of records.entries()) {
    const oid = record.kind === 'fill' ? record.data.oid : record.data.order.oid;
    if (completed.has(oid)) continue;
    const seen = orders.get(oid) ?? { tids: new Set(), sum: ZERO, filled: null };
    orders.set(oid, seen);
    learn(seen, record);
    if (seen.filled === null || !equals(seen.sum, seen.filled)) continue;
    completed.set(oid, dueOf(place, rate));
    orders.delete(oid);
  }
  return completed;
}

function learn(seen: Seen, record: JournalRecord): void {
  if (record.kind === 'orderUpdate') {
    if (isFinal(record.data.status)) seen.filled = subtract(parseDecimal(record.data.order.origSz), parseDecimal(record.data.order.sz));
    return;
  }
  if (seen.tids.has(record.data.tid)) return;
  seen.tids.add(record.data.tid);
  seen.sum = add(seen.sum, parseDecimal(record.data.sz));
}

function isFinal(status: string): boolean {
  return status === 'filled' || status === 'canceled';
}
