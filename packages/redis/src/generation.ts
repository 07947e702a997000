// All keys of one generation, walked through in chunks: to audit the current one, and to delete an old one.
//
// G1  Another owner may come between two chunks: an audit counts only if nothing changed meanwhile (`read` asks again), and
//     only the owner deletes, and only what meta calls garbage.

import type { OrderKey } from '@fillstream/runtime';
import type { RedisConnection } from './connection.ts';
import { orderOf, type Keys } from './keys.ts';
import { COUNT, LENGTHS, SWEEP } from './scripts.ts';

/** Keys a call. */
const CHUNK = 1_000;
const SCAN = 2_000;

export type Indexed = OrderKey & { readonly deadline: number };
type Expected = { readonly orders: number; readonly addresses: number };

/** The orders that a generation's index lists. */
export async function indexedOrders(connection: RedisConnection, keys: Keys, generation: string): Promise<readonly Indexed[]> {
  const entries = await scan(connection, keys.index(generation));
  return entries.map(([field, deadline]) => ({ ...orderOf(field), deadline: Number(deadline) }));
}

/** What is wrong with a generation whose index lists `orders`; null: nothing. `expected`: how many there should be. */
export async function audit(
  connection: RedisConnection, keys: Keys, generation: string, orders: readonly Indexed[], expected: Expected,
): Promise<string | null> {
  if (orders.length !== expected.orders) return `${orders.length} orders are indexed, expected ${expected.orders}`;
  for (const chunk of chunksOf(orders)) {
    const [, found] = await connection.run(COUNT, chunk.map((order) => keys.order(generation, order)), []);
    if (Number(found) !== chunk.length) return `${String(chunk.length - Number(found))} orders that are indexed are gone`;
  }
  const addresses = await scan(connection, keys.addresses(generation));
  if (addresses.length !== expected.addresses) return `${addresses.length} addresses are listed, expected ${expected.addresses}`;
  for (const chunk of chunksOf(addresses)) {
    const [, ...lengths] = await connection.run(LENGTHS, chunk.map(([address]) => keys.address(generation, address)), []);
    const wrong = chunk.find(([, count], place) => Number(lengths[place]) !== Number(count));
    if (wrong !== undefined) return `parts of ${wrong[0]} are gone`;
  }
  return null;
}

/** Deletes an old generation; stops when it is another owner's to do (G1). */
export async function sweep(connection: RedisConnection, keys: Keys, token: string, generation: string): Promise<void> {
  const orders = (await scan(connection, keys.index(generation))).map(([field]) => keys.order(generation, orderOf(field)));
  const addresses = (await scan(connection, keys.addresses(generation))).map(([address]) => keys.address(generation, address));
  for (const chunk of chunksOf([...orders, ...addresses])) {
    const [status] = await connection.run(SWEEP, [keys.meta, ...chunk], [token, generation, 'more']);
    if (status !== 'ok') return;
  }
  await connection.run(SWEEP, [keys.meta, keys.index(generation), keys.addresses(generation)], [token, generation, 'last']);
}

/** A hash's fields and values, each field once. */
async function scan(connection: RedisConnection, key: string): Promise<readonly (readonly [string, string])[]> {
  const found = new Map<string, string>();
  for (let cursor = '0'; ;) {
    const [next, entries] = await connection.repeat(async () => await connection.client.hscan(key, cursor, 'COUNT', SCAN));
    for (let place = 0; place < entries.length; place += 2) found.set(entries[place] ?? '', entries[place + 1] ?? '');
    if (next === '0') return [...found];
    cursor = next;
  }
}

function chunksOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, place) => items.slice(place * CHUNK, (place + 1) * CHUNK));
}
