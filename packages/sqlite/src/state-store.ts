// StateStore in SQLite: one row an order, one a part of an address, one a partition.
//
// Every call is one transaction, and changes nothing unless the caller is the owner.

import { randomUUID } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import type { Address, Oid } from '@fillstream/core';
import {
  PortError, samePoint,
  type AddressPart, type Checkpoint, type CheckpointHead, type Fetched, type HistoryPoint, type OrderKey, type Owner,
  type Refusal, type StateStore, type StoredState,
} from '@fillstream/runtime';
import type { Database } from './database.ts';

type Held = { readonly head: CheckpointHead | null };

export class SqliteStore implements StateStore {
  readonly #database: Database;
  readonly #statements: Statements;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = prepare(database);
  }

  async claim(partition: number): Promise<Owner> {
    const token = randomUUID();
    return await this.#do(() => {
      this.#statements.claim.run(partition, token);
      return { partition, token };
    });
  }

  async read(owner: Owner): Promise<StoredState | Refusal> {
    return await this.#do(() => {
      const held = this.#heldBy(owner);
      if (held === null) return NOT_THE_OWNER;
      if (held.head === null) return { kind: 'missing' };
      const orders = this.#statements.index.all(owner.partition).map(asIndexEntry);
      return { kind: 'checkpoint', head: held.head, orders };
    });
  }

  async prefetch(owner: Owner, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[]): Promise<Fetched | Refusal> {
    return await this.#do(() => {
      const held = this.#heldBy(owner);
      if (held === null) return NOT_THE_OWNER;
      if (held.head === null || !samePoint(held.head.at, at)) return ANOTHER_CHECKPOINT;
      const found = orders.flatMap(({ address, oid }) => {
        const body = this.#statements.order.get(owner.partition, address, oid)?.['body'];
        return typeof body === 'string' ? [{ address, oid, body }] : [];
      });
      if (found.length < orders.length) return { kind: 'refused', why: 'gone' };
      const parts = addresses.flatMap((address) => (
        this.#statements.parts.all(owner.partition, address).map((row) => asPart(address, row))
      ));
      return { kind: 'fetched', orders: found, parts };
    });
  }

  async checkpoint(owner: Owner, before: HistoryPoint, next: Checkpoint): Promise<{ readonly kind: 'written' } | Refusal> {
    return await this.#do(() => {
      const held = this.#heldBy(owner);
      if (held === null) return NOT_THE_OWNER;
      if (held.head === null) return ANOTHER_CHECKPOINT;
      if (samePoint(held.head.at, next.head.at)) return { kind: 'written' };
      if (!samePoint(held.head.at, before)) return ANOTHER_CHECKPOINT;
      this.#writeOrders(owner.partition, next.orders);
      this.#writeParts(owner.partition, next.parts);
      this.#statements.setHead.run(JSON.stringify(next.head), owner.partition);
      return { kind: 'written' };
    });
  }

  async reset(owner: Owner, start: CheckpointHead): Promise<{ readonly kind: 'reset' } | Refusal> {
    return await this.#do(() => {
      if (this.#heldBy(owner) === null) return NOT_THE_OWNER;
      this.#statements.deleteOrders.run(owner.partition);
      this.#statements.deleteParts.run(owner.partition);
      this.#statements.setHead.run(JSON.stringify(start), owner.partition);
      return { kind: 'reset' };
    });
  }

  #writeOrders(partition: number, orders: Checkpoint['orders']): void {
    for (const { address, oid, deadline, body } of orders) {
      if (body === null) this.#statements.deleteOrder.run(partition, address, oid);
      else this.#statements.putOrder.run(partition, address, oid, deadline, body);
    }
  }

  #writeParts(partition: number, parts: Checkpoint['parts']): void {
    for (const { address, part, body } of parts) {
      if (body === null) this.#statements.deletePart.run(partition, address, part);
      else this.#statements.putPart.run(partition, address, part, body);
    }
  }

  /** The partition's row when the caller owns it. */
  #heldBy(owner: Owner): Held | null {
    const row = this.#statements.partition.get(owner.partition);
    if (row?.['owner'] !== owner.token) return null;
    return { head: typeof row['head'] === 'string' ? parseHead(row['head']) : null };
  }

  /** Runs one call as one transaction, its errors as rejections. */
  async #do<T>(work: () => T): Promise<T> {
    return await Promise.resolve().then(() => this.#database.transaction(work));
  }
}

const NOT_THE_OWNER: Refusal = { kind: 'refused', why: 'another owner' };
const ANOTHER_CHECKPOINT: Refusal = { kind: 'refused', why: 'another checkpoint' };

type Statements = ReturnType<typeof prepare>;

function prepare({ sql }: Database) {
  const statement = (text: string): StatementSync => sql.prepare(text);
  return {
    claim: statement('INSERT INTO partitions (partition, owner) VALUES (?, ?) ON CONFLICT DO UPDATE SET owner = excluded.owner'),
    partition: statement('SELECT owner, head FROM partitions WHERE partition = ?'),
    setHead: statement('UPDATE partitions SET head = ? WHERE partition = ?'),
    index: statement('SELECT address, oid, deadline FROM orders WHERE partition = ?'),
    order: statement('SELECT body FROM orders WHERE partition = ? AND address = ? AND oid = ?'),
    parts: statement('SELECT part, body FROM address_parts WHERE partition = ? AND address = ?'),
    putOrder: statement('INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?)'),
    deleteOrder: statement('DELETE FROM orders WHERE partition = ? AND address = ? AND oid = ?'),
    putPart: statement('INSERT OR REPLACE INTO address_parts VALUES (?, ?, ?, ?)'),
    deletePart: statement('DELETE FROM address_parts WHERE partition = ? AND address = ? AND part = ?'),
    deleteOrders: statement('DELETE FROM orders WHERE partition = ?'),
    deleteParts: statement('DELETE FROM address_parts WHERE partition = ?'),
  };
}

type Row = Readonly<Record<string, unknown>>;

/* The rows below were written by this file: the tables' types are theirs. */
/* eslint-disable @typescript-eslint/consistent-type-assertions */

function asIndexEntry(row: Row): OrderKey & { readonly deadline: number } {
  return { address: row['address'] as Address, oid: row['oid'] as Oid, deadline: row['deadline'] as number };
}

function asPart(address: Address, row: Row): AddressPart {
  return { address, part: row['part'] as number, body: row['body'] as string };
}

function parseHead(text: string): CheckpointHead {
  try {
    return JSON.parse(text) as CheckpointHead;
  } catch (cause) {
    throw new PortError('store-broken', 'the state store holds a checkpoint that is no JSON', { retryable: false, cause });
  }
}
