// What all processes of an installation have to agree on, kept beside the state.

import { PortError } from '@fillstream/runtime';
import type { RedisConnection } from './connection.ts';

/**
 * Keeps the facts when there are none yet, else compares: state folded by other settings, or cut into another number of
 * partitions, can't go on. Throws PortError `mismatch`, with the name of the first fact that differs.
 */
export async function agreeOn(connection: RedisConnection, namespace: string, facts: Readonly<Record<string, string>>): Promise<void> {
  const key = factsKey(namespace);
  for (const [name, value] of Object.entries(facts)) {
    const held = await connection.repeat(async () => {
      await connection.client.hsetnx(key, name, value);
      return await connection.client.hget(key, name);
    });
    if (held === value) continue;
    const message = `the state in redis under ${key} was made with ${name} ${held ?? ''}, now ${value}; use another --namespace, or what it was made with`;
    throw new PortError('mismatch', message, { retryable: false });
  }
}

export function factsKey(namespace: string): string {
  return `${namespace === '' ? 'fillstream' : namespace}:facts`;
}
