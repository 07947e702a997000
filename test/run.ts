// `npm test`: lint, types, then every test there is. `npm test -- PATTERN …` runs the test files whose paths contain one.
//
// Lint and types run beside the tests; what fails is told whole, what passes in a line a file.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const TEST_FILES = ['packages/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts', 'schemas/src/**/*.test.ts', 'infra/stack/src/**/*.test.ts', 'test/**/*.test.ts'];
const FILE_TIMEOUT_MS = 15 * 60_000;

type Outcome = { readonly passed: number; readonly failed: number; readonly skipped: number };

async function main(patterns: readonly string[]): Promise<void> {
  const started = performance.now();
  const files = (await filesOf(TEST_FILES)).filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
  if (files.length === 0) throw new Error(`no test file matches ${patterns.join(' ')}`);
  const checks = patterns.length === 0 ? ['lint', 'types', 'page'] as const : [];
  const checked = Promise.all(checks.map(async (name) => await runCheck(name)));
  const tests = await runTests(files);
  const failedChecks = (await checked).filter((passed) => !passed).length;
  console.log(`\n${((performance.now() - started) / 1_000).toFixed(0)} s`);
  console.log(`${String(tests.passed + checks.length - failedChecks)} passed, ${String(tests.failed + failedChecks)} failed, ${String(tests.skipped)} skipped`);
  process.exitCode = tests.failed + failedChecks === 0 ? 0 : 1;
}

async function filesOf(patterns: readonly string[]): Promise<string[]> {
  const files = [];
  for await (const file of glob(patterns, { cwd: ROOT, exclude: (name) => name === 'node_modules' })) files.push(file);
  return files.sort();
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
  console.log(`${code === 0 ? '✓' : '✗'} ${name}`);
  if (code !== 0) console.log(output);
  return code === 0;
}

async function runTests(files: readonly string[]): Promise<Outcome> {
  const outcome = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({ files: files.map((file) => join(ROOT, file)), concurrency: 2, timeout: FILE_TIMEOUT_MS });
  stream.on('test:fail', ({ name, file, details }) => {
    if (details.type !== 'suite') console.log(`✗ ${name} (${relative(ROOT, file ?? '')})\n${inspect(details.error.cause, { depth: 6 })}`);
  });
  stream.on('test:pass', ({ name, skip }) => {
    if (skip !== undefined) console.log(`! SKIPPED ${name}: ${String(skip)}`);
  });
  stream.on('test:summary', ({ file, success, counts, duration_ms }) => {
    if (file === undefined) return;
    console.log(`${success ? '✓' : '✗'} ${relative(ROOT, file)}: ${String(counts.tests)} tests, ${(duration_ms / 1_000).toFixed(1)} s`);
    outcome.passed += counts.passed;
    outcome.skipped += counts.skipped;
    outcome.failed += counts.tests - counts.passed - counts.skipped;
  });
  stream.resume();
  await once(stream, 'end');
  return outcome;
}

await main(process.argv.slice(2));
