// `npm run simulate -- --seeds N`: runs of the whole in simulated time, each from one number.
//
// Exit code 0: nothing found; 1: a seed failed, and one line for each says how to repeat it; 2: bad usage.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { campaign, type Outcome } from './campaign.ts';
import type { RunKind } from './seed.ts';
import type { Patch } from './worker.ts';

const USAGE = `usage: npm run simulate -- [--seeds 1000] [--seed 1] [--events 2000] [--workers 2] [--only journal|live]
  [--skip-faults 3,7] [--patch FILE.json] [--trace] [--counts]
  --seed S          the first seed                     --skip-faults   faults left out, by their place in the plan
  --patch FILE      changes of sources as they load    --trace         what happened, line by line (one seed)
  --counts          how often each thing happened`;
const SHRINKS = 3;
const TOLD = 20;

async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seeds: text, seed: text, events: text, workers: text, only: text, 'skip-faults': text, patch: text, trace: flag, counts: flag },
  });
  const outcome = await campaign({
    first: wholeOf('--seed', values.seed, 1), seeds: wholeOf('--seeds', values.seeds, 1_000), workers: wholeOf('--workers', values.workers, 2),
    patches: values.patch === undefined ? [] : patchesOf(values.patch),
    shrinks: values['skip-faults'] === undefined ? SHRINKS : 0,
    run: {
      events: wholeOf('--events', values.events, 2_000), only: kindOf(values.only), keepTrace: values.trace,
      skipFaults: (values['skip-faults'] ?? '').split(',').filter((place) => place !== '').map((place) => wholeOf('--skip-faults', place, 0)),
    },
    ...(values.trace ? { onResult: ({ trace }) => console.log(trace.join('\n')) } : {}),
    ...(process.stderr.isTTY ? { onProgress: showProgress } : {}),
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  tell(outcome, values.counts);
  return outcome.failures.length === 0 ? 0 : 1;
}

function showProgress({ done, failed, twice }: { readonly done: number; readonly failed: number; readonly twice: number }): void {
  process.stderr.write(`\r${String(done)} seeds, ${String(twice)} of them twice, ${String(failed)} failed `);
}

function tell(outcome: Outcome, withCounts: boolean): void {
  const { counts, failures } = outcome;
  if (withCounts) for (const [name, count] of [...counts].sort()) console.log(`${String(count).padStart(9)}  ${name}`);
  for (const { seed, problem, command } of failures.slice(0, TOLD)) console.log(`✗ seed ${String(seed)}: ${problem}\n  repeat it: ${command}`);
  if (failures.length > TOLD) console.log(`… and ${String(failures.length - TOLD)} more`);
  console.log(summaryOf(outcome));
}

export function summaryOf({ seeds, kinds, twice, steps, simulatedMs, cpuMs, realMs, counts, failures }: Outcome): string {
  const faults = [...counts].filter(([name]) => name.startsWith('fault: ') && !name.endsWith('(missed)'));
  const struck = faults.reduce((sum, [, count]) => sum + count, 0);
  const byKind = faults.sort(([, a], [, b]) => b - a).map(([name, count]) => `${name.slice('fault: '.length)} ${String(count)}`).join(', ');
  const runs = Object.entries(kinds).map(([kind, count]) => `${String(count)} ${kind}`).join(', ');
  return `${String(seeds)} seeds (${runs}; ${String(twice)} twice), ${String(failures.length)} failed: ${String(steps)} events, `
    + `${(simulatedMs / 3_600_000).toFixed(1)} h simulated in ${(realMs / 1_000).toFixed(0)} s (${(cpuMs / 1_000).toFixed(0)} s of processor), `
    + `${String(struck)} faults: ${byKind}`;
}

class UsageError extends Error {}

function wholeOf(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`${name} is a whole number, but was ${String(value)}`);
  return number;
}

function kindOf(value: string | undefined): RunKind | null {
  if (value === undefined || value === 'journal' || value === 'live') return value ?? null;
  throw new UsageError(`--only is journal or live, but was ${value}`);
}

function patchesOf(file: string): readonly Patch[] {
  // The caller's own file: one that doesn't fit is told as it is applied.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  const given = JSON.parse(readFileSync(file, 'utf8')) as Patch | readonly Patch[];
  return 'file' in given ? [given] : given;
}

if (process.argv[1] === import.meta.filename) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError || (error instanceof TypeError && 'code' in error))) throw error;
    console.error(`${error.message}\n${USAGE}`);
    process.exitCode = 2;
  }
}
