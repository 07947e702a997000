// What happens to a service, as entries of its log.

import type { LiveEvent } from '@fillstream/hyperliquid/live';
import type { LogEntry } from '@fillstream/observe';
import type { LoopEvent } from '@fillstream/runtime';
import { liveLine } from '../start/live-line.ts';

// ---- Of both

export const DRAINING: LogEntry = { message: 'draining', line: 'draining; a second signal ends at once' };

/** `isWhole`: everything that came was written. */
export function drainedEntry(isWhole = true): LogEntry {
  if (isWhole) return { message: 'drained', line: 'drained and left the group' };
  return { level: 'warn', message: 'left undrained', line: 'left before everything was written: the next ingestor of these addresses fetches it again' };
}

export function servingEntry(url: string): LogEntry {
  return { message: 'serving', fields: { url }, line: `serves ${url}/metrics, /healthz and /readyz` };
}

// ---- Of a processor

export function partitionsEntry(partitions: readonly number[]): LogEntry {
  return { message: 'partitions assigned', fields: { partitions }, line: `has partitions ${partitions.join(', ')}` };
}

/** null: it is counted, not told. */
export function loopEntry(event: LoopEvent): LogEntry | null {
  switch (event.kind) {
    case 'takenOver': {
      const { partition, how, replayed } = event;
      return { message: 'partition taken over', fields: { partition, how, replayed }, line: `partition ${String(partition)} ${how}, ${String(replayed)} records replayed` };
    }
    case 'interrupted': {
      const { partition, error: { message } } = event;
      return { level: 'warn', message: 'partition begins anew', fields: { partition, detail: message }, line: `partition ${String(partition)} begins anew: ${message}` };
    }
    default: return null;
  }
}

// ---- Of an ingestor

export function assignedEntry({ addresses, ticks }: { readonly addresses: readonly string[]; readonly ticks: readonly number[] }): LogEntry {
  const told = ticks.length === 0 ? 'no partition' : `partitions ${ticks.join(', ')}`;
  return {
    message: 'addresses assigned', fields: { addresses: addresses.length, partitions: ticks },
    line: `has ${String(addresses.length)} addresses, tells the time to ${told}`,
  };
}

export function noRoomEntry(addresses: readonly string[]): LogEntry {
  if (addresses.length === 0) return { message: 'all addresses watched', line: 'all addresses have an ingestor' };
  return {
    level: 'error', message: 'addresses not watched', fields: { addresses },
    line: `NOT WATCHED, as all ingestors are full: ${addresses.join(', ')}; start another ingestor on another IP`,
  };
}

export function spillEntry(change: 'spilling' | 'drained' | 'failed', detail: string): LogEntry {
  switch (change) {
    case 'spilling': return { level: 'warn', message: 'spilling', fields: { detail }, line: `records wait in the spill file: ${detail}` };
    case 'drained': return { message: 'spill file empty', line: 'the spill file is empty again' };
    case 'failed': return { level: 'warn', message: 'spill file not emptied', fields: { detail }, line: `the spill file can't be emptied yet: ${detail}` };
  }
}

const LIVE = {
  connected: ['info', 'address watched'],
  repaired: ['info', 'records fetched'],
  disconnected: ['info', 'connection ended'],
  repairFailed: ['warn', 'repair failed'],
  gap: ['warn', 'gap'],
  overCapacity: ['warn', 'address waits for room'],
  errorFrame: ['warn', 'error of the exchange'],
  sinkFailed: ['warn', 'records not written'],
} as const satisfies Partial<Record<LiveEvent['kind'], readonly [NonNullable<LogEntry['level']>, string]>>;

type Told = Extract<LiveEvent, { readonly kind: keyof typeof LIVE }>;

/** null: it is counted, not told. */
export function liveEntry(event: LiveEvent): LogEntry | null {
  const line = liveLine(event);
  if (line === null || !isTold(event)) return null;
  const { kind, ...fields } = event;
  const [level, message] = LIVE[kind];
  return { level, message, fields, line };
}

function isTold(event: LiveEvent): event is Told {
  return event.kind in LIVE;
}
