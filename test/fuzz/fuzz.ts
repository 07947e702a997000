// `npm run fuzz -- [--runs N] [--seed S] [--only NAME]…`: every reader of bytes from outside, or some of them. What fails is
// shrunk and kept in corpus/NAME/, where `npm test` meets it from then on. The feed's own fuzz test runs at the end.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { runGuarded, type Failure, type Outcome } from './guarded.ts';
import { TARGETS } from './targets/all.ts';

const ROOT = join(import.meta.dirname, '../..');
const FEED_TEST = join(ROOT, 'packages/hyperliquid/src/live/fuzz.test.ts');
const FEED = 'feed';
const NAMES = TARGETS.map(({ name }) => name);
const USAGE = `usage: fuzz [--runs N] [--seed S] [--only ${[...NAMES, FEED].join('|')}]`;

async function main(args: readonly string[]): Promise<number> {
  const { runs, seed, only } = optionsOf(args);
  console.log(`--runs ${String(runs)} --seed ${String(seed)}`);
  let failures = 0;
  await runGuarded({ kind: 'fuzz', runs, seed, only: only.filter((name) => name !== FEED) }, NAMES, (outcome) => {
    show(outcome);
    if (outcome.failure === null) return;
    failures += 1;
    console.log(`  kept as ${keep(outcome.target, outcome.failure)}`);
  });
  if (only.length === 0 || only.includes(FEED)) failures += await feedFails() ? 1 : 0;
  return failures === 0 ? 0 : 1;
}

function optionsOf(args: readonly string[]): { readonly runs: number; readonly seed: number; readonly only: readonly string[] } {
  const { values } = parseArgs({ args: [...args], options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string', multiple: true } } });
  const [runs, seed] = [Number(values.runs ?? 10_000), Number(values.seed ?? Math.trunc(Math.random() * 2 ** 31))];
  const unknown = (values.only ?? []).filter((name) => ![...NAMES, FEED].includes(name));
  if (!Number.isSafeInteger(runs) || runs <= 0 || !Number.isSafeInteger(seed) || unknown.length > 0) throw new Error(USAGE);
  return { runs, seed, only: values.only ?? [] };
}

function show({ target, cases, ms, failure }: Outcome): void {
  const law = TARGETS.find(({ name }) => name === target)?.law ?? '';
  console.log(`${failure === null ? '✓' : '✗'} ${target.padEnd(16)} ${String(cases).padStart(8)} cases ${(ms / 1_000).toFixed(1).padStart(7)} s  ${law}`);
  if (failure !== null) console.log(failure.message.replaceAll(/^/gm, '  '));
}

/** Its path. */
function keep(target: string, { bytes }: Failure): string {
  const folder = join(import.meta.dirname, 'corpus', target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(path, bytes);
  return relative(ROOT, path);
}

async function feedFails(): Promise<boolean> {
  const child = spawn(process.execPath, ['--test', FEED_TEST], { stdio: 'inherit' });
  await once(child, 'close');
  return child.exitCode !== 0;
}

process.exitCode = await main(process.argv.slice(2));
