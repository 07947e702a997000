// StateStore on Redis: every call is one script, but for the audit and for deleting an old generation.
//
// S1  A call changes nothing unless the owner, the generation and the checkpoint are those that the caller knows.
// S2  An order's key lives as long as the order may wait, and a margin: an outage shorter than the margin loses nothing.
// S3  What is gone is noticed: a fetched order that is missing, a count of the index or of an address's parts that is off.

import { randomUUID } from 'node:crypto';
import {
  PortError,
  type AddressPart, type Checkpoint, type CheckpointHead, type Fetched, type HistoryPoint, type OrderKey, type Owner,
  type Refusal, type StateStore, type StoredState,
} from '@fillstream/runtime';
import type { Address } from '@fillstream/core';
import type { RedisConnection, Reply } from './connection.ts';
import { FORMAT, Keys, indexField, orderOf } from './keys.ts';
import { CHECKPOINT, CLAIM, COLLECTED, COUNT, HEAD, LENGTHS, PREFETCH, RESET } from './scripts.ts';

export type RedisStoreOptions = {
  readonly connection: RedisConnection;
  /** Several installations may share a server. */
  readonly namespace?: string;
  /** Milliseconds that an order's key outlives the order's longest wait. */
  readonly marginMs?: number;
};

const MARGIN_MS = 7 * 86_400_000;
/** Keys a call, where there may be many. */
const CHUNK = 1_000;
const SCAN = 2_000;

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
      throw new PortError('mismatch', `redis: ${keys.meta} has format ${String(generation)}, expected ${FORMAT}`, { retryable: false });
    }
    this.#generations.set(owner.token, String(generation));
    this.#collect(owner, String(garbage));
    return owner;
  }

  async read(owner: Owner): Promise<StoredState | Refusal> {
    const [status, head, count] = await this.#connection.run(HEAD, [this.#keys(owner).meta], [owner.token]);
    if (status !== 'ok') return refusal(status);
    if (head === '') return { kind: 'missing' };
    const orders = (await this.#scan(this.#keys(owner).index(this.#generation(owner))))
      .map(([field, deadline]) => ({ ...orderOf(field), deadline: Number(deadline) }));
    const why = await this.#audit(owner, orders, Number(count));
    return why === null ? { kind: 'checkpoint', head: parseHead(String(head)), orders } : { kind: 'void', why };
  }

  async prefetch(owner: Owner, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[]): Promise<Fetched | Refusal> {
    const keys = this.#keys(owner);
    const generation = this.#generation(owner);
    const [status, bodies, parts] = await this.#connection.run(
      PREFETCH,
      [keys.meta, keys.addresses(generation), ...orders.map((order) => keys.order(generation, order)), ...addresses.map((address) => keys.address(generation, address))],
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

  async checkpoint(owner: Owner, before: HistoryPoint, next: Checkpoint): Promise<{ readonly kind: 'written' } | Refusal> {
    const keys = this.#keys(owner);
    const generation = this.#generation(owner);
    const { head, orders, parts } = next;
    const now = head.clocks.length === 0 ? 0 : Math.min(...head.clocks);
    const changed = [...new Set(parts.map(({ address }) => address))];
    const firstAddress = 4 + orders.length; // Lua counts from 1.
    const places = new Map(changed.map((address, place) => [address, firstAddress + place]));
    const [status] = await this.#connection.run(
      CHECKPOINT,
      [keys.meta, keys.index(generation), keys.addresses(generation), ...orders.map((order) => keys.order(generation, order)), ...changed.map((address) => keys.address(generation, address))],
      [
        owner.token, generation, pointText(before), pointText(head.at), JSON.stringify(head), orders.length,
        ...orders.flatMap((order) => [
          indexField(order), order.deadline, order.body === null ? 0 : this.#timeToLive(order.deadline - now), order.body ?? '',
        ]),
        ...parts.flatMap(({ address, part, body }) => [(places.get(address) ?? 0) * (body === null ? -1 : 1), address, part, body ?? '']),
      ],
    );
    return status === 'ok' ? { kind: 'written' } : refusal(status);
  }

  async reset(owner: Owner, start: CheckpointHead): Promise<{ readonly kind: 'reset' } | Refusal> {
    const generation = randomUUID();
    const [status, garbage] = await this.#connection.run(
      RESET, [this.#keys(owner).meta], [owner.token, generation, pointText(start.at), JSON.stringify(start)],
    );
    if (status !== 'ok') return refusal(status);
    this.#generations.set(owner.token, generation);
    this.#collect(owner, String(garbage));
    return { kind: 'reset' };
  }

  /** What is wrong with the listed orders and addresses (S3); null: nothing. */
  async #audit(owner: Owner, orders: readonly OrderKey[], count: number): Promise<string | null> {
    const keys = this.#keys(owner);
    const generation = this.#generation(owner);
    if (orders.length !== count) return `${String(orders.length)} orders are indexed, expected ${String(count)}`;
    for (const chunk of chunksOf(orders)) {
      const [, found] = await this.#connection.run(COUNT, chunk.map((order) => keys.order(generation, order)), []);
      if (Number(found) !== chunk.length) return `${String(chunk.length - Number(found))} orders that are indexed are gone`;
    }
    for (const chunk of chunksOf(await this.#scan(keys.addresses(generation)))) {
      const [, ...lengths] = await this.#connection.run(LENGTHS, chunk.map(([address]) => keys.address(generation, address)), []);
      const wrong = chunk.find(([, expected], place) => Number(lengths[place]) !== Number(expected));
      if (wrong !== undefined) return `parts of ${wrong[0]} are gone`;
    }
    return null;
  }

  /** A hash's fields and values, each field once. */
  async #scan(key: string): Promise<readonly (readonly [string, string])[]> {
    const found = new Map<string, string>();
    for (let cursor = '0'; ;) {
      const [next, entries] = await this.#connection.repeat(async () => await this.#connection.client.hscan(key, cursor, 'COUNT', SCAN));
      for (let place = 0; place < entries.length; place += 2) found.set(entries[place] ?? '', entries[place + 1] ?? '');
      if (next === '0') return [...found];
      cursor = next;
    }
  }

  /** Deletes old generations behind the caller's back: they are out of reach already. */
  #collect(owner: Owner, garbage: string): void {
    const generations = garbage.split(' ').filter((generation) => generation !== '' && generation !== this.#generation(owner));
    void Promise.all(generations.map(async (generation) => {
      await this.#deleteGeneration(owner, generation);
    })).catch(() => undefined); // The next claim or reset begins again.
  }

  async #deleteGeneration(owner: Owner, generation: string): Promise<void> {
    const keys = this.#keys(owner);
    const orders = (await this.#scan(keys.index(generation))).map(([field]) => keys.order(generation, orderOf(field)));
    const addresses = (await this.#scan(keys.addresses(generation))).map(([address]) => keys.address(generation, address));
    for (const chunk of chunksOf([...orders, ...addresses, keys.index(generation), keys.addresses(generation)])) {
      await this.#connection.client.unlink(...chunk);
    }
    await this.#connection.run(COLLECTED, [keys.meta], [owner.token, generation]);
  }

  #timeToLive(waitMs: number): number {
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

function chunksOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, place) => items.slice(place * CHUNK, (place + 1) * CHUNK));
}
