// What a Redis says of its memory, for whoever watches it.

import { Cluster, type Redis } from 'ioredis';
import type { RedisConnection } from './connection.ts';
import { fieldsOf } from './inspect.ts';

/** Over all servers that have keys of their own. */
export type RedisUsage = {
  readonly memoryBytes: number;
  /** null: one of them has no limit. */
  readonly limitBytes: number | null;
  /** Since each was started. */
  readonly evictedKeys: number;
};

/** Rejects with the client's error. */
export async function usageOf({ client }: RedisConnection): Promise<RedisUsage> {
  const all = await Promise.all((client instanceof Cluster ? client.nodes('master') : [client]).map(usageOfServer));
  const limits = all.map(({ limit }) => limit);
  return {
    memoryBytes: sum(all.map(({ used }) => used)),
    limitBytes: limits.includes(0) ? null : sum(limits),
    evictedKeys: sum(all.map(({ evicted }) => evicted)),
  };
}

async function usageOfServer(node: Redis): Promise<{ readonly used: number; readonly limit: number; readonly evicted: number }> {
  const [memory, stats] = [fieldsOf(await node.info('memory')), fieldsOf(await node.info('stats'))];
  return { used: Number(memory.get('used_memory')), limit: Number(memory.get('maxmemory')), evicted: Number(stats.get('evicted_keys')) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
