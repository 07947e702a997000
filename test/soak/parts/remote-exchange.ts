// The exchange of exchange-thread.ts, from outside.

import { Worker } from 'node:worker_threads';
import type { FakeExchangeOptions, FaultKind } from '@fillstream/simulator/exchange';

export type Order =
  | { readonly kind: 'emit'; readonly records: number }
  | { readonly kind: 'fault'; readonly fault: FaultKind; readonly address: string | null }
  | { readonly kind: 'clear' }
  | { readonly kind: 'close' };

/** After each order. */
export type Told = { readonly url: string; readonly wsUrl: string; readonly addresses: readonly string[]; readonly now: number };

export class RemoteExchange {
  readonly #worker: Worker;
  /** How far the exchange's clock is ahead of ours. */
  #aheadMs = 0;
  #told: Told;

  static async start(options: FakeExchangeOptions): Promise<RemoteExchange> {
    const worker = new Worker(new URL('exchange-thread.ts', import.meta.url), { workerData: options });
    return new RemoteExchange(worker, await answerOf(worker));
  }

  private constructor(worker: Worker, told: Told) {
    this.#worker = worker;
    this.#told = told;
  }

  get told(): Told {
    return this.#told;
  }

  /** The exchange's clock, as far as it is known: it never goes back. */
  now(): number {
    return Math.max(this.#told.now, Date.now() + this.#aheadMs);
  }

  async order(order: Order): Promise<void> {
    const answer = answerOf(this.#worker);
    this.#worker.postMessage(order);
    this.#told = await answer;
    this.#aheadMs = Math.max(this.#aheadMs, this.#told.now - Date.now());
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    await this.order({ kind: 'close' });
    await ended;
  }
}

async function answerOf(worker: Worker): Promise<Told> {
  return await new Promise((resolve) => worker.once('message', resolve));
}
