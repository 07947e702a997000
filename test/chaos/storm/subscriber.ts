// A subscriber of the gateway by its SDK, over a link of its own, that counts on getting each signal of its filter once.

import { setTimeout as sleep } from 'node:timers/promises';
import { subscribe, type Filter, type Signal, type SubscriptionState } from '@fillstream/client';
import { HOST, Link, type Address } from '../proxy/link.ts';

const QUICK = { minMs: 100, maxMs: 2_000 };
const HEARTBEAT = { pingMs: 3_000, silenceMs: 9_000 };
const AGAIN_MS = 200;

export type SubscriberOptions = {
  readonly name: string;
  readonly gateway: Address;
  readonly filter: Filter;
  /** Leaves the subscription after so many signals, and goes on from its cursor with another. */
  readonly leavesAfter: number;
};

export class Subscriber {
  readonly name: string;
  readonly filter: Filter;
  readonly link: Link;
  /** As they were handed out. */
  readonly received: Signal[] = [];
  /** What ended a subscription for good. */
  readonly problems: string[] = [];
  readonly #leavesAfter: number;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #state: SubscriptionState['kind'] = 'idle';
  #losses = 0;

  static async open(options: SubscriberOptions): Promise<Subscriber> {
    return new Subscriber(options, await Link.open({ name: `${options.name} → gateway`, to: options.gateway }));
  }

  private constructor({ name, filter, leavesAfter }: SubscriberOptions, link: Link) {
    this.name = name;
    this.filter = filter;
    this.link = link;
    this.#leavesAfter = leavesAfter;
    this.#done = this.#follow();
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** How often its connection was lost. */
  get losses(): number {
    return this.#losses;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.link.close();
  }

  async #follow(): Promise<void> {
    let cursor: string | null = null;
    while (!this.#stop.signal.aborted) {
      try {
        cursor = await this.#take(cursor);
      } catch (error) {
        this.problems.push(`${this.name}: ${error instanceof Error ? error.message : String(error)}`);
        await sleep(AGAIN_MS);
      }
    }
  }

  /** Returns where the next one begins. */
  async #take(cursor: string | null): Promise<string | null> {
    const subscription = subscribe({
      url: `http://${HOST}:${String(this.link.address.port)}`,
      filter: this.filter,
      from: cursor === null ? 'earliest' : { cursor },
      signal: this.#stop.signal,
      reconnect: QUICK,
      heartbeat: HEARTBEAT,
      onState: ({ kind }) => {
        this.#state = kind;
        if (kind === 'waiting') this.#losses += 1;
      },
    });
    let left = this.#leavesAfter;
    for await (const signal of subscription) {
      this.received.push(signal);
      left -= 1;
      if (left === 0) break;
    }
    return subscription.cursor;
  }
}
