// The parts of a run's end: no fault strikes any more, time passes, all must drain.

import { INPUT_TOPICS } from '@fillstream/topics';
import type { Processors } from './processors.ts';
import { CALM, type Simulation } from './simulation.ts';
import type { SimStoreServer } from './store.ts';

/** Their markers may come after that of the offsets. */
const OUTPUT_TOPICS = ['signals', 'quarantine', 'commits', 'repairs'] as const;
const LOOK_MS = 100;
const CALM_MS = 60_000;
const STOP_MS = 20_000;

type Side = { readonly processors: Processors; readonly server: SimStoreServer };

/** From now on nothing strikes, and everybody gets up. */
export function beginCalm(simulation: Simulation, { processors, server }: Side): void {
  simulation.trace('calm');
  simulation.weather = CALM;
  simulation.slowness = 1;
  server.heal();
  for (let index = 0; index < processors.count; index += 1) processors.process(index)?.heal();
}

/** All that was appended must be committed within CALM_MS of simulated time; `isAppended`: nobody appends any more. */
export async function drain(simulation: Simulation, isAppended: () => boolean): Promise<void> {
  if (await until(simulation, CALM_MS, () => simulation.isQuiet && isAppended() && isDrained(simulation))) return;
  simulation.problem(`unseen: after ${String(CALM_MS / 1_000)} s of calm not all is committed: ${standing(simulation)}`);
}

export async function stop(simulation: Simulation, processors: Processors): Promise<void> {
  processors.stopAll();
  if (!await until(simulation, STOP_MS, () => processors.isStopped)) simulation.problem('broken: the processors drain no end');
}

/** Lets time pass; false when it wasn't so within `ms`. */
export async function until(simulation: Simulation, ms: number, isSo: () => boolean): Promise<boolean> {
  const { time } = simulation;
  const end = time.now + ms;
  let isOver = false;
  const look = (): void => {
    isOver = time.now >= end || isSo();
    if (!isOver) time.after(Math.min(LOOK_MS, end - time.now), look);
  };
  time.after(0, look);
  await time.runUntil(() => isOver);
  return isSo();
}

/** Lets time pass until something is over; rejects as it does. */
export async function over(simulation: Simulation, what: Promise<void>): Promise<void> {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  what.then(end, end);
  await simulation.time.runUntil(() => isOver);
  await what;
}

function isDrained({ broker, partitions }: Simulation): boolean {
  for (let partition = 0; partition < partitions; partition += 1) {
    for (const name of OUTPUT_TOPICS) if (broker.lso(name, partition) < broker.end(name, partition)) return false;
    for (const name of INPUT_TOPICS) {
      if (broker.lso(name, partition) < broker.end(name, partition)) return false;
      if (broker.read(name, partition, broker.committedTo(name, partition), 1, { committed: true }).records.length > 0) return false;
    }
  }
  return true;
}

function standing({ broker, partitions }: Simulation): string {
  return Array.from({ length: partitions }, (_, partition) => INPUT_TOPICS.map((name) => (
    `${name}/${String(partition)} ${String(broker.committedTo(name, partition))} of ${String(broker.end(name, partition))}`
  )).join(', ')).join(', ');
}
