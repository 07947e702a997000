// What a live feed meets, as lines for a person: what changes for an address, and what is wrong. The rest is counted.

import type { LiveEvent } from '@fillstream/hyperliquid/live';
import { tell } from '../flags.ts';

export function tellLive(event: LiveEvent): void {
  const line = liveLine(event);
  if (line !== null) tell(line);
}

/** null: it is counted, not told. */
export function liveLine(event: LiveEvent): string | null {
  switch (event.kind) {
    case 'disconnected': return event.end === 'stopped' || event.end === 'rotated' ? null : `${event.address}: ${event.end} (${event.detail}), connects again`;
    case 'repaired': return event.records === 0 ? null : `${event.address}: ${String(event.records)} records fetched (${event.reason})`;
    case 'repairFailed': return `${event.address}: can't be repaired yet: ${event.detail}`;
    case 'gap': return `${event.address}: a gap from ${timeOf(event.from)} to ${timeOf(event.to)}: ${event.reason}`;
    case 'overCapacity': return `${event.address}: waits, as one IP may watch ${String(event.capacity)} addresses`;
    case 'errorFrame': return `${event.address}: the exchange says: ${event.detail}`;
    case 'sinkFailed': return `${event.address}: ${event.call} failed: ${event.detail}`;
    case 'connected': return `${event.address}: watched`;
    default: return null;
  }
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
