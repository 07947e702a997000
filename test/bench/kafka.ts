// `npm run bench:kafka`: the processor on Kafka and Redis, beside reading the same topics by kafkajs alone, and beside the
// Kafka Streams peer on the same journal where that can be run.
//
//   --quick               a smoke run of about a minute
//   --fills N             unique fills in the journal (1,000,000), with their updates and repeats about 1.45 N records
//   --runs N              measured runs of each (3), after one that isn't
//   --partitions N        (4)
//   --steps A,B,…         raw, throughput, latency, peer
//   --rate N --warm-up S --measure S   of the latency: 5,000 records a second, 20 s and 60 s
//   --kafka, --registry, --redis       servers that run already, instead of a stack of its own; only what is named bench-… is touched
//   --command FILE        another main.ts of the command, to compare two versions
//   --record              a line for the history
//
// The result goes to standard output as tables, and as one line of JSON to .fillstream/bench-kafka.ndjson.

import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeJournal } from '@fillstream/simulator';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { measureLatency, type Latency } from './kafka-latency.ts';
import { buildPeer, measurePeer, measurePeerLatency, writePeerJournal, type Peer, type PeerLatency, type PeerRow } from './kafka-peer.ts';
import { figuresOf, printed, type RawRow, type Results, type ThroughputRow } from './kafka-report.ts';
import { signalsOfFile, type Signals } from './kafka-signals.ts';
import { Installation, runCommand, startServers, type Servers } from './kafka-stack.ts';
import { measureThroughput, type Throughput, type Variant } from './kafka-throughput.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const RESULTS = join(ROOT, '.fillstream');
const VARIANTS: readonly Variant[] = [
  { delivery: 'exactly-once', processes: 1 }, { delivery: 'exactly-once', processes: 2 },
  { delivery: 'at-least-once', processes: 1 }, { delivery: 'at-least-once', processes: 2 },
];
const PEER_VARIANTS = ['exactly_once_v2:1', 'exactly_once_v2:2', 'at_least_once:1', 'at_least_once:2'];

type Plan = {
  readonly fills: number;
  readonly runs: number;
  readonly partitions: number;
  readonly steps: readonly string[];
  readonly rate: number;
  readonly warmUp: number;
  readonly measured: number;
  readonly command: string;
  readonly servers: Pick<Servers, 'kafka' | 'registry' | 'redis'> | null;
  readonly variants: readonly Variant[];
  readonly record: boolean;
};

type Journal = { readonly path: string; readonly records: number; readonly expected: Signals };

async function main(plan: Plan): Promise<void> {
  console.log(`${cpus()[0]?.model ?? ''} × ${String(availableParallelism())}, Node ${process.version}, load ${loadText()}`);
  const loadBefore = loadavg();
  const recorder = new Recorder('kafka', plan);
  const peer = buildPeer();
  const journal = await journalOf(plan, peer);
  console.log(`journal: ${journal.records.toLocaleString('en')} records, ${journal.expected.count.toLocaleString('en')} signals expected`);
  const servers = plan.servers === null ? await startServers() : { ...plan.servers, pids: new Map<string, number[]>(), logs: [], close: () => Promise.resolve() };
  try {
    const ours = await measureOurs(plan, servers, journal);
    const theirs = await measureTheirs(plan, peer);
    const results: Results = {
      at: new Date().toISOString(), cpu: `${cpus()[0]?.model ?? ''} × ${String(availableParallelism())}`, node: process.version,
      journal: peer === null ? 'simulator' : 'peer', records: journal.records, signals: journal.expected.count,
      partitions: plan.partitions, runs: plan.runs, loadBefore, loadAfter: loadavg(), ...ours, ...theirs,
    };
    console.log(printed(results));
    mkdirSync(RESULTS, { recursive: true });
    appendFileSync(join(RESULTS, 'bench-kafka.ndjson'), `${JSON.stringify(results)}\n`);
    console.log(JSON.stringify(results));
    const { records, runs, partitions, journal: source } = results;
    recorder.add({ settings: { records, runs, partitions, journal: source, rate: plan.rate }, baseline: 'kafkajs reading the topics, nothing decoded', figures: figuresOf(results) });
  } finally {
    await servers.close();
  }
}

async function measureOurs(plan: Plan, servers: Servers, journal: Journal): Promise<Pick<Results, 'raw' | 'throughput' | 'latency'>> {
  const { steps, runs, partitions, command } = plan;
  const installation = new Installation(servers, `bench-${String(process.pid)}`, command);
  const raw: RawRow[] = [];
  const throughput: ThroughputRow[] = plan.variants.map((variant) => ({ ...variant, runs: [] }));
  try {
    if (steps.includes('raw') || steps.includes('throughput')) {
      await installation.createTopics(partitions);
      await installation.import(journal.path);
    }
    for (let run = 0; run <= runs; run += 1) {
      if (steps.includes('raw')) keep(raw, run, readRaw(installation));
      if (!steps.includes('throughput')) continue;
      for (const row of throughput) keep(row.runs, run, await measured(servers, installation, row, { ...journal, partitions }));
    }
    const once = throughput.filter(({ delivery }) => delivery === 'exactly-once').flatMap((row) => row.runs.map(({ signals }) => signals));
    if (new Set(once).size > 1) throw new Error(`exactly-once runs gave different numbers of signals: ${once.join(', ')}`);
  } finally {
    await installation.remove();
  }
  const latency = steps.includes('latency') ? await latencies(plan, servers, journal) : [];
  return { raw, throughput: steps.includes('throughput') ? throughput : [], latency };
}

/** The first run warms up what is shared: the broker, the page cache. */
function keep<T>(rows: T[], run: number, row: T): void {
  if (run > 0) rows.push(row);
}

