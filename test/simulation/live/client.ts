// One subscriber of a simulation: the production SDK in a process that ends and comes back, and what its application keeps.
//
//   down ──start──▶ subscribed, from where it had got ──crash──▶ down
//
// L1  A signal and the cursor behind it are kept in one step: what a crash leaves is either both or neither.

import { subscribe, type Filter, type From, type Signal, type Subscription, type SubscriptionState } from '@fillstream/client';
import type { SimProcess } from '../process.ts';
import type { World } from './world.ts';

export type SimClientOptions = {
  readonly world: World;
  readonly name: string;
  readonly filter: Filter;
  readonly begin: 'earliest' | 'latest' | 'snapshot';
  /** What one signal takes it. */
  readonly workMs: () => number;
  readonly maxBuffered: number;
};

/** At a cursor; or, when a signal came before the word that it is live, with that one: `cursor` is behind it. */
export type Began = { readonly cursor: string; readonly first: Signal | null };

const HEARTBEAT = { pingMs: 3_000, silenceMs: 9_000 };

export class SimClient {
  readonly #options: SimClientOptions;
  readonly received: Signal[] = [];
  /** Kept: behind what was received; null before the first word. */
  #cursor: string | null = null;
  /** Where what it was to receive began; for `latest` it is known late. */
  #began: Began | null = null;
  #isSnapshot: boolean;
  #process: SimProcess | null = null;
  #subscription: Subscription | null = null;
  /** A signal was handed out and isn't kept yet. */
  #isAtWork = false;
  #isHurried = false;
  #isOver = false;

  constructor(options: SimClientOptions) {
    this.#options = options;
    this.#isSnapshot = options.begin === 'snapshot';
  }

  get name(): string {
    return this.#options.name;
  }

  get filter(): Filter {
    return this.#options.filter;
  }

  get begin(): SimClientOptions['begin'] {
    return this.#options.begin;
  }

  get process(): SimProcess | null {
    return this.#process;
  }

  get began(): Began | null {
    return this.#began;
  }

  /** How far it has got, all that came before it kept; null while it isn't live, or at work. */
  get cursor(): string | null {
    return this.#subscription?.state.kind === 'live' && !this.#isAtWork ? this.#subscription.cursor : null;
  }

  start(): void {
    if (this.#process !== null || this.#isOver) return;
    const process = this.#options.world.simulation.process(this.name);
    this.#process = process;
    process.onEnd(() => ([this.#process, this.#subscription] = [null, null]));
    process.enter(() => {
      this.#live().catch((error: unknown) => {
        this.#options.world.simulation.problem(`broken: ${this.name} ended: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
        process.crash();
      });
    });
  }

  crash(downMs: number): void {
    this.#process?.crash();
    this.#options.world.simulation.time.after(downMs, () => this.start());
  }

  /** From now on a signal takes it no time. */
  hurry(): void {
    this.#isHurried = true;
  }

  end(): void {
    this.#isOver = true;
    this.#subscription?.close();
    this.#process?.crash();
  }

  async #live(): Promise<void> {
    const { filter, maxBuffered, workMs } = this.#options;
    const subscription = subscribe({
      url: 'http://gateway', filter, maxBuffered, heartbeat: HEARTBEAT, from: this.#from(), onState: (state) => this.#note(state),
    });
    this.#subscription = subscription;
    // What a crash took from its hands comes again; one that has nothing begins anew.
    this.#isAtWork = false;
    if (this.#cursor === null) this.#began = null;
    for await (const { cursor, signal, live } of subscription.deliveries()) {
      this.#isAtWork = true;
      this.#began ??= { cursor, first: signal };
      const ms = this.#isHurried ? 0 : workMs();
      if (ms > 0) await new Promise<void>((resolve) => setTimeout(resolve, ms));
      this.received.push(signal); // L1
      this.#cursor = subscription.cursor;
      this.#isAtWork = false;
      if (live) this.#isSnapshot = false;
    }
  }

  #from(): From {
    if (this.#cursor === null) return this.#options.begin;
    return this.#isSnapshot ? { cursor: this.#cursor, latestOnly: true } : { cursor: this.#cursor };
  }

  #note({ kind }: SubscriptionState): void {
    const { simulation } = this.#options.world;
    simulation.count(`client: ${kind}`);
    simulation.trace(`${this.name} is ${kind}`);
    const cursor = this.#subscription?.cursor ?? null;
    if (kind !== 'live' || cursor === null || this.#began !== null || this.#options.begin !== 'latest') return;
    this.#cursor = cursor;
    this.#began = { cursor, first: null };
  }
}
