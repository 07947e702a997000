// Lines out of a stream of bytes, each with the place it stands at.
//
// S1  A line ends at a newline or at the end of the stream; offsets count bytes from the stream's beginning.
// S2  At most MAX_LINE_BYTES of a line are held, unless another limit is given: of a longer one the head, the length and a hash
//     remain.
// S3  Bytes that are no UTF-8 are kept as they came.

import { isUtf8 } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';

/** As much as a Kafka record may hold by default. */
export const MAX_LINE_BYTES = 1_048_576;
/** How much of a longer line is kept. */
export const HEAD_BYTES = 65_536;

type Place = { readonly offset: number; readonly next: number };

export type Line = Place & (
  | { readonly kind: 'text'; readonly text: string }
  /** No UTF-8. */
  | { readonly kind: 'notText'; readonly bytes: Uint8Array }
  | { readonly kind: 'oversized'; readonly head: string; readonly length: number; readonly sha256: string }
);

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

type Oversized = { readonly offset: number; readonly head: Buffer; readonly hash: Hash; length: number };

export class LineSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = EMPTY;
  /** Where the next line begins in the buffer. */
  #start = 0;
  /** The stream's offset of the buffer's first byte. */
  #base: number;
  /** Set while the buffer is known to be UTF-8 throughout. */
  #clean = true;
  #ended = false;
  #oversized: Oversized | null = null;
  readonly #maxLineBytes: number;

  /** `chunks` begin at the stream's `offset`, which is the beginning of a line. */
  constructor(chunks: AsyncIterable<Uint8Array>, offset = 0, maxLineBytes = MAX_LINE_BYTES) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#base = offset;
    this.#maxLineBytes = maxLineBytes;
  }

  /** The next whole line in memory, or null: `fill` and ask again. */
  next(): Line | null {
    const end = this.#buffer.indexOf(NEWLINE, this.#start);
    if (end >= 0) return this.#line(end, end + 1);
    if (this.#ended && (this.#start < this.#buffer.length || this.#oversized !== null)) {
      return this.#line(this.#buffer.length, this.#buffer.length);
    }
    return null;
  }

  /** Reads more; false at the end of the stream. Throws what the stream throws. */
  async fill(): Promise<boolean> {
    if (this.#ended) return false;
    const result = await this.#chunks.next();
    if (result.done !== true) {
      this.#append(result.value);
      return true;
    }
    this.#ended = true;
    return this.#start < this.#buffer.length || this.#oversized !== null;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #append(chunk: Uint8Array): void {
    const rest = this.#buffer.subarray(this.#start);
    this.#base += this.#start;
    this.#start = 0;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#oversized !== null) this.#skip(this.#oversized, rest);
    const held = this.#oversized === null ? rest : EMPTY;
    this.#buffer = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    this.#clean = isUtf8(this.#buffer);
    if (this.#oversized !== null || this.#buffer.length <= this.#maxLineBytes || this.#buffer.includes(NEWLINE)) return;
    this.#oversized = { offset: this.#base, head: Buffer.from(this.#buffer.subarray(0, HEAD_BYTES)), hash: createHash('sha256'), length: 0 };
  }

  #skip(oversized: Oversized, bytes: Buffer): void {
    oversized.hash.update(bytes);
    oversized.length += bytes.length;
    this.#base += bytes.length;
  }

  #line(end: number, next: number): Line {
    const bytes = this.#buffer.subarray(this.#start, end);
    const place = { offset: this.#base + this.#start, next: this.#base + next };
    this.#start = next;
    if (this.#oversized !== null) return this.#endOversized(this.#oversized, bytes, place.next);
    if (bytes.length > this.#maxLineBytes) {
      const head = Buffer.from(bytes.subarray(0, HEAD_BYTES));
      return this.#endOversized({ offset: place.offset, head, hash: createHash('sha256'), length: 0 }, bytes, place.next);
    }
    if (this.#clean || isUtf8(bytes)) return { kind: 'text', ...place, text: bytes.toString('utf8') };
    return { kind: 'notText', ...place, bytes: Uint8Array.from(bytes) };
  }

  #endOversized({ offset, head, hash, length }: Oversized, rest: Buffer, next: number): Line {
    this.#oversized = null;
    const sha256 = hash.update(rest).digest('hex');
    return { kind: 'oversized', offset, next, head: head.toString('utf8'), length: length + rest.length, sha256 };
  }
}
