// Reading the rows of the read model from one cursor on, forwards or backwards, a bounded share at a time.
//
// C1  A cursor is a set: by partition, all rows before an offset. Going forwards, a scan hands over what isn't in it and adds it;
//     going backwards, what is in it and takes it away. So it doesn't matter in which order an instance read the partitions.
// C2  What a filter leaves out moves the cursor too, so that a scan that finds nothing gets on all the same.

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

/** Rows looked through at most before whoever scans is asked again. */
const WINDOW = 2_000;
/** With an index of the addresses in between. */
const ADDRESS_WINDOW = 50_000;

export class Scan {
  readonly #model: ReadModel;
  readonly #cursor: number[];
  readonly #isWanted: ((json: string) => boolean) | null;
  readonly #addresses: readonly string[];
  readonly #forwards: StatementSync;
  readonly #backwards: StatementSync;
  #seq: number | null = null;

  /** `from`: by partition, the first offset that isn't in the cursor. */
  constructor(model: ReadModel, from: readonly number[], { filter, latestOnly = false }: ScanOptions) {
    this.#model = model;
    this.#cursor = [...from];
    const test = compileBeyondAddresses(filter);
    this.#isWanted = test === null ? null : (json) => test(signalOf(json));
    this.#addresses = filter.addresses ?? [];
    const among = `${this.#addresses.length === 0 ? '' : ` AND address IN (${this.#addresses.map(() => '?').join(', ')})`}${latestOnly ? ' AND latest = 1' : ''}`;
    const columns = 'SELECT seq, partition, offset, body AS json FROM signals WHERE seq > ? AND seq <= ?';
    this.#forwards = model.sql.prepare(`${columns}${among} ORDER BY seq`);
    this.#backwards = model.sql.prepare(`${columns}${among} ORDER BY seq DESC`);
  }

  get cursor(): readonly number[] {
    return this.#cursor;
  }

  /** The next rows, oldest first, none where a window has none; null when all there is was looked through. */
  forwards(): Row[] | null {
    this.#seq ??= this.#firstOutside();
    if (this.#seq >= this.#model.lastSeq) return null;
    const until = Math.min(this.#seq + this.#window, this.#model.lastSeq);
    const rows = this.#rows(this.#forwards, this.#seq, until).filter(({ partition, offset }) => offset >= (this.#cursor[partition] ?? 0));
    this.#seq = until;
    return rows;
  }

  /** The same, newest first. */
  backwards(): Row[] | null {
    this.#seq ??= this.#lastInside();
    if (this.#seq <= 0) return null;
    const after = Math.max(this.#seq - this.#window, 0);
    const rows = this.#rows(this.#backwards, after, this.#seq).filter(({ partition, offset }) => offset < (this.#cursor[partition] ?? 0));
    this.#seq = after;
    return rows;
  }

  /** A row was handed over, forwards (C1). */
  pass({ partition, offset }: Pick<Row, 'partition' | 'offset'>): void {
    this.#cursor[partition] = offset + 1;
  }

  /** The same, backwards. */
  passBack({ partition, offset }: Pick<Row, 'partition' | 'offset'>): void {
    this.#cursor[partition] = offset;
  }

  /** All rows of the windows so far were handed over, or aren't wanted (C2). */
  settleForwards(): void {
    for (const [partition, offset] of this.#offsetsAfter(this.#seq ?? 0).entries()) this.#cursor[partition] = Math.max(this.#cursor[partition] ?? 0, offset);
  }

  settleBackwards(): void {
    for (const [partition, offset] of this.#offsetsAfter(this.#seq ?? 0).entries()) this.#cursor[partition] = Math.min(this.#cursor[partition] ?? 0, offset);
  }

  get #window(): number {
    return this.#addresses.length === 0 ? WINDOW : ADDRESS_WINDOW;
  }

  #rows(statement: StatementSync, after: number, until: number): Row[] {
    const rows = statement.all(after, until, ...this.#addresses).map(asRow);
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
