// An address's memory of its last finished orders, and nothing more of them than (oid, lastFillAt) (contract §7).
//
// M1  Entries are sorted by (lastFillAt, oid), cut into chunks of at most CHUNK_ENTRIES.
// M2  A chunk keeps its number for life, and a change marks the chunks it touched: a store writes those alone.
// M3  `greatestOid` is at least every oid remembered: a greater one is unknown without a look.

/** About 1 KB when stored. */
export const CHUNK_ENTRIES = 64;

export type MemoryChunk = {
  readonly number: number;
  readonly oids: number[];
  /** lastFillAt of the oid at the same place. */
  readonly times: number[];
  changed: boolean;
};

export class FinishedMemory {
  readonly #chunks: MemoryChunk[];
  readonly #removed: number[] = [];
  #size = 0;
  #nextNumber = 1;
  #greatestOid = -1;

  /** `chunks` as a store gave them back, in any order. */
  constructor(chunks: readonly MemoryChunk[] = []) {
    this.#chunks = chunks.filter((chunk) => chunk.oids.length > 0).sort(compareChunks);
    for (const chunk of chunks) {
      this.#size += chunk.oids.length;
      this.#nextNumber = Math.max(this.#nextNumber, chunk.number + 1);
      for (const oid of chunk.oids) this.#greatestOid = Math.max(this.#greatestOid, oid);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** The lastFillAt remembered for an order, or null. */
  lastFillAt(oid: number): number | null {
    if (oid > this.#greatestOid) return null;
    for (const chunk of this.#chunks) {
      const place = chunk.oids.indexOf(oid);
      if (place >= 0) return chunk.times[place] ?? null;
    }
    return null;
  }

  /** Remembers a finished order; beyond `limit` entries the oldest goes, and its lastFillAt is returned. */
  remember(oid: number, lastFillAt: number, limit: number): number | null {
    this.#insert(oid, lastFillAt);
    return this.#size > limit ? this.#removeOldest() : null;
  }

  /** Sets a new lastFillAt for an order that is remembered. */
  move(oid: number, lastFillAt: number): void {
    for (const chunk of this.#chunks) {
      const place = chunk.oids.indexOf(oid);
      if (place < 0) continue;
      this.#removeAt(chunk, place);
      this.#insert(oid, lastFillAt);
      return;
    }
  }

  /** The chunks changed and the numbers of those removed since the last call. */
  takeChanges(): { readonly changed: readonly MemoryChunk[]; readonly removed: readonly number[] } {
    const changed = this.#chunks.filter((chunk) => chunk.changed);
    for (const chunk of changed) chunk.changed = false;
    return { changed, removed: this.#removed.splice(0) };
  }

  #insert(oid: number, lastFillAt: number): void {
    this.#greatestOid = Math.max(this.#greatestOid, oid);
    this.#size += 1;
    const chunk = this.#chunkFor(oid, lastFillAt);
    let place = chunk.oids.length;
    while (place > 0 && isAfter(chunk, place - 1, oid, lastFillAt)) place -= 1;
    chunk.oids.splice(place, 0, oid);
    chunk.times.splice(place, 0, lastFillAt);
    chunk.changed = true;
  }

  /** The last chunk that begins at or before the entry, with room for one more. */
  #chunkFor(oid: number, lastFillAt: number): MemoryChunk {
    let index = this.#chunks.length - 1;
    while (index > 0 && isAfter(this.#chunkAt(index), 0, oid, lastFillAt)) index -= 1;
    if (index < 0) return this.#newChunk(0, [], []);
    const chunk = this.#chunkAt(index);
    if (chunk.oids.length < CHUNK_ENTRIES) return chunk;
    const atTheEnd = index === this.#chunks.length - 1 && !isAfter(chunk, chunk.oids.length - 1, oid, lastFillAt);
    if (atTheEnd) return this.#newChunk(index + 1, [], []);
    const half = CHUNK_ENTRIES / 2;
    const upper = this.#newChunk(index + 1, chunk.oids.splice(half), chunk.times.splice(half));
    chunk.changed = true;
    return isAfter(upper, 0, oid, lastFillAt) ? chunk : upper;
  }

  #newChunk(index: number, oids: number[], times: number[]): MemoryChunk {
    const chunk = { number: this.#nextNumber, oids, times, changed: true };
    this.#nextNumber += 1;
    this.#chunks.splice(index, 0, chunk);
    return chunk;
  }

  #chunkAt(index: number): MemoryChunk {
    const chunk = this.#chunks[index];
    if (chunk === undefined) throw new RangeError(`no chunk ${String(index)}`);
    return chunk;
  }

  #removeOldest(): number | null {
    const chunk = this.#chunks[0];
    const oldest = chunk?.times[0];
    if (chunk === undefined || oldest === undefined) return null;
    this.#removeAt(chunk, 0);
    return oldest;
  }

  #removeAt(chunk: MemoryChunk, place: number): void {
    chunk.oids.splice(place, 1);
    chunk.times.splice(place, 1);
    chunk.changed = true;
    this.#size -= 1;
    if (chunk.oids.length > 0) return;
    this.#chunks.splice(this.#chunks.indexOf(chunk), 1);
    this.#removed.push(chunk.number);
  }
}

function isAfter(chunk: MemoryChunk, place: number, oid: number, lastFillAt: number): boolean {
  const time = chunk.times[place] ?? 0;
  return time !== lastFillAt ? time > lastFillAt : (chunk.oids[place] ?? 0) > oid;
}

function compareChunks(a: MemoryChunk, b: MemoryChunk): number {
  return isAfter(a, 0, b.oids[0] ?? 0, b.times[0] ?? 0) ? 1 : -1;
}
