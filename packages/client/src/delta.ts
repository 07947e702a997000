// Revisions: which one is newer, and what it adds. A revision restates the totals of its leg (contract §6, §9).
//
// R1  A revision is newer than another of its id when its lastFillAt is later or, at the same, its number is higher. So a
//     forgotten order that fills again, which begins at revision 1 with its old id, is newer than all it was.

import { subtract } from './decimal.ts';
import type { Signal } from './protocol.ts';

/** What decides between revisions of one id. */
export type Stage = Pick<Signal, 'revision' | 'lastFillAt'>;

export type Delta = {
  readonly size: string;
  /** USD. */
  readonly notional: string;
  /** Token → what was added, zero sums included. */
  readonly fees: Readonly<Record<string, string>>;
  readonly closedPnl: string;
  readonly fillCount: number;
};

/** R1. */
export function isNewer(known: Stage, next: Stage): boolean {
  return next.lastFillAt === known.lastFillAt ? next.revision > known.revision : next.lastFillAt > known.lastFillAt;
}

/**
 * What `next` adds to the revision that was known before it, exactly; all of it when there was none, or when a forgotten order
 * began anew. Throws RangeError when their ids differ, or `next` isn't newer.
 */
export function delta(previous: Signal | null, next: Signal): Delta {
  const { size, notional, fees, closedPnl, fillCount } = next;
  if (previous === null) return { size, notional, fees, closedPnl, fillCount };
  if (previous.id !== next.id) throw new RangeError(`expected a revision of ${previous.id}, got one of ${next.id}`);
  if (!isNewer(previous, next)) {
    throw new RangeError(`expected a revision of ${next.id} after ${String(previous.revision)}, got ${String(next.revision)}`);
  }
  if (beginsAnew(previous, next)) return { size, notional, fees, closedPnl, fillCount };
  return {
    size: subtract(size, previous.size),
    notional: subtract(notional, previous.notional),
    fees: feesAdded(previous.fees, fees),
    closedPnl: subtract(closedPnl, previous.closedPnl),
    fillCount: fillCount - previous.fillCount,
  };
}

/** A revision has the fills of those before it; an order that was forgotten and fills again has later ones only. */
function beginsAnew(previous: Signal, next: Signal): boolean {
  return next.firstFillAt > previous.lastFillAt;
}

function feesAdded(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): Record<string, string> {
  const tokens = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(tokens.map((token) => [token, subtract(after[token] ?? '0', before[token] ?? '0')]));
}
