// Journals as an event log of one partition: lines in, signal and quarantine files out.
//
//   offset     bytes of a journal
//   commit     lines appended to the files, then an entry in the book: only what the book has counts
//   recovery   the files are cut back to the lengths in the book, the journals read on from its offsets
//
// A run past the journals' end is no part of history: its lines lie beyond the book's lengths, so a journal that grew
// is read on as if it had never ended.

import type { Readable } from 'node:stream';
import {
  JournalMerge, JournalReader, STANDARD_INPUT, journalRecord, openJournal, statJournal,
  type JournalBytes, type JournalRecord, type RecordSource,
} from '@fillstream/hyperliquid';
import {
  PortError, comparePositions, startOf,
  type Commit, type EventLog, type HistoryPoint, type InputTopic, type LogRecord, type PartitionLog, type Position,
  type Refused, type Replayed, type Taken,
} from '@fillstream/runtime';
import type { BookEntry, CommitBook } from './commit-book.ts';
import { openLineFile, type LineFile } from './line-file.ts';
import { NodeJournal, type NodeSource } from './node-journal.ts';

export type JournalLogOptions = {
  /** Paths; `-` is standard input. */
  readonly journals: readonly string[];
  /** A node's files beside them; null without. A recovery would read them from their beginning. */
  readonly nodeFiles: NodeSource | null;
  /** Paths; `-` is standard output, null is nowhere. */
  readonly signals: string | null;
  readonly quarantine: string | null;
  readonly book: CommitBook;
  /** What `-` reads. */
  readonly input: Readable;
  /** Aborted: nothing more is waited for. */
  readonly stop: AbortSignal | null;
};

export class JournalLog implements EventLog {
  readonly inputs: readonly InputTopic[];
  readonly #options: JournalLogOptions;
  #open: readonly JournalBytes[] = [];

  constructor(options: JournalLogOptions) {
    this.#options = options;
    const names = [...options.journals, ...(options.nodeFiles === null ? [] : ['node files'])];
    this.inputs = names.map((name) => ({ name, clock: 0 }));
  }

  /** Share of the journals' bytes read, 0 to 1; null when a size is unknown. */
  get progress(): number | null {
    if (this.#options.nodeFiles !== null) return null;
    let read = 0;
    let size = 0;
    for (const journal of this.#open) {
      if (journal.size === null) return null;
      read += journal.read();
      size += journal.size;
    }
    return size === 0 ? null : read / size;
  }

  async assigned(): Promise<void> {
    await Promise.resolve();
  }

  async open(): Promise<PartitionLog> {
    const { journals, nodeFiles } = this.#options;
    for (const path of [...journals, ...nodeFiles?.paths ?? []]) if (path !== STANDARD_INPUT) await statJournal(path);
    const last = this.#options.book.last();
    const signals = openLineFile(this.#options.signals, last?.signalBytes ?? 0);
    const quarantine = openLineFile(this.#options.quarantine, last?.quarantineBytes ?? 0);
    const start = startOf(this.inputs.length);
    return new JournalPartition(this.#options, start, signals, quarantine, (from) => this.#mergeFrom(from));
  }

  async #mergeFrom({ offsets }: Position): Promise<JournalMerge<JournalRecord>> {
    const { journals, nodeFiles, input } = this.#options;
    this.#open = await Promise.all(journals.map((path, index) => openJournal(path, offsets[index] ?? 0, input)));
    const sources: RecordSource<JournalRecord>[] = this.#open.map((bytes, index) => new JournalReader(bytes, offsets[index] ?? 0, (line) => journalRecord(index, line)));
    if (nodeFiles !== null) sources.push(await NodeJournal.open(nodeFiles, sources.length, input));
    return new JournalMerge(sources, ({ input: { receivedAt } }) => receivedAt);
  }
}

class JournalPartition implements PartitionLog {
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  readonly #book: CommitBook;
  readonly #signals: LineFile;
  readonly #quarantine: LineFile;
  readonly #mergeFrom: (from: Position) => Promise<JournalMerge<JournalRecord>>;
  readonly #stop: AbortSignal | null;
  /** The journals, read up to where a replay or `take` came. */
  #merge: JournalMerge<JournalRecord> | null = null;

  constructor(
    { book, input, stop }: JournalLogOptions, start: HistoryPoint, signals: LineFile, quarantine: LineFile,
    mergeFrom: (from: Position) => Promise<JournalMerge<JournalRecord>>,
  ) {
    this.#book = book;
    this.#stop = stop;
    // A read that waits for standard input ends with it.
    stop?.addEventListener('abort', () => input.destroy(), { once: true });
    this.start = start;
    this.committed = book.last()?.to ?? start;
    this.#signals = signals;
    this.#quarantine = quarantine;
    this.#mergeFrom = mergeFrom;
  }

  async take(limit: number): Promise<Taken> {
    this.#merge ??= await this.#mergeFrom(this.committed.position);
    try {
      const records = await this.#merge.take(limit);
      return records.length === 0 ? { kind: 'ended' } : { kind: 'records', records };
    } catch (error) {
      if (this.#stop?.aborted === true) return { kind: 'idle' };
      throw error;
    }
  }

  async commit({ from, to, merge, clocks, signals, refused, afterEnd }: Commit): Promise<void> {
    await this.#signals.write(linesOf(signals, JSON.stringify));
    await this.#quarantine.write(linesOf(refused, quarantineLine));
    if (afterEnd) return;
    this.#book.append({ from, to, merge, clocks, signalBytes: this.#signals.length, quarantineBytes: this.#quarantine.length });
  }

  async *replay(from: Position): AsyncIterable<Replayed> {
    if (comparePositions(this.committed.position, from) === 'same') return;
    const entries = this.#book.entries();
    const first = entries.findIndex((entry) => comparePositions(entry.from.position, from) === 'same');
    if (first < 0) throw new PortError('unknown-position', `no commit ends at ${JSON.stringify(from)}`, { retryable: false });
    await this.#merge?.close();
    this.#merge = await this.#mergeFrom(from);
    for (const entry of entries.slice(first)) yield { records: await this.#again(this.#merge, entry), commit: entry };
  }

  async close(): Promise<void> {
    this.#signals.close();
    this.#quarantine.close();
    await this.#merge?.close();
  }

  /** The records of a commit, read again. */
  async #again(merge: JournalMerge<JournalRecord>, entry: BookEntry): Promise<LogRecord[]> {
    const count = entry.merge.reduce((sum, run) => sum + run.count, 0);
    const records: LogRecord[] = [];
    while (records.length < count) {
      const more = await merge.take(count - records.length);
      if (more.length === 0) throw new PortError('log-broken', 'the journals are shorter than what was read of them before', { retryable: false });
      records.push(...more);
    }
    return records;
  }
}

function linesOf<T>(items: readonly T[], toLine: (item: T) => string): string {
  let lines = '';
  for (const item of items) lines += `${toLine(item)}\n`;
  return lines;
}

/** `{"reason","record"}`, and `base64` where the record's bytes are no text. */
export function quarantineLine({ reason, record: { original } }: Refused): string {
  if (typeof original === 'string') return `{"reason":"${reason}","record":${original}}`;
  const bytes = Buffer.from('bytes' in original ? original.bytes : original);
  return JSON.stringify({ reason, record: bytes.toString('utf8'), base64: bytes.toString('base64') });
}
