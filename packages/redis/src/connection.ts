// How to reach Redis, and how long to wait for it.
//
// C1  Every call may be repeated: one without an answer is, until `patienceMs` has passed.
// C2  What repeating can't mend (a wrong password, a missing permission, a script's own error) fails at once.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortError } from '@fillstream/runtime';
import { Cluster, Redis } from 'ioredis';

export type RedisOptions = {
  /** host:port, several of a Cluster. */
  readonly nodes: readonly string[];
  readonly cluster?: boolean;
  readonly username?: string;
  readonly password?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly commandTimeoutMs?: number;
  /** How long a call without an answer is repeated. */
  readonly patienceMs?: number;
  /** Told when trouble begins and when it ends, one line each. */
  readonly onTrouble?: (message: string) => void;
};

export type Reply = readonly [status: string, ...rest: unknown[]];

const COMMAND_TIMEOUT_MS = 5_000;
const PATIENCE_MS = 600_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const HOPELESS = /^(?:NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|ERR (?!max number of clients))/;

export class RedisConnection {
  readonly client: Redis | Cluster;
  readonly #options: RedisOptions;
  readonly #shas = new Map<string, string>();
  #closed = false;
  /** Until then a lost connection isn't made again. */
  #opened = false;
  /** What the connection itself last met. */
  #trouble: string | null = null;

  /** Throws PortError when the first answer doesn't come, or is a refusal. */
  static async open(options: RedisOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(options);
    try {
      await connection.client.connect();
      await connection.client.ping();
      connection.#opened = true;
      return connection;
    } catch (error) {
      connection.close();
      const why = connection.#trouble ?? messageOf(error); // What the client rejects with is but that the connection is closed.
      throw new PortError('store-broken', `redis at ${options.nodes.join(', ')}: ${why}`, { retryable: false, cause: error });
    }
  }

  private constructor(options: RedisOptions) {
    this.#options = options;
    this.client = clientOf(options, (times) => (this.#opened ? Math.min(times * FIRST_PAUSE_MS, LONGEST_PAUSE_MS) : null));
    this.client.on('error', (error: unknown) => (this.#trouble = messageOf(error)));
  }

  /** Runs a script (C1, C2). Throws PortError. */
  async run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const reply: unknown = await this.repeat(async () => await this.#eval(script, keys, args));
    if (isReply(reply)) return reply;
    throw new PortError('store-broken', 'redis: a script answered something else', { retryable: false });
  }

  /** One call, repeated while there is no answer. Throws PortError. */
  async repeat<T>(call: () => Promise<T>): Promise<T> {
    const { patienceMs = PATIENCE_MS, onTrouble } = this.#options;
    const until = performance.now() + patienceMs;
    for (let pause = FIRST_PAUSE_MS, troubled = false; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const answer = await call();
        if (troubled) onTrouble?.('redis: answers again');
        return answer;
      } catch (error) {
        const message = messageOf(error);
        if (HOPELESS.test(message)) throw new PortError('store-broken', `redis: ${message}`, { retryable: false, cause: error });
        if (this.#closed) throw new PortError('store-broken', 'redis: the connection was closed', { retryable: false, cause: error });
        if (performance.now() >= until) throw new PortError('store-broken', `redis gave no answer for ${String(patienceMs)} ms: ${message}`, { retryable: true, cause: error });
        if (!troubled) onTrouble?.(`redis: ${message}; trying again`);
        troubled = true;
        await sleep(pause);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.client.disconnect();
  }

  async #eval(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const sha = this.#shas.get(script) ?? createHash('sha1').update(script).digest('hex');
    this.#shas.set(script, sha);
    try {
      return await this.client.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return await this.client.eval(script, keys.length, ...keys, ...args);
    }
  }
}

/**
 * Refuses a Redis that would drop state by itself. Throws PortError; returns a warning when the server doesn't let
 * its settings be read.
 */
export async function checkRedis({ client }: RedisConnection): Promise<string | null> {
  let settings: unknown;
  try {
    settings = await client.config('GET', 'maxmemory-policy');
  } catch (error) {
    return `redis: maxmemory-policy couldn't be read (${messageOf(error)}); it has to be noeviction`;
  }
  const policy = Array.isArray(settings) ? String(settings[1]) : '';
  if (policy === 'noeviction') return null;
  throw new PortError('mismatch', `redis has maxmemory-policy=${policy}, expected noeviction: it would drop the state of orders`, { retryable: false });
}

function clientOf(options: RedisOptions, retryStrategy: (times: number) => number | null): Redis | Cluster {
  const { nodes, cluster = false, username, password, tls, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options;
  const common = {
    lazyConnect: true,
    enableOfflineQueue: false,
    commandTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
  const addresses = nodes.map(addressOf);
  if (cluster) return new Cluster(addresses, { lazyConnect: true, clusterRetryStrategy: retryStrategy, redisOptions: common });
  return new Redis({ ...common, ...addresses[0], retryStrategy });
}

function addressOf(node: string): { host: string; port: number } {
  const place = node.lastIndexOf(':');
  const port = Number(node.slice(place + 1));
  if (place > 0 && Number.isInteger(port)) return { host: node.slice(0, place), port };
  throw new PortError('mismatch', `redis: expected host:port, got ${node}`, { retryable: false });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isReply(value: unknown): value is Reply {
  return Array.isArray(value) && typeof value[0] === 'string';
}
