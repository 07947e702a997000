// Several journals and node files onto the input topics, merged by the receivedAt of their heads, in one go.
//
// I1  Done again, it appends everything again: repeated records change nothing but the counts of duplicates.
// I2  Before a record that comes a second or more after the last tick goes a tick, a millisecond earlier: stream time is the
//     least of the topics' clocks, and without it would stand still while one topic has no records.
// I3  What isn't appended is counted: the records of other addresses than those asked for. Whatever names no address is appended.
// I4  A record without a usable time has that of the one before: Kafka would give it today's, and hold its topic back in a merge.

import { once } from 'node:events';
import { JournalMerge, JournalReader, NodeFiles, checkAddress, openJournal, readNodeLine, type Line, type RecordSource } from '@fillstream/hyperliquid';
import type { EncodedInput } from '@fillstream/schemas';
import { encodeLine, endingTick, tickAt } from './encode-line.ts';
import { encodeNodeRecord } from './encode-node.ts';

export type MergedImportOptions = {
  /** Journals. */
  readonly paths: readonly string[];
  readonly nodeFiles?: readonly string[];
  /** In lower case; null: all there are. */
  readonly addresses?: ReadonlySet<string> | null;
  readonly append: (records: readonly EncodedInput[]) => Promise<void>;
  /** How far beyond the last receivedAt the ending tick is: with the longest period all timers fire. */
  readonly endAfterMs: number;
  readonly stop: AbortSignal;
};

export type Imported = {
  /** Appended, but for ticks of the import's own. */
  readonly records: number;
  /** Order updates in the journals and files, left out ones too. */
  readonly orderUpdates: number;
  /** Appended, in no form that is known: the processor refuses them. */
  readonly unknown: number;
  readonly leftOut: number;
  /** False when it was stopped before the end. */
  readonly isWhole: boolean;
};

const BATCH_RECORDS = 10_000;
const TICK_EVERY_MS = 1_000;

/** Throws JournalError and what `append` throws. */
export async function importMerged({ paths, nodeFiles = [], addresses = null, append, endAfterMs, stop }: MergedImportOptions): Promise<Imported> {
  const sieve = new Sieve(addresses);
  const opened = await Promise.all(paths.map(async (path) => await openJournal(path, 0, process.stdin)));
  const sources: RecordSource<EncodedInput>[] = opened.map((bytes, place) => new JournalReader(bytes, 0, (line) => encodeLine(line, paths[place] ?? '')));
  if (nodeFiles.length > 0) sources.push(await NodeFiles.open({ paths: nodeFiles, read: (line, path) => sieve.nodeRecords(line, path), timeOf, input: process.stdin }));
  const merge = new JournalMerge(sources, timeOf);
  const clock = new Clock();
  const stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort');
  let [records, isWhole] = [0, false];
  try {
    while (!isWhole) {
      const taken = await Promise.race([merge.take(BATCH_RECORDS), stopped.then(() => null)]); // Standard input may be silent.
      if (taken === null) break;
      const batch = taken.filter((record) => sieve.keeps(record));
      await append(taken.length === 0 ? endingTick(clock.latest, endAfterMs) : batch.flatMap((record) => clock.before(record)));
      records += batch.length;
      isWhole = taken.length === 0;
    }
  } finally {
    await merge.close();
  }
  return { records, isWhole, ...sieve.counts };
}

function timeOf({ timestamp }: EncodedInput): number | null {
  return timestamp;
}

/** Keeps what is asked for, and counts (I3). */
class Sieve {
  readonly #addresses: ReadonlySet<string> | null;
  #orderUpdates = 0;
  #unknown = 0;
  #leftOut = 0;

  constructor(addresses: ReadonlySet<string> | null) {
    this.#addresses = addresses;
  }

  get counts(): Omit<Imported, 'records' | 'isWhole'> {
    return { orderUpdates: this.#orderUpdates, unknown: this.#unknown, leftOut: this.#leftOut };
  }

  /** Others' records, nearly all of a node's, aren't worth an encoding. */
  nodeRecords(line: Line, path: string): EncodedInput[] {
    const kept: EncodedInput[] = [];
    for (const record of readNodeLine(line)) {
      if (this.#addresses === null || !('address' in record) || this.#isAskedFor(checkAddress(record.address))) {
        kept.push(encodeNodeRecord(record, line, path));
        continue;
      }
      if (record.kind === 'orderUpdate') this.#orderUpdates += 1;
      this.#leftOut += 1;
    }
    return kept;
  }

  /** Asked once of each record that reaches the merge. */
  keeps({ kind, topic, key }: EncodedInput): boolean {
    if (topic === 'order-updates') this.#orderUpdates += 1;
    if (!this.#isAskedFor(key)) {
      this.#leftOut += 1;
      return false;
    }
    if (kind === 'raw') this.#unknown += 1;
    return true;
  }

  #isAskedFor(key: string | null): boolean {
    return this.#addresses === null || key === null || this.#addresses.has(key);
  }
}

/** Where time stands on the topics (I2). */
class Clock {
  latest = 0;
  #ticked = 0;

  /** The record, after a tick when one is due. */
  before(record: EncodedInput): readonly EncodedInput[] {
    const { kind, timestamp } = record;
    if (timestamp === null) return this.latest === 0 ? [record] : [{ ...record, timestamp: this.latest }]; // I4
    if (timestamp <= this.latest) return [record];
    this.latest = timestamp;
    if (timestamp < this.#ticked + TICK_EVERY_MS) return [record];
    this.#ticked = timestamp;
    return kind === 'tick' ? [record] : [tickAt(timestamp - 1), record];
  }
}
