// The last minutes of a feed, second by second: how many signals came, and how long they took from the log to here.

import type { RatePoint } from '@fillstream/client';

const KEPT_SECONDS = 300;
const SECOND_MS = 1_000;

export class Rates {
  #points: Omit<RatePoint, 'lag'>[] = [];
  /** Of the second that is not over. */
  #second: number;
  #signals = 0;
  #latencies: number[] = [];

  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / SECOND_MS);
  }

  /** `appendedAt` in milliseconds, null where nobody knows. */
  note(appendedAt: number | null, nowMs: number): void {
    this.#turn(nowMs);
    this.#signals += 1;
    if (appendedAt !== null) this.#latencies.push(Math.max(0, nowMs - appendedAt));
  }

  /** Whole seconds, the oldest first; those in which nothing came too. */
  points(nowMs: number): readonly Omit<RatePoint, 'lag'>[] {
    this.#turn(nowMs);
    return this.#points;
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second <= this.#second) return;
    const first = Math.max(this.#second, second - KEPT_SECONDS);
    const over: Omit<RatePoint, 'lag'>[] = [];
    for (let at = first; at < second; at += 1) over.push(at === this.#second ? this.#point(at) : { at: at * SECOND_MS, signals: 0, p50Ms: null, p99Ms: null });
    this.#points = [...this.#points, ...over].slice(-KEPT_SECONDS);
    [this.#second, this.#signals, this.#latencies] = [second, 0, []];
  }

  #point(second: number): Omit<RatePoint, 'lag'> {
    const sorted = this.#latencies.sort((a, b) => a - b);
    const rank = (share: number): number | null => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
    return { at: second * SECOND_MS, signals: this.#signals, p50Ms: rank(0.5), p99Ms: rank(0.99) };
  }
}
