// The connections that one IP may have, and who has them. One connection carries one address: updates don't say whose they are.
//
// P1  Never more connections than the limit, those included whose end the exchange may not have seen: such a one still counts for
//     `lingerMs`.
// P2  An attempt to connect counts for a minute after its outcome is known, whatever it was.

import { settleUnanswered, type Budget } from './budget.ts';
import { Connection, type ConnectionOptions, type Ended } from './connection.ts';
import type { Periods } from './settings.ts';

export type PoolOptions = {
  readonly connections: number;
  readonly connects: Budget;
  readonly periods: Periods;
};

type Opening = Omit<ConnectionOptions, 'signal' | 'periods'> & { readonly signal: AbortSignal };

export class Pool {
  readonly #options: PoolOptions;
  #taken = 0;
  #waiters: (() => void)[] = [];
  readonly #lingering = new Set<NodeJS.Timeout>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Connections that count, those that are being opened and those that linger too. */
  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Whether one more may be opened at once. */
  get hasSpare(): boolean {
    return this.#taken < this.#options.connections && this.#waiters.length === 0;
  }

  /** Waits for its turn, then opens. Rejects with why it could not be opened, or the signal's reason. */
  async open(opening: Opening): Promise<Connection> {
    const { connects, periods } = this.#options;
    await this.#acquire(opening.signal);
    let connection: Connection;
    try {
      const grant = await connects.take(1, { signal: opening.signal });
      const since = performance.now();
      connection = await Connection.open({ ...opening, periods }).catch((error: unknown) => {
        settleUnanswered(grant, since);
        throw error;
      });
      grant.settle();
    } catch (error) {
      this.#release();
      throw error;
    }
    void connection.ended.then((ended) => this.#freeAfter(ended));
    return connection;
  }

  /** Forgets those that linger: the process ends. */
  close(): void {
    for (const timer of this.#lingering) clearTimeout(timer);
  }

  #freeAfter({ isSeen }: Ended): void {
    if (isSeen) {
      this.#release();
      return;
    }
    const timer = setTimeout(() => {
      this.#lingering.delete(timer);
      this.#release();
    }, Math.ceil(this.#options.periods.lingerMs));
    this.#lingering.add(timer);
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.hasSpare) {
      this.#taken += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== hand);
        reject(new Error('stopped'));
      };
      const hand = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiters.push(hand);
    });
  }

  /** It goes to who waits longest, or is free. */
  #release(): void {
    const next = this.#waiters.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }
}
