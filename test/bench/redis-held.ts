// What Redis holds for a partition's state, on a server of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_SETTINGS, Partition, noCounts, type Signal } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import { RedisConnection, RedisStore } from '@fillstream/redis';
import { snapshot, startOf, type Checkpoint } from '@fillstream/runtime';
import type { JournalRecord } from '@fillstream/simulator';
import { startRedis } from '@fillstream/stack';

const CHUNK = 2_000;

export type Held = {
  /** On record; of finished ones an address remembers; addresses. */
  readonly orders: number;
  readonly remembered: number;
  readonly addresses: number;
  readonly orderBytes: number;
  readonly addressBytes: number;
  /** Characters of the orders' bodies. */
  readonly bodies: number;
  /** Of one of CHUNK orders. */
  readonly checkpointMs: readonly number[];
};

/** A partition's fold of records. */
export function folded(records: Iterable<JournalRecord>): Partition {
  const partition = new Partition(DEFAULT_SETTINGS, 1);
  const signals: Signal[] = [];
  for (const record of records) {
    const input = readRecord(record);
    if (input.receivedAt !== null) partition.state.advance(0, input.receivedAt);
    while (partition.fireNext(signals) === 'fired') signals.length = 0;
    partition.apply(input, signals);
  }
  return partition;
}

/** As if that much time had gone by without a record. */
export function goOn(partition: Partition, ms: number): void {
  const signals: Signal[] = [];
  partition.state.advance(0, partition.state.now + ms);
  while (partition.fireNext(signals) === 'fired') signals.length = 0;
}

export async function heldBy(partition: Partition): Promise<Held> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-size-'));
  const server = await startRedis({ folder });
  const connection = await RedisConnection.open({ nodes: [`127.0.0.1:${String(server.port)}`] });
  try {
    return await written(connection, snapshot(partition, startOf(2)));
  } finally {
    connection.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function written(connection: RedisConnection, state: Checkpoint): Promise<Held> {
  const store = new RedisStore({ connection });
  const owner = await store.claim(0);
  const start = { at: startOf(2), clocks: [], counts: noCounts() };
  await store.reset(owner, start);
  const empty = await usedBytes(connection);
  const orders = state.orders.filter(({ body }) => body !== null);
  const checkpointMs: number[] = [];
  let at = start.at;
  const write = async (next: Pick<Checkpoint, 'orders' | 'parts'>, place: number): Promise<void> => {
    const point = { ...at, position: { offsets: [place, 0], fired: 0 } };
    await store.checkpoint(owner, at, { head: { ...state.head, at: point }, ...next });
    at = point;
  };
  for (let place = 0; place < orders.length; place += CHUNK) {
    const began = performance.now();
    await write({ orders: orders.slice(place, place + CHUNK), parts: [] }, place + 1);
    checkpointMs.push(performance.now() - began);
  }
  const withOrders = await usedBytes(connection);
  for (let place = 0; place < state.parts.length; place += CHUNK) {
    await write({ orders: [], parts: state.parts.slice(place, place + CHUNK) }, orders.length + place + 2);
  }
  const bodies = orders.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
  return {
    orders: orders.length,
    remembered: rememberedIn(state),
    addresses: new Set(state.parts.map(({ address }) => address)).size,
    orderBytes: withOrders - empty,
    addressBytes: (await usedBytes(connection)) - withOrders,
    bodies,
    checkpointMs,
  };
}

/** Finished orders in the parts after the profiles: of each chunk its list of oids. */
function rememberedIn({ parts }: Checkpoint): number {
  return parts.filter(({ part, body }) => part > 0 && body !== null).reduce((sum, { body }) => sum + countIn(body ?? ''), 0);
}

function countIn(body: string): number {
  const chunk: unknown = JSON.parse(body);
  const list = typeof chunk === 'object' && chunk !== null ? Object.values(chunk).find(Array.isArray) : undefined;
  return list?.length ?? 0;
}

async function usedBytes(connection: RedisConnection): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await connection.client.info('memory'))?.[1] ?? NaN);
}
