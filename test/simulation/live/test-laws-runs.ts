// The laws of live runs and of subscribers, over some seeds.

import assert from 'node:assert/strict';
import { randomOf } from '../../oracle/random.ts';
import { liveFaultsOf, livePlanOf, subscriberFaultsOf, subscribersPlanOf } from './plan.ts';
import { livePlan, runLive } from './live-run.ts';
import type { CommittedSignal } from './ports.ts';
import { startIngestors } from './ingest.ts';
import { committedSignals } from './signal-source.ts';
import { startSubscribers } from './subscribers.ts';
import { addressOf, appendSignals, inRun, over, pass } from './test-run.ts';
import type { Laws } from './test-thread.ts';

type Told = { readonly hash: string; readonly counts: ReadonlyMap<string, number> };

/** Exchange and ingestors alone. */
async function live(seed: number, faults: number): Promise<Told> {
  const random = randomOf(seed);
  return await inRun({ seed, partitions: random.between(1, 3), trouble: faults === 0 ? 0 : 0.003 }, async (run) => {
    const plan = livePlanOf(random, seed, 800);
    const side = startIngestors(run.world, plan);
    for (const fault of liveFaultsOf(random, plan, faults)) run.time.after(fault.at, () => side.strike(fault));
    await pass(run, plan.openMs);
    await over(run, side.settle());
    assert.deepEqual(run.simulation.problems, []);
    return { hash: run.simulation.hash, counts: run.simulation.counts };
  });
}

/** Gateways and clients alone; `alter` changes what is said to have been committed. */
async function subscribers(seed: number, faults: number, alter: (committed: readonly CommittedSignal[]) => readonly CommittedSignal[] = (all) => all): Promise<string[]> {
  const random = randomOf(seed);
  return await inRun({ seed, partitions: random.between(1, 4), trouble: faults === 0 ? 0 : 0.003 }, async (run) => {
    const plan = subscribersPlanOf(random, seed, 20_000, [addressOf(1), addressOf(2)]);
    const side = startSubscribers(run.world, plan);
    appendSignals(run, 200, plan.openMs);
    for (const fault of subscriberFaultsOf(random, plan, faults)) run.time.after(fault.at, () => side.strike(fault));
    await pass(run, plan.openMs);
    await over(run, side.settle());
    assert.deepEqual(run.simulation.problems, []);
    return side.problems(alter(committedSignals(run.simulation)));
  });
}

const SEEDS = [1, 2, 3, 4, 5, 6];

export const LAWS: Laws = {
  'every fill of the exchange comes to a topic, whatever goes wrong': async () => {
    const counts = new Map<string, number>();
    for (const seed of SEEDS) for (const [name, count] of (await live(seed, 12)).counts) counts.set(name, (counts.get(name) ?? 0) + count);
    for (const name of ['feed: repaired, connected', 'ingestor: spilling', 'live: ingestor-crash']) assert.ok((counts.get(name) ?? 0) > 0, name);
  },
  'the same seed gives the same live run': async () => {
    assert.equal((await live(7, 12)).hash, (await live(7, 12)).hash);
    assert.notEqual((await live(7, 12)).hash, (await live(8, 12)).hash);
  },
  'without faults a feed is connected once, and repaired once': async () => {
    const { counts } = await live(1, 0);
    assert.equal(counts.get('feed: connected'), counts.get('feed: repaired, connected'));
    for (const name of counts.keys()) assert.doesNotMatch(name, /cut|silent|unreachable|repairFailed|gap|badFrame/);
  },
  'each client has each signal of its filter once, in order, whatever goes wrong': async () => {
    for (const seed of SEEDS) assert.deepEqual(await subscribers(seed, 10), []);
  },
  'a signal that a client lacks is found, and one that never was': async () => {
    const [extra] = await subscribers(1, 0, (all) => all.slice(0, -30));
    assert.match(extra ?? '', /never committed/);
    const [lost] = await subscribers(1, 0, (all) => all.toSpliced(5, 0, ...all.slice(5, 6).map(({ partition, offset, signal }) => (
      { partition, offset, signal: { ...signal, id: `${signal.address}/9999/open-long`, direction: 'open' as const } }
    ))));
    assert.match(lost ?? '', /lost/);
  },
  'a whole run from the exchange to the clients has no problem, and comes twice the same': async () => {
    const plan = livePlan(3, 600);
    const hashes = [];
    for (let time = 0; time < 2; time += 1) {
      hashes.push(await inRun({ seed: plan.seed, partitions: plan.partitions }, async ({ simulation }) => {
        simulation.weather = plan.weather;
        await runLive(simulation, plan, new Set());
        assert.deepEqual(simulation.problems, []);
        assert.ok((simulation.counts.get('ledger: orders compared') ?? 0) > 20);
        return simulation.hash;
      }));
    }
    assert.equal(hashes[0], hashes[1]);
  },
};
