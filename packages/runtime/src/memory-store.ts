// The memory twin of StateStore, for tests. Like the log's twin it outlives a simulated crash.

import type { Address } from '@fillstream/core';
import { samePoint, type HistoryPoint } from './history.ts';
import { attempt, type FaultHook } from './memory-log.ts';
import type { AddressPart, Checkpoint, CheckpointHead, Fetched, OrderKey, Owner, Refusal, StateStore, StoredState } from './ports.ts';

type StoredOrder = OrderKey & { readonly deadline: number; readonly body: string };
type PartitionData = {
  token: string;
  head: CheckpointHead | null;
  orders: Map<string, StoredOrder>;
  parts: Map<string, AddressPart>;
};

export class MemoryStore implements StateStore {
  readonly #partitions = new Map<number, PartitionData>();
  readonly #fault: FaultHook | undefined;
  #tokens = 0;

  constructor(fault?: FaultHook) {
    this.#fault = fault;
  }

  /** As if the server had lost everything. */
  wipe(): void {
    this.#partitions.clear();
  }

  /** A copy of all it holds, to go back to. */
  image(): MemoryStore {
    const copy = new MemoryStore(this.#fault);
    copy.rollBackTo(this);
    copy.#tokens = this.#tokens;
    return copy;
  }

  /** As if the server had come back with an older state. */
  rollBackTo(image: MemoryStore): void {
    this.#partitions.clear();
    for (const [partition, data] of image.#partitions) {
      this.#partitions.set(partition, { ...data, orders: new Map(data.orders), parts: new Map(data.parts) });
    }
  }

  claim(partition: number): Promise<Owner> {
    return attempt(() => {
      this.#fault?.('before claim');
      this.#tokens += 1;
      const token = String(this.#tokens);
      this.#data(partition).token = token;
      this.#fault?.('after claim');
      return { partition, token };
    });
  }

  read(owner: Owner): Promise<StoredState | Refusal> {
    return attempt(() => {
      const data = this.#owned(owner);
      if (data === null) return notTheOwner;
      if (data.head === null) return { kind: 'missing' };
      return { kind: 'checkpoint', head: data.head, orders: [...data.orders.values()] };
    });
  }

  prefetch(owner: Owner, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[]): Promise<Fetched | Refusal> {
    return attempt(() => {
      const data = this.#owned(owner);
      if (data === null) return notTheOwner;
      if (data.head === null || !samePoint(data.head.at, at)) return anotherCheckpoint;
      const found = orders.flatMap((key) => data.orders.get(orderKey(key)) ?? []);
      if (found.length < orders.length) return { kind: 'refused', why: 'gone' };
      const parts = [...data.parts.values()].filter(({ address }) => addresses.includes(address));
      return { kind: 'fetched', orders: found, parts };
    });
  }

  checkpoint(owner: Owner, before: HistoryPoint, next: Checkpoint): Promise<{ readonly kind: 'written' } | Refusal> {
    return attempt(() => {
      this.#fault?.('before checkpoint');
      const data = this.#owned(owner);
      if (data === null) return notTheOwner;
      if (data.head === null) return anotherCheckpoint;
      if (samePoint(data.head.at, next.head.at)) return { kind: 'written' };
      if (!samePoint(data.head.at, before)) return anotherCheckpoint;
      for (const { address, oid, deadline, body } of next.orders) {
        if (body === null) data.orders.delete(orderKey({ address, oid }));
        else data.orders.set(orderKey({ address, oid }), { address, oid, deadline, body });
      }
      for (const { address, part, body } of next.parts) {
        if (body === null) data.parts.delete(partKey(address, part));
        else data.parts.set(partKey(address, part), { address, part, body });
      }
      data.head = next.head;
      this.#fault?.('after checkpoint');
      return { kind: 'written' };
    });
  }

  reset(owner: Owner, start: CheckpointHead): Promise<{ readonly kind: 'reset' } | Refusal> {
    return attempt(() => {
      const data = this.#owned(owner);
      if (data === null) return notTheOwner;
      data.head = null;
      this.#fault?.('after void');
      data.orders.clear();
      data.parts.clear();
      this.#fault?.('after delete');
      data.head = start;
      return { kind: 'reset' };
    });
  }

  #data(partition: number): PartitionData {
    const held = this.#partitions.get(partition);
    if (held !== undefined) return held;
    const made = { token: '', head: null, orders: new Map(), parts: new Map() };
    this.#partitions.set(partition, made);
    return made;
  }

  #owned(owner: Owner): PartitionData | null {
    const data = this.#data(owner.partition);
    return data.token === owner.token ? data : null;
  }
}

const notTheOwner: Refusal = { kind: 'refused', why: 'another owner' };
const anotherCheckpoint: Refusal = { kind: 'refused', why: 'another checkpoint' };

function orderKey({ address, oid }: OrderKey): string {
  return `${address}/${String(oid)}`;
}

function partKey(address: Address, part: number): string {
  return `${address}#${String(part)}`;
}
