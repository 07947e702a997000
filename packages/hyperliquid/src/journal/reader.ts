// Records out of one journal, or out of several merged by the receivedAt of their heads.
//
// J1  Each journal keeps its own order; of several heads the earliest goes first, at a tie the journal named first.
// J2  A head without a usable time goes first: it holds nothing back, and is refused at once.

import { readRecord } from '../record.ts';
import type { Input } from '@fillstream/core';
import { LineSource, type Line } from './line-source.ts';
import type { JournalBytes } from './open.ts';

/** One record; of the shape of a log's, with the journals as topics and bytes as offsets. */
export type JournalRecord = {
  /** Which journal. */
  readonly topic: number;
  readonly offset: number;
  readonly next: number;
  readonly input: Input;
  /** The record as it came: JSON text, or bytes that are no UTF-8. A line that isn't JSON is a JSON string. */
  readonly original: string | Uint8Array;
};

/** What a merge takes from: records in their order, the next of them in memory once `fill` has brought it there. */
export type RecordSource<R> = {
  /** The next record when it is in memory, else null. */
  readonly head: R | null;
  /** Takes the head away. */
  readonly advance: () => void;
  /** Brings a head into memory; false at the end. */
  readonly fill: () => Promise<boolean>;
  readonly close: () => Promise<void>;
};

const BYTE_ORDER_MARK = '\uFEFF';

/** Reads one journal, each line as `read` makes it. */
export class JournalReader<R> implements RecordSource<R> {
  readonly #lines: LineSource;
  readonly #read: (line: Line) => R;
  #head: R | null = null;

  constructor(bytes: JournalBytes, offset: number, read: (line: Line) => R) {
    this.#lines = new LineSource(bytes.chunks, offset);
    this.#read = read;
  }

  get head(): R | null {
    if (this.#head !== null) return this.#head;
    const line = this.#lines.next();
    this.#head = line === null ? null : this.#read(line);
    return this.#head;
  }

  advance(): void {
    this.#head = null;
  }

  async fill(): Promise<boolean> {
    while (this.head === null) if (!(await this.#lines.fill())) return false;
    return true;
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }
}

/** The merge of several readers (J1, J2). */
export class JournalMerge<R> {
  readonly #readers: readonly RecordSource<R>[];
  readonly #timeOf: (record: R) => number | null;
  /** Those that haven't ended. */
  #open: readonly RecordSource<R>[];

  /** `timeOf` gives a record's receivedAt, null when it has none. */
  constructor(readers: readonly RecordSource<R>[], timeOf: (record: R) => number | null) {
    this.#readers = readers;
    this.#timeOf = timeOf;
    this.#open = readers;
  }

  /** The next records, at most `limit`; none at the end of all journals. */
  async take(limit: number): Promise<R[]> {
    const records: R[] = [];
    while (records.length < limit) {
      const reader = this.#earliest();
      if (reader === 'starved') {
        if (records.length > 0) break;
        await this.#fill();
        if (this.#open.length === 0) break;
        continue;
      }
      if (reader.head !== null) records.push(reader.head);
      reader.advance();
    }
    return records;
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.close()));
  }

  #earliest(): RecordSource<R> | 'starved' {
    let earliest: RecordSource<R> | null = null;
    let time = Infinity;
    for (const reader of this.#open) {
      if (reader.head === null) return 'starved';
      const at = this.#timeOf(reader.head) ?? -Infinity;
      if (earliest !== null && at >= time) continue;
      earliest = reader;
      time = at;
    }
    return earliest ?? 'starved';
  }

  async #fill(): Promise<void> {
    const filled = await Promise.all(this.#open.map((reader) => reader.fill()));
    this.#open = this.#open.filter((_, index) => filled[index] === true);
  }
}

/** A line as the record that a loop applies. */
export function journalRecord(journal: number, line: Line): JournalRecord {
  const { offset, next } = line;
  switch (line.kind) {
    case 'text': {
      const text = offset === 0 && line.text.startsWith(BYTE_ORDER_MARK) ? line.text.slice(1) : line.text;
      const json = parseJson(text);
      return { topic: journal, offset, next, input: readRecord(json), original: json === undefined ? JSON.stringify(text) : text };
    }
    case 'notText':
      return { topic: journal, offset, next, input: readRecord(undefined), original: line.bytes };
    case 'oversized': {
      const { head, length, sha256 } = line;
      return { topic: journal, offset, next, input: readRecord(undefined), original: JSON.stringify({ head, length, sha256, journal, offset }) };
    }
  }
}

/** undefined when the text isn't JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
