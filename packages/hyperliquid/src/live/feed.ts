// The live feed: from a list of addresses to a stream of input records, within the exchange's limits and without gaps.
//
// V1  Records of one address reach the sink in the order in which the topics must have them; several addresses run beside each other.
// V2  All requests, connections and messages of a process go through one set of budgets: limits are the IP's.
// V3  An address beyond the capacity waits, is told, and begins when another is let go.
// V4  A failure of the sink that lasts ends the feed: `done` rejects. Nothing else does.

import { checkAddress } from '../record.ts';
import { pollAccounts } from './accounts.ts';
import { Budget } from './budget.ts';
import { Tally, type Tallied } from './tally.ts';
import { detailOf, type LiveEvent, type OnEvent } from './events.ts';
import { InfoClient } from './info.ts';
import { Pool } from './pool.ts';
import type { Endpoint, Sink } from './ports.ts';
import { EXCHANGE_LIMITS, FEED_SETTINGS, periodsOf, type ExchangeLimits, type FeedSettings, type Periods } from './settings.ts';
import { Symbols } from './symbols.ts';
import type { Missing } from './upkeep.ts';
import { isStopped, sleep, wallClock } from './waiting.ts';
import { Watch, type Shared, type WatchStatus } from './watch.ts';

export type { ConnectionEnd, LiveEvent, OnEvent, RepairReason } from './events.ts';
export {
  MAINNET, RAW_TEXT_CHARS, TESTNET, type AccountRecord, type Endpoint, type FillRecord, type GapRecord, type InputRecord, type Json,
  type OrderUpdateRecord, type Progress, type RawRecord, type Sink, type Source,
} from './ports.ts';
export { EXCHANGE_LIMITS, FEED_SETTINGS, periodsOf, type ExchangeLimits, type FeedSettings, type Periods } from './settings.ts';
export type { Tallied } from './tally.ts';
export type { WatchStatus } from './watch.ts';

export type LiveFeedOptions = {
  readonly endpoint: Endpoint;
  readonly sink: Sink;
  readonly limits?: Partial<ExchangeLimits>;
  /** Divides all periods that aren't named; 1 is real time. */
  readonly scale?: number;
  readonly periods?: Partial<Periods>;
  readonly settings?: Partial<FeedSettings>;
  /** From 0 to 1, below 1. */
  readonly random?: () => number;
  /** Milliseconds since the epoch; never decreasing. */
  readonly now?: () => number;
  readonly onEvent?: OnEvent;
};

/** `waiting`: more addresses than connections. */
export type WatchAnswer = 'watching' | 'waiting' | 'bad-address' | 'closed';

export type Usage = { readonly used: number; readonly limit: number; readonly waiting: number };

export type FeedStatus = {
  readonly capacity: number;
  readonly addresses: readonly WatchStatus[];
  readonly connections: Usage;
  readonly connects: Usage;
  readonly messages: Usage;
  readonly weight: Usage;
  readonly unknownCoins: number;
  readonly counts: Tallied;
};

export class LiveFeed {
  /** Resolves when the feed was closed; rejects with the sink's error when it failed for good. */
  readonly done: Promise<void>;
  readonly capacity: number;
  readonly #shared: Shared;
  readonly #budgets: { readonly connects: Budget; readonly messages: Budget; readonly weight: Budget };
  readonly #pool: Pool;
  readonly #symbols: Symbols;
  readonly #tally = new Tally();
  readonly #stop = new AbortController();
  readonly #watches = new Map<string, Watch | null>();
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #settle: { resolve: () => void; reject: (error: unknown) => void };
  readonly #chores: Promise<unknown>;
  readonly #ready: Promise<void>;
  #waiting: string[] = [];
  #closing: Promise<void> | null = null;

