// A Redis that dies, comes back with nothing or with old state, is full, read-only, frozen or away for long.

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from '@fillstream/stack';
import { between, compared, stopped, type Counts, type Prepared, type Scenario, type World } from '../world.ts';

const DURABLE = ['--appendonly', 'yes'];
const RECORDS = 100_000;
/** Shorter where it isn't thorough. */
const AWAY_MS = { thorough: 5_000, quick: 1_500 };
const FROZEN_MS = { thorough: 30_000, quick: 6_000 };

type Fault = (world: World, redis: Redis) => Promise<void>;

const FAULTS: Record<string, Fault> = {
  'killed, and started with its data': async (world, redis) => {
    await redis.process.kill();
    await lasting(world, AWAY_MS);
    await redis.process.start();
  },
  'killed, and started empty': async (_, redis) => {
    await redis.process.kill();
    rmSync(dataOf(redis), { recursive: true, force: true });
    await redis.process.start();
  },
  'rolled back to an older copy': async (_, redis) => {
    await redis.process.kill();
    cpSync(dataOf(redis), `${dataOf(redis)}.old`, { recursive: true });
    await redis.process.start();
    await sleep(2_000);
    await redis.process.kill();
    rmSync(dataOf(redis), { recursive: true });
    cpSync(`${dataOf(redis)}.old`, dataOf(redis), { recursive: true });
    await redis.process.start();
  },
  'out of memory': async (world, redis) => {
    const { client } = await world.client(redis);
    await client.config('SET', 'maxmemory', '1mb');
    await lasting(world, AWAY_MS);
    await client.config('SET', 'maxmemory', '0');
  },
  'read-only': async (world, redis) => {
    const { client } = await world.client(redis);
    await client.replicaof('127.0.0.1', '1');
    await lasting(world, AWAY_MS);
    await client.replicaof('NO', 'ONE');
  },
  frozen: async (world, redis) => {
    const { pid } = redis.process;
    assert.ok(pid !== null);
    process.kill(pid, 'SIGSTOP');
    await lasting(world, FROZEN_MS);
    process.kill(pid, 'SIGCONT');
  },
};

export const redisOutages: Scenario = {
  name: 'Redis outages',
  promise: 'Whatever becomes of Redis, signals go on or wait, and none is lost, doubled or changed.',
  rounds: 5,
  run: async (world, rounds) => {
    const counts: Counts = {};
    for (let round = 0; round < rounds; round += 1) {
      for (const [what, fault] of Object.entries(FAULTS)) {
        const redis = await world.redis(...DURABLE);
        const prepared = await world.prepared({ records: RECORDS, redis });
        await struck(prepared, async () => {
          await fault(world, redis);
        });
        counts[what] = (counts[what] ?? 0) + 1;
        await redis.stop();
      }
    }
    return counts;
  },
};

/** A fault in the middle of the work of one processor, which ends it alone. */
async function struck(prepared: Prepared, fault: () => Promise<void>): Promise<void> {
  const { installation } = prepared;
  const running = installation.processor();
  await running.heard(/partition \d+ rebuilt/);
  await sleep(between(300, 1_500));
  await fault();
  await installation.drained(running);
  await stopped(running);
  await compared(prepared);
}

async function lasting({ thorough }: World, { thorough: long, quick }: typeof AWAY_MS): Promise<void> {
  await sleep(thorough ? long : quick);
}

function dataOf({ process: { spec } }: Redis): string {
  return `${spec.folder}/appendonlydir`;
}
