// A journal that grows as records come, and how far it goes for each address.
//
// G1  Lines stand in the order of the calls, and are on disk before a call resolves; calls that wait share one sync.
// G2  A failed write leaves no torn line behind: the file is cut back, and nothing is written any more.
// G3  A file that is there is gone on with: it is read for the last fill of each address. A last line without its newline was never
//     acknowledged, and is cut off when it is no JSON. A file with anything else in it is refused, untouched.

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { JournalError, LineSource, checkAddress, openJournal, type Line } from '@fillstream/hyperliquid';
import type { InputRecord, Progress } from '@fillstream/hyperliquid/live';
import type { Recording } from '@fillstream/ingestor/record';
import type { PortError } from '@fillstream/runtime';
import { unwritable } from '../run/line-file.ts';

type Waiting = { readonly text: string; readonly resolve: () => void; readonly reject: (error: unknown) => void };
type Json = { readonly [field: string]: unknown };

const KINDS = ['fill', 'orderUpdate', 'account', 'tick', 'raw'];
/** A fill further ahead of our clock has a wrong time: no repair may start from there. */
const GREATEST_SKEW_MS = 300_000;
const NEWLINE = 10;
const RECORD_START = '{"kind":"';

export class JournalFile implements Recording {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #progress: ReadonlyMap<string, Progress>;
  #length: number;
  #records = 0;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #failure: PortError | null = null;

  /** Throws PortError when it can't be written, JournalError when it is there and no journal. */
  static async open(path: string): Promise<JournalFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    try {
      if (!(await file.stat()).isFile()) throw new JournalError(`${path} is no file`);
      const { progress, length, lacksNewline } = await readThrough(path);
      const journal = new JournalFile(path, file, progress, length);
      await journal.#begin(lacksNewline);
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(path: string, file: FileHandle, progress: ReadonlyMap<string, Progress>, length: number) {
    this.#path = path;
    this.#file = file;
    this.#progress = progress;
    this.#length = length;
  }

  /** Written by this process, ticks left out. */
  get records(): number {
    return this.#records;
  }

  async append(records: readonly InputRecord[]): Promise<void> {
    await this.#write(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    this.#records += records.length;
  }

  async tick(at: number): Promise<void> {
    await this.#write(`${JSON.stringify({ kind: 'tick', receivedAt: at })}\n`);
  }

  /** As it was when the file was opened. */
  async progress(address: string): Promise<Progress | null> {
    return await Promise.resolve(this.#progress.get(address) ?? null);
  }

  async saveProgress(): Promise<void> {
    await Promise.resolve(); // The records say it.
  }

  async gap(): Promise<void> {
    await Promise.resolve(); // A journal has no place for it; the user is told.
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  /** What is beyond the last whole line goes (G3). */
  async #begin(lacksNewline: boolean): Promise<void> {
    await this.#file.truncate(this.#length).catch((error: unknown) => {
      throw unwritable(this.#path, error);
    });
    if (lacksNewline) await this.#write('\n');
  }

  async #write(text: string): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#waiting.push({ text, resolve: written.resolve, reject: written.reject });
    this.#writing ??= this.#writeAll();
    await written.promise;
  }

  /** Until nothing waits (G1). */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      this.#failure ??= await this.#written(Buffer.from(group.map(({ text }) => text).join('')));
      for (const { resolve, reject } of group) {
        if (this.#failure === null) resolve();
        else reject(this.#failure);
      }
    }
    this.#writing = null; // At once: what comes after the last look has to begin anew.
  }

  /** Why they aren't on disk; null when they are. */
  async #written(bytes: Buffer): Promise<PortError | null> {
    try {
      for (let done = 0; done < bytes.length;) {
        done += (await this.#file.write(bytes, done, bytes.length - done, this.#length + done)).bytesWritten;
      }
      await this.#file.datasync();
      this.#length += bytes.length;
      return null;
    } catch (error) {
      await this.#file.truncate(this.#length).catch(() => undefined); // G2: what failed first is what counts.
      return unwritable(this.#path, error);
    }
  }
}

type Found = {
  readonly progress: ReadonlyMap<string, Progress>;
  /** Of the whole lines, and of a last one that only lacks its newline. */
  readonly length: number;
  readonly lacksNewline: boolean;
};

async function readThrough(path: string): Promise<Found> {
  const bytes = await openJournal(path, 0, process.stdin);
  let last = NEWLINE;
  const lines = new LineSource(tapped(bytes.chunks, (byte) => (last = byte)));
  const progress = new Map<string, Progress>();
  const latestCredible = Date.now() + GREATEST_SKEW_MS;
  let length = 0;
  let torn: Line | null = null;
  for (let number = 1; ; number += 1) {
    const line = await nextOf(lines);
    if (line === null) break;
    if (torn !== null) throw new JournalError(`${path} is no journal: line ${String(number - 1)} is no record; name another file`);
    const record = recordOf(line);
    if (record === null) torn = line;
    else {
      length = line.next;
      note(progress, record, latestCredible);
    }
  }
  if (torn !== null && (last === NEWLINE || (length === 0 && !isTornRecord(torn)))) {
    throw new JournalError(`${path} is no journal: its last line is no record; name another file`);
  }
  return { progress, length, lacksNewline: torn === null && last !== NEWLINE };
}

async function nextOf(lines: LineSource): Promise<Line | null> {
  for (;;) {
    const line = lines.next();
    if (line !== null) return line;
    if (!(await lines.fill())) return null;
  }
}

async function* tapped(chunks: AsyncIterable<Uint8Array>, onEnd: (byte: number) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    onEnd(chunk.at(-1) ?? NEWLINE);
    yield chunk;
  }
}

/** Whether it may be the beginning of the first record. */
function isTornRecord(line: Line): boolean {
  return line.kind === 'text' && RECORD_START.startsWith(line.text.slice(0, RECORD_START.length));
}

/** Null for what is none. */
function recordOf(line: Line): Json | null {
  try {
    const value: unknown = line.kind === 'text' ? JSON.parse(line.text) : null;
    return isObject(value) && KINDS.includes(String(value['kind'])) ? value : null;
  } catch {
    return null;
  }
}

function note(progress: Map<string, Progress>, { kind, address: text, data }: Json, latestCredible: number): void {
  const address = typeof text === 'string' ? checkAddress(text) : null;
  if (kind !== 'fill' || address === null || !isObject(data)) return;
  const { time, tid } = data;
  if (typeof time !== 'number' || !Number.isSafeInteger(time) || time > latestCredible) return;
  const known = progress.get(address);
  if (known !== undefined && time < known.lastFillAt) return;
  const tids = known?.lastFillAt === time ? known.tids : [];
  progress.set(address, { lastFillAt: time, tids: typeof tid === 'number' ? [...tids, tid] : tids });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}
