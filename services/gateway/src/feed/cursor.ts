// Cursors as text: which log, and by partition the first offset that isn't behind it. Opaque to clients, checked when they come back.

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A cursor that can't be gone on from: malformed, of another log, beyond the end, or of what was deleted. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
  readonly code = 'bad-cursor';
}

const VERSION = '1.';
const IDENTITY_BYTES = 8;
const CHECK_BYTES = 4;
/** Of text: more than any number of partitions needs. */
const MAX_CHARS = 100_000;

export class CursorCodec {
  readonly #identity: Buffer;
  readonly #partitions: number;

  constructor(identity: string, partitions: number) {
    this.#identity = createHash('sha256').update(identity).digest().subarray(0, IDENTITY_BYTES);
    this.#partitions = partitions;
  }

  encode(offsets: readonly number[]): string {
    const body = Buffer.concat([this.#identity, Buffer.from([offsets.length, ...offsets].flatMap(varint))]);
    const check = Buffer.alloc(CHECK_BYTES);
    check.writeUInt32BE(crc32(body));
    return VERSION + Buffer.concat([body, check]).toString('base64url');
  }

  /** Throws CursorError. */
  decode(text: string): number[] {
    if (!text.startsWith(VERSION) || text.length > MAX_CHARS || !/^[A-Za-z0-9_-]+$/.test(text.slice(VERSION.length))) throw malformed();
    const bytes = Buffer.from(text.slice(VERSION.length), 'base64url');
    const body = bytes.subarray(0, -CHECK_BYTES);
    if (body.length <= IDENTITY_BYTES || crc32(body) !== bytes.readUInt32BE(body.length)) throw malformed();
    if (!body.subarray(0, IDENTITY_BYTES).equals(this.#identity)) throw new CursorError('the cursor is of another log');
    const [count, ...offsets] = varints(body.subarray(IDENTITY_BYTES));
    if (count !== this.#partitions || offsets.length !== count) throw malformed();
    return offsets;
  }
}

function malformed(): CursorError {
  return new CursorError('expected a cursor that a gateway gave');
}

/** Seven bits a byte, the lowest first; offsets may have more bits than bitwise operators take. */
function varint(value: number): number[] {
  const bytes = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push(rest % 0x80 + 0x80);
  return [...bytes, rest];
}

/** Throws CursorError. */
function varints(bytes: Uint8Array): number[] {
  const values = [];
  let [value, unit] = [0, 1];
  for (const byte of bytes) {
    value += byte % 0x80 * unit;
    if (!Number.isSafeInteger(value)) throw malformed();
    unit *= 0x80;
    if (byte >= 0x80) continue;
    values.push(value);
    [value, unit] = [0, 1];
  }
  if (unit !== 1) throw malformed();
  return values;
}
