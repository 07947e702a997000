// The order updates that a gap swallowed: updates have no history by time, so the orders are asked for.
//
// S1  Asked for are orders that filled in the time that is repaired, and whose end wasn't seen; no TWAP slice, which has no updates.
// S2  An update is handed on in the shape of a live one, `{order, status, statusTimestamp}`, untouched.
// S3  At most `statusesPerRepair` orders; what is left over is told. The processor asks for those that it misses.

import type { LiveEvent } from './events.ts';
import { PRIORITY, type InfoClient } from './info.ts';
import type { Json } from './ports.ts';
import { isObject } from './frames.ts';

export type StatusRequest = {
  readonly info: InfoClient;
  readonly address: string;
  readonly oids: readonly number[];
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly onUpdates: (updates: readonly Json[]) => void;
  readonly onEvent: (event: LiveEvent) => void;
};

/** As many single questions weigh as much as all orders at once. */
const FEW = 30;

/** Throws InfoError, or the signal's reason; what was found until then has been handed on. */
export async function fetchStatuses({ info, address, oids, limit, signal, onUpdates, onEvent }: StatusRequest): Promise<void> {
  const ask = { priority: PRIORITY.status, signal };
  const wanted = new Set(oids);
  if (wanted.size > FEW) {
    const rows = (await info.historicalOrders(address, ask)).filter((row) => wanted.has(oidOf(row) ?? -1));
    onUpdates(rows.toReversed()); // Newest first, as they come.
    for (const row of rows) wanted.delete(oidOf(row) ?? -1);
  }
  if (wanted.size > limit) onEvent({ kind: 'statusesUnasked', address, orders: wanted.size - limit });
  for (const oid of [...wanted].slice(Math.max(0, wanted.size - limit))) {
    const update = await info.orderStatus(address, oid, ask);
    if (update !== null) onUpdates([update]);
  }
}

/** The order of an update, as far as it has one. */
function oidOf({ order }: Json): number | null {
  return isObject(order) && typeof order['oid'] === 'number' ? order['oid'] : null;
}
