// `npm run bench:profile`: where the CPU time of a record goes, by phase, of a processor on Kafka and Redis and of the embedded run.
//
//   --records N   of the simulated market (500,000)          --steps A,B   kafka, embedded
//   --quick       a smoke run of 30,000                      --record      a line for the history, and the folded stacks
//
// The profiler is V8's (--cpu-prof), sampling the main thread; what other threads took (compiler, collector) is the rest of the
// process's CPU time. The rules that say which function belongs to which phase are in profile/phases.ts.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeJournal } from '@fillstream/simulator';
import { figure, type Figure } from './history/entry.ts';
import { GENERATED, RECORD_OPTION, Recorder } from './history/history.ts';
import { CpuMeter } from './kafka-machine.ts';
import { Installation, startServers } from './kafka-stack.ts';
import { PHASES } from './profile/phases.ts';
import { foldedText, readProfile, type Profile } from './profile/profile.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const PARTITIONS = 4;
const POLL_MS = 50;
const SUBJECTS = { kafka: 'a processor on Kafka and Redis', embedded: 'the embedded run' } as const;
type Step = keyof typeof SUBJECTS;
type Plan = { readonly records: number; readonly steps: readonly string[]; readonly record: boolean };

/** `cpu`: µs of all threads, from the first to the last look at the process. */
type Taken = { readonly profile: Profile; readonly cpu: number; readonly records: number };

async function main(plan: Plan): Promise<void> {
  const recorder = new Recorder('profile', plan);
  const journal = journalOf(plan.records);
  const figures: Figure[] = [];
  for (const step of ['kafka', 'embedded'] as const) {
    if (!plan.steps.includes(step)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'fillstream-bench-profile-'));
    try {
      const taken = step === 'kafka' ? await onKafka(journal, folder) : await embedded(journal, folder, plan.records);
      figures.push(...figuresOf(step, taken));
      if (plan.record) {
        mkdirSync(GENERATED, { recursive: true });
        writeFileSync(join(GENERATED, `flame-${step}.folded`), foldedText(taken.profile.stacks));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  recorder.add({ settings: { records: plan.records, partitions: PARTITIONS }, baseline: 'all phases together', figures });
}

function journalOf(records: number): string {
  const folder = join(tmpdir(), 'fillstream-bench');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `replay-${String(records)}.ndjson`);
  if (!existsSync(path)) writeJournal(path, { seed: 1, addresses: 1_000, startAt: 1_760_000_000_000, records });
  return path;
}

async function onKafka(journal: string, folder: string): Promise<Taken> {
  const servers = await startServers();
  try {
    const installation = new Installation(servers, `bench-profile-${String(process.pid)}`, COMMAND);
    await installation.createTopics(PARTITIONS);
    await installation.import(journal);
    const lag = await installation.lag();
    const records = await lag();
    const running = installation.processorOn(profiling(folder));
    const meter = new CpuMeter(new Map([['measured', [running.pid]]]));
    while ((await lag()) > 0) {
      running.said(); // Throws when it has ended.
      await sleep(POLL_MS);
    }
    const { seconds } = meter.read();
    await running.end();
    return { profile: readProfile(fileIn(folder)), cpu: (seconds.get('measured') ?? NaN) * 1e6, records };
  } finally {
    await servers.close();
  }
}

async function embedded(journal: string, folder: string, records: number): Promise<Taken> {
  const data = join(folder, 'data');
  const args = [...NODE_FLAGS, ...profiling(folder), COMMAND, 'start', '--no-gateway', '--journal', journal, '--data', data];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const cpu = await usedBy(child);
  if (child.exitCode !== 0) throw new Error(`start ended with ${String(child.exitCode)}`);
  return { profile: readProfile(fileIn(folder)), cpu, records };
}

/** µs of CPU until it ended, as far as it was seen. */
async function usedBy(child: ChildProcess): Promise<number> {
  const meter = new CpuMeter(new Map([['measured', [child.pid ?? 0]]]));
  const end = once(child, 'close');
  let used = 0;
  while (child.exitCode === null) {
    const now = meter.read().seconds.get('measured') ?? NaN;
    if (now > used) used = now;
    await Promise.race([end, sleep(POLL_MS)]);
  }
  return used * 1e6;
}

function profiling(folder: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

function fileIn(folder: string): string {
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the process left no profile');
  return join(folder, file);
}

/**
 * µs a record of each phase, and of the other threads; ratios over their sum. The profiler's time is the clock's: where it is more
 * than the process's CPU time, others had the cores meanwhile, and all phases are less by as much.
 */
function figuresOf(step: Step, { profile, cpu, records }: Taken): Figure[] {
  const share = Math.min(1, cpu / profile.busy) / records;
  const rows = [
    ...PHASES.filter((phase) => phase !== 'idle').map((phase): [string, number] => [
      phase,
      (profile.phases.get(phase) ?? 0) * share,
    ]),
    ['other threads', Math.max(0, cpu - profile.busy) / records] satisfies [string, number],
  ];
  const all = rows.reduce((sum, [, cost]) => sum + cost, 0);
  console.log(
    `\n${SUBJECTS[step]}: ${all.toFixed(1)} µs of CPU a record, main thread idle ${((profile.phases.get('idle') ?? 0) / records).toFixed(1)} µs\n| phase | µs a record | share |\n|---|---|---|`,
  );
  for (const [phase, cost] of rows) console.log(`| ${phase} | ${cost.toFixed(2)} | ${((100 * cost) / all).toFixed(1)} % |`);
  return [
    ...rows.map(([phase, cost]) => figure(SUBJECTS[step], 'CPU', 'µs/record', [cost], { at: { phase }, base: [all] })),
    figure(SUBJECTS[step], 'idle', 'µs/record', [(profile.phases.get('idle') ?? 0) / records]),
  ];
}

const { values } = parseArgs({
  options: {
    ...RECORD_OPTION,
    records: { type: 'string' },
    steps: { type: 'string', default: 'kafka,embedded' },
    quick: { type: 'boolean', default: false },
  },
});
await main({
  records: Number(values.records ?? (values.quick ? 30_000 : 500_000)),
  steps: values.steps.split(','),
  record: values.record,
});
