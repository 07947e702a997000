// Reading the rows of the read model from one cursor on, forwards or backwards, a small share at a time.
//
// C1  A cursor is a set: by partition, all rows before an offset. Going forwards, a scan hands over what isn't in it and adds it;
//     going backwards, what is in it and takes it away. So it doesn't matter in which order an instance read the partitions.
// C2  What a filter leaves out moves the cursor too, so that a scan that finds nothing gets on all the same.
// C3  A share is SHARE rows at most, whatever there is: the event loop has to go on, and memory has to hold.

import type { StatementSync } from 'node:sqlite';
import type { Filter, Signal } from '@fillstream/client';
import { compileBeyondAddresses } from './filter.ts';
import type { ReadModel } from './read-model.ts';

export type ScanOptions = {
  readonly filter: Filter;
  /** Leave out what has a later revision. */
  readonly latestOnly?: boolean;
};

export type Row = { readonly seq: number; readonly partition: number; readonly offset: number; readonly json: string };

const SHARE = 200;
/** Rows among which those of some addresses are looked up by their index: so many numbers are held at most. */
const WINDOW = 4_000;

type Direction = 'forwards' | 'backwards';

export class Scan {
  readonly #model: ReadModel;
  readonly #cursor: number[];
  readonly #isWanted: ((json: string) => boolean) | null;
  readonly #addresses: readonly string[];
  readonly #statements: Readonly<Record<Direction | 'placesOf' | 'rowsOf', StatementSync>>;
  /** Of some addresses: the rows of the window that weren't looked at yet, in the order of the scan. */
  #places: number[] = [];
  /** Where that window ends. */
  #end = 0;
  /** Up to where all was looked at: forwards the last row, backwards the one before. */
  #seq: number | null = null;

