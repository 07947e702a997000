// Records that were fetched and not taken yet, in the order of their offsets.
//
// B1  A record is four numbers here: where its value lies in the bytes of its fetch, its offset, its timestamp. The client's
//     messages die where they were made: thousands of them, kept, would cost the garbage collector more than all else.

import type { IHeaders, KafkaMessage } from 'kafkajs';

/** A record of a topic; `timestamp` is milliseconds since the epoch. */
export type FetchedRecord = { readonly offset: number; readonly timestamp: number; readonly value: Buffer | null; readonly headers: IHeaders };

/** Records whose values lie in the same bytes; `lengths` has -1 for a record without a value. */
type Chunk = {
  readonly bytes: ArrayBufferLike;
  readonly offsets: Float64Array;
  readonly timestamps: Float64Array;
  readonly starts: Uint32Array;
  readonly lengths: Int32Array;
  /** By place, of those that have any. */
  readonly headers: Map<number, IHeaders>;
  size: number;
};

const NO_HEADERS: IHeaders = {};
const NO_BYTES = new ArrayBuffer(0);

export class Backlog {
  readonly #chunks: Chunk[] = [];
  /** In the first chunk. */
  #place = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** NaN when there is none. */
  get nextTimestamp(): number {
    return this.#chunks[0]?.timestamps[this.#place] ?? NaN;
  }

  /** Adds those from offset `from` on. */
  add(messages: readonly KafkaMessage[], from: number): void {
    let chunk: Chunk | undefined;
    for (const [place, { offset, timestamp, value, headers = {} }] of messages.entries()) {
      if (Number(offset) < from) continue;
      const bytes = value?.buffer ?? chunk?.bytes ?? NO_BYTES;
      if (chunk?.bytes !== bytes) {
        chunk = chunkOf(bytes, messages.length - place);
        this.#chunks.push(chunk);
      }
      chunk.offsets[chunk.size] = Number(offset);
      chunk.timestamps[chunk.size] = Number(timestamp);
      chunk.starts[chunk.size] = value?.byteOffset ?? 0;
      chunk.lengths[chunk.size] = value?.length ?? -1;
      if (Object.keys(headers).length > 0) chunk.headers.set(chunk.size, headers);
      chunk.size += 1;
      this.#length += 1;
    }
  }

  shift(): FetchedRecord | null {
    const [chunk] = this.#chunks;
    if (chunk === undefined) return null;
    const record = recordAt(chunk, this.#place);
    this.#place += 1;
    this.#length -= 1;
    if (this.#place === chunk.size) {
      this.#chunks.shift();
      this.#place = 0;
    }
    return record;
  }
}

function chunkOf(bytes: ArrayBufferLike, capacity: number): Chunk {
  return {
    bytes,
    offsets: new Float64Array(capacity), timestamps: new Float64Array(capacity),
    starts: new Uint32Array(capacity), lengths: new Int32Array(capacity),
    headers: new Map(), size: 0,
  };
}

function recordAt({ bytes, offsets, timestamps, starts, lengths, headers }: Chunk, place: number): FetchedRecord {
  const length = lengths[place] ?? -1;
  return {
    offset: offsets[place] ?? 0,
    timestamp: timestamps[place] ?? 0,
    value: length < 0 ? null : Buffer.from(bytes, starts[place] ?? 0, length),
    headers: headers.get(place) ?? NO_HEADERS,
  };
}