async function measured(
  servers: Servers, installation: Installation, variant: Variant, journal: Journal & { readonly partitions: number },
): Promise<Throughput> {
  const result = await measureThroughput(servers, installation, variant, journal);
  const { recordsPerSecond, cpuSeconds, peakMiB, foreign, startUpSeconds, brokerCpuSeconds, redisCpuSeconds } = result;
  console.log(`${variant.delivery}, ${String(variant.processes)}: ${Math.round(recordsPerSecond).toLocaleString('en')} records/s, `
    + `${(cpuSeconds * 1e6 / journal.records).toFixed(1)} µs CPU a record, ${peakMiB.toFixed(0)} MiB, start ${startUpSeconds.toFixed(1)} s, `
    + `broker ${brokerCpuSeconds.toFixed(1)} s, redis ${redisCpuSeconds.toFixed(1)} s, others ${(100 * foreign).toFixed(0)} %`);
  return result;
}

async function latencies(plan: Plan, servers: Servers, journal: Journal): Promise<Latency[]> {
  const rows: Latency[] = [];
  for (let run = 1; run <= plan.runs; run += 1) {
    const installation = new Installation(servers, `bench-${String(process.pid)}-${String(run)}`, plan.command);
    try {
      const { rate, warmUp, partitions } = plan;
      const row = await measureLatency(servers, installation, { journal: journal.path, rate, warmUp, measured: plan.measured, partitions });
      console.log(`latency: p50 ${row.p50.toFixed(0)}, p90 ${row.p90.toFixed(0)}, p99 ${row.p99.toFixed(0)}, greatest ${row.greatest.toFixed(0)} ms of ${String(row.samples)}; `
        + `${row.cores.toFixed(2)} cores, broker ${row.brokerCores.toFixed(2)}, ${row.peakMiB.toFixed(0)} MiB, producer late by ${row.producerLateMs.toFixed(0)} ms at most, others ${(100 * row.foreign).toFixed(0)} %`);
      rows.push(row);
    } finally {
      await installation.remove();
    }
  }
  return rows;
}

function readRaw(installation: Installation): RawRow {
  const topics = ['fills', 'order-updates'].map((topic) => installation.nameOf(topic)).join(',');
  const output = execFileSync(process.execPath, [join(import.meta.dirname, 'kafka-raw-read.ts'), installation.kafka.brokers.join(','), topics], { encoding: 'utf8' });
  // Written by kafka-raw-read.ts.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  const row = JSON.parse(output) as RawRow;
  console.log(`raw read: ${Math.round(row.records / row.seconds).toLocaleString('en')} records/s, ${(row.cpuSeconds * 1e6 / row.records).toFixed(1)} µs CPU a record`);
  return row;
}

async function measureTheirs({ steps, fills, runs, rate, warmUp, measured }: Plan, peer: Peer | null): Promise<{ readonly peer: readonly PeerRow[]; readonly peerLatency: PeerLatency | null }> {
  if (peer === null || !steps.includes('peer')) return { peer: [], peerLatency: null };
  return {
    peer: steps.includes('throughput') ? await measurePeer(peer, fills, runs, PEER_VARIANTS) : [],
    peerLatency: steps.includes('latency') ? await measurePeerLatency(peer, { rate, warmUp, measured, runs }) : null,
  };
}

/** The journal, made once, and what `fillstream run` makes of it. */
async function journalOf({ fills, command }: Plan, peer: Peer | null): Promise<Journal> {
  const folder = join(tmpdir(), 'fillstream-bench');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `kafka-${peer === null ? 'simulator' : 'peer'}-${String(fills)}.ndjson`);
  if (!existsSync(path)) {
    if (peer === null) writeJournal(path, { seed: 1, addresses: 1_000, startAt: 1_760_000_000_000, records: Math.round(1.45 * fills) });
    else writePeerJournal(peer, path, fills);
  }
  const out = `${path}.signals`;
  await runCommand(command, ['run', '--journal', path, '--out', out]);
  return { path, records: Number(execFileSync('wc', ['-l', path], { encoding: 'utf8' }).trim().split(' ')[0]), expected: await signalsOfFile(out) };
}

function planOf(): Plan {
  const { values } = parseArgs({
    options: {
      ...RECORD_OPTION,
      'quick': { type: 'boolean', default: false }, 'fills': { type: 'string' }, 'runs': { type: 'string' }, 'partitions': { type: 'string', default: '4' },
      'steps': { type: 'string', default: 'raw,throughput,latency,peer' }, 'rate': { type: 'string', default: '5000' },
      'warm-up': { type: 'string' }, 'measure': { type: 'string' }, 'kafka': { type: 'string' }, 'registry': { type: 'string' }, 'redis': { type: 'string' },
      'command': { type: 'string', default: COMMAND }, 'variants': { type: 'string' },
    },
  });
  const number = (given: string | undefined, usual: number, quick: number): number => Number(given ?? (values.quick ? quick : usual));
  const { kafka, registry, redis } = values;
  const places = values.variants?.split(',').map(Number) ?? (values.quick ? [0, 2] : VARIANTS.keys().toArray());
  return {
    fills: number(values.fills, 1_000_000, 60_000), runs: number(values.runs, 3, 1), partitions: Number(values.partitions), steps: values.steps.split(','),
    rate: Number(values.rate), warmUp: number(values['warm-up'], 20, 3), measured: number(values.measure, 60, 8), command: values.command,
    servers: kafka === undefined || registry === undefined || redis === undefined ? null : { kafka, registry, redis },
    variants: places.flatMap((place) => VARIANTS[place] ?? []), record: values.record,
  };
}

function loadText(): string {
  return loadavg().map((load) => load.toFixed(2)).join(' ');
}

await main(planOf());
