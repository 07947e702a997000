// What a Redis looks like to an operator: its servers, what the login may do, and the state of an installation. Only what may be
// done is tried by doing it, on a key of its own.
//
// I1  What a login isn't allowed to see is said so, beside all that it may see.

import { createHash, randomUUID } from 'node:crypto';
import { Cluster, type Redis } from 'ioredis';
import type { RedisConnection } from './connection.ts';
import { reasonOf } from './patience.ts';

export type ServerFacts = {
  /** host:port. */
  readonly address: string;
  readonly version: string;
  /** `master`, or `slave` for a replica. */
  readonly role: string;
  /** Bytes; a limit of 0 is none. */
  readonly memory: { readonly used: number; readonly limit: number };
  readonly policy: string;
  readonly evictedKeys: number;
  readonly isAppendOnly: boolean;
  /** `save` of its configuration, '' for none; null: it may not be read. */
  readonly savePoints: string | null;
  /** Of the last write to disk, of either kind. */
  readonly isWriteBroken: boolean;
  /** What time it says that it is (ms); null: it may not be asked. */
  readonly time: { readonly at: number; readonly askedAt: number; readonly answeredAt: number } | null;
};

/** A command that the store needs, and why it wasn't carried out. */
export type RefusedCommand = { readonly command: string; readonly why: string };

const PROBE_MS = '60000';
const SCRIPT = 'return #KEYS';

/** Every server that has keys of its own. Rejects with the client's error. */
export async function inspectServers({ client }: RedisConnection): Promise<readonly ServerFacts[]> {
  return await Promise.all((client instanceof Cluster ? client.nodes('master') : [client]).map(inspectServer));
}

async function inspectServer(node: Redis): Promise<ServerFacts> {
  const info = fieldsOf(await node.info());
  const field = (name: string): string => info.get(name) ?? '';
  return {
    address: `${String(node.options.host)}:${String(node.options.port)}`,
    version: field('redis_version'),
    role: field('role'),
    memory: { used: Number(field('used_memory')), limit: Number(field('maxmemory')) },
    policy: field('maxmemory_policy'),
    evictedKeys: Number(field('evicted_keys')),
    isAppendOnly: field('aof_enabled') === '1',
    savePoints: await orNull(async () => settingOf(await node.config('GET', 'save'))),
    isWriteBroken: field('aof_last_write_status') === 'err' || field('rdb_last_bgsave_status') === 'err',
    time: await orNull(async () => await timeOf(node)),
  };
}

async function timeOf(node: Redis): Promise<NonNullable<ServerFacts['time']>> {
  const askedAt = Date.now();
  const reply: unknown = await node.call('TIME');
  const [seconds = NaN, microseconds = NaN] = Array.isArray(reply) ? reply.map(Number) : [];
  return { at: seconds * 1_000 + microseconds / 1_000, askedAt, answeredAt: Date.now() };
}

/** The reply of CONFIG GET. */
function settingOf(reply: unknown): string | null {
  const value: unknown = Array.isArray(reply) ? reply[1] : null;
  return typeof value === 'string' ? value : null;
}

/** Of INFO's answer. */
export function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(info.split(/\r?\n/).flatMap((line): [string, string][] => {
    const colon = line.indexOf(':');
    return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
  }));
}

/** I1. */
async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (reasonOf(error).name === 'ReplyError') return null;
    throw error;
  }
}

/** Each command that the store needs, tried on keys of the namespace that nothing else has. */
export async function tryCommands({ client }: RedisConnection, namespace: string): Promise<readonly RefusedCommand[]> {
  const key = `${namespace === '' ? 'fillstream' : namespace}:{doctor}:${randomUUID()}`;
  const [text, hash] = [`${key}:s`, `${key}:h`];
  const trials: readonly (readonly [command: string, ...args: string[]])[] = [
    ['eval', SCRIPT, '1', text], ['evalsha', createHash('sha1').update(SCRIPT).digest('hex'), '1', text],
    ['set', text, '1', 'PX', PROBE_MS], ['get', text], ['exists', text], ['del', text],
    ['hset', hash, 'a', '1'], ['hsetnx', hash, 'b', '1'], ['hget', hash, 'a'], ['hmget', hash, 'a'], ['hgetall', hash], ['hlen', hash],
    ['hscan', hash, '0'], ['hdel', hash, 'a', 'b'], ['unlink', text, hash],
  ];
  const refused: RefusedCommand[] = [];
  for (const [command, ...args] of trials) {
    try {
      await client.call(command, args);
    } catch (error) {
      const { name, message } = reasonOf(error);
      if (name !== 'ReplyError') throw error;
      refused.push({ command, why: message });
    }
  }
  return refused;
}
