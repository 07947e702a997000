// What is counted (contract §10).

export type Reason = 'malformed' | 'bad-address' | 'unknown-dir' | 'dir-contradiction' | 'conflict' | 'late';
export type Counts = ReturnType<typeof noCounts>;

export function noCounts() {
  return {
    records: 0,
    fills: 0,
    orderUpdates: 0,
    accounts: 0,
    ticks: 0,
    duplicates: 0,
    stale: 0,
    duplicateUpdates: 0,
    staleUpdates: 0,
    ignored: 0,
    unknownStatuses: 0,
    droppedStatuses: 0,
    orphaned: 0,
    expiredStatuses: 0,
    lateFills: 0,
    signals: 0,
    revisions: 0,
    finished: 0,
    quarantined: { malformed: 0, 'bad-address': 0, 'unknown-dir': 0, 'dir-contradiction': 0, conflict: 0, late: 0 },
    triggers: { complete: 0, grace: 0, quiet: 0, timeout: 0 },
  };
}
