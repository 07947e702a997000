// What is still to happen, in order of (at, arrival): a binary heap.
//
// I1  Entries of one millisecond leave in the order in which they came.

import { itemAt } from './invariant.ts';

type Entry<T> = { readonly at: number; readonly order: number; readonly item: T };

export class Agenda<T> {
  readonly #heap: Entry<T>[] = [];
  #arrivals = 0;

  /** When the next entry is due; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  add(at: number, item: T): void {
    const heap = this.#heap;
    const entry = { at, order: this.#arrivals, item };
    this.#arrivals += 1;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = itemAt(heap, parent);
      if (!isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  take(): T {
    const top = itemAt(this.#heap, 0);
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
    return top.item;
  }

  #sink(entry: Entry<T>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child = right < heap.length && isBefore(itemAt(heap, right), itemAt(heap, left)) ? right : left;
      const below = itemAt(heap, child);
      if (!isBefore(below, entry)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = entry;
  }
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
