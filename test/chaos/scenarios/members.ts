// Processors that are killed, come and go, or sleep while another takes their partitions.

import { setTimeout as sleep } from 'node:timers/promises';
import { SESSION_MS } from '../../end-to-end/cluster.ts';
import { between, compared, finished, killed, stopped, type Scenario } from '../world.ts';

const EACH = 6;

export const kills: Scenario = {
  name: 'kills',
  promise: 'Processors killed at random moments lose, double and change nothing.',
  rounds: 10,
  run: async (world, rounds) => {
    let done = 0;
    for (let round = 0; round < rounds; round += 1) {
      const prepared = await world.prepared({ records: 40_000 });
      for (let kill = 0; kill < EACH; kill += 1, done += 1) {
        const running = prepared.installation.processor();
        await sleep(between(700, 2_500));
        await killed(running);
      }
      await finished(prepared);
    }
    return { kills: done };
  },
};

export const rebalances: Scenario = {
  name: 'rebalances',
  promise: 'One processor, three, and one again under load: each partition has one owner at a time, and nothing is lost, doubled or changed.',
  rounds: 30,
  run: async (world, rounds) => {
    for (let round = 0; round < rounds; round += 1) {
      const prepared = await world.prepared({ records: 60_000 });
      const { installation } = prepared;
      const first = installation.processor();
      await first.heard(/has partitions/);
      const others = [installation.processor(), installation.processor()];
      await Promise.all(others.map(async (other) => {
        await other.heard(/has partitions/);
        await sleep(between(0, 1_500));
        await stopped(other);
      }));
      await installation.drained(first);
      await stopped(first);
      await compared(prepared);
    }
    return { 'times 1, 3 and 1 processors': rounds };
  },
};

export const zombies: Scenario = {
  name: 'zombies',
  promise: 'A processor that sleeps for longer than its session, while another takes over, writes nothing when it wakes.',
  rounds: 30,
  run: async (world, rounds) => {
    let began = 0;
    for (let round = 0; round < rounds; round += 1) {
      const prepared = await world.prepared({ records: 100_000 });
      const { installation } = prepared;
      const [zombie, heir] = [installation.processor(), installation.processor()];
      await Promise.all([zombie.heard(/has partitions/), heir.heard(/has partitions/)]);
      await sleep(between(0, 1_500));
      zombie.kill('SIGSTOP');
      await sleep(SESSION_MS * 1.5);
      zombie.kill('SIGCONT');
      await installation.drained(heir);
      await Promise.all([stopped(zombie), stopped(heir)]);
      if (/begins anew|went to another/.test((await zombie.ended).stderr)) began += 1;
      await compared(prepared);
    }
    return { 'sleeps of 1.5 sessions': rounds, 'writes refused': began };
  },
};
