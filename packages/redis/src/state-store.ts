// StateStore on Redis: every call is one script, but for the audit and for deleting an old generation.
//
// S1  A call changes nothing unless the owner, the generation and the checkpoint are those that the caller knows.
// S2  An order's key lives as long as the order may wait, and a margin: an outage shorter than the margin loses nothing.
// S3  What is gone is noticed before anything is written over it: a fetched order that is missing, a count of the index,
//     of the addresses or of an address's parts that is off.

import { randomUUID } from 'node:crypto';
import {
  PortError,
  type AddressPart, type Checkpoint, type CheckpointHead, type Fetched, type HistoryPoint, type OrderKey, type Owner,
  type Refusal, type StateStore, type StoredState,
} from '@fillstream/runtime';
import type { Address } from '@fillstream/core';
import type { RedisConnection, Reply } from './connection.ts';
import { audit, indexedOrders, sweep } from './generation.ts';
import { FORMAT, Keys, indexField } from './keys.ts';
import { CHECKPOINT, CLAIM, HEAD, PREFETCH, RESET } from './scripts.ts';

export type RedisStoreOptions = {
  readonly connection: RedisConnection;
  /** Several installations may share a server. */
  readonly namespace?: string;
  /** Milliseconds that an order's key outlives the order's longest wait. */
  readonly marginMs?: number;
};

const MARGIN_MS = 7 * 86_400_000;

export class RedisStore implements StateStore {
  readonly #connection: RedisConnection;
  readonly #namespace: string;
  readonly #marginMs: number;
  /** By owner's token. */
  readonly #generations = new Map<string, string>();

  constructor({ connection, namespace = '', marginMs = MARGIN_MS }: RedisStoreOptions) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.#marginMs = marginMs;
  }

  async claim(partition: number): Promise<Owner> {
    const owner = { partition, token: randomUUID() };
    const keys = this.#keys(owner);
    const [status, generation, garbage] = await this.#connection.run(CLAIM, [keys.meta], [owner.token, FORMAT]);
    if (status === 'format') {
      const message = `redis: ${keys.meta} has format ${String(generation)}, expected ${FORMAT}`;
      throw new PortError('mismatch', message, { retryable: false });
    }
    this.#generations.set(owner.token, String(generation));
    await this.#collect(owner, String(garbage));
    return owner;
  }

  async read(owner: Owner): Promise<StoredState | Refusal> {
    const [keys, generation] = [this.#keys(owner), this.#generation(owner)];
    const ask = async (): Promise<Reply> => await this.#connection.run(HEAD, [keys.meta], [owner.token, generation]);
    const [status, head, orderCount, addressCount] = await ask();
    if (status !== 'ok') return refusal(status);
    if (head === '') return { kind: 'missing' };
    const orders = await indexedOrders(this.#connection, keys, generation);
    const expected = { orders: Number(orderCount), addresses: Number(addressCount) };
    const why = await audit(this.#connection, keys, generation, orders, expected);
    const [statusNow, headNow] = await ask();
    if (statusNow !== 'ok' || headNow !== head) return refusal(statusNow === 'ok' ? 'another checkpoint' : statusNow);
    return why === null ? { kind: 'checkpoint', head: parseHead(String(head)), orders } : { kind: 'void', why };
  }

  async prefetch(
    owner: Owner, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[],
  ): Promise<Fetched | Refusal> {
    const [keys, generation] = [this.#keys(owner), this.#generation(owner)];
    const [status, bodies, parts] = await this.#connection.run(
      PREFETCH, keys.touched(generation, orders, addresses),
      [owner.token, generation, pointText(at), orders.length, ...addresses],
    );
    if (status !== 'ok') return refusal(status);
    const texts = textsOf(bodies);
    return {
      kind: 'fetched',
      orders: orders.map(({ address, oid }, place) => ({ address, oid, body: texts[place] ?? '' })),
      parts: addresses.flatMap((address, place) => partsOf(address, textsOf(Array.isArray(parts) ? parts[place] : []))),
    };
  }

  async checkpoint(
    owner: Owner, before: HistoryPoint, { head, orders, parts }: Checkpoint,
  ): Promise<{ readonly kind: 'written' } | Refusal> {
    const [keys, generation] = [this.#keys(owner), this.#generation(owner)];
    const now = head.clocks.length === 0 ? 0 : Math.min(...head.clocks);
    const changed = [...new Set(parts.map(({ address }) => address))];
    const places = new Map(changed.map((address, place) => [address, place + 1])); // Lua counts from 1.
    const kept = orders.filter(({ body }) => body !== null);
    const gone = orders.filter(({ body }) => body === null);
    const [status] = await this.#connection.run(CHECKPOINT, keys.touched(generation, [...kept, ...gone], changed), [
      owner.token, generation, pointText(before), pointText(head.at), JSON.stringify(head), orders.length, gone.length,
      ...kept.flatMap((order) => [`${String(this.#liveMs(order.deadline - now))} ${String(order.deadline)}`, indexField(order), order.body ?? '']),
      ...gone.map(indexField),
      ...changed,
      ...parts.map(({ address, part, body }) => {
        const place = (places.get(address) ?? 0) * (body === null ? -1 : 1);
        return `${place} ${part} ${body ?? ''}`;
      }),
    ]);
    return status === 'ok' ? { kind: 'written' } : refusal(status);
  }

  async reset(owner: Owner, start: CheckpointHead): Promise<{ readonly kind: 'reset' } | Refusal> {
    const generation = randomUUID();
    const [status, garbage] = await this.#connection.run(
      RESET, [this.#keys(owner).meta],
      [owner.token, this.#generation(owner), generation, pointText(start.at), JSON.stringify(start)],
    );
    if (status !== 'ok') return refusal(status);
    this.#generations.set(owner.token, generation);
    await this.#collect(owner, String(garbage));
    return { kind: 'reset' };
  }

  /** Deletes old generations, which are out of reach already; after a crash in between the next claim or reset goes on. */
  async #collect(owner: Owner, garbage: string): Promise<void> {
    for (const generation of garbage.split(' ').filter((name) => name !== '')) {
      await sweep(this.#connection, this.#keys(owner), owner.token, generation);
    }
  }

  #liveMs(waitMs: number): number {
    return Math.ceil(Math.max(0, Number.isFinite(waitMs) ? waitMs : 0)) + this.#marginMs;
  }

  #keys({ partition }: Owner): Keys {
    return new Keys(this.#namespace, partition);
  }

  /** '' for an owner that this store didn't make: no generation has that name. */
  #generation({ token }: Owner): string {
    return this.#generations.get(token) ?? '';
  }
}

function refusal(status: Reply[0]): Refusal {
  if (status === 'another owner' || status === 'another checkpoint' || status === 'gone') return { kind: 'refused', why: status };
  throw new PortError('store-broken', `redis: a script answered ${status}`, { retryable: false });
}

/** A point as one text, so that a script can compare it. */
function pointText({ id, position: { offsets, fired } }: HistoryPoint): string {
  return `${id} ${offsets.join(',')} ${String(fired)}`;
}

/* Written by this file. */
function parseHead(text: string): CheckpointHead {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as CheckpointHead;
}

function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function partsOf(address: Address, entries: readonly string[]): AddressPart[] {
  return Array.from({ length: entries.length / 2 }, (_, place) => ({
    address, part: Number(entries[2 * place]), body: entries[2 * place + 1] ?? '',
  }));
}
