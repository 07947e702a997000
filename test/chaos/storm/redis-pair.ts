// A Redis and its replica, which take turns: what a failover leaves behind becomes the other's replica.
//
// R1  Only one is the primary; whatever starts again becomes its replica.
// R2  A replica is behind by what its link keeps: a failover loses it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisConnection } from '@fillstream/redis';
import { startRedis, type Redis } from '@fillstream/stack';
import { HOST, Link, type Address } from '../proxy/link.ts';
import { startedAgain } from './kept.ts';

const DURABLE = ['--appendonly', 'yes'];
const TRIES = 20;
const AGAIN_MS = 250;

type Member = { readonly redis: Redis; /** What its replica follows. */ readonly link: Link };

export class RedisPair {
  readonly #members: readonly [Member, Member];
  #first = 0;

  static async start(folder: string): Promise<RedisPair> {
    const pair = new RedisPair(await memberOf(folder, 'redis-1'), await memberOf(folder, 'redis-2'));
    await pair.#follow();
    return pair;
  }

  private constructor(...members: readonly [Member, Member]) {
    this.#members = members;
  }

  get primary(): Redis {
    return this.#primary.redis;
  }

  get address(): Address {
    return { host: HOST, port: this.primary.port };
  }

  /** From the replica to the primary. */
  get replication(): Link {
    return this.#primary.link;
  }

  /** The replica is the primary from now on; the other one, if it runs, doesn't know. */
  async promote(): Promise<void> {
    this.#first = 1 - this.#first;
    await asked(this.primary, async ({ client }) => await client.replicaof('NO', 'ONE'));
  }

  /** Starts what doesn't run; the one that isn't the primary follows it (R1). */
  async mend(): Promise<void> {
    await Promise.all(this.#members.map(async ({ redis }) => await startedAgain(redis.process)));
    await this.#follow();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(async ({ redis, link }) => {
      await redis.stop();
      await link.close();
    }));
  }

  get #primary(): Member {
    return this.#members[this.#first] ?? this.#members[0];
  }

  get #replica(): Member {
    return this.#members[1 - this.#first] ?? this.#members[1];
  }

  async #follow(): Promise<void> {
    const { port } = this.#primary.link.address;
    await asked(this.#replica.redis, async ({ client }) => await client.replicaof(HOST, String(port)));
  }
}

async function memberOf(folder: string, name: string): Promise<Member> {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  const redis = await startRedis({ folder: own, args: DURABLE });
  return { redis, link: await Link.open({ name: `the replica of ${name} → ${name}`, to: { host: HOST, port: redis.port } }) };
}

/** Past all links; again while it is starting. */
async function asked(redis: Redis, question: (connection: RedisConnection) => Promise<unknown>): Promise<void> {
  for (let left = TRIES; ; left -= 1) {
    try {
      const connection = await RedisConnection.open({ nodes: [`${HOST}:${String(redis.port)}`] });
      try {
        await question(connection);
        return;
      } finally {
        connection.close();
      }
    } catch (error) {
      if (left === 0) throw error;
      await sleep(AGAIN_MS);
    }
  }
}
