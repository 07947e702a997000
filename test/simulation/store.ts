// The state store's twin: what the scripts of the real one do, each at once, at a server that can be lost, rolled back or slow.
//
// R1  A call changes nothing unless owner, generation and checkpoint are those that the caller knows.
// R2  Orders expire, in simulated time; an index and counts of what there should be outlive them, so that it is noticed.
// R3  Only the newest claimer of a partition writes: looked at here beside R1, as a law of the run.
// R4  A checkpoint never runs ahead of what the log has decided: looked at here, as a law of the run.

import { samePoint, type AddressPart, type Checkpoint, type CheckpointHead, type Fetched, type HistoryPoint, type OrderKey, type Owner, type Refusal, type StoredState } from '@fillstream/runtime';
import type { Address } from '@fillstream/core';
import type { Simulation } from './simulation.ts';

type StoredOrder = OrderKey & { readonly body: string; readonly expiresAt: number };
type Partition = {
  owner: string;
  generation: string;
  /** As text, as the real one keeps it. */
  head: string | null;
  readonly orders: Map<string, StoredOrder>;
  readonly index: Map<string, OrderKey & { readonly deadline: number }>;
  readonly parts: Map<Address, Map<number, string>>;
  /** How many parts of each address there should be. */
  readonly listed: Map<Address, number>;
  orderCount: number;
  addressCount: number;
};

export type Asker = Owner & { readonly generation: string };

