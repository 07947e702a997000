// A node's files, hundreds of them at times, as one source of records.
//
// F1  Each file keeps its own order; of several the record with the earliest time goes first, at a tie that of the file named
//     first. One without a usable time goes at once.
// F2  A file is open only while its records are due: its first time is read at the start, and says from when on.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LineSource, type Line } from '../journal/line-source.ts';
import { JournalError, STANDARD_INPUT, openJournal } from '../journal/open.ts';
import type { RecordSource } from '../journal/reader.ts';
import { MAX_NODE_LINE_BYTES, readNodeLine } from './node-line.ts';

export type NodeFilesOptions<R> = {
  readonly paths: readonly string[];
  /** The records of a line: none, one or many. */
  readonly read: (line: Line, path: string) => readonly R[];
  readonly timeOf: (record: R) => number | null;
  /** What `-` reads. */
  readonly input: Readable;
};

/** A file that isn't open yet. */
type Waiting = { readonly path: string; readonly place: number; readonly firstAt: number };

/** The files that are named, and those in the folders that are named, in order of their names. Throws JournalError. */
export async function listNodeFiles(paths: readonly string[]): Promise<string[]> {
  return (await Promise.all(paths.map(filesOf))).flat();
}

async function filesOf(path: string): Promise<string[]> {
  if (path === STANDARD_INPUT || !(await isFolder(path))) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
  const files = [];
  for (const name of names) if (!isHidden(name.slice(path.length)) && !(await isFolder(name))) files.push(name);
  if (files.length === 0) throw new JournalError(`${path} holds no files`);
  return files.sort(new Intl.Collator('en', { numeric: true }).compare);
}

function isHidden(path: string): boolean {
  return path.split(/[\\/]/).some((part) => part.startsWith('.'));
}

/** False for what isn't there: opening it says so. */
async function isFolder(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  return facts?.isDirectory() === true;
}

export class NodeFiles<R> implements RecordSource<R> {
  readonly #options: NodeFilesOptions<R>;
  /** By their first times, then in the order named. */
  #waiting: readonly Waiting[];
  /** In the order named. */
  #open: readonly NodeFile<R>[] = [];
  #next: NodeFile<R> | null = null;

  /** Looks into every file. Throws JournalError. */
  static async open<R>(options: NodeFilesOptions<R>): Promise<NodeFiles<R>> {
    const waiting: Waiting[] = [];
    for (const [place, path] of options.paths.entries()) waiting.push({ path, place, firstAt: await firstTimeIn(path, options.input) });
    return new NodeFiles(options, waiting.sort((one, other) => compare(one.firstAt, other.firstAt) || one.place - other.place));
  }

  private constructor(options: NodeFilesOptions<R>, waiting: readonly Waiting[]) {
    this.#options = options;
    this.#waiting = waiting;
  }

  get head(): R | null {
    this.#next ??= this.#earliest();
    return this.#next?.head ?? null;
  }

  advance(): void {
    this.#next?.advance();
    this.#next = null;
  }

  async fill(): Promise<boolean> {
    while (this.head === null) {
      const filled = await Promise.all(this.#open.map((file) => file.fill()));
      this.#open = this.#open.filter((_, index) => filled[index] === true);
      const [first, ...rest] = this.#waiting;
      if (first === undefined) {
        if (this.#open.length === 0) return false;
      } else if (first.firstAt <= this.#least()) {
        this.#waiting = rest;
        this.#open = [...this.#open, await this.#openFile(first)].sort((one, other) => one.place - other.place);
      }
    }
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((file) => file.close()));
  }

  /** The file whose head goes first; null while one has none in memory, or has to be opened before (F2). */
  #earliest(): NodeFile<R> | null {
    let earliest: NodeFile<R> | null = null;
    let time = Infinity;
    for (const file of this.#open) {
      const { headAt } = file;
      if (headAt === null) return null;
      if (earliest !== null && headAt >= time) continue;
      [earliest, time] = [file, headAt];
    }
    return (this.#waiting[0]?.firstAt ?? Infinity) <= time ? null : earliest;
  }

  #least(): number {
    return Math.min(Infinity, ...this.#open.map(({ headAt }) => headAt ?? Infinity));
  }

  async #openFile({ path, place }: Waiting): Promise<NodeFile<R>> {
    const { read, timeOf, input } = this.#options;
    return new NodeFile(place, await linesOf(path, input), (line) => read(line, path), timeOf);
  }
}

/** One file, open. */
class NodeFile<R> implements RecordSource<R> {
  readonly place: number;
  readonly #lines: LineSource;
  readonly #read: (line: Line) => readonly R[];
  readonly #timeOf: (record: R) => number | null;
  /** Of the last line. */
  #records: readonly R[] = [];
  #at = 0;

  constructor(place: number, lines: LineSource, read: (line: Line) => readonly R[], timeOf: (record: R) => number | null) {
    this.place = place;
    this.#lines = lines;
    this.#read = read;
    this.#timeOf = timeOf;
  }

  get head(): R | null {
    while (this.#at >= this.#records.length) {
      const line = this.#lines.next();
      if (line === null) return null;
      this.#records = this.#read(line);
      this.#at = 0;
    }
    return this.#records[this.#at] ?? null;
  }

  /** The time of the head, null without one; -Infinity for a head without a usable one. */
  get headAt(): number | null {
    const { head } = this;
    return head === null ? null : this.#timeOf(head) ?? -Infinity;
  }

  advance(): void {
    this.#at += 1;
  }

  async fill(): Promise<boolean> {
    while (this.head === null) if (!(await this.#lines.fill())) return false;
    return true;
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }
}

/** The time of the first record; -Infinity without a usable one, and for standard input, which is read but once. */
async function firstTimeIn(path: string, input: Readable): Promise<number> {
  if (path === STANDARD_INPUT) return -Infinity;
  const first = new NodeFile(0, await linesOf(path, input), readNodeLine, ({ receivedAt }) => receivedAt);
  try {
    await first.fill();
    return first.headAt ?? -Infinity;
  } finally {
    await first.close();
  }
}

async function linesOf(path: string, input: Readable): Promise<LineSource> {
  const { chunks } = await openJournal(path, 0, input);
  return new LineSource(chunks, 0, MAX_NODE_LINE_BYTES);
}

function compare(one: number, other: number): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