  constructor({ endpoint, sink, random = Math.random, now = wallClock, onEvent, ...options }: LiveFeedOptions) {
    const limits = { ...EXCHANGE_LIMITS, ...options.limits };
    const periods = periodsOf(options.scale, options.periods);
    const settings = { ...FEED_SETTINGS, ...options.settings };
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => undefined); // Who wants to know of it asks.
    this.done = done.promise;
    this.#settle = done;
    const tell = (event: LiveEvent): void => {
      this.#tally.count(event);
      onEvent?.(event);
    };
    const budgetOf = (limit: number): Budget => new Budget({ limit, windowMs: periods.minuteMs });
    this.#budgets = {
      connects: budgetOf(limits.connectsPerMinute), messages: budgetOf(limits.messagesPerMinute), weight: budgetOf(limits.weightPerMinute),
    };
    this.#pool = new Pool({ connections: limits.connections, connects: this.#budgets.connects, periods });
    const info = new InfoClient({
      url: endpoint.info, budget: this.#budgets.weight, limits, periods, attempts: settings.requestAttempts, random, onEvent: tell,
    });
    this.#symbols = new Symbols({ info, periods, signal: this.#stop.signal, onEvent: tell });
    this.capacity = Math.min(limits.connections, limits.users, Math.floor(limits.subscriptions / (settings.twapSlices ? 3 : 2)));
    this.#shared = {
      url: endpoint.ws, sink, info, symbols: this.#symbols, pool: this.#pool, messages: this.#budgets.messages,
      limits, periods, settings, random, now, onEvent: tell, onFailed: (error) => this.#fail(error),
    };
    // Fills without a display name are better than none.
    this.#ready = Promise.race([this.#symbols.load().catch(() => undefined), sleep(periods.requestMs, this.#stop.signal)]);
    this.#chores = Promise.all([this.#symbols.keepFresh(), this.#poll(info), this.#audits()])
      .catch((error: unknown) => this.#fail(error));
  }

  /** The address in any letter case. Watching what is watched already changes nothing. */
  watch(text: string): WatchAnswer {
    if (isStopped(this.#stop.signal)) return 'closed';
    const address = checkAddress(text);
    if (address === null) return 'bad-address';
    if (this.#watches.has(address)) return 'watching';
    if (this.#waiting.includes(address)) return 'waiting';
    this.#waiting.push(address);
    this.#promote();
    if (this.#watches.has(address)) return 'watching';
    if (!this.#leaving.has(address)) this.#shared.onEvent({ kind: 'overCapacity', address, capacity: this.capacity });
    return 'waiting';
  }

  /** Resolves when nothing more of the address comes, and what came is durable. */
  async unwatch(text: string): Promise<void> {
    const address = checkAddress(text) ?? text;
    this.#waiting = this.#waiting.filter((other) => other !== address);
    const watch = this.#watches.get(address);
    if (watch === undefined) {
      await this.#leaving.get(address);
      return;
    }
    this.#watches.delete(address);
    const left = (watch?.close() ?? Promise.resolve()).finally(() => {
      this.#leaving.delete(address);
      this.#promote();
    });
    this.#leaving.set(address, left);
    await left;
  }

  /** Asks for an order that misses fills, or only its end; what is found comes as records. */
  repair(text: string, { oid, missing }: { readonly oid: number; readonly missing: Missing }): void {
    const address = checkAddress(text) ?? text;
    const watch = this.#watches.get(address) ?? null;
    if (watch === null) this.#shared.onEvent({ kind: 'repairRefused', address, oid, why: 'not-watched' });
    else if (!watch.ask(oid, missing)) this.#shared.onEvent({ kind: 'repairRefused', address, oid, why: 'too-many' });
  }

  status(): FeedStatus {
    const { connects, messages, weight } = this.#budgets;
    const usage = ({ used, limit, waiting }: Budget): Usage => ({ used, limit, waiting });
    const begun = [...this.#watches].map(([address, watch]) => watch?.status ?? idle(address, 'connecting'));
    return {
      capacity: this.capacity,
      addresses: [...begun, ...this.#waiting.map((address) => idle(address, 'waiting'))],
      connections: { used: this.#pool.taken, limit: this.#shared.limits.connections, waiting: this.#pool.waiting },
      connects: usage(connects), messages: usage(messages), weight: usage(weight),
      unknownCoins: this.#symbols.unknown,
      counts: this.#tally.counts,
    };
  }

  /** Ends all connections; resolves when everything that was handed on is durable. Rejects with what ended the feed before. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
    await this.done;
  }

  async #close(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#waiting = [];
    await Promise.all([...[...this.#watches.values()].map(async (watch) => await watch?.close()), ...this.#leaving.values()]);
    await this.#chores;
    this.#pool.close();
    this.#settle.resolve();
  }

  #promote(): void {
    while (this.#watches.size + this.#leaving.size < this.capacity && !isStopped(this.#stop.signal)) {
      const address = this.#waiting.find((other) => !this.#leaving.has(other));
      if (address === undefined) return;
      this.#waiting = this.#waiting.filter((other) => other !== address);
      this.#watches.set(address, null);
      void this.#begin(address);
    }
  }

  async #begin(address: string): Promise<void> {
    const { periods, random, settings, sink, onEvent } = this.#shared;
    await this.#ready;
    for (let attempt = 1; this.#watches.get(address) === null && !isStopped(this.#stop.signal); attempt += 1) {
      try {
        const progress = await sink.progress(address);
        if (this.#watches.get(address) !== null || isStopped(this.#stop.signal)) return;
        this.#watches.set(address, new Watch(address, progress, this.#shared));
        return;
      } catch (error) {
        onEvent({ kind: 'sinkFailed', address, call: 'progress', detail: detailOf(error) });
        if (attempt >= settings.sinkAttempts) this.#fail(error);
      }
      await sleep(random() * periods.retryMostMs, this.#stop.signal);
    }
  }

  #poll(info: InfoClient): Promise<void> {
    return pollAccounts({
      info, periodMs: this.#shared.periods.accountMs, signal: this.#stop.signal,
      addresses: () => [...this.#watches.values()].flatMap((watch) => (watch === null ? [] : [watch.address])),
      onValue: (address, value) => this.#watches.get(address)?.intake.pushAccount(value),
    });
  }

  async #audits(): Promise<void> {
    const { signal } = this.#stop;
    for (let turn = 0; !isStopped(signal); turn += 1) {
      const watches = [...this.#watches.values()];
      await sleep(this.#shared.periods.auditMs / Math.max(watches.length, 1), signal);
      if (!isStopped(signal)) watches[turn % Math.max(watches.length, 1)]?.audit();
    }
  }

  #fail(error: unknown): void {
    this.#settle.reject(error);
    this.#closing ??= this.#close();
  }
}

function idle(address: string, state: 'connecting' | 'waiting'): WatchStatus {
  return { address, state, held: 0, queued: 0, isPaused: false, progress: null };
}
