// The keys of a partition P in namespace N, of which all share the hash tag {P}, so that a Cluster keeps them together:
//
//   N:{P}:meta              hash    owner, gen, format, at, head, orders and addresses (how many are listed), garbage
//   N:{P}:G:index           hash    ADDRESS/OID → deadline, of every order on record
//   N:{P}:G:o:ADDRESS:OID   string  the order's body, with a time to live
//   N:{P}:G:addresses       hash    ADDRESS → how many parts it has
//   N:{P}:G:a:ADDRESS       hash    part → body
//
// G is the generation: a reset begins another in one step, so nothing of an older one is ever read. The older one's keys are
// named in `garbage` until they are deleted.

import type { Address, Oid } from '@fillstream/core';
import type { OrderKey } from '@fillstream/runtime';

export const FORMAT = '1';

export class Keys {
  readonly #prefix: string;

  constructor(namespace: string, partition: number) {
    this.#prefix = `${namespace === '' ? 'fillstream' : namespace}:{${String(partition)}}:`;
  }

  get meta(): string {
    return `${this.#prefix}meta`;
  }

  index(generation: string): string {
    return `${this.#prefix}${generation}:index`;
  }

  order(generation: string, { address, oid }: OrderKey): string {
    return `${this.#prefix}${generation}:o:${address}:${String(oid)}`;
  }

  addresses(generation: string): string {
    return `${this.#prefix}${generation}:addresses`;
  }

  address(generation: string, address: string): string {
    return `${this.#prefix}${generation}:a:${address}`;
  }

  /** The keys of a call on orders and addresses: meta, index, addresses, then theirs. */
  touched(generation: string, orders: readonly OrderKey[], addresses: readonly Address[]): readonly string[] {
    return [
      this.meta, this.index(generation), this.addresses(generation),
      ...orders.map((order) => this.order(generation, order)), ...addresses.map((address) => this.address(generation, address)),
    ];
  }
}

export function indexField({ address, oid }: OrderKey): string {
  return `${address}/${String(oid)}`;
}

/** Reads what `indexField` wrote. */
export function orderOf(field: string): OrderKey {
  const [address = '', oid = ''] = field.split('/');
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return { address: address as Address, oid: Number(oid) as Oid };
}
