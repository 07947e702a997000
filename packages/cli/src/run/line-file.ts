// An output file of whole lines, or standard output.
//
// W1  A failed write leaves no torn line behind: the file is cut back to where it was.
// W2  A file is opened at a length that its reader was promised: what lies beyond is cut off.

import { closeSync, constants, ftruncateSync, fstatSync, openSync, writeSync } from 'node:fs';
import { STANDARD_INPUT } from '@fillstream/hyperliquid';
import { PortError } from '@fillstream/runtime';
import { unwritableLine } from '../errors.ts';

/** The name that stands for standard output. */
export const STANDARD_OUTPUT = STANDARD_INPUT;

export interface LineFile {
  /** Bytes written to the file so far; what was written before this process counts too. */
  readonly length: number;
  /** Resolves when the operating system has the lines. Throws PortError. */
  write(lines: string): Promise<void>;
  close(): void;
}

/** Opens `path` with `length` bytes kept of it. Throws PortError when it can't, or when the file is shorter. */
export function openLineFile(path: string | null, length: number): LineFile {
  if (path === null) return new Nowhere();
  return path === STANDARD_OUTPUT ? new StandardOutput() : new File(path, length);
}

class Nowhere implements LineFile {
  readonly length = 0;

  async write(): Promise<void> {
    await Promise.resolve();
  }

  close(): void {
    // Nothing is open.
  }
}

class StandardOutput implements LineFile {
  readonly length = 0;

  async write(lines: string): Promise<void> {
    if (lines === '') return;
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(lines, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(unwritable('standard output', error));
      });
    });
  }

  close(): void {
    // Standard output stays open.
  }
}

class File implements LineFile {
  readonly #path: string;
  readonly #file: number;
  /** No device or pipe: it can be cut. */
  readonly #isFile: boolean;
  #length: number;

  constructor(path: string, length: number) {
    this.#path = path;
    try {
      this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
      const facts = fstatSync(this.#file);
      this.#isFile = facts.isFile();
      if (this.#isFile && facts.size < length) {
        const message = `${path} has ${String(facts.size)} bytes, expected the ${String(length)} written before: it was changed, or a power failure took its end`;
        throw new PortError('mismatch', message, { retryable: false });
      }
      if (this.#isFile) ftruncateSync(this.#file, length);
    } catch (error) {
      throw unwritable(path, error);
    }
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  async write(lines: string): Promise<void> {
    await Promise.resolve();
    const bytes = Buffer.from(lines);
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, this.#isFile ? this.#length + done : null);
      }
    } catch (error) {
      if (this.#isFile) ftruncateSync(this.#file, this.#length);
      throw unwritable(this.#path, error);
    }
    this.#length += bytes.length;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The error for an output that can't be written. */
export function unwritable(path: string, error: unknown): PortError {
  return error instanceof PortError ? error : new PortError('log-broken', unwritableLine(path, error), { retryable: false, cause: error });
}
