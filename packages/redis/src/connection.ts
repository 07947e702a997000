// The connection to Redis, one for a process, and how scripts are run on it.
//
// C1  A command is answered or rejected, never queued: what is repeated, and how long, is `Patience`'s.
// C2  No error that leaves this package holds a password or a command's contents.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortError } from '@fillstream/runtime';
import { Cluster, Redis } from 'ioredis';
import { Patience, isMendable, reasonOf, withoutCommand, type PatienceOptions } from './patience.ts';

export type RedisOptions = PatienceOptions & {
  /** host:port, several of a Cluster. */
  readonly nodes: readonly string[];
  readonly cluster?: boolean;
  readonly username?: string;
  readonly password?: string;
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly commandTimeoutMs?: number;
};

export type Reply = readonly [status: string, ...rest: unknown[]];

const COMMAND_TIMEOUT_MS = 5_000;
const LONGEST_PAUSE_MS = 2_000;
/** What ioredis says of a command while there is no connection: the reason is what the connection met last. */
const DISCONNECTED = /^(?:Stream isn't writ|Cluster isn't ready|Connection is closed|None of startup|Reached the max)/;

export class RedisConnection {
  readonly client: Redis | Cluster;
  readonly #options: RedisOptions;
  readonly #patience: Patience;
  readonly #shas = new Map<string, string>();
  #lastError: unknown = null;
  #isClosed = false;

  /** Throws PortError when the first answer doesn't come, or is a refusal. */
  static async open(options: RedisOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(options);
    try {
      await connection.#connect();
      await connection.client.ping();
      return connection;
    } catch (error) {
      connection.close();
      const cause = connection.#causeOf(error);
      const message = `redis at ${options.nodes.join(', ')}: ${connection.#explain(error)}`;
      throw new PortError('store-broken', message, { retryable: isMendable(cause), cause: withoutCommand(cause) });
    }
  }

  private constructor(options: RedisOptions) {
    this.#options = options;
    this.#patience = new Patience(options);
    this.client = clientOf(options);
    for (const event of ['error', 'node error']) {
      this.client.on(event, (error: unknown) => { this.#lastError = error; }); // Each call meets its own, and says this one.
    }
  }

  /** Runs a script (C1). Throws PortError. */
  async run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const reply: unknown = await this.repeat(async () => await this.#eval(script, keys, args));
    if (isReply(reply)) return reply;
    throw new PortError('store-broken', 'redis: a script answered something else', { retryable: false });
  }

  /** One call, repeated while there is no answer and this isn't closed. Throws PortError. */
  async repeat<T>(call: () => Promise<T>): Promise<T> {
    return await this.#patience.persist(call, () => this.#isClosed, (error) => this.#explain(error));
  }

  close(): void {
    this.#isClosed = true;
    this.client.disconnect();
  }

  /** Of a Cluster that isn't whole ioredis never gives up by itself. */
  async #connect(): Promise<void> {
    const limitMs = 3 * (this.#options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS);
    const ready = new Promise((resolve) => { this.client.once('ready', resolve); });
    const tooLate = sleep(limitMs, null, { ref: false }).then(() => {
      throw new Error(`not ready after ${String(limitMs)} ms`);
    });
    await Promise.race([this.client.connect(), ready, tooLate]);
  }

  async #eval(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const sha = this.#shas.get(script) ?? createHash('sha1').update(script).digest('hex');
    this.#shas.set(script, sha);
    try {
      return await this.client.call('evalsha', [sha, keys.length, ...keys, ...args]);
    } catch (error) {
      if (!reasonOf(error).message.startsWith('NOSCRIPT')) throw error;
      return await this.client.call('eval', [script, keys.length, ...keys, ...args]);
    }
  }

  #causeOf(error: unknown): unknown {
    return this.#lastError !== null && DISCONNECTED.test(reasonOf(error).message) ? this.#lastError : error;
  }

  #explain(error: unknown): string {
    return reasonOf(this.#causeOf(error)).message;
  }
}

/**
 * Refuses a Redis that would drop state by itself. Throws PortError; returns a warning when the server doesn't let
 * its settings be read.
 */
export async function checkRedis({ client }: RedisConnection): Promise<string | null> {
  for (const node of client instanceof Cluster ? client.nodes('master') : [client]) {
    const policy = await policyOf(node);
    if (policy.kind === 'hidden') return `redis: maxmemory-policy couldn't be read (${policy.why}); it has to be noeviction`;
    if (policy.name === 'noeviction') continue;
    const message = `redis has maxmemory-policy=${policy.name}, expected noeviction: it would drop the state of orders`;
    throw new PortError('mismatch', message, { retryable: false });
  }
  return null;
}

type Policy = { readonly kind: 'known'; readonly name: string } | { readonly kind: 'hidden'; readonly why: string };

/** By INFO: a login that may read settings may read passwords. */
async function policyOf(node: Redis): Promise<Policy> {
  try {
    const name = /^maxmemory_policy:(\S+)/m.exec(await node.info('memory'))?.[1];
    return name === undefined ? { kind: 'hidden', why: 'INFO doesn\'t tell it' } : { kind: 'known', name };
  } catch (error) {
    return { kind: 'hidden', why: reasonOf(error).message };
  }
}

function clientOf(options: RedisOptions): Redis | Cluster {
  const { nodes, cluster = false, username, password, tls, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options;
  const common = {
    protocol: 2 as const,
    commandTimeout: commandTimeoutMs,
    connectTimeout: commandTimeoutMs,
    socketTimeout: 2 * commandTimeoutMs, // A connection that died without a word is noticed, and made anew.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...tls, rejectUnauthorized: true } }),
  };
  const [first, ...others] = nodes.map(addressOf);
  if (first === undefined || (others.length > 0 && !cluster)) {
    const message = `redis: expected one host:port, or several of a Cluster, got ${nodes.join(', ')}`;
    throw new PortError('mismatch', message, { retryable: false });
  }
  const strict = { lazyConnect: true, enableOfflineQueue: false };
  if (!cluster) return new Redis({ ...common, ...first, ...strict, retryStrategy: pauseOf, reconnectOnError: isDemoted });
  return new Cluster([first, ...others], {
    ...strict,
    clusterRetryStrategy: pauseOf,
    slotsRefreshTimeout: commandTimeoutMs,
    redisOptions: common,
    // A certificate is of a name: it must not be turned into an address before.
    ...(tls === undefined ? {} : { dnsLookup: (host, done) => { done(null, host); } }),
  });
}

function pauseOf(times: number): number {
  return Math.min(50 * times, LONGEST_PAUSE_MS);
}

/** The server became a replica: its name may be another server's by now. */
function isDemoted(error: Error): boolean {
  return error.message.startsWith('READONLY');
}

function addressOf(node: string): { host: string; port: number } {
  const place = node.lastIndexOf(':');
  const port = Number(node.slice(place + 1));
  if (place > 0 && Number.isInteger(port)) return { host: node.slice(0, place).replace(/^\[(.*)\]$/, '$1'), port };
  throw new PortError('mismatch', `redis: expected host:port, got ${node}`, { retryable: false });
}

function isReply(value: unknown): value is Reply {
  return Array.isArray(value) && typeof value[0] === 'string';
}
