// Everything that ever happened on the exchange, seen or not: what a client's records are compared with.
//
// K1  A record is here when it has happened, before any frame or answer can tell it.
// K2  Each fill is here once, in order of execution; receivedAt is the exchange's own time.

import { Ledger } from '../ledger.ts';
import type { FillRecord, JournalRecord } from '../record.ts';

export class ExchangeLedger {
  readonly #records: JournalRecord[] = [];
  readonly #totals = new Ledger();
  readonly #keeps: boolean;

  /** One that doesn't keep stays empty: for a feed without an end. */
  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** Fills, order updates and account values (contract §1), those among them that no frame told. */
  get records(): readonly JournalRecord[] {
    return this.#records;
  }

  /** The same, added up by order and by coin. */
  get totals(): Ledger {
    return this.#totals;
  }

  add(record: JournalRecord): void {
    if (!this.#keeps) return;
    this.#records.push(record);
    this.#totals.add(record);
  }

  /** Of one address, or of all. */
  fills(address?: string): readonly FillRecord[] {
    return this.#records.filter((record) => record.kind === 'fill').filter((fill) => address === undefined || fill.address === address);
  }

  /** The records as lines of a journal, from record number `from` on. */
  *journal(from = 0): Generator<string, void, void> {
    for (let index = from; index < this.#records.length; index += 1) yield `${JSON.stringify(this.#records[index])}\n`;
  }
}
