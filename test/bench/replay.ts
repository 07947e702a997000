// How fast `fillstream replay` is, beside the processor that made what it repeats: a journal is imported and processed once, then
// replayed some times, each of which has to find everything the same. Then one altered signal is planted, and has to be found.
//
//   --records N       in the journal (1,000,000)
//   --runs N          (3)
//   --partitions N    (4)
//   --record          a line for the history

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectionOf, readTopic } from '@fillstream/kafka';
import { decodeSignal, encodeSignal } from '@fillstream/schemas';
import { writeJournal } from '@fillstream/simulator';
import { figure, type Figure } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { CpuMeter, peakMiB } from './kafka-machine.ts';
import { Installation, startServers, type Servers } from './kafka-stack.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const POLL_MS = 50;
const HEADER_BYTES = 5;

type Plan = { readonly records: number; readonly runs: number; readonly partitions: number; readonly record: boolean };
/** Records a second, µs of CPU a record, MiB. */
type Done = { readonly what: string; readonly rate: number; readonly cpu: number; readonly peak: number };
type Summary = { readonly records: number; readonly emitted: number; readonly same: number; readonly missing: number; readonly elapsedMs: number };

async function main({ records, runs, partitions, record }: Plan): Promise<void> {
  const recorder = new Recorder('replay', { record });
  const folder = join(tmpdir(), 'fillstream-bench');
  mkdirSync(folder, { recursive: true });
  const journal = join(folder, `replay-${String(records)}.ndjson`);
  if (!existsSync(journal)) writeJournal(journal, { seed: 1, addresses: 1_000, startAt: 1_760_000_000_000, records });
  const servers = await startServers();
  const installation = new Installation(servers, `bench-${String(process.pid)}`, COMMAND);
  try {
    await installation.createTopics(partitions);
    await installation.import(journal);
    const done: Done[] = [await processed(installation)];
    for (let run = 0; run < runs; run += 1) done.push(await replayed(servers, installation));
    for (let run = 0; run < runs; run += 1) done.push(await replayed(servers, installation, '--merge', 'timestamp'));
    await plant(installation);
    const { same, emitted, missing } = await replay(servers, installation, 3);
    if (missing !== 1 || emitted - same !== 1) throw new Error(`of one planted signal ${String(emitted - same)} were found`);
    console.log(`one planted signal among ${emitted.toLocaleString('en')} was found, and it alone`);
    recorder.add({ settings: { records, runs, partitions }, baseline: 'the processor that made what is replayed', figures: figuresOf(done) });
  } finally {
    await servers.close();
  }
}

async function processed(installation: Installation): Promise<Done> {
  const lag = await installation.lag();
  const running = installation.processor();
  const total = await lag();
  while (await lag() === total && !/partition \d+ (?:resumed|rebuilt|caught-up)/.test(running.said())) await sleep(POLL_MS);
  const meter = new CpuMeter(new Map([['processor', [running.pid]]]));
  while (await lag() > 0) await sleep(POLL_MS);
  const { seconds, elapsed } = meter.read();
  const done = told('processor', { records: total, elapsed, cpuSeconds: seconds.get('processor') ?? NaN, peak: peakMiB(running.pid) });
  await running.end();
  return done;
}

/** One of the signals once more, with another size. */
async function plant(installation: Installation): Promise<void> {
  const { kafka } = installation;
  const [record] = await readTopic(kafka, 'signals');
  if (record?.value === null || record === undefined) throw new Error('there are no signals');
  const { key, partition, timestamp, value } = record;
  const altered = Buffer.concat([value.subarray(0, HEADER_BYTES), encodeSignal({ ...decodeSignal(value.subarray(HEADER_BYTES)), size: '123.45' })]);
  const producer = connectionOf(kafka).producer();
  await producer.connect();
  await producer.send({ topic: installation.nameOf('signals'), messages: [{ key, partition, timestamp: String(timestamp), value: altered }] });
  await producer.disconnect();
}

async function replayed(servers: Servers, installation: Installation, ...flags: readonly string[]): Promise<Done> {
  const summary = await replay(servers, installation, 0, ...flags);
  const { same, emitted } = summary;
  if (same !== emitted) throw new Error(`only ${String(same)} of ${String(emitted)} signals are the same`);
  return told(['replay', ...flags].join(' '), summary, `${emitted.toLocaleString('en')} signals the same`);
}

async function replay(servers: Servers, { namespace }: Installation, code: number, ...flags: readonly string[]): Promise<Summary & Measured> {
  const args = ['replay', '--json', '--kafka', servers.kafka, '--registry', servers.registry, '--namespace', namespace, ...flags];
  const child = spawn(process.execPath, [...NODE_FLAGS, COMMAND, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, used] = await Promise.all([textOf(child.stdout), usedBy(child)]);
  if (child.exitCode !== code) throw new Error(`the replay ended with ${String(child.exitCode)}: ${output.slice(-2_000)}`);
  // Written by the command.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  const summary = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Summary;
  return { ...summary, ...used, elapsed: summary.elapsedMs / 1_000 };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

type Used = { readonly cpuSeconds: number; readonly peak: number };
/** `elapsed` in seconds, from the first connection to the end. */
type Measured = Used & { readonly records: number; readonly elapsed: number };

/** Of a process, start-up and end included, as far as it was seen. */
async function usedBy(child: ReturnType<typeof spawn>): Promise<Used> {
  const meter = new CpuMeter(new Map([['child', [child.pid ?? 0]]]));
  let used: Used = { cpuSeconds: 0, peak: 0 };
  const end = once(child, 'close');
  while (child.exitCode === null) {
    const seen = { cpuSeconds: meter.read().seconds.get('child') ?? NaN, peak: peakMiB(child.pid ?? 0) || used.peak };
    if (seen.cpuSeconds > used.cpuSeconds) used = seen;
    await Promise.race([end, sleep(2 * POLL_MS)]);
  }
  return used;
}

function told(what: string, { records, elapsed, cpuSeconds, peak }: Measured, more = ''): Done {
  console.log(`${what}: ${Math.round(records / elapsed).toLocaleString('en')} records/s, ${(cpuSeconds * 1e6 / records).toFixed(1)} µs CPU a record, `
    + `${peak.toFixed(0)} MiB, load ${loadavg()[0]?.toFixed(1) ?? ''}${more === '' ? '' : `, ${more}`}`);
  return { what, rate: records / elapsed, cpu: cpuSeconds * 1e6 / records, peak };
}

function figuresOf(done: readonly Done[]): Figure[] {
  const base = done.slice(0, 1).map(({ rate }) => rate);
  return [...Map.groupBy(done, ({ what }) => what)].flatMap(([what, runs]) => [
    figure(what, 'throughput', 'records/s', runs.map(({ rate }) => rate), { base }), figure(what, 'CPU', 'µs/record', runs.map(({ cpu }) => cpu)),
    figure(what, 'peak', 'MiB', runs.map(({ peak }) => peak)),
  ]);
}

const { values } = parseArgs({ options: { ...RECORD_OPTION, records: { type: 'string', default: '1000000' }, runs: { type: 'string', default: '3' }, partitions: { type: 'string', default: '4' } } });
await main({ records: Number(values.records), runs: Number(values.runs), partitions: Number(values.partitions), record: values.record });
