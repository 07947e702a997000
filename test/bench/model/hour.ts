// The busiest hour on record, 190,000 fills of 5,500 users, as a journal of the simulated market; a few users trade most.
//
// Account values are left out: the exchange allows one address ten users, so that many are read from a node's files, which have none.

import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { market, writeJournal, type JournalRecord, type MarketOptions } from '@fillstream/simulator';

export const HOUR = { fills: 190_000, users: 5_500 } as const;
const START_AT = 1_760_000_000_000;
/** With 2.1 fills an order they make 190,000 in an hour. */
const ORDERS_PER_SECOND = 24.1;

export type Hour = {
  readonly path: string;
  readonly records: number;
  readonly fills: number;
  readonly updates: number;
  readonly ticks: number;
  readonly orders: number;
};

const OPTIONS: MarketOptions = {
  seed: 8,
  addresses: HOUR.users,
  startAt: START_AT,
  ordersPerSecond: ORDERS_PER_SECOND,
  activity: 'skewed',
  accountEveryMs: 0,
};

/** `share`: so much of it; beyond 1 the market goes on. */
export function hourOf(share = 1): Hour {
  const counts = { fills: 0, updates: 0, ticks: 0 };
  const orders = new Set<number>();
  for (const record of fillsOfHour(share)) count(record, counts, orders);
  const records = counts.fills + counts.updates + counts.ticks;
  const folder = join(tmpdir(), 'fillstream-bench');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `hour-${String(records)}.ndjson`);
  if (!existsSync(path)) writeJournal(path, { ...OPTIONS, records });
  return { path, records, orders: orders.size, ...counts };
}

/** Its records up to the last of so many fills. */
export function* fillsOfHour(share = 1): Generator<JournalRecord, void, void> {
  let fills = 0;
  for (const record of market(OPTIONS)) {
    yield record;
    if (record.kind === 'fill') fills += 1;
    if (fills >= HOUR.fills * share) return;
  }
}

function count(record: JournalRecord, counts: { fills: number; updates: number; ticks: number }, orders: Set<number>): void {
  if (record.kind === 'fill') {
    counts.fills += 1;
    orders.add(record.data.oid);
  } else if (record.kind === 'orderUpdate') {
    counts.updates += 1;
    orders.add(record.data.order.oid);
  } else {
    counts.ticks += 1;
  }
}
