// Rows of the exchange as records of one address, and what is remembered of them.
//
// K1  What is pushed is on its way to the sink, and remembered: the same again is left out. Nothing else is, but rejections
//     without a fill when the settings say so.
// K2  A row that isn't an object goes on as raw text; an object goes on whatever is in it: the contract judges it, not the feed.

import type { OnEvent } from './events.ts';
import { isObject } from './frames.ts';
import type { AccountValue } from './info.ts';
import type { Outbox } from './outbox.ts';
import { RAW_TEXT_CHARS, type InputRecord, type Json, type Progress, type RawRecord, type Source } from './ports.ts';
import { Remembered } from './remembered.ts';
import { endedOid, fillKey, isEmptyRejection, isId, timeOf, updateKey } from './rows.ts';
import type { Symbols } from './symbols.ts';

export type IntakeOptions = {
  readonly address: string;
  readonly progress: Progress | null;
  readonly outbox: Outbox;
  readonly symbols: Symbols;
  readonly remembered: number;
  readonly dropRejections: boolean;
  readonly now: () => number;
  readonly onEvent: OnEvent;
};

/** A time further ahead of our clock is wrong. */
const GREATEST_SKEW_MS = 300_000;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #fills: Remembered<string>;
  readonly #updates: Remembered<string>;
  readonly #ended: Remembered<number>;
  #latest: number | null;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#fills = new Remembered(options.remembered);
    this.#updates = new Remembered(options.remembered);
    this.#ended = new Remembered(options.remembered);
    this.#latest = options.progress?.lastFillAt ?? null;
  }

  /** The greatest time of the fills pushed so far and before (ms, the exchange's clock). */
  get latest(): number | null {
    return this.#latest;
  }

  hasEnded(oid: number): boolean {
    return this.#ended.has(oid);
  }

  fills(rows: readonly unknown[], source: Source): InputRecord[] {
    const { address, now, symbols } = this.#options;
    const receivedAt = now();
    return rows.map((data) => {
      if (!isObject(data)) return this.raw(JSON.stringify(data), source);
      const symbol = symbols.symbolOf(data['coin']);
      return { kind: 'fill', address, receivedAt, source, ...(symbol === undefined ? {} : { symbol }), data };
    });
  }

  updates(rows: readonly unknown[], source: Source): InputRecord[] {
    const { address, dropRejections, now } = this.#options;
    const receivedAt = now();
    const records: InputRecord[] = [];
    let rejections = 0;
    for (const data of rows) {
      if (!isObject(data)) records.push(this.raw(JSON.stringify(data), source));
      else if (dropRejections && isEmptyRejection(data)) rejections += 1;
      else records.push({ kind: 'orderUpdate', address, receivedAt, source, data });
    }
    this.#leftOut('rejection', rejections);
    return records;
  }

  raw(text: string, source: Source): RawRecord {
    const { address, now } = this.#options;
    return { kind: 'raw', address, receivedAt: now(), source, text: text.slice(0, RAW_TEXT_CHARS), length: text.length };
  }

  pushAccount(data: AccountValue): void {
    const { address, now, outbox } = this.#options;
    outbox.push([{ kind: 'account', address, receivedAt: now(), source: 'repair', data }]);
  }

  /** Pushes what isn't remembered (K1); returns how many that were. */
  push(records: readonly InputRecord[]): number {
    const fresh = records.filter((record) => this.#isFresh(record));
    this.#leftOut('repeated', records.length - fresh.length);
    this.#options.outbox.push(fresh);
    const [first] = fresh;
    if (first !== undefined) this.#options.onEvent({ kind: 'records', address: first.address, source: first.source, records: fresh.length });
    return fresh.length;
  }

  #isFresh(record: InputRecord): boolean {
    switch (record.kind) {
      case 'fill': return !this.#wasDurable(record.data) && this.#noteFill(record.data);
      case 'orderUpdate': return this.#noteUpdate(record.data);
      case 'account':
      case 'raw': return true;
    }
  }

  #wasDurable({ time, tid }: Json): boolean {
    const { progress } = this.#options;
    return progress !== null && time === progress.lastFillAt && isId(tid) && tid !== 0 && progress.tids.includes(tid);
  }

  #noteFill(data: Json): boolean {
    if (!this.#fills.add(fillKey(data))) return false;
    const time = timeOf(data);
    if (time !== null && time <= this.#options.now() + GREATEST_SKEW_MS) this.#latest = Math.max(this.#latest ?? 0, time);
    return true;
  }

  #noteUpdate(data: Json): boolean {
    const ended = endedOid(data);
    if (ended !== null) this.#ended.add(ended);
    return this.#updates.add(updateKey(data));
  }

  #leftOut(why: 'rejection' | 'repeated', records: number): void {
    if (records > 0) this.#options.onEvent({ kind: 'leftOut', address: this.#options.address, why, records });
  }
}
