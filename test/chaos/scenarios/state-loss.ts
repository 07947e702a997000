// State that vanishes from Redis while processors work, and while they have nothing to do.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisConnection } from '@fillstream/redis';
import type { Running } from '../../end-to-end/command.ts';
import { between, compared, finished, killed, stopped, type Counts, type Scenario } from '../world.ts';

/** What can vanish. */
const LOSSES = {
  'everything': async (redis: RedisConnection, namespace: string) => await some(redis, `${namespace}:*`, Infinity),
  'one order': async (redis: RedisConnection, namespace: string) => await some(redis, `${namespace}:*:o:*`, 1),
  'half of the orders': async (redis: RedisConnection, namespace: string) => await some(redis, `${namespace}:*:o:*`, 0.5),
  "a partition's meta": async (redis: RedisConnection, namespace: string) => await some(redis, `${namespace}:*:meta`, 1),
  "an address's memory": async (redis: RedisConnection, namespace: string) => await some(redis, `${namespace}:*:a:*`, 1),
};
const AUDITED_WITHIN_MS = 60_000;

export const stateLoss: Scenario = {
  name: 'state loss',
  promise: 'State that vanishes from Redis is noticed, and made again from the log.',
  rounds: 10,
  run: async (world, rounds) => {
    const counts: Counts = {};
    const redis = await world.client();
    for (let round = 0; round < rounds; round += 1) {
      const prepared = await world.prepared({ records: 60_000 });
      for (const [what, lose] of Object.entries(LOSSES)) {
        const running = prepared.installation.processor();
        await running.heard(/partition \d+ (?:rebuilt|resumed|caught-up)/);
        await sleep(between(0, 1_000));
        if (await lose(redis, prepared.installation.namespace) > 0) counts[what] = (counts[what] ?? 0) + 1;
        await sleep(between(0, 1_000));
        await killed(running);
      }
      await finished(prepared);
    }
    return counts;
  },
};

export const quietLoss: Scenario = {
  name: 'state loss without work',
  promise: 'What vanishes while nothing comes in is noticed by the audit within a minute.',
  rounds: 3,
  run: async (world, rounds) => {
    const redis = await world.client();
    for (let round = 0; round < rounds; round += 1) {
      const prepared = await world.prepared({ finish: false });
      const { installation } = prepared;
      const running = installation.processor();
      await installation.drained(running);
      await sleep(2_000); // The last checkpoint.
      assert.equal(await some(redis, `${installation.namespace}:*:o:*`, 1), 1);
      await heardWithin(running, /begins anew/, AUDITED_WITHIN_MS);
      await running.heard(/rebuilt, [1-9]/);
      await stopped(running);
      await compared(prepared, { missing: 0 }); // What is pending ends in a run, not here.
    }
    return { 'orders deleted': rounds };
  },
};

async function heardWithin(running: Running, pattern: RegExp, limitMs: number): Promise<void> {
  const timer = new AbortController();
  const late = sleep(limitMs, 'late', { signal: timer.signal });
  late.catch(() => undefined); // Heard in time.
  const outcome = await Promise.race([running.heard(pattern), late]);
  timer.abort();
  assert.notEqual(outcome, 'late', `${pattern.source} within ${String(limitMs)} ms`);
}

/** Deletes so many keys, or such a share of them; returns how many. */
async function some({ client }: RedisConnection, pattern: string, count: number): Promise<number> {
  const keys = await client.keys(pattern);
  const doomed = keys.slice(0, count < 1 ? Math.ceil(keys.length * count) : count);
  return doomed.length === 0 ? 0 : await client.unlink(...doomed);
}
