// Time for the topics: a tick each second, once everything that arrived before it is durable.
//
// T1  While records wait, time waits: a tick that overtook them would end orders whose fills are on their way.
// T2  It looks often while something waits, and else not before the next tick is due.

import type { WatchStatus } from '@fillstream/hyperliquid/live';

const EVERY_MS = 1_000;
const LOOK_MS = 20;

export type TickerOptions = {
  /** Of each address, among others how many records wait for the log. */
  readonly addresses: () => readonly WatchStatus[];
  /** False while what was taken isn't in the log yet. */
  readonly isClear?: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves when the tick is durable. What it throws is met by the next one. */
  readonly tick: (at: number) => Promise<void>;
};

export class Ticker {
  readonly #options: TickerOptions;
  #timer: NodeJS.Timeout;
  /** The next tick's time, and the addresses with records that arrived before it. */
  #next: { readonly at: number; readonly waiting: Set<string> } | null = null;
  #ticking: Promise<void> | null = null;
  #lastAt = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#timer = this.#lookIn(LOOK_MS);
  }

  /** Resolves when the last tick is durable, or failed. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#ticking;
  }

  #lookIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#look();
      const untilDue = this.#next === null ? this.#lastAt + EVERY_MS - this.#options.now() : 0;
      this.#timer = this.#lookIn(Math.min(EVERY_MS, Math.max(LOOK_MS, untilDue))); // T2
    }, ms);
  }

  #look(): void {
    const { addresses, isClear = () => true, now } = this.#options;
    if (this.#ticking !== null) return;
    const queued = new Map(addresses().map((each) => [each.address, each.queued]));
    if (this.#next === null) {
      const at = now();
      if (at - this.#lastAt < EVERY_MS) return;
      this.#next = { at, waiting: new Set(queued.keys()) };
    }
    const { at, waiting } = this.#next;
    for (const address of waiting) if ((queued.get(address) ?? 0) === 0) waiting.delete(address);
    if (waiting.size > 0 || !isClear()) return; // T1
    [this.#next, this.#lastAt] = [null, at];
    this.#ticking = this.#options.tick(at).catch(() => undefined).finally(() => {
      this.#ticking = null;
    });
  }
}
