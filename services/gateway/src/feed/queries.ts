// What can be asked of the read model, synchronously.

import { setImmediate as soon } from 'node:timers/promises';
import { add, format, parseDecimal, subtract, ZERO, type Decimal } from '@fillstream/core';
import type { AddressPage, Delivered, Filter, Pnl, PnlPoint, Position, Signal, SignalPage } from '@fillstream/client';
import { CursorError, type CursorCodec } from './cursor.ts';
import type { ReadModel } from './read-model.ts';
import { Scan, type Row } from './scan.ts';

export type PageQuery = {
  readonly filter: Filter;
  readonly order: 'asc' | 'desc';
  /** Ascending: from this cursor on, or from the first signal whose last fill is at or after a time (ms); else from the beginning. */
  readonly after?: string;
  readonly since?: number;
  /** Descending: what lies before this cursor; else from the end. */
  readonly before?: string;
  readonly limit: number;
};

/** How long one page is looked for: then it ends, and the next one goes on. */
const PAGE_MS = 25;
/** Signals of a curve between two turns of others. */
const SHARE = 500;
/** On a curve: more than any screen shows. */
const MOST_POINTS = 2_000;
const QUOTE = 'USDC';

export class Queries {
  readonly #model: ReadModel;
  /** Under way, by address. */
  readonly #curves = new Map<string, Promise<Omit<Pnl, 'address'>>>();
  readonly #codec: CursorCodec;

  constructor(model: ReadModel, codec: CursorCodec) {
    this.#model = model;
    this.#codec = codec;
  }

  /** Signals after or before a cursor. Throws CursorError. */
  page(query: PageQuery): SignalPage {
    return query.order === 'asc' ? this.#ascending(query) : this.#descending(query);
  }

  /** The latest first; none where there is no such signal. */
  revisions(id: string): readonly Signal[] {
    return this.#signals('SELECT body FROM signals WHERE id = ? ORDER BY seq DESC', id);
  }

  /** The latest revision of each leg, in the order of their ids. */
  order(address: string, oid: number): readonly Signal[] {
    const prefix = `${address}/${String(oid)}`;
    return this.#signals('SELECT body FROM signals WHERE id > ? AND id < ? AND latest = 1 ORDER BY id', `${prefix}/`, `${prefix}0`);
  }

  /** In order of address; `only`: of these alone. */
  addresses({ after = '', limit, only }: { readonly after?: string; readonly limit: number; readonly only?: readonly string[] }): AddressPage {
    const among = only === undefined ? '' : ` AND address IN (${only.map(() => '?').join(', ')})`;
    const rows = this.#model.sql.prepare(`SELECT * FROM addresses WHERE address > ?${among} ORDER BY address LIMIT ?`).all(after, ...only ?? [], limit + 1);
    const addresses = rows.slice(0, limit).map((row) => (
      { address: String(row['address']), signals: Number(row['signals']), orders: Number(row['orders']), lastFillAt: Number(row['last_fill_at']) }
    ));
    return { addresses, next: rows.length > limit ? addresses.at(-1)?.address ?? null : null };
  }

  /** In order of coin. */
  positions(address: string): readonly Position[] {
    return this.#model.sql.prepare('SELECT body FROM positions WHERE address = ? ORDER BY coin').all(address).map(parsed<Position>);
  }

  /**
   * Over the latest revisions, in order of their last fills; thinned evenly where there are very many. Read a share at a time, and
   * once for all who ask meanwhile.
   */
  async pnl(address: string): Promise<Omit<Pnl, 'address'>> {
    const running = this.#curves.get(address) ?? this.#curve(address).finally(() => this.#curves.delete(address));
    this.#curves.set(address, running);
    return await running;
  }

