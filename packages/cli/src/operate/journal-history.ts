// The history that a journal is: its records in order of arrival, of several journals merged as `fillstream run` merges them.

import { JournalMerge, JournalReader, journalRecord, openJournal, type JournalRecord } from '@fillstream/hyperliquid';
import type { History } from './history.ts';
import { parsedJson } from './record-json.ts';

/** `line` counts from 1. */
export type NumberedRecord = JournalRecord & { readonly line: number };

const BATCH_RECORDS = 5_000;

/** Throws JournalError. */
export async function openJournalHistory(paths: readonly string[]): Promise<History<NumberedRecord>> {
  const opened = await Promise.all(paths.map(async (path) => await openJournal(path, 0, process.stdin)));
  const merge = new JournalMerge(opened.map((bytes, journal) => {
    let number = 0;
    return new JournalReader(bytes, 0, (line): NumberedRecord => ({ ...journalRecord(journal, line), line: (number += 1) }));
  }), ({ input }) => input.receivedAt);
  return {
    about: paths.join(', '),
    clocks: paths.map(() => 0),
    ends: true,
    stretches: async function* () {
      for (let records = await merge.take(BATCH_RECORDS); records.length > 0; records = await merge.take(BATCH_RECORDS)) yield { records, clocks: [], to: null };
    },
    waiting: async function* () {
      // Everything in it is applied.
    },
    emitted: async () => await Promise.resolve(null),
    placeOf: ({ topic, line }) => (paths.length === 1 ? `line ${String(line)}` : `${paths[topic] ?? ''}:${String(line)}`),
    jsonOf: ({ original }) => (typeof original === 'string' ? parsedJson(original) : undefined),
    close: async () => {
      await merge.close();
    },
  };
}
