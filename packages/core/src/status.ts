// When an order is over: the terminal statuses and which of several wins (contract §5).

import { signOf, subtract, type Decimal } from './decimal.ts';
import type { OrderUpdate } from './input.ts';

/** The terminal status an order keeps. */
export type TerminalStatus = {
  readonly status: string;
  readonly timestamp: number;
  /** origSz - sz: what the fills of the order should sum to. */
  readonly filled: Decimal;
  /** Fills must exist for it: its absence is counted as orphaned. */
  readonly owesFills: boolean;
};

/** What an update says about an order. */
export type StatusMeaning =
  | { readonly kind: 'terminal'; readonly status: TerminalStatus }
  /** `open`, `triggered`: the order goes on. */
  | { readonly kind: 'goesOn' }
  | { readonly kind: 'unknown' }
  /** Terminal, without a fill and with a quantity: nothing about fills. */
  | { readonly kind: 'untouched' };

const KNOWN_TERMINAL: ReadonlySet<string> = new Set(['filled', 'canceled', 'rejected', 'scheduledCancel']);

/** `canceled` and `rejected` by themselves, and every status that ends in `Canceled`, `Cancel` or `Rejected`. */
export function isTerminal(status: string): boolean {
  if (KNOWN_TERMINAL.has(status)) return true;
  return status.endsWith('Canceled') || status.endsWith('Cancel') || status.endsWith('Rejected');
}

export function statusMeaningOf(update: OrderUpdate): StatusMeaning {
  if (update.status === 'open' || update.status === 'triggered') return { kind: 'goesOn' };
  if (!isTerminal(update.status)) return { kind: 'unknown' };
  const filled = subtract(update.origSz, update.sz);
  if (filled.units === 0n && signOf(update.origSz) > 0) return { kind: 'untouched' };
  const owesFills = signOf(filled) > 0 && !update.reduceOnly && !update.status.startsWith('reduceOnly');
  return { kind: 'terminal', status: { status: update.status, timestamp: update.statusTimestamp, filled, owesFills } };
}

/** How a terminal status stands to the one on record. */
export function contest(held: TerminalStatus, next: TerminalStatus): 'wins' | 'loses' | 'same' {
  if (next.timestamp !== held.timestamp) return next.timestamp > held.timestamp ? 'wins' : 'loses';
  if (next.status === held.status) return 'same';
  if (held.status === 'filled') return 'loses';
  return next.status === 'filled' || next.status < held.status ? 'wins' : 'loses';
}
