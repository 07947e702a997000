// A run of kind `live`: the exchange, ingestors, processors, gateways and clients; faults; then calm, in which all must drain.
//
// V1  In the calm nothing strikes and everybody is up. First the ingestors bring what is missing, then the processors commit all of it,
//     then the clients have all of that.

import { DEFAULT_SETTINGS } from '@fillstream/core';
import { randomOf } from '../../oracle/random.ts';
import { beginCalm, drain, over, stop, until } from '../calm.ts';
import { checkPartition } from '../checks.ts';
import { journalPlan, type Fault, type JournalPlan } from '../plan.ts';
import { Processors } from '../processors.ts';
import type { Simulation } from '../simulation.ts';
import { SimStoreServer } from '../store.ts';
import { strike } from '../strike.ts';
import { startIngestors } from './ingest.ts';
import { liveFaultsOf, livePlanOf, subscriberFaultsOf, subscribersPlanOf } from './plan.ts';
import type { LiveFault, LivePlan, LiveSide, SubscriberFault, Subscribers, SubscribersPlan } from './ports.ts';
import { committedSignals } from './signal-source.ts';
import { startSubscribers } from './subscribers.ts';
import { enterWorld, World } from './world.ts';

/** At, and what, for whoever tells of it. */
export type RunFault =
  | { readonly at: number; readonly side: 'processors'; readonly fault: Fault }
  | { readonly at: number; readonly side: 'ingestors'; readonly fault: LiveFault }
  | { readonly at: number; readonly side: 'subscribers'; readonly fault: SubscriberFault };

export type LiveRunPlan = Pick<JournalPlan, 'seed' | 'partitions' | 'processors' | 'weather' | 'limits' | 'marginMs'> & {
  readonly kind: 'live';
  readonly live: LivePlan;
  readonly subscribers: SubscribersPlan;
  readonly faults: readonly RunFault[];
};

type Side = { readonly live: LiveSide; readonly subscribers: Subscribers; readonly processors: Processors; readonly server: SimStoreServer };

const GREATEST_FAULTS = 8;

export function livePlan(seed: number, events: number): LiveRunPlan {
  const random = randomOf(Math.imul(seed, 0x2545f491) ^ 0x11fe);
  const { partitions, processors, weather, limits, marginMs, faults, safetyMs } = journalPlan(seed, events);
  const live = livePlanOf(random, seed, events);
  const subscribers = subscribersPlanOf(random, seed, live.openMs);
  const all: RunFault[] = [
    // Those of a journal's run, over the time that the market is open.
    ...faults.map((fault): RunFault => ({ side: 'processors', fault, at: Math.floor((fault.at * live.openMs) / safetyMs) })),
    ...liveFaultsOf(random, live, random.between(0, GREATEST_FAULTS)).map((fault): RunFault => ({ side: 'ingestors', fault, at: fault.at })),
    ...subscriberFaultsOf(random, subscribers, random.between(0, GREATEST_FAULTS)).map((fault): RunFault => ({ side: 'subscribers', fault, at: fault.at })),
  ];
  return { kind: 'live', seed, partitions, processors, weather, limits, marginMs, live, subscribers, faults: all.sort((a, b) => a.at - b.at) };
}

/** `left`: places in the list of faults that are left out. */
export async function runLive(simulation: Simulation, plan: LiveRunPlan, left: ReadonlySet<number>): Promise<void> {
  const world = new World(simulation);
  enterWorld(world);
  try {
    const side = start(world, plan);
    for (const [place, each] of plan.faults.entries()) if (!left.has(place)) simulation.time.after(each.at, () => strikeSide(simulation, side, each));
    await until(simulation, plan.live.openMs, () => false);
    await settle(simulation, side);
    judge(simulation, plan, side);
  } finally {
    enterWorld(null);
  }
}

function start(world: World, plan: LiveRunPlan): Side {
  const { simulation } = world;
  const server = new SimStoreServer(simulation, plan.marginMs);
  const processors = new Processors(simulation, { count: plan.processors, settings: DEFAULT_SETTINGS, limits: plan.limits, server });
  const live = startIngestors(world, plan.live);
  processors.startAll();
  return { live, server, processors, subscribers: startSubscribers(world, { ...plan.subscribers, addresses: live.addresses }) };
}

function strikeSide(simulation: Simulation, { live, subscribers, processors, server }: Side, { side, fault }: RunFault): void {
  switch (side) {
    case 'ingestors':
      live.strike(fault);
      return;
    case 'subscribers':
      subscribers.strike(fault);
      return;
    case 'processors': {
      const struck = strike({ simulation, processors, server, importer: null }, fault);
      simulation.trace(`fault ${fault.kind}${struck ? '' : ' missed'}`);
      simulation.count(`fault: ${fault.kind}${struck ? '' : ' (missed)'}`);
    }
  }
}

/** V1. */
async function settle(simulation: Simulation, side: Side): Promise<void> {
  beginCalm(simulation, side);
  await over(simulation, side.live.settle());
  await drain(simulation, () => true);
  await over(simulation, side.subscribers.settle());
  await stop(simulation, side.processors);
}

function judge(simulation: Simulation, { partitions }: LiveRunPlan, { live, subscribers }: Side): void {
  for (let partition = 0; partition < partitions; partition += 1) {
    const { counts } = checkPartition(simulation, partition, {});
    for (const name of ['signals', 'revisions', 'duplicates', 'stale', 'lateFills'] as const) simulation.count(`live fold: ${name}`, counts[name]);
  }
  const committed = committedSignals(simulation);
  for (const problem of live.ledgerProblems(committed.map(({ signal }) => signal))) simulation.problem(`ledger: ${problem}`);
  for (const problem of subscribers.problems(committed)) simulation.problem(problem);
}
