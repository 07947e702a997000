// Several journals onto the input topics, merged by the receivedAt of their heads, in one go.
//
// I1  Done again, it appends everything again: repeated records change nothing but the counts of duplicates.
// I2  Before a record that comes a second or more after the last tick goes a tick, a millisecond earlier: stream time is the
//     least of the topics' clocks, and without it would stand still while one topic has no records.

import { JournalMerge, JournalReader, openJournal } from '@fillstream/hyperliquid';
import type { EncodedInput } from '@fillstream/schemas';
import { encodeLine, endingTick, tickAt } from './encode-line.ts';

export type MergedImportOptions = {
  readonly paths: readonly string[];
  readonly append: (records: readonly EncodedInput[]) => Promise<void>;
  /** How far beyond the last receivedAt the ending tick is: with the longest period all timers fire. */
  readonly endAfterMs: number;
  readonly stop: AbortSignal;
};

const BATCH_RECORDS = 10_000;
const TICK_EVERY_MS = 1_000;

/** Returns how many records were appended. Throws JournalError and what `append` throws. */
export async function importMerged({ paths, append, endAfterMs, stop }: MergedImportOptions): Promise<number> {
  const opened = await Promise.all(paths.map(async (path) => await openJournal(path, 0, process.stdin)));
  const readers = opened.map((bytes, place) => new JournalReader(bytes, 0, (line) => encodeLine(line, paths[place] ?? '')));
  const merge = new JournalMerge(readers, ({ timestamp }) => timestamp);
  const clock = new Clock();
  let appended = 0;
  try {
    while (!stop.aborted) {
      const batch = await merge.take(BATCH_RECORDS);
      await append(batch.length === 0 ? endingTick(clock.latest, endAfterMs) : batch.flatMap((record) => clock.before(record)));
      appended += batch.length;
      if (batch.length === 0) break;
    }
  } finally {
    await merge.close();
  }
  return appended;
}

/** Where time stands on the topics (I2). */
class Clock {
  latest = 0;
  #ticked = 0;

  /** The record, after a tick when one is due. */
  before(record: EncodedInput): readonly EncodedInput[] {
    const { kind, timestamp } = record;
    if (timestamp === null || timestamp <= this.latest) return [record];
    this.latest = timestamp;
    if (timestamp < this.#ticked + TICK_EVERY_MS) return [record];
    this.#ticked = timestamp;
    return kind === 'tick' ? [record] : [tickAt(timestamp - 1), record];
  }
}
