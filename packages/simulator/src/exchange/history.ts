// What the exchange remembers of one address, and can be asked for.
//
// H1  Fills stand in order of execution, also within a millisecond; the last FILLS_KEPT of them exist.
// H2  An order's row is its last status; what is left of an open one shrinks with each fill, though no update says so.

import type { AccountData, FillData, OrderUpdateData } from '../record.ts';

/** No older fill can be asked for. */
export const FILLS_KEPT = 10_000;
/** Rows of one answer, and fills of a snapshot. */
export const ROWS = 2_000;
const ORDERS_KEPT = 20_000;

export class History {
  #fills: FillData[] = [];
  /** by oid, the one that changed last at the end */
  readonly #orders = new Map<number, OrderUpdateData>();
  readonly #triggers = new Map<number, OrderUpdateData>();
  #value: AccountData = { time: 0, accountValue: '0.0' };

  get value(): AccountData {
    return this.#value;
  }

  setValue(value: AccountData): void {
    this.#value = value;
  }

  addFill(fill: FillData, left: string): void {
    this.#fills.push(fill);
    if (this.#fills.length >= 2 * FILLS_KEPT) this.#fills = this.#fills.slice(-FILLS_KEPT);
    const row = this.#orders.get(fill.oid);
    if (row !== undefined && isOpen(row)) this.#orders.set(fill.oid, { ...row, order: { ...row.order, sz: left } });
  }

  addStatus(row: OrderUpdateData): void {
    const { oid } = row.order;
    this.#orders.delete(oid);
    this.#orders.set(oid, row);
    if (row.status === 'triggered') this.#triggers.set(oid, row);
    if (this.#orders.size > ORDERS_KEPT) this.#forgetOrder();
  }

  /** Ascending, `from` to `to` inclusive (ms): at most ROWS. */
  fillsBetween(from: number, to: number): readonly FillData[] {
    const fills = this.#fills.slice(-FILLS_KEPT);
    return fills.filter(({ time }) => time >= from && time <= to).slice(0, ROWS);
  }

  /** The last ROWS, newest first. */
  lastFills(which: 'all' | 'slices' = 'all'): readonly FillData[] {
    const fills = this.#fills.slice(-FILLS_KEPT);
    return fills.filter((fill) => which === 'all' || fill.twapId !== null).slice(-ROWS).reverse();
  }

  /** The last ROWS, newest first; an order that was triggered has a row for that too. */
  lastOrders(): readonly OrderUpdateData[] {
    const rows: OrderUpdateData[] = [];
    for (const [oid, row] of [...this.#orders].reverse()) {
      if (rows.length >= ROWS) break;
      rows.push(row);
      const trigger = this.#triggers.get(oid);
      if (trigger !== undefined && trigger !== row) rows.push(trigger);
    }
    return rows.sort((one, other) => other.statusTimestamp - one.statusTimestamp).slice(0, ROWS);
  }

  openOrders(): readonly OrderUpdateData[] {
    return [...this.#orders.values()].filter(isOpen);
  }

  /** By oid, or by the client's id; null when the exchange knows none. */
  order(id: number | string): OrderUpdateData | null {
    if (typeof id === 'number') return this.#orders.get(id) ?? null;
    return [...this.#orders.values()].findLast(({ order }) => order.cloid === id) ?? null;
  }

  #forgetOrder(): void {
    const [oldest] = this.#orders.keys();
    if (oldest === undefined) return;
    this.#orders.delete(oldest);
    this.#triggers.delete(oldest);
  }
}

function isOpen(row: OrderUpdateData): boolean {
  return row.status === 'open' || row.status === 'triggered';
}
