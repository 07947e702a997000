// StateStore of one process on the store's twin. A call that has no answer is made again, as the real adapter does.

import { randomUUID } from 'node:crypto';
import {
  PortError,
  type Checkpoint, type CheckpointHead, type Fetched, type HistoryPoint, type OrderKey, type Owner, type Refusal, type StateStore,
  type StoredState,
} from '@fillstream/runtime';
import type { Address } from '@fillstream/core';
import type { SimProcess } from './process.ts';
import type { Simulation } from './simulation.ts';
import { StoreUnavailable, type Asker, type SimStoreServer } from './store.ts';

const TIMEOUT_MS = 400;
const PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

export class SimStore implements StateStore {
  readonly #simulation: Simulation;
  readonly #process: SimProcess;
  readonly #server: SimStoreServer;
  /** By owner's token. */
  readonly #generations = new Map<string, string>();

  constructor(simulation: Simulation, process: SimProcess, server: SimStoreServer) {
    this.#simulation = simulation;
    this.#process = process;
    this.#server = server;
  }

  async claim(partition: number): Promise<Owner> {
    const token = randomUUID();
    const { generation } = await this.#ask('claim', () => this.#server.claim(partition, token));
    this.#generations.set(token, generation);
    return { partition, token };
  }

  async read(owner: Owner): Promise<StoredState | Refusal> {
    return await this.#ask('read', () => this.#server.read(this.#asker(owner)));
  }

  async prefetch(owner: Owner, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[]): Promise<Fetched | Refusal> {
    return await this.#ask('prefetch', () => this.#server.prefetch(this.#asker(owner), at, orders, addresses));
  }

  async checkpoint(owner: Owner, before: HistoryPoint, next: Checkpoint): Promise<{ readonly kind: 'written' } | Refusal> {
    return await this.#ask('checkpoint', () => this.#server.checkpoint(this.#asker(owner), before, next));
  }

  async reset(owner: Owner, start: CheckpointHead): Promise<{ readonly kind: 'reset' } | Refusal> {
    const asker = this.#asker(owner);
    const answer = await this.#ask('reset', () => this.#server.reset(asker, start));
    if ('kind' in answer) return answer;
    this.#generations.set(owner.token, answer.generation);
    return { kind: 'reset' };
  }

  #asker(owner: Owner): Asker {
    return { ...owner, generation: this.#generations.get(owner.token) ?? '' };
  }

  async #ask<T>(name: string, effect: () => T): Promise<T> {
    const { time } = this.#simulation;
    const until = time.now + PATIENCE_MS;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const { delay } = this.#server;
        return await this.#process.call(`store ${name}`, delay === 0 ? effect : async () => await this.#later(delay, effect), {
          timeoutMs: TIMEOUT_MS, lost: () => new StoreUnavailable('no answer'),
        });
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.#simulation.count('store: asked again');
        if (time.now >= until) throw new PortError('store-broken', `the store gave no answer to ${name}`, { retryable: true, cause: error });
        await new Promise<void>((resolve) => time.after(pause, resolve, this.#process));
      }
    }
  }

  async #later<T>(ms: number, effect: () => T): Promise<T> {
    await new Promise<void>((resolve) => this.#simulation.time.after(ms, resolve));
    return effect();
  }
}
