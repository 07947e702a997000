// `npm test`: lint, types, then every test there is. `npm test -- PATTERN …` runs the test files whose paths contain one.
//
// Lint and types run beside the tests; what fails is told whole, what passes in a line a file. Two files run at a time, and beside
// them one of those that wait most of the time. Files that don't mind each other share one Kafka and one registry
// (end-to-end/shared-servers.ts).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { offerServers } from './end-to-end/shared-servers.ts';

const ROOT = join(import.meta.dirname, '..');
const TEST_FILES = ['packages/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts', 'schemas/src/**/*.test.ts', 'infra/stack/src/**/*.test.ts', 'test/**/*.test.ts'];
const FILE_TIMEOUT_MS = 15 * 60_000;
/** Test files that leave a core idle most of the time: they wait for sessions to end, for brokers to come back, for alerts to fire. */
const WAITING = [
  'test/chaos/chaos.', 'test/end-to-end/brokers.', 'test/end-to-end/alerts.', 'test/end-to-end/alerts-serving.', 'packages/kafka/src/brokers.',
  'test/end-to-end/start-live.', 'services/ingestor/src/roster.',
];
/** Of the others these begin first: a long one that is left for the end has the machine to itself. */
const LONGEST = ['infra/stack/', 'test/end-to-end/backfill.', 'test/end-to-end/durable.', 'test/end-to-end/webhooks.', 'test/end-to-end/replay.'];

type Outcome = { readonly passed: number; readonly failed: number; readonly skipped: number };

const failures: string[] = [];

async function main(patterns: readonly string[]): Promise<void> {
  const started = performance.now();
  const files = (await filesOf(TEST_FILES)).filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
  if (files.length === 0) throw new Error(`no test file matches ${patterns.join(' ')}`);
  const checks = patterns.length === 0 ? ['lint', 'types', 'page'] as const : [];
  const checked = Promise.all(checks.map(async (name) => await runCheck(name)));
  const endServers = await offerServers();
  const tests = await inLanes(files).finally(endServers);
  const failedChecks = (await checked).filter((passed) => !passed).length;
  for (const failure of failures) console.log(`\n${failure}`); // Once more, where whoever reads the end sees them.
  console.log(`\n${((performance.now() - started) / 1_000).toFixed(0)} s`);
  console.log(`${String(tests.passed + checks.length - failedChecks)} passed, ${String(tests.failed + failedChecks)} failed, ${String(tests.skipped)} skipped`);
  process.exitCode = tests.failed + failedChecks === 0 ? 0 : 1;
}

async function filesOf(patterns: readonly string[]): Promise<string[]> {
  const files = [];
  for await (const file of glob(patterns, { cwd: ROOT, exclude: (name) => name === 'node_modules' })) files.push(file);
  return files.sort().sort((a, b) => rankOf(a, LONGEST) - rankOf(b, LONGEST));
}

function rankOf(file: string, list: readonly string[]): number {
  const place = list.findIndex((start) => file.startsWith(start));
  return place < 0 ? list.length : place;
}

const CHECKS = {
  lint: ['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.'],
  types: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
  page: ['node_modules/typescript/bin/tsc', '-p', 'packages/dashboard/web/tsconfig.json'],
};

async function runCheck(name: keyof typeof CHECKS): Promise<boolean> {
  const child = spawn(process.execPath, CHECKS[name], { cwd: ROOT });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code === 0) console.log(`✓ ${name}`);
  else tellFailure(`✗ ${name}\n${output}`);
  return code === 0;
}

async function inLanes(files: readonly string[]): Promise<Outcome> {
  const isWaiting = (file: string): boolean => rankOf(file, WAITING) < WAITING.length;
  const [waiting, busy] = [files.filter(isWaiting), files.filter((file) => !isWaiting(file))];
  const outcomes = await Promise.all([runTests(waiting, 1), runTests(busy, 2)]);
  const sum = (name: keyof Outcome): number => outcomes.reduce((total, each) => total + each[name], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

async function runTests(files: readonly string[], concurrency: number): Promise<Outcome> {
  const outcome = { passed: 0, failed: 0, skipped: 0 };
  if (files.length === 0) return outcome;
  const untold = new Set(files);
  const stream = run({ files: files.map((file) => join(ROOT, file)), concurrency, timeout: FILE_TIMEOUT_MS });
  stream.on('test:fail', ({ name, file, details }) => {
    if (details.type !== 'suite') tellFailure(`✗ ${name} (${relative(ROOT, file ?? '')})\n${inspect(details.error.cause, { depth: 6 })}`);
  });
  stream.on('test:pass', ({ name, skip }) => {
    if (skip !== undefined) console.log(`! SKIPPED ${name}: ${String(skip)}`);
  });
  stream.on('test:summary', ({ file, success, counts, duration_ms }) => {
    if (file === undefined) return;
    untold.delete(relative(ROOT, file));
    console.log(`${success ? '✓' : '✗'} ${relative(ROOT, file)}: ${String(counts.tests)} tests, ${(duration_ms / 1_000).toFixed(1)} s`);
    outcome.passed += counts.passed;
    outcome.skipped += counts.skipped;
    outcome.failed += counts.tests - counts.passed - counts.skipped;
  });
  stream.resume();
  await once(stream, 'end');
  for (const file of untold) tellFailure(`✗ ${file} was ended before it told of all its tests`);
  outcome.failed += untold.size;
  return outcome;
}

function tellFailure(text: string): void {
  console.log(text);
  failures.push(text);
}

await main(process.argv.slice(2));
