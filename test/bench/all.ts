// `npm run bench:all`: every benchmark, one after the other, within about an hour on two quiet cores; then the charts.
//
//   --record      a line for the history of each         --quick     smoke runs of all, some minutes
//   --only A,B    of the names below
//
// One that fails doesn't keep the others from running; the exit code tells.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RECORD_OPTION } from './history/history.ts';

type Part = {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly quick: readonly string[];
};

const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
/** What takes a whole machine at once comes first, while it is quiet for certain. */
const PARTS: readonly Part[] = [
  { name: 'model', script: 'model.ts', args: [], quick: ['--quick'] },
  { name: 'growth', script: 'growth.ts', args: [], quick: ['--quick', '--only', 'fills'] },
  { name: 'profile', script: 'profile.ts', args: [], quick: ['--quick'] },
  {
    name: 'kafka',
    script: 'kafka.ts',
    args: ['--runs', '1', '--warm-up', '10', '--measure', '30'],
    quick: ['--quick', '--steps', 'raw,throughput'],
  },
  {
    name: 'gateway',
    script: 'gateway.ts',
    args: ['--runs', '2', '--measure', '20'],
    quick: ['--quick', '--clients', '200', '--rate', '200'],
  },
  { name: 'dashboard', script: 'dashboard.ts', args: ['--runs', '2'], quick: ['--quick'] },
  { name: 'live', script: 'live.ts', args: ['--runs', '2', '--measure', '20'], quick: ['--quick'] },
  { name: 'replay', script: 'replay.ts', args: ['--runs', '2'], quick: ['--records', '30000', '--runs', '1'] },
  { name: 'extremes', script: 'kafka-extremes.ts', args: [], quick: ['--timers', '2000', '--seconds', '3'] },
  { name: 'redis', script: 'redis-size.ts', args: [], quick: ['--records', '20000'] },
  { name: 'journals', script: 'bench.ts', args: ['--memory'], quick: ['--records', '20000', '--runs', '1'] },
];

async function main({
  quick,
  record,
  only,
}: {
  readonly quick: boolean;
  readonly record: boolean;
  readonly only: readonly string[] | null;
}): Promise<void> {
  const began = performance.now();
  const failed: string[] = [];
  const parts = PARTS.filter(({ name }) => only?.includes(name) ?? true);
  for (const [place, { name, script, args, quick: small }] of parts.entries()) {
    console.log(
      `\n=== ${String(place + 1)} of ${String(parts.length)}: ${name}, after ${minutes(began)} min, load ${(loadavg()[0] ?? 0).toFixed(2)}`,
    );
    if (!(await run(script, [...(quick ? small : args), ...(record ? ['--record'] : [])]))) failed.push(name);
  }
  if (record && !(await run('charts.ts', []))) failed.push('charts');
  console.log(`\n${minutes(began)} min${failed.length === 0 ? '' : `; failed: ${failed.join(', ')}`}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

async function run(script: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [...NODE_FLAGS, join(import.meta.dirname, script), ...args], { stdio: 'inherit' });
  const end = (): void => {
    child.kill('SIGTERM');
    process.exitCode = 143;
    process.exit();
  };
  process.once('SIGTERM', end);
  await once(child, 'close');
  process.off('SIGTERM', end);
  if (child.exitCode !== 0) console.log(`!! ${script} ended with ${String(child.exitCode ?? child.signalCode)}`);
  return child.exitCode === 0;
}

function minutes(began: number): string {
  return ((performance.now() - began) / 60_000).toFixed(1);
}

const { values } = parseArgs({
  options: { ...RECORD_OPTION, quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
await main({ quick: values.quick, record: values.record, only: values.only?.split(',') ?? null });
