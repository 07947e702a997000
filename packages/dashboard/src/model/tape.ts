// The rows of a live list: the newest first, many of them, held still while somebody reads.
//
// T1  While it is held nothing in sight moves: what comes waits, is counted, and is shown when it's let go.
// T2  There are never more than `limit` rows in sight, nor waiting (and a tenth, until the next sweep): the oldest go.
// T3  Rows in sight have no gap between them: when too many waited, they take the place of those that were in sight.
// T4  A row whose signal has a later revision in the list says so.

import type { Delivered, Signal } from '@fillstream/client';

export type Row = {
  /** Counts up from the first one that came; rows that were fetched from before it have negative ones. */
  readonly seq: number;
  readonly cursor: string;
  readonly signal: Signal;
};

const SLACK = 1.1;

export class Tape {
  readonly #limit: number;
  /** In sight, the oldest first. */
  #rows: Row[] = [];
  /** Came while it is held; null while it isn't. */
  #waiting: Row[] | null = null;
  #nextSeq = 0;
  /** After the newest `seq` in sight. */
  #end = 0;
  readonly #latest = new Map<string, number>();
  readonly #counts = { open: 0, long: 0 };

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Rows in sight. */
  get length(): number {
    return this.#rows.length;
  }

  /** Rows that came while it was held, whether they are still here or not. */
  get waiting(): number {
    return this.#waiting === null ? 0 : this.#nextSeq - this.#end;
  }

  get isHeld(): boolean {
    return this.#waiting !== null;
  }

  get isFull(): boolean {
    return this.#rows.length >= this.#limit;
  }

  /** All that came live, whether they are still here or not. */
  get received(): number {
    return this.#nextSeq;
  }

  /** Of the rows there are, in sight and waiting. */
  get counts(): { readonly all: number; readonly open: number; readonly long: number } {
    return { all: this.#rows.length + (this.#waiting?.length ?? 0), ...this.#counts };
  }

  /** 0 is the newest one in sight. */
  at(place: number): Row | undefined {
    return this.#rows[this.#rows.length - 1 - place];
  }

  /** Where a row is in sight; -1 when it isn't there. */
  placeOf(seq: number): number {
    const place = this.#end - 1 - seq;
    return place >= 0 && place < this.length ? place : -1;
  }

  isReplaced({ signal }: Row): boolean {
    return (this.#latest.get(signal.id) ?? 0) > signal.revision;
  }

  append(deliveries: readonly Delivered[]): void {
    const to = this.#waiting ?? this.#rows;
    for (const { cursor, signal } of deliveries) {
      if (this.#waiting === null) this.#end = this.#nextSeq + 1;
      to.push({ seq: this.#nextSeq, cursor, signal });
      this.#nextSeq += 1;
      this.#note(signal);
    }
    if (to.length > this.#limit * SLACK) this.#forget(to.splice(0, to.length - this.#limit));
  }

  /** Those from before the oldest row, the newest of them first. Takes as many as there is room for. */
  prepend(older: readonly Delivered[]): void {
    const from = this.#end - this.length;
    const taken = older.slice(0, Math.max(0, this.#limit - this.length));
    const rows = taken.map(({ cursor, signal }, place) => ({ seq: from - 1 - place, cursor, signal }));
    this.#rows = [...rows.reverse(), ...this.#rows];
    for (const { signal } of rows) this.#note(signal);
  }

  hold(): void {
    this.#waiting ??= [];
  }

  release(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const hasGap = waiting.length < this.waiting; // T3
    const rows = hasGap ? waiting : [...this.#rows, ...waiting];
    const surplus = Math.max(0, rows.length - this.#limit);
    this.#forget([...(hasGap ? this.#rows : []), ...rows.slice(0, surplus)]);
    this.#rows = rows.slice(surplus);
    this.#waiting = null;
    this.#end = this.#nextSeq;
  }

  #note(signal: Signal): void {
    this.#latest.set(signal.id, Math.max(this.#latest.get(signal.id) ?? 0, signal.revision));
    this.#count(signal, 1);
  }

  #forget(rows: readonly Row[]): void {
    for (const { signal } of rows) {
      if (this.#latest.get(signal.id) === signal.revision) this.#latest.delete(signal.id);
      this.#count(signal, -1);
    }
  }

  #count({ direction, side }: Signal, by: number): void {
    if (direction === 'open') this.#counts.open += by;
    if (side === 'LONG') this.#counts.long += by;
  }
}
