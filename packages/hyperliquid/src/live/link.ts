// Keeps one address connected and subscribed, as long as it is watched.
//
//   connecting ──acknowledged──▶ up ──ended──▶ connecting (after a jittered wait)
//        ▲                        │
//        └──not acknowledged      └──old enough, and one more connection is free──▶ up on a new one, then the old one is closed
//
// L1  Each wait grows with the failures in a row; a connection that held for `stableMs` begins anew.
// L2  Between `onSubscribing` and `onUp` no frame of the new connection is missed, nor passed on before what it follows.
// L3  While it is paused nothing is read, and nothing is connected anew; what is being subscribed to is finished first.

import type { Budget } from './budget.ts';
import type { Connection, DataFrame, Ended } from './connection.ts';
import { detailOf, type ConnectionEnd } from './events.ts';
import type { Subscription } from './frames.ts';
import type { Pool } from './pool.ts';
import type { Periods } from './settings.ts';
import { isStopped, jittered, sleep } from './waiting.ts';

export type LinkHandlers = {
  readonly onSubscribing: () => void;
  readonly onUp: () => void;
  readonly onFrame: (frame: DataFrame, text: string) => void;
  /** `isUp`: another connection of the address still stands. */
  readonly onDown: (end: ConnectionEnd, detail: string, isUp: boolean) => void;
};

export type LinkOptions = {
  readonly url: string;
  readonly subscriptions: readonly Subscription[];
  readonly pool: Pool;
  readonly messages: Budget;
  readonly periods: Periods;
  readonly random: () => number;
  readonly handlers: LinkHandlers;
};

type Step = { readonly kind: 'ended'; readonly ended: Ended } | { readonly kind: 'old' };

export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #connections = new Map<Connection, 'subscribing' | 'up'>();
  readonly #running: Promise<void>;
  #isPaused = false;
  #onResumed: () => void = () => undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get isUp(): boolean {
    return this.#connections.size > 0;
  }

  /** Nothing is read any more, until `resume`: the sink is behind. */
  pause(): void {
    this.#isPaused = true;
    for (const [connection, state] of this.#connections) if (state === 'up') connection.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#onResumed();
    for (const connection of this.#connections.keys()) connection.resume();
  }

  /** Ends the present connection; another follows. */
  replace(end: ConnectionEnd, detail: string): void {
    for (const connection of this.#connections.keys()) void connection.close(end, detail);
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#onResumed();
    await Promise.all([...this.#connections.keys()].map((connection) => connection.close('stopped')));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { periods, random } = this.#options;
    const retry = { leastMs: periods.retryLeastMs, mostMs: periods.retryMostMs, random };
    for (let failures = 0; !isStopped(this.#stop.signal);) {
      const upSince = await this.#stayUp();
      const wasStable = upSince !== null && performance.now() - upSince >= periods.stableMs;
      await sleep(jittered(wasStable ? 0 : failures, retry), this.#stop.signal);
      failures = wasStable ? 0 : failures + 1;
    }
  }

  /** Returns when no connection is left: since when there was one, or null. */
  async #stayUp(): Promise<number | null> {
    let current = await this.#connect();
    if (current === null) return null;
    const since = performance.now();
    let step = await this.#next(current);
    while (step.kind === 'old') {
      const next = this.#options.pool.hasSpare ? await this.#connect() : null;
      if (next !== null) {
        void current.close('rotated');
        current = next;
      }
      step = await this.#next(current);
    }
    return since;
  }

  async #next(connection: Connection): Promise<Step> {
    const { rotateMs } = this.#options.periods;
    const waiting = new AbortController();
    const ended = connection.ended.then((end) => ({ kind: 'ended', ended: end }) as const);
    // Neither all at once, nor at an age that others share.
    const old = sleep(rotateMs * (0.75 + this.#options.random() / 2), waiting.signal).then(() => ({ kind: 'old' }) as const);
    const step = await (rotateMs > 0 ? Promise.race([ended, old]) : ended);
    waiting.abort();
    return step;
  }

  /** A connection with everything acknowledged; null when that failed, which has been told. */
  async #connect(): Promise<Connection | null> {
    const { url, pool, messages, subscriptions, handlers } = this.#options;
    let connection: Connection;
    if (this.#isPaused) await new Promise<void>((resolve) => (this.#onResumed = resolve));
    try {
      connection = await pool.open({ url, messages, signal: this.#stop.signal, onFrame: handlers.onFrame });
    } catch (error) {
      if (!isStopped(this.#stop.signal)) handlers.onDown('unreachable', detailOf(error), this.isUp);
      return null;
    }
    if (isStopped(this.#stop.signal)) {
      await connection.close('stopped');
      return null;
    }
    handlers.onSubscribing();
    this.#connections.set(connection, 'subscribing');
    void connection.ended.then(({ end, detail }) => {
      this.#connections.delete(connection);
      handlers.onDown(end, detail, this.isUp);
    });
    try {
      await connection.subscribe(subscriptions);
    } catch (error) {
      await connection.close('not-subscribed', detailOf(error));
      return null;
    }
    this.#connections.set(connection, 'up');
    if (this.#isPaused) connection.pause();
    handlers.onUp();
    return connection;
  }
}