  /** `from`: by partition, the first offset that isn't in the cursor. */
  constructor(model: ReadModel, from: readonly number[], { filter, latestOnly = false }: ScanOptions) {
    this.#model = model;
    this.#cursor = [...from];
    const test = compileBeyondAddresses(filter);
    this.#isWanted = test === null ? null : (json) => test(signalOf(json));
    this.#addresses = filter.addresses ?? [];
    const columns = 'SELECT seq, partition, offset, body AS json FROM signals';
    const latest = latestOnly ? ' AND latest = 1' : '';
    this.#statements = {
      forwards: model.sql.prepare(`${columns} WHERE seq > ?${latest} ORDER BY seq LIMIT ${String(SHARE)}`),
      backwards: model.sql.prepare(`${columns} WHERE seq <= ?${latest} ORDER BY seq DESC LIMIT ${String(SHARE)}`),
      placesOf: model.sql.prepare(`SELECT seq FROM signals WHERE address IN (${this.#addresses.map(() => '?').join(', ')}) AND seq > ? AND seq <= ?`),
      rowsOf: model.sql.prepare(`${columns} WHERE seq IN (SELECT value FROM json_each(?))${latest}`),
    };
  }

  get cursor(): readonly number[] {
    return this.#cursor;
  }

  /** The next rows, oldest first, none where a share has none; null when all there is was looked through. */
  forwards(): Row[] | null {
    this.#seq ??= this.#firstOutside();
    if (this.#seq >= this.#model.lastSeq) return null;
    const rows = this.#addresses.length === 0 ? this.#all('forwards', this.#seq) : this.#ofAddresses('forwards', this.#seq);
    return rows.filter(({ partition, offset }) => offset >= (this.#cursor[partition] ?? 0));
  }

  /** The same, newest first. */
  backwards(): Row[] | null {
    this.#seq ??= this.#lastInside();
    if (this.#seq <= 0) return null;
    const rows = this.#addresses.length === 0 ? this.#all('backwards', this.#seq) : this.#ofAddresses('backwards', this.#seq);
    return rows.filter(({ partition, offset }) => offset < (this.#cursor[partition] ?? 0));
  }

  /** A row was handed over, forwards (C1). */
  pass({ partition, offset }: Pick<Row, 'partition' | 'offset'>): void {
    this.#cursor[partition] = offset + 1;
  }

  /** The same, backwards. */
  passBack({ partition, offset }: Pick<Row, 'partition' | 'offset'>): void {
    this.#cursor[partition] = offset;
  }

  /** All rows of the shares so far were handed over, or aren't wanted (C2). */
  settleForwards(): void {
    for (const [partition, offset] of this.#offsetsAfter(this.#seq ?? 0).entries()) this.#cursor[partition] = Math.max(this.#cursor[partition] ?? 0, offset);
  }

  settleBackwards(): void {
    for (const [partition, offset] of this.#offsetsAfter(this.#seq ?? 0).entries()) this.#cursor[partition] = Math.min(this.#cursor[partition] ?? 0, offset);
  }

  /** Of the last share only what was passed was handed over: the rest comes again. */
  rewind(): void {
    [this.#seq, this.#places] = [null, []];
  }

  #all(direction: Direction, from: number): Row[] {
    const rows = this.#statements[direction].all(from).map(asRow);
    const last = rows.at(-1)?.seq;
    if (direction === 'forwards') this.#seq = rows.length < SHARE || last === undefined ? this.#model.lastSeq : last;
    else this.#seq = rows.length < SHARE || last === undefined ? 0 : last - 1;
    return this.#wanted(rows);
  }

  /** From the index of addresses first: bodies are read of a share alone (C3). */
  #ofAddresses(direction: Direction, from: number): Row[] {
    if (this.#places.length === 0) this.#openWindow(direction, from);
    const share = this.#places.splice(0, SHARE);
    const last = share.at(-1);
    if (this.#places.length === 0 || last === undefined) this.#seq = this.#end;
    else this.#seq = direction === 'forwards' ? last : last - 1;
    const rows = share.length === 0 ? [] : this.#statements.rowsOf.all(JSON.stringify(share)).map(asRow);
    return this.#wanted(rows.sort((a, b) => (direction === 'forwards' ? a.seq - b.seq : b.seq - a.seq)));
  }

  #openWindow(direction: Direction, from: number): void {
    const [after, until] = direction === 'forwards' ? [from, Math.min(from + WINDOW, this.#model.lastSeq)] : [Math.max(from - WINDOW, 0), from];
    const places = this.#statements.placesOf.all(...this.#addresses, after, until).map((row) => Number(row['seq'])).sort((a, b) => a - b);
    [this.#places, this.#end] = direction === 'forwards' ? [places, until] : [places.reverse(), after];
  }

  #wanted(rows: Row[]): Row[] {
    const isWanted = this.#isWanted;
    return isWanted === null ? rows : rows.filter(({ json }) => isWanted(json));
  }

  /** The last row before the first one that isn't in the cursor. */
  #firstOutside(): number {
    const select = this.#model.sql.prepare('SELECT seq FROM signals WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT 1');
    const firsts = this.#cursor.map((offset, partition) => Number(select.get(partition, offset)?.['seq'] ?? Infinity));
    return Math.min(this.#model.lastSeq, Math.min(...firsts) - 1);
  }

  #lastInside(): number {
    const select = this.#model.sql.prepare('SELECT seq FROM signals WHERE partition = ? AND offset < ? ORDER BY offset DESC LIMIT 1');
    return Math.max(...this.#cursor.map((offset, partition) => Number(select.get(partition, offset)?.['seq'] ?? 0)));
  }

  /** By partition, the offset after the last row up to `seq`; where there is none, 0. At the end of the model, what was read. */
  #offsetsAfter(seq: number): number[] {
    if (seq >= this.#model.lastSeq) return [...this.#model.next];
    const select = this.#model.sql.prepare('SELECT offset FROM signals WHERE partition = ? AND seq <= ? ORDER BY seq DESC LIMIT 1');
    return this.#cursor.map((_, partition) => {
      const offset = select.get(partition, seq)?.['offset'];
      return offset === undefined || offset === null ? 0 : Number(offset) + 1;
    });
  }
}

/* Written by the read model. */
function signalOf(json: string): Signal {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(json) as Signal;
}

function asRow(row: Readonly<Record<string, unknown>>): Row {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return row as Row;
}
