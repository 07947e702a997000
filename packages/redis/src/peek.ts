// What Redis holds of one order, for whoever asks: nothing is claimed, and nothing is changed.

import { PortError, type CheckpointHead, type OrderKey } from '@fillstream/runtime';
import type { RedisConnection } from './connection.ts';
import { Keys, indexField } from './keys.ts';

export type PeekedOrder = {
  /** The checkpoint that it belongs to; null: there is none. */
  readonly head: CheckpointHead | null;
  /** null: not on record. */
  readonly body: string | null;
  /** As the index has it; null: not listed. */
  readonly deadline: number | null;
  /** Milliseconds that the body's key will live. */
  readonly livesMs: number | null;
};

/** A checkpoint came in between: it is asked again, so often. */
const REPEATS = 20;

/** Throws PortError. */
export async function peekOrder(connection: RedisConnection, namespace: string, partition: number, order: OrderKey): Promise<PeekedOrder> {
  const keys = new Keys(namespace, partition);
  const { client } = connection;
  const meta = async (): Promise<(string | null)[]> => await connection.repeat(async () => await client.hmget(keys.meta, 'gen', 'at', 'head'));
  for (let left = REPEATS; left > 0; left -= 1) {
    const [generation, at, head] = await meta();
    if (typeof generation !== 'string' || typeof at !== 'string' || typeof head !== 'string') return { head: null, body: null, deadline: null, livesMs: null };
    const key = keys.order(generation, order);
    const [body, lives, deadline] = await connection.repeat(async () => await Promise.all([
      client.get(key), client.pttl(key), client.hget(keys.index(generation), indexField(order)),
    ]));
    const [generationNow, atNow] = await meta();
    if (generationNow !== generation || atNow !== at) continue;
    return { head: headOf(head), body, deadline: deadline === null ? null : Number(deadline), livesMs: body === null ? null : lives };
  }
  throw new PortError('store-broken', 'redis: a checkpoint came each time the order was read', { retryable: true });
}

/* Written by the store. */
function headOf(text: string): CheckpointHead {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as CheckpointHead;
}
