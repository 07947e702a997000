// A market that lives beside a clock: its records come when they are due, and a later start goes on where this one ended.
//
// I1  The market runs on a time of its own; a span says what wall time a stretch of it was. A moment of the market has one
//     wall time for good, so a fill repeated after a restart still says when it happened.
// I2  receivedAt never decreases, over restarts too.
// I3  A cursor counts the market's records: no record comes twice over a restart, and none is left out.

import { invariant, itemAt } from './invariant.ts';
import { market } from './market.ts';
import type { MarketOptions, Shares } from './options.ts';
import { hash32 } from './random.ts';
import type { JournalRecord } from './record.ts';

/** When a market starts on its own time; any moment would do. */
const MARKET_EPOCH = 1_700_000_000_000;
/** Records an order leads to, measured with the default shares. */
const RECORDS_PER_ORDER = 3.6;
/** A clock that jumps further (a machine that slept) pauses the market instead of flooding its reader. */
const LONGEST_CATCH_UP_MS = 5_000;
/** Longer than any order of the market lives, its repeated fills included. */
const SPAN_MEMORY_MS = 4 * 3_600_000;
const TICK_MS = 1_000;

/** From `from` on (market time), wall time is market time + `shift`. */
export type DemoSpan = { readonly from: number; readonly shift: number };

/** Plain JSON. `market` tells one market from another; `at` is how far market time has come. */
export type DemoCursor = {
  readonly market: string;
  readonly records: number;
  readonly at: number;
  readonly spans: readonly DemoSpan[];
};

export type DemoBatch = { readonly records: readonly JournalRecord[]; readonly cursor: DemoCursor };

export type DemoOptions = {
  readonly seed: number | string;
  /** wall clock, milliseconds since the epoch; set back, it pauses the feed until it has caught up */
  readonly now: () => number;
  /** resolves after so many milliseconds, or earlier: the feed looks at `now` again */
  readonly sleep: (ms: number) => Promise<void>;
  /** about how many records a second of fills, updates and snapshots; default 20 */
  readonly ratePerSecond?: number;
  /** default 5 made-up addresses */
  readonly addresses?: number | readonly string[];
  readonly shares?: Partial<Shares>;
  /** where an earlier feed of the same seed, rate, addresses and shares ended */
  readonly from?: DemoCursor;
  /** ends the feed */
  readonly signal?: AbortSignal;
};

/**
 * Batches of records as they fall due, a tick each second among them, each with the cursor that follows it. A `from` of a
 * different market is a RangeError. Starting from a cursor runs the market silently up to it: about 500,000 records a second.
 */
export async function* demoFeed(options: DemoOptions): AsyncGenerator<DemoBatch, void, void> {
  const feed = new Feed(options);
  while (options.signal?.aborted !== true) {
    const batch = feed.take(options.now());
    if (batch !== null) yield batch;
    else await options.sleep(feed.waitMs(options.now()));
  }
}

class Feed {
  readonly #name: string;
  readonly #records: Generator<JournalRecord, void, void>;
  readonly #spans: DemoSpan[];
  #taken: number;
  #upcoming: JournalRecord;
  #at: number;
  /** the last wall time seen; never decreases */
  #wallAt: number;
  #tickedAt: number;

  constructor(options: DemoOptions) {
    const market = marketOf(options);
    const { from } = options;
    this.#name = market.name;
    this.#records = market.records;
    if (from !== undefined && from.market !== market.name) {
      throw new RangeError(`expected a cursor of market ${market.name}; got one of ${from.market}`);
    }
    for (let skipped = 0; skipped < (from?.records ?? 0); skipped += 1) nextOf(market.records);
    this.#taken = from?.records ?? 0;
    this.#at = from?.at ?? MARKET_EPOCH;
    this.#spans = [...(from?.spans ?? [])];
    this.#wallAt = Math.max(options.now(), from === undefined ? 0 : wallTime(this.#spans, this.#at));
    this.#tickedAt = this.#wallAt;
    this.#upcoming = nextOf(market.records);
    this.#openSpan();
  }

  /** What is due at `now`; null when nothing is. */
  take(now: number): DemoBatch | null {
    this.#moveTo(now);
    const records: JournalRecord[] = [];
    while (this.#upcoming.receivedAt <= this.#at) {
      records.push(onWall(this.#upcoming, this.#spans, this.#wallAt));
      this.#upcoming = nextOf(this.#records);
      this.#taken += 1;
    }
    if (this.#wallAt - this.#tickedAt >= TICK_MS) {
      records.push({ kind: 'tick', receivedAt: this.#wallAt });
      this.#tickedAt = this.#wallAt;
    }
    return records.length === 0 ? null : { records, cursor: this.#cursor() };
  }

  waitMs(now: number): number {
    const untilRecord = this.#upcoming.receivedAt + itemAt(this.#spans, this.#spans.length - 1).shift - now;
    return Math.max(1, Math.min(untilRecord, this.#tickedAt + TICK_MS - now, TICK_MS));
  }

  #moveTo(now: number): void {
    const passed = now - this.#wallAt;
    if (passed <= 0) return;
    this.#wallAt = now;
    if (passed > LONGEST_CATCH_UP_MS) this.#openSpan();
    else this.#at += passed;
  }

  // From here on the market's moments are now's, whatever they were before.
  #openSpan(): void {
    this.#spans.push({ from: this.#at, shift: this.#wallAt - this.#at });
    while (this.#spans.length > 1 && itemAt(this.#spans, 1).from < this.#at - SPAN_MEMORY_MS) this.#spans.shift();
  }

  #cursor(): DemoCursor {
    return { market: this.#name, records: this.#taken, at: this.#at, spans: [...this.#spans] };
  }
}

function marketOf(options: DemoOptions): { readonly name: string; readonly records: Generator<JournalRecord, void, void> } {
  const { seed, ratePerSecond = 20, addresses = 5, shares = {} } = options;
  if (!(ratePerSecond > 0)) throw new RangeError(`expected ratePerSecond: more than 0; got ${ratePerSecond}`);
  const marketOptions: MarketOptions = {
    seed, addresses, shares, startAt: MARKET_EPOCH, tickEveryMs: 0, activity: 'skewed',
    ordersPerSecond: ratePerSecond / RECORDS_PER_ORDER,
  };
  return { name: `${seed}-${hash32(JSON.stringify(marketOptions)).toString(16)}`, records: market(marketOptions) };
}

function nextOf(records: Generator<JournalRecord, void, void>): JournalRecord {
  const { value } = records.next();
  invariant(value !== undefined, 'an endless market');
  return value;
}

function wallTime(spans: readonly DemoSpan[], at: number): number {
  let index = spans.length - 1;
  while (index > 0 && itemAt(spans, index).from > at) index -= 1;
  return at + itemAt(spans, index).shift;
}

function onWall(record: JournalRecord, spans: readonly DemoSpan[], receivedAt: number): JournalRecord {
  const wall = (at: number): number => wallTime(spans, at);
  if (record.kind === 'tick') return { kind: 'tick', receivedAt };
  if (record.kind === 'fill') return { ...record, receivedAt, data: { ...record.data, time: wall(record.data.time) } };
  if (record.kind === 'account') return { ...record, receivedAt, data: { ...record.data, time: wall(record.data.time) } };
  const { order, status, statusTimestamp } = record.data;
  const moved = { ...order, timestamp: wall(order.timestamp) };
  return { ...record, receivedAt, data: { order: moved, status, statusTimestamp: wall(statusTimestamp) } };
}
