// The past of an address, as far as REST has it: fills and the ends of their orders, as records in the order the topics must have.
//
// Q1  receivedAt is the exchange's own time (contract §1). Records ascend by it; within a millisecond fills go first, in the order of
//     execution.
// Q2  What lies outside of `from` and `to` is left out, ends of orders too: at `to` nobody knew of them.
// Q3  Only the last `fillsKept` fills exist: when so many came since `from`, what lies before the first of them is a gap.

import { Budget } from './budget.ts';
import type { LiveEvent, OnEvent } from './events.ts';
import { fetchHistory, type History, type Missing } from './history.ts';
import { InfoClient, PRIORITY } from './info.ts';
import type { Endpoint, FillRecord, Json, OrderUpdateRecord, Progress } from './ports.ts';
import { askableOid, endedOid, isId, isTime, timeOf } from './rows.ts';
import { EXCHANGE_LIMITS, periodsOf, type ExchangeLimits, type Periods } from './settings.ts';
import { fetchStatuses } from './statuses.ts';
import { Symbols } from './symbols.ts';

export { InfoError } from './info.ts';
export type { Missing } from './history.ts';

export type PastOptions = {
  readonly endpoint: Pick<Endpoint, 'info'>;
  readonly signal: AbortSignal;
  readonly limits?: Partial<ExchangeLimits>;
  readonly periods?: Partial<Periods>;
  /** From 0 to 1, below 1. */
  readonly random?: () => number;
  readonly onEvent?: OnEvent;
};

export type PastRequest = {
  /** In lower case. */
  readonly address: string;
  /** ms, the exchange's clock; both inclusive. */
  readonly from: number;
  readonly to: number;
  /** Of how many orders at most the end is asked for one by one, the latest ones: those that the last orders of the address don't show. */
  readonly statuses: number;
};

type Backfilled<R> = Omit<R, 'source'> & { readonly source: 'backfill' };
export type PastRecord = Backfilled<FillRecord> | Backfilled<OrderUpdateRecord>;

export type Past = {
  readonly records: readonly PastRecord[];
  readonly fills: number;
  /** Orders of these fills, and how many of them ended; the end of so many more wasn't asked for. */
  readonly orders: number;
  readonly ended: number;
  readonly unasked: number;
  readonly firstFillAt: number | null;
  /** Of the last fill; null without any. */
  readonly progress: Progress | null;
  /** The one before the first fill that can be had ends with it, whatever `to` is. */
  readonly gaps: readonly Missing[];
};

/** Longer than the feed's: nobody waits for it. */
const REQUEST_ATTEMPTS = 8;

export class PastClient {
  readonly #signal: AbortSignal;
  readonly #limits: ExchangeLimits;
  readonly #periods: Periods;
  readonly #onEvent: OnEvent;
  readonly #info: InfoClient;
  readonly #symbols: Symbols;

  /** Throws InfoError when the exchange doesn't tell its display names, or the signal's reason. */
  static async connect(options: PastOptions): Promise<PastClient> {
    const client = new PastClient(options);
    await client.#symbols.load();
    return client;
  }

  private constructor({ endpoint, signal, random = Math.random, onEvent = () => undefined, ...options }: PastOptions) {
    this.#signal = signal;
    this.#limits = { ...EXCHANGE_LIMITS, ...options.limits };
    this.#periods = periodsOf(1, options.periods);
    this.#onEvent = onEvent;
    const budget = new Budget({ limit: this.#limits.weightPerMinute, windowMs: this.#periods.minuteMs });
    this.#info = new InfoClient({
      url: endpoint.info, budget, limits: this.#limits, periods: this.#periods, attempts: REQUEST_ATTEMPTS, random, onEvent,
    });
    this.#symbols = new Symbols({ info: this.#info, periods: this.#periods, signal, onEvent });
  }

  /** Throws InfoError when the exchange doesn't answer after all attempts, or the signal's reason. */
  async fetch(request: PastRequest): Promise<Past> {
    const history = await this.#historyFrom(request);
    const rows = history.rows.map(({ data }) => data);
    const fills = rows.filter((row) => isWithin(timeOf(row) ?? request.from, request));
    const orders = new Set(fills.flatMap((row) => askableOid(row) ?? []));
    const { updates, unasked } = await this.#endsOf([...orders], request);
    const ends = updates.filter((row) => endedOid(row) !== null && isWithin(row['statusTimestamp'], request));
    return {
      records: this.#recordsOf(fills, ends, request),
      fills: fills.length,
      orders: orders.size,
      ended: new Set(ends.map(endedOid)).size,
      unasked,
      firstFillAt: fills.length === 0 ? null : leastTime(fills),
      progress: progressOf(fills),
      gaps: gapsOf(history, rows, request, this.#limits),
    };
  }

  /** Up to now, whatever `to` is: nothing else tells how many there are (Q3). */
  async #historyFrom({ address, from }: PastRequest): Promise<History> {
    return await fetchHistory({
      info: this.#info, address, limits: this.#limits, lagMs: this.#periods.lagMs, from, known: null, snapshot: null, confirm: true,
      ask: { priority: PRIORITY.repair, signal: this.#signal },
    });
  }

  async #endsOf(oids: readonly number[], { address, statuses }: PastRequest): Promise<{ readonly updates: readonly Json[]; readonly unasked: number }> {
    const updates: Json[] = [];
    let unasked = 0;
    await fetchStatuses({
      info: this.#info, address, oids, limit: statuses, signal: this.#signal,
      onUpdates: (rows) => {
        for (const row of rows) updates.push(row);
      },
      onEvent: (event: LiveEvent) => {
        if (event.kind === 'statusesUnasked') unasked = event.orders;
        this.#onEvent(event);
      },
    });
    return { updates, unasked };
  }

  #recordsOf(fills: readonly Json[], ends: readonly Json[], { address, from }: PastRequest): PastRecord[] {
    const records: PastRecord[] = fills.map((data) => {
      const symbol = this.#symbols.symbolOf(data['coin']);
      return {
        kind: 'fill', address, receivedAt: timeOf(data) ?? from, source: 'backfill', ...(symbol === undefined ? {} : { symbol }), data,
      };
    });
    for (const data of ends) {
      const { statusTimestamp } = data;
      records.push({ kind: 'orderUpdate', address, receivedAt: isTime(statusTimestamp) ? statusTimestamp : from, source: 'backfill', data });
    }
    return records.sort((one, other) => one.receivedAt - other.receivedAt); // Stable (Q1).
  }
}

function isWithin(time: unknown, { from, to }: PastRequest): boolean {
  return isTime(time) && time >= from && time <= to;
}

function leastTime(rows: readonly Json[]): number {
  return rows.reduce((least, row) => Math.min(least, timeOf(row) ?? Infinity), Infinity);
}

function progressOf(fills: readonly Json[]): Progress | null {
  const lastFillAt = fills.reduce((latest, row) => Math.max(latest, timeOf(row) ?? 0), 0);
  if (lastFillAt === 0) return null;
  return { lastFillAt, tids: fills.flatMap((row) => (timeOf(row) === lastFillAt && isId(row['tid']) ? [row['tid']] : [])) };
}

function gapsOf({ gaps }: History, rows: readonly Json[], { from, to }: PastRequest, { fillsKept }: ExchangeLimits): Missing[] {
  const crowded = gaps.filter((gap) => gap.from <= to);
  const first = leastTime(rows);
  if (rows.length < fillsKept || first <= from) return crowded;
  return [{ from, to: first, cause: 'history', reason: `only the last ${fillsKept} fills can be asked for` }, ...crowded];
}
