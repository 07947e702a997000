// What a reliability scenario works on: real servers, journals on topics of their own, and what must come out.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RedisConnection } from '@fillstream/redis';
import { writeJournal } from '@fillstream/simulator';
import { startRedis, type Redis } from '@fillstream/stack';
import { Installation, NO_ANOMALIES, anomalies, joinServers, startServers, type Anomalies, type JoinedServers, type Servers } from '../end-to-end/cluster.ts';
import { fillstream, linesOf, type Running } from '../end-to-end/command.ts';

export const PARTITIONS = 3;
const START_AT = 1_760_000_000_000;

/** How often each thing was done. */
export type Counts = Record<string, number>;

export type Scenario = {
  readonly name: string;
  /** What is promised, as one sentence. */
  readonly promise: string;
  /** Rounds of a full run; in `npm test` there is one. */
  readonly rounds: number;
  /** Why `npm test` leaves it out: what else there does the same. */
  readonly elsewhere?: string;
  /** Throws an AssertionError for what broke the promise. */
  readonly run: (world: World, rounds: number) => Promise<Counts>;
};

/** A journal on topics of its own, and what must come of it, as lines. */
export type Prepared = {
  readonly installation: Installation;
  /** The signals of `fillstream run`. */
  readonly expected: readonly string[];
  /** The signals of a processor that nothing disturbs, on topics of its own. */
  readonly undisturbed: () => Promise<readonly string[]>;
  readonly seed: number;
};

export type Journal = {
  readonly records?: number;
  readonly addresses?: number;
  readonly redis?: Redis;
  /** These instead of a market. */
  readonly files?: readonly string[];
  /** False: orders are left pending at the end. */
  readonly finish?: boolean;
  readonly partitions?: number;
};

export type WorldOptions = {
  /** What its namespaces begin with. */
  readonly name: string;
  readonly seed: number;
  /** False: outages are shorter, and Kafka and the registry may be others' too. */
  readonly thorough: boolean;
};

export class World {
  readonly servers: JoinedServers;
  readonly thorough: boolean;
  readonly #own: Servers | null;
  readonly #folder = mkdtempSync(join(tmpdir(), 'fillstream-chaos-'));
  readonly #closing: (() => unknown)[] = [];
  readonly #name: string;
  readonly #firstSeed: number;
  #namespaces = 0;

  static async start(options: WorldOptions): Promise<World> {
    const own = options.thorough ? await startServers() : null;
    return new World(own ?? await joinServers(), own, options);
  }

  private constructor(servers: JoinedServers, own: Servers | null, { name, seed, thorough }: WorldOptions) {
    this.servers = servers;
    this.thorough = thorough;
    this.#own = own;
    this.#name = name;
    this.#firstSeed = seed;
  }

  /** A namespace and a seed that nothing here has had. */
  next(): { readonly namespace: string; readonly seed: number } {
    this.#namespaces += 1;
    return { namespace: `${this.#name}-${String(this.#namespaces)}`, seed: this.#firstSeed + this.#namespaces };
  }

  /** A file of this world's own. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** The market of the next seed, or the files given. */
  async prepared({ records = 20_000, addresses = 30, redis = this.servers.redis, files = [], finish = true, partitions = PARTITIONS }: Journal = {}): Promise<Prepared> {
    const { namespace, seed } = this.next();
    const [journal, out] = [join(this.#folder, `${String(seed)}.ndjson`), join(this.#folder, `${String(seed)}.signals.ndjson`)];
    if (files.length === 0) writeJournal(journal, { seed, addresses, startAt: START_AT, records });
    const paths = files.length === 0 ? [journal] : files;
    const { code, stderr } = await fillstream(['run', ...paths.flatMap((path) => ['--journal', path]), '--out', out]);
    assert.equal(code, 0, stderr);
    const installation = new Installation({ ...this.servers, redis }, namespace);
    await installation.createTopics(partitions);
    await installation.import(paths, { finish });
    const undisturbed = async (): Promise<readonly string[]> => await this.#undisturbed(`${namespace}-again`, paths, { finish, partitions });
    return { installation, expected: linesOf(out), undisturbed, seed };
  }

  async #undisturbed(namespace: string, paths: readonly string[], { finish, partitions }: Required<Pick<Journal, 'finish' | 'partitions'>>): Promise<readonly string[]> {
    const installation = new Installation(this.servers, namespace);
    await installation.createTopics(partitions);
    await installation.import(paths, { finish });
    const running = installation.processor();
    await installation.drained(running);
    await stopped(running);
    return await installation.signals();
  }

  /** Servers that others don't need: a thorough run has one scenario at a time. */
  async ownServers(): Promise<Servers> {
    if (this.#own !== null) return this.#own;
    const servers = await startServers();
    this.#closing.push(servers.close);
    return servers;
  }

  /** A server that others don't need. */
  async redis(...args: readonly string[]): Promise<Redis> {
    const redis = await startRedis({ folder: mkdtempSync(join(this.#folder, 'redis-')), args });
    this.#closing.push(() => redis.stop());
    return redis;
  }

  async client({ port }: Redis = this.servers.redis): Promise<RedisConnection> {
    const client = await RedisConnection.open({ nodes: [`127.0.0.1:${String(port)}`] });
    this.#closing.push(() => {
      client.close();
    });
    return client;
  }

  async close(): Promise<void> {
    for (const close of this.#closing) await close();
    await this.servers.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Lets a processor end the work undisturbed, and compares everything that is visible with what must be. */
export async function finished(prepared: Prepared): Promise<void> {
  const running = prepared.installation.processor();
  await prepared.installation.drained(running);
  await stopped(running);
  await compared(prepared);
}

/**
 * Compares everything that is visible with what must be, but for the kinds of anomalies that are allowed. On the topics each
 * topic has a clock (contract §8), in a run there is one: now and then a timer comes before a record in the one and after it in
 * the other. So where the run says something else, the judge is a processor that nothing disturbs.
 */
export async function compared({ installation, expected, undisturbed, seed }: Prepared, allowed: Partial<Anomalies> = {}): Promise<void> {
  const signals = await installation.signals();
  if (isDeepStrictEqual({ ...anomalies(signals, expected), ...allowed }, { ...NO_ANOMALIES, ...allowed })) return;
  const found = anomalies(signals, await undisturbed());
  assert.deepEqual({ ...found, ...allowed }, { ...NO_ANOMALIES, ...allowed }, `of the journal with seed ${String(seed)}`);
}

/** Stops it as an operator would. */
export async function stopped(running: Running): Promise<void> {
  running.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /drained and left the group/);
}

/** Ends it as a crash would, if it hasn't ended. */
export async function killed(running: Running): Promise<void> {
  running.kill('SIGKILL');
  await running.ended;
}

/** A number from `from` up to `to`, another each time. */
export function between(from: number, to: number): number {
  return from + Math.random() * (to - from);
}

/** In any order, another each time. */
export function shuffled<T>(list: readonly T[]): T[] {
  return list.map((value) => ({ value, place: Math.random() })).sort((a, b) => a.place - b.place).map(({ value }) => value);
}
