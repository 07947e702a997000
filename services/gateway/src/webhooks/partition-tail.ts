// The latest signals of one partition, as far as they have been read: what webhooks that keep up take theirs from.
//
// T1  All records from `first` to `next` are here; what lies before is on the log alone.

import type { LogSignal } from './log-signal.ts';

export class PartitionTail {
  readonly partition: number;
  readonly #limit: number;
  #records: LogSignal[] = [];
  #first: number;
  #next: number;

  constructor(partition: number, from: number, limit: number) {
    this.partition = partition;
    this.#limit = limit;
    this.#first = from;
    this.#next = from;
  }

  get first(): number {
    return this.#first;
  }

  /** The offset behind all that was read. */
  get next(): number {
    return this.#next;
  }

  append(record: LogSignal): void {
    this.#records.push(record);
    this.#next = record.offset + 1;
    if (this.#records.length <= 2 * this.#limit) return;
    this.#records = this.#records.slice(-this.#limit);
    this.#first = this.#records[0]?.offset ?? this.#next;
  }

  /** What lies before is no record. */
  reach(offset: number): void {
    this.#next = Math.max(this.#next, offset);
  }

  /** Whether who stands there is about to need the log, if reading goes on. */
  isFar(offset: number): boolean {
    return this.#records.length - this.#placeOf(offset) >= this.#limit;
  }

  /** From `offset` on, which is not before `first`, as long as they are wanted: false when one wasn't. */
  each(offset: number, take: (record: LogSignal) => boolean): boolean {
    for (let place = this.#placeOf(offset); place < this.#records.length; place += 1) {
      const record = this.#records[place];
      if (record === undefined || !take(record)) return false;
    }
    return true;
  }

  /** Of the first record at or after an offset. */
  #placeOf(offset: number): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle]?.offset ?? Infinity) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
