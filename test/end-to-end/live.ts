// The live feed before the fake exchange: a sink that keeps everything, and what has to be true of it.

import assert from 'node:assert/strict';
import {
  LiveFeed, periodsOf, type FeedSettings, type FillRecord, type GapRecord, type InputRecord, type LiveEvent, type LiveFeedOptions, type Periods,
  type Progress, type Sink,
} from '@fillstream/hyperliquid/live';
import { FakeExchange } from '@fillstream/simulator/exchange';
import { until } from './until.ts';

/** A minute of the protocol takes so much less. */
export const SCALE = 30;

export class KeepingSink implements Sink {
  readonly records: InputRecord[] = [];
  readonly gaps: GapRecord[] = [];
  readonly saved = new Map<string, Progress>();
  readonly problems: string[] = [];
  /** Calls that are under way, by address: there may be one. */
  readonly #busy = new Set<string>();
  readonly #durable = new Map<string, Set<number>>();
  /** What each call waits for; may throw. */
  before: (call: string) => Promise<void> | void = () => undefined;

  async append(records: readonly InputRecord[]): Promise<void> {
    const address = records[0]?.address ?? '';
    await this.#alone(address, 'append', () => {
      for (const record of records) {
        if (record.address !== address) this.problems.push('records of two addresses in one call');
        this.records.push(record);
        if (record.kind !== 'fill') continue;
        const tids = this.#durable.get(address) ?? new Set();
        this.#durable.set(address, tids.add(Number(record.data['tid'])));
      }
    });
  }

  async progress(address: string): Promise<Progress | null> {
    await this.before('progress');
    return this.saved.get(address) ?? null;
  }

  async saveProgress(address: string, progress: Progress): Promise<void> {
    await this.#alone(address, 'saveProgress', () => {
      if (progress.tids.some((tid) => this.#durable.get(address)?.has(tid) !== true)) this.problems.push('progress ahead of its fills');
      if (progress.lastFillAt < (this.saved.get(address)?.lastFillAt ?? 0)) this.problems.push('progress went back');
      this.saved.set(address, progress);
    });
  }

  async gap(gap: GapRecord): Promise<void> {
    await this.#alone(gap.address, 'gap', () => this.gaps.push(gap));
  }

  fills(address?: string): FillRecord[] {
    return this.records.filter((record) => record.kind === 'fill').filter((record) => address === undefined || record.address === address);
  }

  async #alone(address: string, call: string, task: () => void): Promise<void> {
    if (this.#busy.has(address)) this.problems.push(`two calls at once for ${address}`);
    this.#busy.add(address);
    try {
      await this.before(call);
      task();
    } finally {
      this.#busy.delete(address);
    }
  }
}

export type World = {
  readonly exchange: FakeExchange;
  readonly sink: KeepingSink;
  readonly feed: LiveFeed;
  readonly events: LiveEvent[];
};

export type WorldOptions = {
  readonly exchange?: Partial<Parameters<typeof FakeExchange.start>[0]>;
  readonly feed?: Partial<LiveFeedOptions>;
  readonly periods?: Partial<Periods>;
  readonly settings?: Partial<FeedSettings>;
  readonly sink?: KeepingSink;
  /** Without it all of them. */
  readonly watch?: readonly string[];
};

/** Starts both; the caller's test ends them. */
export async function startWorld(t: { after: (task: () => Promise<void>) => void }, options: WorldOptions = {}): Promise<World> {
  const exchange = await FakeExchange.start({
    seed: 1, addresses: 2, ordersPerSecond: 40, scale: SCALE, lifetimeMs: null, ...options.exchange,
    shares: { statusMissing: 0, ...options.exchange?.shares }, // An update that nobody is sent is nobody's gap.
  });
  t.after(async () => await exchange.close());
  const world = startFeed(exchange, options);
  t.after(async () => await world.feed.close().catch(() => undefined));
  return world;
}

export function startFeed(exchange: FakeExchange, { feed: some, periods, settings, sink = new KeepingSink(), watch }: WorldOptions = {}): World {
  const events: LiveEvent[] = [];
  const feed = new LiveFeed({
    endpoint: { ws: exchange.wsUrl, info: `${exchange.url}/info` }, sink, now: () => exchange.now(), onEvent: (event) => events.push(event),
    // A machine that is busy takes its time to answer; nothing here waits for these to pass.
    periods: { ...periodsOf(SCALE), openMs: 3_000, ackMs: 2_000, snapshotMs: 2_000, requestMs: 2_000, closeMs: 1_000, auditMs: 1e9, rotateMs: 0, ...periods },
    ...(settings === undefined ? {} : { settings }),
    ...some,
  });
  for (const address of watch ?? exchange.addresses) feed.watch(address);
  return { exchange, sink, feed, events };
}

/** All watched addresses hand on what comes. */
export async function untilLive({ feed }: Pick<World, 'feed'>): Promise<void> {
  await until('all are live', () => feed.status().addresses.every(({ state }) => state === 'live'));
}

/** Every fill that happened is in the sink; nobody traded before the feed began. */
export function missing({ exchange, sink, feed }: World): string[] {
  const keys = new Set(sink.fills().map(({ address, data }) => keyOf(address, data)));
  const watched = new Set(feed.status().addresses.map(({ address }) => address));
  return exchange.ledger.fills().filter(({ address }) => watched.has(address)).map(({ address, data }) => keyOf(address, data)).filter((key) => !keys.has(key));
}

export function keyOf(address: string, { oid, tid, time, sz, px }: { readonly [field: string]: unknown }): string {
  return JSON.stringify([address, oid, tid, time, sz, px]);
}

/** The market ends, what is under way arrives, and nothing is missing. */
export async function untilComplete(world: World): Promise<void> {
  world.exchange.halt();
  await until('no fill is missing', () => missing(world).length === 0);
  assert.deepEqual(world.sink.problems, []);
}

/** No limit of the exchange was gone beyond. */
export function assertWithinLimits(exchange: FakeExchange): void {
  for (const { over } of exchange.violations) assert.deepEqual(Object.entries(over).filter(([, times]) => times > 0), []);
}

/** What a record says is what the exchange said, untouched; times of arrival never go back where records came live. */
export function assertUntouched({ exchange, sink }: World): void {
  const told = new Map(exchange.ledger.fills().map(({ address, data }) => [keyOf(address, data), data]));
  for (const { address, data } of sink.fills()) assert.deepEqual(data, told.get(keyOf(address, data)));
}

/** Orders that filled and ended on the exchange, and whose end is not in the sink. */
export function unendedOrders({ exchange, sink, feed }: World): number[] {
  const watched = new Set(feed.status().addresses.map(({ address }) => address));
  const known = new Set(sink.records.flatMap((record) => (record.kind === 'orderUpdate' && isEnd(record.data['status']) ? [oidOf(record.data)] : [])));
  const filled = new Set(sink.fills().map(({ data }) => data['oid']));
  return exchange.ledger.records
    .flatMap((record) => (record.kind === 'orderUpdate' && watched.has(record.address) && isEnd(record.data.status) ? [record.data.order.oid] : []))
    .filter((oid) => filled.has(oid) && !known.has(oid));
}

function isEnd(status: unknown): boolean {
  return status !== 'open' && status !== 'triggered';
}

function oidOf({ order }: { readonly [field: string]: unknown }): unknown {
  return typeof order === 'object' && order !== null && 'oid' in order ? order.oid : null;
}