  async #curve(address: string): Promise<Omit<Pnl, 'address'>> {
    const select = this.#model.sql.prepare('SELECT body FROM signals WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY at, seq');
    const places = this.#model.sql.prepare('SELECT seq FROM signals WHERE address = ? AND latest = 1 ORDER BY at, seq').all(address).map((row) => Number(row['seq']));
    const curve = new Curve();
    for (let from = 0; from < places.length; from += SHARE) {
      for (const row of select.all(JSON.stringify(places.slice(from, from + SHARE)))) curve.add(parsed<Signal>(row));
      await soon();
    }
    return curve.result();
  }

  /** By partition, the offset of the first signal whose last fill is at or after a time (ms). */
  offsetsSince(since: number): readonly number[] {
    const first = this.#model.sql.prepare('SELECT min(offset) AS offset FROM signals WHERE partition = ? AND at >= ?');
    return this.#model.next.map((next, partition) => Number(first.get(partition, since)?.['offset'] ?? next));
  }

  /** Throws CursorError when the log had deleted, before it was read here, what comes after such a cursor. */
  checkKept(offsets: readonly number[]): void {
    const isKept = offsets.every((offset, partition) => offset === 0 || offset >= (this.#model.lows[partition] ?? 0));
    if (!isKept) throw new CursorError('what comes after the cursor is no more on the log');
  }

  #ascending({ filter, after, since, limit }: PageQuery): SignalPage {
    const scan = new Scan(this.#model, this.#start(after, since), { filter });
    const signals: Delivered[] = [];
    for (const until = performance.now() + PAGE_MS; performance.now() < until;) {
      const rows = scan.forwards();
      if (rows === null) return { signals, next: this.#codec.encode(scan.cursor), more: false };
      for (const row of rows) {
        if (signals.length === limit) return { signals, next: this.#codec.encode(scan.cursor), more: true };
        scan.pass(row);
        signals.push(this.#delivered(scan, row));
      }
      scan.settleForwards();
    }
    return { signals, next: this.#codec.encode(scan.cursor), more: true };
  }

  #start(after: string | undefined, since: number | undefined): readonly number[] {
    if (after === undefined) return since === undefined ? this.#model.lows : this.offsetsSince(since);
    const offsets = this.#codec.decode(after);
    this.checkKept(offsets);
    return offsets;
  }

  #descending({ filter, before, limit }: PageQuery): SignalPage {
    const scan = new Scan(this.#model, before === undefined ? this.#model.next : this.#codec.decode(before), { filter });
    const signals: Delivered[] = [];
    for (const until = performance.now() + PAGE_MS; performance.now() < until;) {
      const rows = scan.backwards();
      if (rows === null) return { signals, next: this.#codec.encode(scan.cursor), more: false };
      for (const row of rows) {
        if (signals.length === limit) return { signals, next: this.#codec.encode(scan.cursor), more: true };
        signals.push(this.#delivered(scan, row)); // Its cursor has it: resuming begins after it.
        scan.passBack(row);
      }
      scan.settleBackwards();
    }
    return { signals, next: this.#codec.encode(scan.cursor), more: true };
  }

  #delivered({ cursor }: Scan, { json }: Row): Delivered {
    return { cursor: this.#codec.encode(cursor), signal: parsed<Signal>({ body: json }) };
  }

  #signals(statement: string, ...values: readonly string[]): readonly Signal[] {
    return this.#model.sql.prepare(statement).all(...values).map(parsed<Signal>);
  }
}

/** Sums, in order. */
class Curve {
  readonly #points: PnlPoint[] = [];
  readonly #otherFees = new Map<string, Decimal>();
  #pnl = ZERO;
  #fees = ZERO;

  add({ lastFillAt: at, closedPnl, fees }: Signal): void {
    this.#pnl = add(this.#pnl, parseDecimal(closedPnl));
    for (const [token, fee] of Object.entries(fees)) {
      if (token === QUOTE) this.#fees = add(this.#fees, parseDecimal(fee));
      else this.#otherFees.set(token, add(this.#otherFees.get(token) ?? ZERO, parseDecimal(fee)));
    }
    if (this.#points.at(-1)?.at === at) this.#points.pop();
    this.#points.push({ at, closedPnl: format(this.#pnl), fees: format(this.#fees), net: format(subtract(this.#pnl, this.#fees)) });
  }

  result(): Omit<Pnl, 'address'> {
    const otherFees = Object.fromEntries(Array.from(this.#otherFees, ([token, sum]) => [token, format(sum)]));
    return { points: thinned(this.#points), otherFees, thinned: this.#points.length > MOST_POINTS };
  }
}

/* Written by the read model. */
function parsed<T>(row: Readonly<Record<string, unknown>>): T {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(String(row['body'])) as T;
}

/** The last of each share: the curve ends where it ends. */
function thinned<T>(points: readonly T[]): readonly T[] {
  if (points.length <= MOST_POINTS) return points;
  return Array.from({ length: MOST_POINTS }, (_, place) => points[Math.floor((place + 1) * points.length / MOST_POINTS) - 1]).filter((point) => point !== undefined);
}
