// `npm run simulate:planted`: plants each bug in turn and runs seeds until one finds it. A table of what that took.
//
// Exit code 0: each was found; 1: one wasn't, so the simulation lacks teeth; 2: bad usage.
// F1  A bug is found by a seed that fails with it and passes without it.

import { parseArgs } from 'node:util';
import { PLANTED, patchesOf, type Planted } from './planted.ts';
import { Pool } from './pool.ts';
import type { SeedOptions, SeedResult } from './seed.ts';

const USAGE = 'usage: npm run simulate:planted -- [--seeds 1000] [--first 1] [--events 2000] [--workers 2] [--bug TEXT]';

export type Finding = {
  readonly bug: Planted;
  /** null: none of them found it. */
  readonly seeds: number | null;
  /** What the run had that it may not have. */
  readonly problem: string;
  readonly realMs: number;
};

export type HuntOptions = { readonly first: number; readonly seeds: number; readonly events: number; readonly workers: number };

/** Runs seeds with the bug until one finds it. */
export async function hunt(bug: Planted, { first, seeds, events, workers }: HuntOptions): Promise<Finding> {
  const started = performance.now();
  const run: SeedOptions = { events, only: bug.only ?? null, skipFaults: [], keepTrace: false };
  const [pool, sound] = [new Pool({ workers, patches: patchesOf(bug) }), new Pool({ workers: 1, patches: [] })];
  const found: SeedResult[] = [];
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + seeds && found.length === 0) {
      const seed = next;
      next += 1;
      const result = await pool.run(seed, run);
      if (result.problems.length > 0 && (await sound.run(seed, run)).problems.length === 0) found.push(result); // F1
    }
  };
  try {
    await Promise.all(Array.from({ length: workers }, work));
  } finally {
    await Promise.all([pool.close(), sound.close()]);
  }
  const [earliest] = found.sort((one, other) => one.seed - other.seed);
  const realMs = performance.now() - started;
  if (earliest === undefined) return { bug, seeds: null, problem: '', realMs };
  return { bug, seeds: earliest.seed - first + 1, problem: earliest.problems[0] ?? '', realMs };
}

/** A row of a markdown table. */
function rowOf({ bug, seeds, problem }: Finding): string {
  const how = problem.split('\n')[0]?.replaceAll('|', '/').slice(0, 100) ?? '';
  return `| ${bug.name} | \`${bug.file}\` | ${seeds === null ? '**not found**' : String(seeds)} | ${how} |`;
}

async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args], options: { seeds: text, first: text, events: text, workers: text, bug: text },
  });
  const { seeds, first, events, workers, bug: wanted = '' } = values;
  const options = {
    seeds: wholeOf(seeds, 1_000), first: wholeOf(first, 1), events: wholeOf(events, 2_000), workers: wholeOf(workers, 2),
  };
  const bugs = PLANTED.filter(({ name, file }) => name.includes(wanted) || file.includes(wanted));
  const findings: Finding[] = [];
  console.log('| planted | in | seeds | found as |\n|---|---|---|---|');
  for (const bug of bugs) {
    const finding = await hunt(bug, options);
    findings.push(finding);
    console.log(rowOf(finding));
  }
  const missed = findings.filter(({ seeds }) => seeds === null).length;
  const realMs = findings.reduce((sum, each) => sum + each.realMs, 0);
  console.log(`\n${String(findings.length - missed)} of ${String(findings.length)} found in ${(realMs / 1_000).toFixed(0)} s`);
  return missed === 0 ? 0 : 1;
}

function wholeOf(value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new TypeError(`expected a whole number from 1 on, got ${String(value)}`);
  return number;
}

if (process.argv[1] === import.meta.filename) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n${USAGE}`);
    process.exitCode = 2;
  }
}
