// One run: journals through the partition loop into a signals and a quarantine file.

import { noCounts } from '@fillstream/core';
import { PartitionLoop, type LoopEvent, type LoopLimits, type StateStore } from '@fillstream/runtime';
import type { AllSettings } from '../settings.ts';
import { ForgetfulBook, type CommitBook } from './commit-book.ts';
import { JournalLog } from './journal-log.ts';
import type { NodeSource } from './node-journal.ts';
import { summaryOf, type Summary } from './summary.ts';

/** Small batches die young in memory; a durable commit costs a transaction, so those are larger. */
const BATCH_RECORDS = { inMemory: 500, durable: 5_000 };
/** A journal has no reader who waits for its signals. */
const LIMITS: Partial<LoopLimits> = { batchTimers: 20_000, checkpointRecords: 50_000 };

export type RunOptions = {
  readonly journals: readonly string[];
  /** Beside them; not in a durable run. */
  readonly nodeFiles?: NodeSource;
  readonly signals: string | null;
  readonly quarantine: string | null;
  readonly settings: AllSettings;
  /** null: everything in memory. */
  readonly durable: { readonly book: CommitBook; readonly store: StateStore } | null;
  /** Aborted: the run stops after the batch under way. */
  readonly stop?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
};

export type Progress = { readonly records: number; readonly share: number | null; readonly streamTime: number };
export type RunResult = { readonly end: 'ended' | 'stopped'; readonly summary: Summary };

/** Throws JournalError and PortError. */
export async function runJournals(options: RunOptions): Promise<RunResult> {
  const { journals, nodeFiles = null, signals, quarantine, durable, stop } = options;
  const started = performance.now();
  const log = new JournalLog({ journals, nodeFiles, signals, quarantine, book: durable?.book ?? new ForgetfulBook(), input: process.stdin, stop: stop ?? null });
  const limits = { ...LIMITS, batchRecords: durable === null ? BATCH_RECORDS.inMemory : BATCH_RECORDS.durable };
  let records = 0;
  const onEvent = (event: LoopEvent): void => {
    if (event.kind !== 'committed') return;
    for (const { count } of event.commit.merge) records += count;
    options.onProgress?.({ records, share: log.progress, streamTime: event.streamTime });
  };
  const loop = new PartitionLoop({ partition: 0, log, store: durable?.store ?? null, settings: options.settings, limits, onEvent });
  const onStop = (): void => {
    loop.stop();
  };
  stop?.addEventListener('abort', onStop);
  try {
    const end = await loop.run();
    return { end, summary: summaryOf(loop.counts ?? noCounts(), records, performance.now() - started) };
  } finally {
    stop?.removeEventListener('abort', onStop);
  }
}