/** No answer, or one that time may mend: the caller asks again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

export const LOSABLE = ['order', 'index', 'part', 'address', 'all of a partition'] as const;

const IMAGES = 4;

export class SimStoreServer {
  readonly #simulation: Simulation;
  readonly #marginMs: number;
  #partitions = new Map<number, Partition>();
  /** Copies of earlier states, the oldest first. */
  readonly #images: Map<number, Partition>[] = [];
  /** By partition, the token of the newest claimer (R3). */
  readonly #newest = new Map<number, string>();
  #generations = 0;
  #isHealed = false;
  #refusesUntil = 0;
  #slowUntil = 0;

  /** `marginMs`: how long an order's key lives, in simulated time, which stream time may be far ahead of. */
  constructor(simulation: Simulation, marginMs: number) {
    this.#simulation = simulation;
    this.#marginMs = marginMs;
  }

  // ---- what scripts do

  claim(partition: number, token: string): Asker {
    this.#meet();
    const held = this.#partitions.get(partition) ?? emptyPartition(this.#newGeneration());
    this.#partitions.set(partition, held);
    held.owner = token;
    this.#newest.set(partition, token);
    return { partition, token, generation: held.generation };
  }

  read(asker: Asker): StoredState | Refusal {
    this.#meet();
    const held = this.#owned(asker);
    if ('kind' in held) return held;
    if (held.head === null) return { kind: 'missing' };
    const why = this.#audit(held);
    if (why !== null) return { kind: 'void', why };
    return { kind: 'checkpoint', head: parseHead(held.head), orders: [...held.index.values()] };
  }

  prefetch(asker: Asker, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[]): Fetched | Refusal {
    this.#meet();
    const held = this.#owned(asker);
    if ('kind' in held) return held;
    if (held.head === null || !samePoint(parseHead(held.head).at, at)) return refused('another checkpoint');
    if (isMiscounted(held)) return refused('gone');
    const bodies = orders.flatMap((key) => this.#alive(held, key) ?? []);
    if (bodies.length < orders.length) return refused('gone');
    if (addresses.some((address) => (held.parts.get(address)?.size ?? 0) !== (held.listed.get(address) ?? 0))) return refused('gone');
    if (orders.length > 0) this.#simulation.count('store: orders fetched', orders.length);
    return {
      kind: 'fetched',
      orders: bodies.map(({ address, oid, body }) => ({ address, oid, body })),
      parts: addresses.flatMap((address) => Array.from(held.parts.get(address) ?? [], ([part, body]): AddressPart => ({ address, part, body }))),
    };
  }

  checkpoint(asker: Asker, before: HistoryPoint, next: Checkpoint): { readonly kind: 'written' } | Refusal {
    this.#meet();
    const held = this.#owned(asker);
    if ('kind' in held) return held;
    if (held.head === null) return refused('another checkpoint');
    const { at } = parseHead(held.head);
    if (samePoint(at, next.head.at)) return { kind: 'written' };
    if (!samePoint(at, before)) return refused('another checkpoint');
    if (isMiscounted(held)) return refused('gone');
    const changed = new Set(next.parts.map(({ address }) => address));
    if ([...changed].some((address) => (held.parts.get(address)?.size ?? 0) !== (held.listed.get(address) ?? 0))) return refused('gone');
    this.#checkNewest(asker);
    this.#checkNotAhead(asker.partition, next.head);
    this.#keepImage();
    this.#write(held, next);
    return { kind: 'written' };
  }

  reset(asker: Asker, start: CheckpointHead): Asker | Refusal {
    this.#meet();
    const held = this.#owned(asker);
    if ('kind' in held) return held;
    this.#checkNewest(asker);
    const generation = this.#newGeneration();
    this.#partitions.set(asker.partition, { ...emptyPartition(generation), owner: asker.token, head: JSON.stringify(start) });
    return { ...asker, generation };
  }

  // ---- what goes wrong

  wipe(): void {
    this.#partitions = new Map();
  }

  /** Comes back as it was: `last`, as a replica that lagged; else as long ago as is known. Whether anything was known. */
  rollBack(to: 'last' | 'oldest'): boolean {
    const image = to === 'last' ? this.#images.at(-1) : this.#images[0];
    if (image === undefined) return false;
    this.#partitions = copyOf(image);
    for (const [partition, { owner }] of this.#partitions) this.#newest.set(partition, owner); // It came back with the rest.
    return true;
  }

  /** Loses one key of a partition; whether there was one. */
  lose(partition: number, what: (typeof LOSABLE)[number]): boolean {
    const held = this.#partitions.get(partition);
    if (held === undefined) return false;
    const { random } = this.#simulation;
    const oneOf = <T>(keys: Iterable<T>): T | undefined => {
      const all = [...keys];
      return all[random.between(0, all.length - 1)];
    };
    switch (what) {
      case 'order': return held.orders.delete(oneOf(held.orders.keys()) ?? '');
      case 'index': {
        const had = held.index.size > 0;
        held.index.clear();
        return had;
      }
      case 'part': {
        const parts = oneOf(held.parts.values());
        return parts?.delete(oneOf(parts.keys()) ?? -1) ?? false;
      }
      case 'address': {
        const address = oneOf(held.parts.keys());
        return address !== undefined && held.parts.delete(address);
      }
      case 'all of a partition': return this.#partitions.delete(partition);
    }
  }

  /** Answers everything with a refusal for a while: out of memory, read-only, loading. */
  refuse(ms: number): void {
    this.#refusesUntil = this.#simulation.time.now + ms;
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    [this.#refusesUntil, this.#slowUntil, this.#isHealed] = [0, 0, true];
  }

  slow(ms: number): void {
    this.#slowUntil = this.#simulation.time.now + ms;
  }

  /** How much longer a call takes now, in milliseconds. */
  get delay(): number {
    const { time, random } = this.#simulation;
    return time.now < this.#slowUntil ? random.between(20, 900) : 0;
  }

  #meet(): void {
    if (this.#simulation.time.now >= this.#refusesUntil) return;
    this.#simulation.count('store: refuses for now');
    throw new StoreUnavailable('OOM');
  }

  #owned({ partition, token, generation }: Asker): Partition | Refusal {
    const held = this.#partitions.get(partition);
    const answer = held?.owner !== token ? refused('another owner') : held.generation === generation ? held : refused('another checkpoint');
    if ('kind' in answer) this.#simulation.count(`store: ${answer.why}`);
    return answer;
  }

  #alive(held: Partition, key: OrderKey): StoredOrder | null {
    const found = held.orders.get(orderKey(key));
    if (found === undefined) return null;
    if (this.#isHealed || found.expiresAt > this.#simulation.time.now) return found;
    this.#simulation.count('store: an order expired');
    return null;
  }

  #audit(held: Partition): string | null {
    if (isMiscounted(held)) return `${String(held.index.size)} orders are indexed, expected ${String(held.orderCount)}`;
    for (const key of held.index.values()) if (this.#alive(held, key) === null) return 'orders that are indexed are gone';
    for (const [address, count] of held.listed) if (held.parts.get(address)?.size !== count) return `parts of ${address} are gone`;
    return null;
  }

  #write(held: Partition, { head, orders, parts }: Checkpoint): void {
    for (const { address, oid, deadline, body } of orders) {
      const key = orderKey({ address, oid });
      if (body === null) {
        held.orders.delete(key);
        held.index.delete(key);
        continue;
      }
      held.orders.set(key, { address, oid, body, expiresAt: this.#simulation.time.now + this.#marginMs });
      held.index.set(key, { address, oid, deadline });
    }
    for (const { address, part, body } of parts) {
      const known = held.parts.get(address) ?? new Map<number, string>();
      if (body === null) known.delete(part);
      else known.set(part, body);
      held.parts.set(address, known);
      held.listed.set(address, known.size);
      if (known.size > 0) continue;
      held.parts.delete(address);
      held.listed.delete(address);
    }
    held.head = JSON.stringify(head);
    held.orderCount = held.index.size;
    held.addressCount = held.listed.size;
  }

  /** R3. */
  #checkNewest({ partition, token }: Asker): void {
    if (this.#newest.get(partition) !== token) this.#simulation.problem(`zombie: an earlier owner of partition ${String(partition)} writes to the store`);
  }

  /** R4. */
  #checkNotAhead(partition: number, { at }: CheckpointHead): void {
    const decided = this.#simulation.broker.decidedOffsets(partition);
    if (at.position.offsets.every((offset, topic) => offset <= (decided[topic] ?? 0))) return;
    const [here, there] = [at.position.offsets.join(','), decided.join(',')];
    this.#simulation.problem(`ahead: a checkpoint of partition ${String(partition)} at ${here}, and the log has decided ${there}`);
  }

  #keepImage(): void {
    if (!this.#simulation.random.chance(0.15)) return;
    this.#images.push(copyOf(this.#partitions));
    if (this.#images.length > IMAGES) this.#images.shift();
  }

  #newGeneration(): string {
    this.#generations += 1;
    return `generation ${String(this.#generations)}`;
  }
}

function emptyPartition(generation: string): Partition {
  return {
    owner: '', generation, head: null, orders: new Map(), index: new Map(), parts: new Map(), listed: new Map(),
    orderCount: 0, addressCount: 0,
  };
}

function copyOf(partitions: Map<number, Partition>): Map<number, Partition> {
  return new Map(Array.from(partitions, ([number, held]) => [number, {
    ...held,
    orders: new Map(held.orders), index: new Map(held.index), listed: new Map(held.listed),
    parts: new Map(Array.from(held.parts, ([address, parts]) => [address, new Map(parts)])),
  }]));
}

function isMiscounted({ index, listed, orderCount, addressCount }: Partition): boolean {
  return index.size !== orderCount || listed.size !== addressCount;
}

function refused(why: Refusal['why']): Refusal {
  return { kind: 'refused', why };
}

function orderKey({ address, oid }: OrderKey): string {
  return `${address}/${String(oid)}`;
}

/* Written above. */
function parseHead(text: string): CheckpointHead {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as CheckpointHead;
}
