// Processors that end at named points before, during and after every side effect.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from '../../end-to-end/cluster.ts';
import { CRASHED, CRASH_POINTS, type CrashPoint } from '../crash-point-names.ts';
import { finished, killed, shuffled, type Counts, type Scenario, type World } from '../world.ts';

const PRELOAD = join(import.meta.dirname, '../crash-points.ts');
/** Enough that no point is left without work. */
const RECORDS = 120_000;
const LATEST_HIT = 2;
const PATIENCE_MS = 12_000;
const JOURNALS_A_ROUND = 4;
const EMPTIES: readonly CrashPoint[] = ['resetting', 'reset', 'inside a rebuild'];
const ONCE_A_PARTITION: readonly CrashPoint[] = ['inside a replay', 'prefetched'];

export const crashPoints: Scenario = {
  name: 'crash points',
  promise: 'A processor that is killed before, during or after any side effect loses, doubles and changes nothing.',
  rounds: 30,
  run: async (world, rounds) => {
    const hits: Counts = Object.fromEntries(CRASH_POINTS.map((point) => [point, 0]));
    const missing = (): CrashPoint[] => CRASH_POINTS.filter((point) => (hits[point] ?? 0) < rounds);
    for (let journal = 0; missing().length > 0; journal += 1) {
      assert.ok(journal < rounds * JOURNALS_A_ROUND, `never reached in so many journals: ${missing().join(', ')}`);
      await crashEverywhere(world, missing(), hits);
    }
    return hits;
  },
};

/** One journal, and a crash at each point, in any order, until one isn't reached: the journal's work may be done then. */
async function crashEverywhere(world: World, points: readonly CrashPoint[], hits: Counts): Promise<void> {
  const prepared = await world.prepared({ records: RECORDS, addresses: 60 });
  const { installation } = prepared;
  await crashAt(installation, 'committed', 3); // So that all have something to take over.
  for (const point of shuffled(points)) {
    if (EMPTIES.includes(point)) await forget(world, installation);
    if (point === 'inside a replay') await crashAt(installation, 'committed', 2); // Its checkpoint is still to come.
    const hit = ONCE_A_PARTITION.includes(point) ? 1 : 1 + Math.floor(Math.random() * LATEST_HIT);
    if (!await crashAt(installation, point, hit)) break;
    hits[point] = (hits[point] ?? 0) + 1;
  }
  await finished(prepared);
}

/** False when the process didn't come to the point in time; it is killed then too. */
async function crashAt(installation: Installation, point: CrashPoint, hit: number): Promise<boolean> {
  const running = installation.processorWith({ NODE_OPTIONS: `--import=${PRELOAD}`, CRASH_AT: `${point}:${String(hit)}` });
  await Promise.race([running.ended, sleep(PATIENCE_MS)]);
  await killed(running);
  const { signal, stderr } = await running.ended;
  return signal === 'SIGKILL' && stderr.includes(`${CRASHED} ${point}`);
}

/** What Redis has of the installation is gone. */
async function forget(world: World, { namespace }: Installation): Promise<void> {
  const { client } = await world.client();
  const keys = await client.keys(`${namespace}:*`);
  if (keys.length > 0) await client.unlink(...keys);
}
