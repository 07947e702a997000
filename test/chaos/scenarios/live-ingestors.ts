// Ingestors that are killed, sleep while others take their addresses, and share two hundred addresses among twenty-four IPs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Servers } from '../../end-to-end/cluster.ts';
import type { Running } from '../../end-to-end/command.ts';
import { LivePlace, NO_LIMITS } from '../live-place.ts';
import { Outlet } from '../outlet.ts';
import { between, killed, type Counts, type Scenario } from '../world.ts';

const ADDRESSES = 4;
const ORDERS_PER_SECOND = 15;

export const ingestorKills: Scenario = {
  name: 'killed ingestors',
  promise: 'An ingestor that is killed, also while records wait in its spill file, misses no fill once it is started again.',
  rounds: 25,
  elsewhere: '`ingestor.test.ts` kills one four times, and `spilling-sink.test.ts` goes on with a torn file',
  run: async (world, rounds) => {
    const servers = await world.ownServers();
    return await LivePlace.in(world, { addresses: ADDRESSES, ordersPerSecond: ORDERS_PER_SECOND, limits: NO_LIMITS, servers }, async (place) => {
      const spillFile = world.path(`${String(place.seed)}.spill`);
      const spill = ['--spill', spillFile];
      for (let round = 0; round < rounds; round += 1) {
        const working = place.ingestor({}, ...spill);
        await working.heard(/: watched/);
        await sleep(between(0, 2_000));
        await killed(working);
        const isLeft = readFileSync(spillFile).includes('\n');
        const spilling = place.ingestor({}, ...spill);
        await place.untilWatched(spilling);
        if (isLeft) await spilling.heard(/the spill file is empty again/);
        await whileFrozen(servers, async () => {
          await spilling.heard(/records wait in the spill file: (?!left by)/);
          await sleep(between(0, 2_000));
          await killed(spilling);
        });
      }
      await place.untilWatched(place.ingestor({}, ...spill));
      return { 'kills at work': rounds, 'kills while it spilled': rounds, ...await place.complete() };
    });
  },
};

export const frozenIngestors: Scenario = {
  name: 'frozen ingestors',
  promise: 'An ingestor that sleeps for longer than its session, and wakes when another has its addresses, makes no fill missing or counted twice.',
  rounds: 10,
  run: async (world, rounds) => (
    await LivePlace.in(world, { addresses: ADDRESSES, ordersPerSecond: ORDERS_PER_SECOND, limits: NO_LIMITS }, async (place) => {
      let [next, other] = [place.ingestor({}), place.ingestor({})];
      await place.untilWatched(next, other);
      for (let round = 0; round < rounds; round += 1) {
        next.kill('SIGSTOP');
        await place.untilWatched(other);
        await sleep(between(0, 3_000));
        next.kill('SIGCONT');
        await place.untilWatched(next, other);
        await sleep(between(0, 1_000));
        [next, other] = [other, next];
      }
      return { 'sleeps while another took over': rounds, ...await place.complete() };
    })
  ),
};

/** Of a quick run: less. */
const SHARED = { thorough: { addresses: 200, ingestors: 24 }, quick: { addresses: 6, ingestors: 3 } };
const SHARED_ORDERS_PER_SECOND = 40;
const CAPACITY = { thorough: 10, quick: 3 };
const DEFAULT_SESSION_MS = 10_000;
/** What is promised is 30 s on a machine that has room for them all; this one may be busy. */
const WATCHED_AGAIN_MS = 120_000;

export const sharedAddresses: Scenario = {
  name: 'shared addresses',
  promise: 'Two hundred addresses are shared by ingestors on twenty-four IPs within each one\'s limits; what a killed one had is watched again, and nothing is missing.',
  rounds: 5,
  elsewhere: '`ingestor.test.ts` shares six addresses among two, and kills one',
  run: async (world, rounds) => {
    const { addresses, ingestors } = world.thorough ? SHARED.thorough : SHARED.quick;
    return await LivePlace.in(world, { addresses, ordersPerSecond: SHARED_ORDERS_PER_SECOND }, async (place) => {
      const outlets: Outlet[] = [];
      let ips = 0;
      const start = async (): Promise<Running> => {
        ips += 1;
        const outlet = await Outlet.open(place.exchange.url, ips);
        outlets.push(outlet);
        return place.ingestor({ url: outlet.url, sessionMs: DEFAULT_SESSION_MS }, '--capacity', String(world.thorough ? CAPACITY.thorough : CAPACITY.quick));
      };
      try {
        const running = await Promise.all(Array.from({ length: ingestors }, start));
        const first = await place.untilWatched(...running);
        const waits: number[] = [];
        for (let round = 0; round < rounds; round += 1) {
          const doomed = running.splice(Math.floor(between(0, running.length)), 1);
          await Promise.all(doomed.map(killed));
          waits.push(await place.untilWatched(...running));
          running.push(await start());
          await place.untilWatched(...running);
        }
        assert.equal(place.exchange.violations.length, ips, 'IPs that the exchange saw');
        assert.ok(Math.max(...waits) < WATCHED_AGAIN_MS, `watched again after ${waits.map(secondsOf).join(', ')} s`);
        return {
          addresses, ingestors, kills: rounds, 's until all were watched': secondsOf(first), 's until watched again, at most': secondsOf(Math.max(...waits)),
          ...await place.complete(), ...greatestUses(place),
        };
      } finally {
        await Promise.all(outlets.map(async (outlet) => await outlet.close()));
      }
    });
  },
};

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1_000);
}

/** The most that any IP used of its limits. */
function greatestUses({ exchange: { violations } }: LivePlace): Counts {
  const greatest = (name: 'connections' | 'connectsPerMinute' | 'weightPerMinute'): number => Math.max(...violations.map((usage) => usage.greatest[name]));
  return {
    'connections of an IP, at most': greatest('connections'),
    'new ones in a minute, at most': greatest('connectsPerMinute'),
    'REST weight in a minute, at most': greatest('weightPerMinute'),
  };
}

/** The broker answers nothing meanwhile. */
export async function whileFrozen({ kafka }: Servers, task: () => Promise<void>): Promise<void> {
  const pids = kafka.nodes.flatMap(({ process: { pid } }) => pid ?? []);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await task();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}
