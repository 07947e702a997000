// What couldn't be written elsewhere yet: entries in order, in a file, each a line of JSON that is durable once it is appended.
//
// F1  A line without its newline was never acknowledged: it is cut off when the file is opened.
// F2  Entries leave from the front; the file is emptied when the last has left. After a crash all that it holds come again.
// F3  A line that is no JSON, as a damaged disk leaves it, is not passed over: nothing leaves any more, and the error says where.

import { closeSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const NEWLINE = 10;
const READ_BYTES = 1 << 20;

/** What is in the file can't be read. */
export class SpillError extends Error {
  override readonly name = 'SpillError';
}

export class SpillFile {
  readonly #path: string;
  readonly #descriptor: number;
  /** Bytes in the file. */
  #size: number;
  /** Bytes of entries that have left. */
  #left = 0;

  /** Throws a system error when it can't be written. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#descriptor = openSync(path, 'a+');
    this.#size = this.#endOfLastLine(fstatSync(this.#descriptor).size);
    ftruncateSync(this.#descriptor, this.#size); // F1
  }

  /** Bytes of entries that are still to leave. */
  get bytes(): number {
    return this.#size - this.#left;
  }

  /** Returns when they are on disk. Throws a system error; then none of them is in the file. */
  append(entries: readonly unknown[]): void {
    const text = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    try {
      for (let written = 0; written < text.length;) written += writeSync(this.#descriptor, text, written);
      fsyncSync(this.#descriptor);
      this.#size += text.length;
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#size);
      throw error;
    }
  }

  /** The first entries, about READ_BYTES of them, at least one; and what to call when they are elsewhere. Throws SpillError (F3). */
  first(): { readonly entries: readonly unknown[]; readonly leave: () => void } {
    const text = this.#lines(Math.min(READ_BYTES, this.bytes));
    const entries = text.toString('utf8').split('\n').slice(0, -1).map((line): unknown => this.#entry(line));
    return {
      entries,
      leave: () => {
        this.#left += text.length;
        if (this.#left < this.#size) return;
        ftruncateSync(this.#descriptor, 0); // F2
        [this.#size, this.#left] = [0, 0];
      },
    };
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #entry(line: string): unknown {
    try {
      return JSON.parse(line);
    } catch (cause) {
      const message = `${this.#path} is damaged: from byte ${String(this.#left)} on there is a line that is no entry; move the file away, and `
        + 'what it holds is asked for again at the exchange, as far back as that keeps it';
      throw new SpillError(message, { cause });
    }
  }

  /** Whole lines from the front, of so many bytes at most, or the first one. */
  #lines(limit: number): Buffer {
    const bytes = this.#read(this.#left, limit);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    return end > 0 || limit === this.bytes ? bytes.subarray(0, end) : this.#lines(Math.min(limit * 2, this.bytes));
  }

  #endOfLastLine(size: number): number {
    for (let end = size; end > 0; end -= READ_BYTES) {
      const start = Math.max(0, end - READ_BYTES);
      const found = this.#read(start, end - start).lastIndexOf(NEWLINE);
      if (found >= 0) return start + found + 1;
    }
    return 0;
  }

  #read(from: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let read = 0;
    while (read < length) {
      const got = readSync(this.#descriptor, bytes, read, length - read, from + read);
      if (got === 0) break;
      read += got;
    }
    return bytes.subarray(0, read);
  }
}
