// A failing seed, made smaller: fewer records, then fewer faults, as long as it still fails.

import type { Pool } from './pool.ts';
import type { SeedOptions, SeedResult } from './seed.ts';

export type Shrunk = { readonly options: SeedOptions; readonly result: SeedResult; readonly runs: number };

const LEAST_EVENTS = 20;

/** `mostRuns`: how many runs it may take. */
export async function shrink(pool: Pool, failed: SeedResult, options: SeedOptions, mostRuns: number): Promise<Shrunk> {
  let best: Omit<Shrunk, 'runs'> = { options, result: failed };
  let runs = 0;
  const fails = async (changed: Partial<SeedOptions>): Promise<boolean> => {
    if (runs >= mostRuns) return false;
    runs += 1;
    const tried = { ...best.options, ...changed };
    const result = await pool.run(failed.seed, tried);
    if (result.problems.length === 0) return false;
    best = { options: tried, result };
    return true;
  };
  const fewer = async (): Promise<void> => {
    while (best.options.events > LEAST_EVENTS && await fails({ events: Math.ceil(best.options.events / 2) }));
    while (best.options.events > LEAST_EVENTS && await fails({ events: Math.ceil(best.options.events * 0.8) }));
  };
  await fewer();
  await leaveOut(Array.from({ length: failed.faults }, (_, place) => place), fails);
  await fewer();
  return { ...best, runs };

  /** Leaves out as many as it can: all, else halves of halves. */
  async function leaveOut(places: readonly number[], stillFails: typeof fails): Promise<void> {
    if (places.length === 0) return;
    const skipFaults = [...new Set([...best.options.skipFaults, ...places])].sort((a, b) => a - b);
    if (await stillFails({ skipFaults }) || places.length === 1) return;
    const middle = Math.ceil(places.length / 2);
    await leaveOut(places.slice(0, middle), stillFails);
    await leaveOut(places.slice(middle), stillFails);
  }
}

/** The one line that repeats a run. */
export function commandOf({ seed, kind }: SeedResult, { events, skipFaults }: SeedOptions): string {
  const skipped = skipFaults.length === 0 ? '' : ` --skip-faults ${skipFaults.join(',')}`;
  return `npm run simulate -- --seed ${String(seed)} --seeds 1 --only ${kind} --events ${String(events)}${skipped}`;
}
