// `npm run bench`: what a record costs, beside reading and JSON.parse-ing the same file in the same run.
//
//   --records N    journal length (1,000,000)      --runs N    measured runs of each (3), after one that isn't
//   --memory       also: peak memory of ten times the records, piped in      --record   a line for the history
//
// Every measurement is a process of its own, start-up included; they take turns, so that a busy moment hits them all.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { market, writeJournal, type MarketOptions } from '@fillstream/simulator';
import { figure, median, type Figure } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const NODE_FLAGS = ['--import', join(import.meta.dirname, 'usage.ts')];

type Usage = { readonly seconds: number; readonly cpuSeconds: number; readonly peakMiB: number };
type Subject = { readonly name: string; readonly aim: number | null; readonly args: readonly string[]; readonly prepare: () => void };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { ...RECORD_OPTION, records: { type: 'string', default: '1000000' }, runs: { type: 'string', default: '3' }, memory: { type: 'boolean', default: false } },
  });
  const records = Number(values.records);
  const recorder = new Recorder('journals', values);
  const folder = join(tmpdir(), 'fillstream-bench');
  mkdirSync(folder, { recursive: true });
  const journal = join(folder, `journal-${String(records)}.ndjson`);
  if (!existsSync(journal)) writeJournal(journal, marketOf(records));
  console.log(`${String(records)} records, ${(statSync(journal).size / 2 ** 20).toFixed(0)} MiB; ${cpus()[0]?.model ?? ''} × ${String(availableParallelism())}, `
    + `Node ${process.version}, load ${loadText()}`);
  const results = await measure(subjectsOf(journal, folder), Number(values.runs));
  report(results, records);
  const memory = values.memory ? await measureMemory(folder, records) : [];
  recorder.add({ settings: { records, runs: Number(values.runs) }, baseline: 'reading the journal and JSON.parse', figures: [...figuresOf(results, records), ...memory] });
  console.log(`load at the end ${loadText()}`);
}

function marketOf(records: number): MarketOptions {
  return { seed: 1, addresses: 100, startAt: 1_760_000_000_000, records };
}

function subjectsOf(journal: string, folder: string): Subject[] {
  const out = join(folder, 'signals.ndjson');
  const state = join(folder, 'state');
  const clear = (): void => {
    rmSync(out, { force: true });
    rmSync(state, { recursive: true, force: true });
  };
  return [
    { name: 'read + JSON.parse', aim: null, args: [join(import.meta.dirname, 'baseline.ts'), journal], prepare: clear },
    { name: 'run, in memory', aim: 3, args: [COMMAND, 'run', '--journal', journal, '--out', out], prepare: clear },
    { name: 'run --state', aim: 6, args: [COMMAND, 'run', '--journal', journal, '--out', out, '--state', state], prepare: clear },
    { name: 'start --journal', aim: 12, args: [COMMAND, 'start', '--no-gateway', '--journal', journal, '--data', state], prepare: clear },
  ];
}

async function measure(subjects: readonly Subject[], runs: number): Promise<Map<Subject, Usage[]>> {
  const results = new Map<Subject, Usage[]>(subjects.map((subject) => [subject, []]));
  for (let run = 0; run <= runs; run += 1) {
    for (const subject of subjects) {
      subject.prepare();
      const usage = await runProcess(subject.args);
      if (run > 0) results.get(subject)?.push(usage);
    }
  }
  return results;
}

async function runProcess(args: readonly string[], input?: Iterable<string>): Promise<Usage> {
  const report = join(tmpdir(), `fillstream-bench-usage-${String(process.pid)}.json`);
  const started = performance.now();
  const child = spawn(process.execPath, [...NODE_FLAGS, ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'pipe'], env: { NODE_COMPILE_CACHE: join(tmpdir(), 'fillstream-bench', 'compile'), ...process.env, BENCH_USAGE: report },
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  if (input !== undefined && child.stdin !== null) await pipeline(Readable.from(input), child.stdin);
  const code = await closed;
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}: ${errors}`);
  const seconds = (performance.now() - started) / 1_000;
  // Written by usage.ts.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return { seconds, ...JSON.parse(readFileSync(report, 'utf8')) as Omit<Usage, 'seconds'> };
}

function figuresOf(results: ReadonlyMap<Subject, readonly Usage[]>, records: number): Figure[] {
  const [baseline = []] = results.values();
  const rates = (usages: readonly Usage[]): number[] => usages.map(({ seconds }) => records / seconds);
  return [...results].flatMap(([{ name }, usages]) => [
    figure(name, 'throughput', 'records/s', rates(usages), { base: rates(baseline) }),
    figure(name, 'CPU', 'µs/record', usages.map(({ cpuSeconds }) => cpuSeconds * 1e6 / records)), figure(name, 'peak', 'MiB', usages.map(({ peakMiB }) => peakMiB)),
  ]);
}

function report(results: ReadonlyMap<Subject, readonly Usage[]>, records: number): void {
  const [baseline = []] = results.values();
  const base = median(baseline.map(({ seconds }) => seconds));
  console.log('\n| | seconds (min / median / max) | records/s | × read + parse | aim | CPU s | peak MiB |\n|---|---|---|---|---|---|---|');
  for (const [{ name, aim }, usages] of results) {
    const seconds = usages.map((usage) => usage.seconds);
    const middle = median(seconds);
    console.log(`| ${name} | ${[Math.min(...seconds), middle, Math.max(...seconds)].map((value) => value.toFixed(2)).join(' / ')} `
      + `| ${Math.round(records / middle).toLocaleString('en')} | ${(middle / base).toFixed(2)} | ${aim === null ? '' : `≤ ${String(aim)}`} `
      + `| ${median(usages.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1)} | ${median(usages.map(({ peakMiB }) => peakMiB)).toFixed(0)} |`);
  }
}

/**
 * Peak memory must follow the orders on record, not the journal's length: 100 addresses with full memories, unfinished orders
 * that leave the record as soon as others, and ten times the records.
 */
async function measureMemory(folder: string, records: number): Promise<Figure[]> {
  const lines = function* (count: number): Generator<string> {
    for (const record of market({ ...marketOf(count), shares: { noise: 0, unfilled: 0 } })) yield `${JSON.stringify(record)}\n`;
  };
  const args = [COMMAND, 'run', '--journal', '-', '--out', join(folder, 'signals.ndjson'), '--set', 'unfinishedMs=10m'];
  const once = await runProcess(args, lines(records));
  const tenTimes = await runProcess(args, lines(10 * records));
  console.log(`\npeak memory: ${once.peakMiB.toFixed(0)} MiB for ${String(records)} records, ${tenTimes.peakMiB.toFixed(0)} MiB for ten times as many: `
    + `× ${(tenTimes.peakMiB / once.peakMiB).toFixed(2)} (aim ≤ 1.2)`);
  return [figure('run of ten times the records', 'peak', 'MiB', [tenTimes.peakMiB], { base: [once.peakMiB] })];
}

function loadText(): string {
  return loadavg().map((load) => load.toFixed(2)).join(' ');
}

await main();
