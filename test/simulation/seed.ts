// One seed, in a thread where time is installed: its run, and what came of it.

import { randomOf } from '../oracle/random.ts';
import { enterRun } from './globals.ts';
import { runJournal } from './journal-run.ts';
import { livePlan, runLive } from './live/live-run.ts';
import { journalPlan } from './plan.ts';
import { Simulation } from './simulation.ts';

export type RunKind = 'journal' | 'live';

export type SeedOptions = {
  /** Records of a journal, about; fills and updates of a live market. */
  readonly events: number;
  readonly only: RunKind | null;
  /** Places in the list of faults that are left out. */
  readonly skipFaults: readonly number[];
  readonly keepTrace: boolean;
};

export type SeedResult = {
  readonly seed: number;
  readonly kind: RunKind;
  /** What the run may not have. */
  readonly problems: readonly string[];
  /** Of all that happened: the same seed has the same. */
  readonly hash: string;
  readonly steps: number;
  readonly simulatedMs: number;
  /** How many were planned. */
  readonly faults: number;
  readonly counts: Readonly<Record<string, number>>;
  /** What it cost, in milliseconds of this thread's processor. */
  readonly cpuMs: number;
  readonly trace: readonly string[];
};

/** Of so many seeds one is of a live market. */
const LIVE_EVERY = 4;
const TRACED_STACK = 20;

let current: Simulation | null = null;

/** To be told of what nobody caught: it belongs to the run under way. */
export function uncaught(error: unknown): void {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  if (current === null) throw new Error(`after the run: ${text}`);
  current.problem(`broken: nobody caught ${text}`);
}

export async function simulateSeed(seed: number, options: SeedOptions): Promise<SeedResult> {
  const started = process.threadCpuUsage();
  const kind = options.only ?? (seed % LIVE_EVERY === 0 ? 'live' : 'journal');
  const plan = kind === 'live' ? livePlan(seed, options.events) : journalPlan(seed, options.events);
  // A stack costs more than the step that failed; who repeats a run to read its trace gets them.
  Error.stackTraceLimit = options.keepTrace ? TRACED_STACK : 0;
  const simulation = new Simulation(seed, plan.partitions, plan.weather, options.keepTrace);
  current = simulation;
  enterRun({ time: simulation.time, random: randomOf(seed ^ 0x0ddba11) });
  try {
    const left = new Set(options.skipFaults);
    if (plan.kind === 'live') await runLive(simulation, plan, left);
    else await runJournal(simulation, plan, options.events, left);
  } catch (error) {
    simulation.problem(`broken: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
  } finally {
    enterRun(null);
  }
  return {
    seed, kind: plan.kind, problems: simulation.problems, hash: simulation.hash, steps: simulation.time.events,
    simulatedMs: simulation.time.now, faults: plan.faults.length, counts: Object.fromEntries([...simulation.counts].sort()),
    cpuMs: cpuMsSince(started), trace: simulation.lines,
  };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
