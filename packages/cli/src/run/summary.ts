import type { Counts } from '@fillstream/core';

/** The last line of a run: the counts of contract §10, how long it took and how fast it was. */
export type Summary = Counts & {
  readonly elapsedMs: number;
  /** Records read by this process a second. */
  readonly recordsPerSecond: number;
};

export function summaryOf(counts: Counts, recordsRead: number, elapsedMs: number): Summary {
  const recordsPerSecond = elapsedMs > 0 ? Math.round((recordsRead * 1_000) / elapsedMs) : 0;
  return { ...counts, elapsedMs: Math.round(elapsedMs), recordsPerSecond };
}
