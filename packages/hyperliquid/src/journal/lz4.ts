// LZ4 frames out of a stream of bytes, decoded block by block.
//
// No library that is kept up streams frames: lz4-napi decodes whole frames, or single blocks. So a frame is taken apart here,
// and its blocks are the library's. It is loaded, as the checksums' is, when a frame is read.
//
// Z1  A block (at most 4 MiB) and the 64 KiB before it are all that is held, whatever the length of the stream.
// Z2  All checksums that a frame has are compared, and the length that it states.
// Z3  A stream that ends anywhere but behind a whole frame was cut off.

import type { XXHash, XXHashAPI } from 'xxhash-wasm';

const MAGIC = 0x184d2204;
/** Sixteen of them begin what is to be skipped. */
const SKIPPABLE = 0x184d2a50;
const VERSION = 1;
const BLOCK_SIZES: ReadonlyMap<number, number> = new Map([[4, 65_536], [5, 262_144], [6, 1_048_576], [7, 4_194_304]]);
/** How far back a block may refer. */
const WINDOW_BYTES = 65_536;
const STORED = 0x80000000;
const SKIP_BYTES = 1_048_576;
/** Blocks are handed on together: some frames have small ones. */
const CHUNK_BYTES = 1_048_576;
const EMPTY = Buffer.alloc(0);

/** With zlib's codes: `Z_BUF_ERROR` for what was cut off, `Z_DATA_ERROR` for what is damaged or no LZ4. */
export class Lz4Error extends Error {
  override readonly name = 'Lz4Error';
  readonly code: 'Z_BUF_ERROR' | 'Z_DATA_ERROR';

  constructor(code: Lz4Error['code'], message: string) {
    super(message);
    this.code = code;
  }
}

type Tools = { readonly unpack: (data: Uint8Array, before?: Buffer) => Uint8Array; readonly xxhash: XXHashAPI };

type Frame = {
  readonly maxBlockBytes: number;
  readonly isLinked: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  readonly contentBytes: bigint | null;
};

/** The content of all frames, one after the other. Throws Lz4Error, and what the stream throws. */
export async function* decodeLz4(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const [{ uncompressSync: unpack }, { default: xxhash }] = await Promise.all([import('lz4-napi'), import('xxhash-wasm')]);
  const tools = { unpack, xxhash: await xxhash() };
  const source = new Source(stream);
  try {
    do {
      const magic = (await source.take(4)).readUInt32LE();
      if (magic === MAGIC) yield* gathered(contentOf(source, tools));
      else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) await skipFrame(source);
      else throw damaged('no LZ4 frame');
    } while (await source.hasMore());
  } finally {
    await source.close();
  }
}

async function* contentOf(source: Source, tools: Tools): AsyncIterable<Uint8Array> {
  const frame = await readHeader(source, tools);
  const hash = frame.hasContentChecksum ? tools.xxhash.create32() : null;
  let length = 0;
  let before: Buffer = EMPTY;
  for (let size = await readWord(source); size !== 0; size = await readWord(source)) {
    const block = await readBlock(source, size, frame, before, tools);
    if (frame.isLinked) before = windowOf(before, block);
    hash?.update(block);
    length += block.length;
    yield block;
  }
  await checkEnd(source, frame, length, hash);
}

/** What stands between the magic number and the first block. */
async function readHeader(source: Source, { xxhash }: Tools): Promise<Frame> {
  const start = await source.take(2);
  const [flags, sizes] = [start.readUInt8(0), start.readUInt8(1)];
  const maxBlockBytes = BLOCK_SIZES.get(sizes >> 4);
  if (flags >> 6 !== VERSION || (flags & 0x02) !== 0 || (sizes & 0x8f) !== 0 || maxBlockBytes === undefined) throw damaged('an unknown LZ4 frame');
  const hasDictionary = (flags & 0x01) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const rest = await source.take((hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0));
  const [check] = await source.take(1);
  if (check !== ((xxhash.h32Raw(Buffer.concat([start, rest])) >>> 8) & 0xff)) throw damaged('the checksum of the frame\'s header is another');
  if (hasDictionary) throw damaged('the frame needs a dictionary');
  return {
    maxBlockBytes,
    isLinked: (flags & 0x20) === 0,
    hasBlockChecksums: (flags & 0x10) !== 0,
    hasContentChecksum: (flags & 0x04) !== 0,
    contentBytes: hasContentSize ? rest.readBigUInt64LE() : null,
  };
}

async function readBlock(source: Source, size: number, frame: Frame, before: Buffer, { unpack, xxhash }: Tools): Promise<Uint8Array> {
  const length = (size & ~STORED) >>> 0;
  if (length > frame.maxBlockBytes) throw damaged('a block is longer than its frame allows');
  const data = await source.take(length);
  if (frame.hasBlockChecksums && (await readWord(source)) !== xxhash.h32Raw(data)) throw damaged('the checksum of a block is another');
  if ((size & STORED) !== 0) return data;
  const sized = Buffer.allocUnsafe(4 + length); // The library wants room to be named first; more than is needed does no harm.
  sized.writeUInt32LE(frame.maxBlockBytes);
  data.copy(sized, 4);
  try {
    return before.length === 0 ? unpack(sized) : unpack(sized, before);
  } catch {
    throw damaged('a block can\'t be decoded');
  }
}

function windowOf(before: Buffer, block: Uint8Array): Buffer {
  return Buffer.concat([before, block.subarray(-WINDOW_BYTES)]).subarray(-WINDOW_BYTES);
}

async function checkEnd(source: Source, { contentBytes }: Frame, length: number, hash: XXHash<number> | null): Promise<void> {
  if (contentBytes !== null && contentBytes !== BigInt(length)) throw damaged('the content is of another length than its frame says');
  if (hash !== null && (await readWord(source)) !== hash.digest()) throw damaged('the checksum of the content is another');
}

async function skipFrame(source: Source): Promise<void> {
  for (let left = await readWord(source); left > 0; left -= Math.min(left, SKIP_BYTES)) await source.take(Math.min(left, SKIP_BYTES));
}

async function readWord(source: Source): Promise<number> {
  return (await source.take(4)).readUInt32LE();
}

/** The same bytes in chunks that are worth a turn. */
async function* gathered(blocks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const block of blocks) {
    parts.push(block);
    length += block.length;
    if (length < CHUNK_BYTES) continue;
    yield Buffer.concat(parts);
    [parts, length] = [[], 0];
  }
  if (length > 0) yield Buffer.concat(parts);
}

function damaged(message: string): Lz4Error {
  return new Lz4Error('Z_DATA_ERROR', message);
}

/** A stream by numbers of bytes. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = EMPTY;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    if (!(await this.#hold(length))) throw new Lz4Error('Z_BUF_ERROR', 'the stream ends within a frame'); // Z3
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async hasMore(): Promise<boolean> {
    return await this.#hold(1);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** False when there aren't so many. */
  async #hold(length: number): Promise<boolean> {
    const parts = [this.#held];
    let size = this.#held.length;
    while (size < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      const { buffer, byteOffset, length: bytes } = next.value;
      parts.push(Buffer.from(buffer, byteOffset, bytes));
      size += bytes;
    }
    if (parts.length > 1) this.#held = Buffer.concat(parts);
    return size >= length;
  }
}
