// Many seeds: run, one in a hundred twice, what happened in them added up, and each that fails made smaller.

import { Pool, type PoolOptions } from './pool.ts';
import type { SeedOptions, SeedResult } from './seed.ts';
import { commandOf, shrink } from './shrink.ts';

export type CampaignOptions = PoolOptions & {
  readonly first: number;
  readonly seeds: number;
  readonly run: SeedOptions;
  /** How many failing seeds are made smaller; the others are only told. */
  readonly shrinks: number;
  /** End at the first that fails. */
  readonly stopAtFailure?: boolean;
  readonly onResult?: (result: SeedResult) => void;
  readonly onProgress?: (so: { readonly done: number; readonly failed: number; readonly twice: number }) => void;
};

export type Failure = { readonly seed: number; readonly problem: string; readonly command: string; readonly result: SeedResult };

export type Outcome = {
  readonly seeds: number;
  /** By kind of run. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly twice: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly cpuMs: number;
  readonly realMs: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
};

const TWICE_EVERY = 100;
const SHRINK_RUNS = 60;

/** Throws when the threads themselves break. */
export async function campaign(options: CampaignOptions): Promise<Outcome> {
  const { first, seeds, run, onProgress } = options;
  const started = performance.now();
  const pool = new Pool(options);
  const sums = { done: 0, twice: 0, steps: 0, simulatedMs: 0, cpuMs: 0 };
  const counts = new Map<string, number>();
  const kinds: Record<string, number> = {};
  const failed: SeedResult[] = [];
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + seeds && !(options.stopAtFailure === true && failed.length > 0)) {
      const seed = next;
      next += 1;
      const result = await pool.run(seed, run);
      const again = seed % TWICE_EVERY === 0 ? await pool.run(seed, run) : null;
      if (again !== null) sums.twice += 1;
      if (again !== null && again.hash !== result.hash) {
        failed.push({ ...result, problems: [`broken: run twice, it went otherwise: ${result.hash} and ${again.hash}`, ...result.problems] });
      } else if (result.problems.length > 0) {
        failed.push(result);
      }
      options.onResult?.(result);
      sums.done += 1;
      sums.steps += result.steps;
      sums.simulatedMs += result.simulatedMs;
      sums.cpuMs += result.cpuMs;
      kinds[result.kind] = (kinds[result.kind] ?? 0) + 1;
      for (const [name, count] of Object.entries(result.counts)) counts.set(name, (counts.get(name) ?? 0) + count);
      onProgress?.({ done: sums.done, failed: failed.length, twice: sums.twice });
    }
  };
  try {
    // One more than there are threads, so that none waits for its next seed.
    await Promise.all(Array.from({ length: options.workers + 1 }, work));
    const failures: Failure[] = [];
    for (const [place, result] of failed.sort((a, b) => a.seed - b.seed).entries()) {
      failures.push(await failureOf(pool, result, run, place < options.shrinks));
    }
    return { ...sums, seeds: sums.done, kinds, counts, failures, realMs: performance.now() - started };
  } finally {
    await pool.close();
  }
}

async function failureOf(pool: Pool, result: SeedResult, run: SeedOptions, isShrunk: boolean): Promise<Failure> {
  const { seed, problems: [problem = ''] } = result;
  if (!isShrunk) return { seed, problem, command: commandOf(result, run), result };
  const shrunk = await shrink(pool, result, run, SHRINK_RUNS);
  return { seed, problem: shrunk.result.problems[0] ?? problem, command: commandOf(result, shrunk.options), result: shrunk.result };
}
