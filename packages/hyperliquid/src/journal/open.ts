// Where a journal's bytes come from: a plain, gzip, zstd or LZ4 file, or standard input.

import { createReadStream, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { decodeLz4 } from './lz4.ts';

/** A journal can't be read. The message names the journal and what to do or what was expected. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}

/** The name that stands for standard input. */
export const STANDARD_INPUT = '-';

const READ_BYTES = 1_048_576;
const NEWLINE = 10;
const PACKED = ['.gz', '.zst', '.lz4'];

export type JournalBytes = {
  /** Decompressed, from the offset asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Size as stored; null when unknown. */
  readonly size: number | null;
  /** Bytes read so far, as stored. */
  readonly read: () => number;
};

/** Opens a journal at an offset of its decompressed bytes. Throws JournalError. */
export async function openJournal(path: string, offset: number, input: Readable): Promise<JournalBytes> {
  if (path === STANDARD_INPUT) {
    let count = 0;
    const counted = tap(input, (bytes) => (count += bytes));
    return { chunks: explained(skip(counted, offset, path), path), size: null, read: () => count };
  }
  const { size } = await statJournal(path);
  const packed = isPacked(path);
  const file = createReadStream(path, { highWaterMark: READ_BYTES, start: packed ? 0 : offset });
  const start = packed ? 0 : offset;
  const chunks = packed ? skip(decompressed(file, path), offset, path) : file;
  return { chunks: explained(chunks, path), size, read: () => start + file.bytesRead };
}

/** Facts of a journal's file. Throws JournalError when it is missing or no file. */
export async function statJournal(path: string): Promise<Stats> {
  const facts = await stat(path).catch((error: unknown) => {
    throw explain(error, path);
  });
  if (facts.isDirectory()) throw new JournalError(`${path} is a folder, expected a journal (--journal-dir takes folders)`);
  return facts;
}

/** Whether offsets of the journal are offsets of its file. */
export function isPlainFile(path: string): boolean {
  return path !== STANDARD_INPUT && !isPacked(path);
}

function isPacked(path: string): boolean {
  return PACKED.some((ending) => path.endsWith(ending));
}

/** Bytes of a journal's file, as stored; fewer where it ends before. Throws JournalError. */
export async function bytesOf(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path).catch((error: unknown) => {
    throw explain(error, path);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function decompressed(file: Readable, path: string): AsyncIterable<Uint8Array> {
  if (path.endsWith('.lz4')) return decodeLz4(file);
  const unpack = path.endsWith('.gz') ? createGunzip({ chunkSize: READ_BYTES }) : createZstdDecompress({ chunkSize: READ_BYTES });
  let count = 0;
  const counted = tap(file, (bytes) => (count += bytes));
  const chunks = pipeline(counted, unpack, () => undefined); // Its errors come out of `unpack`, which is read.
  return whole(chunks, () => count - unpack.bytesWritten, path);
}

/** Where zlib meets no further member behind a whole one, it ends in silence, whatever there is. */
async function* whole(chunks: AsyncIterable<Uint8Array>, bytesLeft: () => number, path: string): AsyncIterable<Uint8Array> {
  yield* chunks;
  if (bytesLeft() > 0) throw new JournalError(`can't read ${path} to its end: after what could be read comes something else, so it is damaged`);
}

async function* tap(chunks: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}

/** The bytes from an offset on, which must be the end of a line: what was read before it stays as it was read. */
async function* skip(chunks: AsyncIterable<Uint8Array>, offset: number, path: string): AsyncIterable<Uint8Array> {
  let left = offset;
  let last = NEWLINE;
  for await (const chunk of chunks) {
    const dropped = Math.min(left, chunk.length);
    left -= dropped;
    last = chunk[dropped - 1] ?? last;
    if (dropped === chunk.length) continue;
    if (last !== NEWLINE) throw new JournalError(`${path} went on in the middle of a line that was its last; begin anew`);
    yield chunk.subarray(dropped);
    last = NEWLINE;
  }
  if (left > 0) throw new JournalError(`${path} is shorter than what was read of it before; begin anew`);
}

async function* explained(chunks: AsyncIterable<Uint8Array>, path: string): AsyncIterable<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw explain(error, path);
  }
}

const EXPLANATIONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file'],
  ['EACCES', 'not readable for this user'],
  ['Z_BUF_ERROR', 'the compressed file ends too soon: it was cut off'],
  ['Z_DATA_ERROR', 'not what its ending says, or damaged'],
]);

function explain(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof JournalError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = EXPLANATIONS.get(code.startsWith('ZSTD_error') ? 'Z_DATA_ERROR' : code);
  return new JournalError(`can't read ${path}: ${known ?? error.message}`, { cause: error });
}
