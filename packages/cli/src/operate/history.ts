// Where a story comes from: the records of the partition of an address, in the order in which they were applied.

import { PortError, EMPTY_HISTORY_ID, HistoryId, comparePositions, type LogRecord, type Position } from '@fillstream/runtime';
import type { Signal } from '@fillstream/schemas';
import { INPUT_TOPICS, type Committed } from '@fillstream/topics';

/** Records in the order in which they were applied; `to` is null where nothing was committed. */
export type Stretch<R extends LogRecord> = { readonly records: readonly R[]; readonly clocks: readonly number[]; readonly to: Position | null };

/** A signal as it is on its topic. */
export type Emitted = { readonly signal: Signal; readonly place: string; readonly emittedAt: number | null };

export type History<R extends LogRecord> = {
  /** One line for the page. */
  readonly about: string;
  /** By topic, its clock. */
  readonly clocks: readonly number[];
  /** A journal: its end is the end of time. */
  readonly ends: boolean;
  /** Throws PortError and JournalError. */
  stretches(): AsyncIterable<Stretch<R>>;
  /** After that: records that are there, but not applied yet. */
  waiting(): AsyncIterable<R>;
  /** After that: the address's signals on their topic; null where there is no topic. */
  emitted(): Promise<readonly Emitted[] | null>;
  placeOf(record: R): string;
  /** The record as it came; undefined when it isn't JSON. */
  jsonOf(record: R): unknown;
  close(): Promise<void>;
};

/** A partition of a log as it lies there. */
export type Recorded = {
  /** By input topic, the first offset that is still there. */
  readonly lows: readonly number[];
  /** Whether all commits are still there: then the first one begins history, and the ids can be checked. */
  readonly hasAllCommits: boolean;
  readonly nextCommit: () => Promise<Committed | null>;
  /** The next record of an input topic. */
  readonly nextRecord: (topic: number) => Promise<LogRecord | null>;
};

/** Commit by commit, each in its recorded merge. Throws PortError `log-broken` when the log isn't what was committed. */
export async function* recordedStretches({ lows, hasAllCommits, nextCommit, nextRecord }: Recorded): AsyncGenerator<Stretch<LogRecord>> {
  let at: readonly number[] | null = null;
  let id = hasAllCommits ? new HistoryId(EMPTY_HISTORY_ID) : null;
  for (let commit = await nextCommit(); commit !== null; commit = await nextCommit()) {
    if (at === null) {
      at = commit.from;
      if (at.some((offset, topic) => offset < (lows[topic] ?? 0))) { // Its records were deleted.
        [at, id] = [null, null];
        continue;
      }
    }
    const standing = comparePositions({ offsets: commit.from, fired: 0 }, { offsets: at, fired: 0 });
    if (standing !== 'same') {
      if (comparePositions({ offsets: commit.to.position.offsets, fired: 0 }, { offsets: at, fired: 0 }) !== 'after') continue; // Written again by an owner that knew no better.
      throw broken(`a commit begins at ${commit.from.join(', ')}, expected ${at.join(', ')}`);
    }
    const records: LogRecord[] = [];
    for (const { topic, count } of commit.merge) {
      for (let left = count; left > 0; left -= 1) records.push(await recordFrom(topic, at[topic] ?? 0, nextRecord));
    }
    for (const { topic, offset } of records) id?.add(topic, offset);
    if (id !== null && id.toString() !== commit.to.id) throw broken('its records aren\'t those that were committed');
    at = commit.to.position.offsets;
    yield { records, clocks: commit.clocks, to: commit.to.position };
  }
}

/** What lies before the first commit was applied by none that is still there. */
async function recordFrom(topic: number, from: number, nextRecord: Recorded['nextRecord']): Promise<LogRecord> {
  for (;;) {
    const record = await nextRecord(topic);
    if (record === null) throw broken(`${INPUT_TOPICS[topic] ?? ''} ends before what was committed of it`);
    if (record.offset >= from) return record;
  }
}

function broken(why: string): PortError {
  return new PortError('log-broken', `the log can't be folded again: ${why}`, { retryable: false });
}
