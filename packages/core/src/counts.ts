import { REFUSAL_REASONS, type RefusalReason } from './input.ts';
import { TRIGGERS, type Trigger } from './order.ts';

/** What is counted (contract §10). */
export type Counts = {
  records: number;
  fills: number;
  orderUpdates: number;
  accounts: number;
  ticks: number;
  duplicates: number;
  stale: number;
  duplicateUpdates: number;
  staleUpdates: number;
  ignored: number;
  unknownStatuses: number;
  droppedStatuses: number;
  orphaned: number;
  expiredStatuses: number;
  lateFills: number;
  signals: number;
  revisions: number;
  finished: number;
  readonly quarantined: Record<RefusalReason, number>;
  readonly triggers: Record<Trigger, number>;
};

/** The counts that are plain numbers. */
const COUNT_NAMES = [
  'records', 'fills', 'orderUpdates', 'accounts', 'ticks', 'duplicates', 'stale', 'duplicateUpdates', 'staleUpdates', 'ignored',
  'unknownStatuses', 'droppedStatuses', 'orphaned', 'expiredStatuses', 'lateFills', 'signals', 'revisions', 'finished',
] as const satisfies readonly (keyof Counts)[];

export function noCounts(): Counts {
  return {
    records: 0, fills: 0, orderUpdates: 0, accounts: 0, ticks: 0,
    duplicates: 0, stale: 0, duplicateUpdates: 0, staleUpdates: 0, ignored: 0,
    unknownStatuses: 0, droppedStatuses: 0, orphaned: 0, expiredStatuses: 0,
    lateFills: 0, signals: 0, revisions: 0, finished: 0,
    quarantined: { malformed: 0, 'bad-address': 0, 'unknown-dir': 0, 'dir-contradiction': 0, conflict: 0, late: 0 },
    triggers: { complete: 0, grace: 0, quiet: 0, timeout: 0 },
  };
}

export function copyCounts(counts: Counts): Counts {
  return { ...counts, quarantined: { ...counts.quarantined }, triggers: { ...counts.triggers } };
}

/** Adds `more` to `sum`, count by count. */
export function addCounts(sum: Counts, more: Counts): void {
  for (const name of COUNT_NAMES) sum[name] += more[name];
  for (const reason of REFUSAL_REASONS) sum.quarantined[reason] += more.quarantined[reason];
  for (const trigger of TRIGGERS) sum.triggers[trigger] += more.triggers[trigger];
}

/** The total over `REFUSAL_REASONS`. */
export function quarantinedTotal(counts: Counts): number {
  return REFUSAL_REASONS.reduce((sum, reason) => sum + counts.quarantined[reason], 0);
}
