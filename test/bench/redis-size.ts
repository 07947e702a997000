// `npm run bench:redis`: what Redis holds for each order and address, and what a checkpoint costs, on a server of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_SETTINGS, Partition, noCounts, type Signal } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import { RedisConnection, RedisStore } from '@fillstream/redis';
import { snapshot, startOf } from '@fillstream/runtime';
import { market } from '@fillstream/simulator';
import { startRedis } from '@fillstream/stack';

const RECORDS = 300_000;
const CHUNK = 2_000;

const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-size-'));
const server = await startRedis({ folder });
const connection = await RedisConnection.open({ nodes: [`127.0.0.1:${String(server.port)}`] });
const state = foldedState();
const store = new RedisStore({ connection });
const owner = await store.claim(0);
const start = { at: startOf(2), clocks: [], counts: noCounts() };
await store.reset(owner, start);

const empty = await usedBytes();
const orders = state.orders.filter(({ body }) => body !== null);
const times: number[] = [];
let at = start.at;
for (let place = 0; place < orders.length; place += CHUNK) {
  const next = { ...at, position: { offsets: [place + 1, 0], fired: 0 } };
  const began = performance.now();
  await store.checkpoint(owner, at, { head: { ...state.head, at: next }, orders: orders.slice(place, place + CHUNK), parts: [] });
  times.push(performance.now() - began);
  at = next;
}
const withOrders = await usedBytes();
const last = { ...at, position: { offsets: [orders.length + CHUNK, 0], fired: 0 } };
await store.checkpoint(owner, at, { head: { ...state.head, at: last }, orders: [], parts: state.parts });
const addresses = new Set(state.parts.map(({ address }) => address)).size;
times.sort((a, b) => a - b);
console.log(`${String(orders.length)} orders on record: ${((withOrders - empty) / orders.length).toFixed(0)} bytes each, bodies of ${average(orders.map(({ body }) => body?.length ?? 0))}`);
console.log(`${String(addresses)} addresses: ${((await usedBytes() - withOrders) / addresses).toFixed(0)} bytes each`);
console.log(`a checkpoint of ${String(CHUNK)} orders: ${(times[Math.floor(times.length / 2)] ?? 0).toFixed(1)} ms (median of ${String(times.length)})`);
connection.close();
await server.stop();
rmSync(folder, { recursive: true });

/** The state of a market's records, as one checkpoint. */
function foldedState(): ReturnType<typeof snapshot> {
  const partition = new Partition(DEFAULT_SETTINGS, 1);
  const signals: Signal[] = [];
  for (const record of market({ seed: 1, addresses: 100, startAt: 1_760_000_000_000, records: RECORDS })) {
    const input = readRecord(record);
    if (input.receivedAt !== null) partition.state.advance(0, input.receivedAt);
    while (partition.fireNext(signals) === 'fired') signals.length = 0;
    partition.apply(input, signals);
  }
  return snapshot(partition, startOf(2));
}

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await connection.client.info('memory'))?.[1] ?? NaN);
}

function average(values: readonly number[]): string {
  return (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(0);
}
