// Where a partition stands in its history, and which history that is.
//
// H1  A position is the next offset of each input, and how many timers have fired since the last record applied.
// H2  The id is a running hash over (topic, offset) of each record applied: the same sequence gives the same id,
//     however it was cut into batches, and another merge of the same topics gives another.

/** `fired` is 0 but for a commit that holds timers only. */
export type Position = { readonly offsets: readonly number[]; readonly fired: number };

/** A position and the id of the history that led to it. */
export type HistoryPoint = { readonly position: Position; readonly id: string };

/** `count` records in a row of one topic. */
export type Run = { readonly topic: number; readonly count: number };

export const EMPTY_HISTORY_ID = '0000000000000000';

export function startOf(topics: number): HistoryPoint {
  return { position: { offsets: new Array<number>(topics).fill(0), fired: 0 }, id: EMPTY_HISTORY_ID };
}

/** `before`, `same` or `after` when every offset agrees on it, else `apart`. */
export function comparePositions(a: Position, b: Position): 'before' | 'same' | 'after' | 'apart' {
  let below = false;
  let above = false;
  for (const [topic, offset] of a.offsets.entries()) {
    const other = b.offsets[topic] ?? 0;
    below ||= offset < other;
    above ||= offset > other;
  }
  if (a.offsets.length !== b.offsets.length || (below && above)) return 'apart';
  if (below || (!above && a.fired < b.fired)) return 'before';
  return above || a.fired > b.fired ? 'after' : 'same';
}

export function samePoint(a: HistoryPoint, b: HistoryPoint): boolean {
  return a.id === b.id && comparePositions(a.position, b.position) === 'same';
}

/** The running hash of H2: 64 bits in two lanes. */
export class HistoryId {
  #low: number;
  #high: number;

  constructor(id: string) {
    this.#high = Number.parseInt(id.slice(0, 8), 16);
    this.#low = Number.parseInt(id.slice(8), 16);
  }

  add(topic: number, offset: number): void {
    const word = (offset >>> 0) ^ Math.imul(topic + 1, 0x9e3779b1);
    const upper = Math.floor(offset / 0x1_0000_0000) + topic;
    this.#low = scramble(this.#low ^ word, this.#high, 0x85ebca6b);
    this.#high = scramble(this.#high ^ upper, this.#low, 0xc2b2ae35);
  }

  toString(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

function scramble(value: number, other: number, factor: number): number {
  const mixed = Math.imul(value ^ (value >>> 16), factor) + Math.imul(other, 0x27d4eb2f) + 0x165667b1;
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

function hex(lane: number): string {
  return lane.toString(16).padStart(8, '0');
}
