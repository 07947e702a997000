// A list of signals that follows the log: what there was, page by page, and what comes.
//
// L1  What comes begins behind the newest signal that was fetched: no gap between them, nothing twice.
// L2  It's held still while anybody has a reason: a button, a scroll away from the top, a row with the focus.
// L3  A cursor that the gateway no longer takes (another log) begins the list anew.

import type { Delivered, Filter, GatewayError } from '@fillstream/client';
import { signal } from '@preact/signals';
import { Tape } from '../src/model/tape.ts';
import { follow, link } from './connection.ts';
import { errorOf, gatewayClient } from './fetched.ts';

export type HoldReason = 'button' | 'scroll' | 'focus';
export type Past =
  | { readonly kind: 'loading' }
  | { readonly kind: 'more' }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly error: GatewayError };

const GREATEST_ROWS = 20_000;
const PAGE_ROWS = 250;
const RATE_SECONDS = 5;
const RETRY_MS = 3_000;

export class LiveList {
  #tape = new Tape(GREATEST_ROWS);
  /** Another one for each change, so that whoever draws it draws it again. */
  readonly #drawn = signal({ tape: this.#tape });
  readonly past = signal<Past>({ kind: 'loading' });
  /** What there was has been fetched, or couldn't be. */
  readonly hasBegun = signal(false);
  readonly holds = signal<readonly HoldReason[]>([]);
  /** Signals a second, over the last seconds. */
  readonly rate = signal(0);
  readonly #filter: Filter;
  #before: string | null = null;
  #counts: number[] = [0];
  #stop = new AbortController();
  #unfollow: (() => void) | null = null;
  #timers: number[] = [];

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  get tape(): Tape {
    return this.#drawn.value.tape;
  }

  start(): void {
    this.#timers.push(window.setInterval(() => this.#tick(), 1_000));
    link.value = { kind: 'connecting' };
    void this.#begin();
  }

  stop(): void {
    this.#stop.abort();
    this.#unfollow?.();
    for (const timer of this.#timers) clearTimeout(timer);
    link.value = null;
  }

  hold(reason: HoldReason): void {
    if (!this.holds.value.includes(reason)) this.#setHolds([...this.holds.value, reason]);
  }

  release(reason: HoldReason): void {
    if (this.holds.value.includes(reason)) this.#setHolds(this.holds.value.filter((other) => other !== reason));
  }

  releaseAll(): void {
    this.#setHolds([]);
  }

  /** The next page from before the oldest row. */
  async older(): Promise<void> {
    if (this.past.value.kind !== 'more' || this.#before === null || this.#tape.isFull) return;
    this.past.value = { kind: 'loading' };
    const before = this.#before;
    await this.#fetch(before, (signals) => this.#tape.prepend(signals));
  }

  async #begin(): Promise<void> {
    this.#tape = new Tape(GREATEST_ROWS);
    this.past.value = { kind: 'loading' };
    const { signal: stopped } = this.#stop;
    let newest: string | undefined;
    const isFetched = await this.#fetch(null, (signals) => {
      newest = signals[0]?.cursor;
      this.#tape.prepend(signals);
    });
    if (stopped.aborted) return;
    this.hasBegun.value = true;
    if (!isFetched) {
      this.#again();
      return;
    }
    this.#setHolds(this.holds.value);
    this.#unfollow = follow({
      filter: this.#filter,
      from: newest === undefined ? 'earliest' : { cursor: newest }, // L1
      onBatch: (deliveries) => this.#onBatch(deliveries),
      onEnd: ({ code }) => {
        if (code === 'bad-cursor') this.#again(); // L3
      },
    });
  }

  #again(): void {
    this.#timers.push(window.setTimeout(() => void this.#begin(), RETRY_MS));
  }

  /** False when it couldn't be had. */
  async #fetch(before: string | null, take: (signals: readonly Delivered[]) => void): Promise<boolean> {
    const { signal: stopped } = this.#stop;
    try {
      const query = { ...this.#filter, order: 'desc' as const, limit: PAGE_ROWS, ...(before === null ? {} : { before }) };
      const { signals, next, more } = await gatewayClient().signals(query, { signal: stopped });
      take(signals);
      this.#before = next;
      this.past.value = { kind: more ? 'more' : 'end' };
      this.#draw();
      return true;
    } catch (thrown) {
      if (stopped.aborted) return false;
      const error = errorOf(thrown);
      this.past.value = { kind: 'failed', error };
      if (before === null) link.value = { kind: 'waiting', until: Date.now() + RETRY_MS, reason: error.message };
      return false;
    }
  }

  #onBatch(deliveries: readonly Delivered[]): void {
    this.#tape.append(deliveries);
    this.#counts[0] = (this.#counts[0] ?? 0) + deliveries.length;
    this.#draw();
  }

  #draw(): void {
    this.#drawn.value = { tape: this.#tape };
  }

  #tick(): void {
    const seconds = this.#counts;
    const sum = seconds.reduce((all, count) => all + count, 0);
    this.rate.value = sum / Math.min(seconds.length, RATE_SECONDS);
    this.#counts = [0, ...seconds.slice(0, RATE_SECONDS - 1)];
  }

  #setHolds(holds: readonly HoldReason[]): void {
    this.holds.value = holds;
    if (holds.length > 0) this.#tape.hold();
    else this.#tape.release();
    this.#draw();
  }
}
