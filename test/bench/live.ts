// `npm run bench:live`: how long after a frame of the exchange its signal is out, and how long after it its fills are durable.
//
//   --rate N          fills a second (1,000), of ten addresses
//   --warm-up S       seconds that aren't counted (10)     --measure S   seconds that are (30)
//   --runs N          (3)                                  --quick       one run of 3 and 8 seconds
//   --steps A,B       embedded, kafka                      --record      a line for the history
//
// The exchange is the simulator's, a process of its own. A second client of it, in this process, notes when each frame came; both
// clients are sent a frame in the same turn. A sample ends
//   embedded: when this process has read the signal from `fillstream start`'s standard output. It begins with the last frame about
//             the order, as the signal is one that waited for nothing else (trigger `complete`);
//   kafka:    when a consumer here has the fill from the topic that `fillstream ingestor` writes: so it was durable before. It begins
//             with the fill's frame.
// The result goes to standard output, and as one line of JSON to .fillstream/bench-live.ndjson.

import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectionOf, unframed } from '@fillstream/kafka';
import { decodeInput, type Signal } from '@fillstream/schemas';
import { market } from '@fillstream/simulator';
import { figure, quantileOf } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { CpuMeter, peakMiB } from './kafka-machine.ts';
import { Installation, runCommand, startServers, type Servers } from './kafka-stack.ts';
import { clock, fillKey, Observer } from './live-observer.ts';
import { launchCommand, launchExchange, type Exchange, type Launched } from './live-processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const RESULTS = join(ROOT, '.fillstream');
const COMMAND = join(ROOT, 'packages/cli/src/main.ts');
const ADDRESSES = 10;
const PARTITIONS = 4;
/** Of the market that tells how many fills an order has. */
const SAMPLE_ORDERS_PER_SECOND = 100;
/** What came at the end of a run is waited for so long. */
const AFTER_MS = 2_000;

type Plan = { readonly record: boolean; readonly rate: number; readonly warmUp: number; readonly measured: number; readonly runs: number; readonly steps: readonly string[] };

/** Milliseconds; cores: CPU seconds a second. */
type Row = {
  readonly step: string; readonly fillsPerSecond: number; readonly samples: number;
  readonly p50: number; readonly p90: number; readonly p99: number; readonly greatest: number;
  readonly cores: number; readonly peakMiB: number; readonly foreign: number;
};

/** Something whose latency is measured: begun before the warm-up; the samples are asked for at the end. */
type Measured = { readonly process: Launched; readonly samples: (observer: Observer, from: number, to: number) => number[]; readonly end: () => Promise<void> };

async function main(plan: Plan): Promise<void> {
  const cpu = `${cpus()[0]?.model ?? ''} × ${String(availableParallelism())}`;
  console.log(`${cpu}, Node ${process.version}, load ${loadavg().map((load) => load.toFixed(2)).join(' ')}`);
  const loadBefore = loadavg();
  const recorder = new Recorder('live', plan);
  const rows: Row[] = [];
  for (const step of plan.steps) {
    const servers = step === 'kafka' ? await startServers() : null;
    try {
      for (let run = 1; run <= plan.runs; run += 1) {
        const row = await measure(step, plan, run, servers);
        console.log(`${step}: p50 ${row.p50.toFixed(1)}, p90 ${row.p90.toFixed(1)}, p99 ${row.p99.toFixed(1)}, greatest ${row.greatest.toFixed(0)} ms of ${String(row.samples)}; `
          + `${row.fillsPerSecond.toFixed(0)} fills/s, ${row.cores.toFixed(2)} cores, ${row.peakMiB.toFixed(0)} MiB, others ${(100 * row.foreign).toFixed(0)} %`);
        rows.push(row);
      }
    } finally {
      await servers?.close();
    }
  }
  printTable(rows);
  mkdirSync(RESULTS, { recursive: true });
  const results = { at: new Date().toISOString(), cpu, node: process.version, ...plan, record: undefined, loadBefore, loadAfter: loadavg(), rows };
  appendFileSync(join(RESULTS, 'bench-live.ndjson'), `${JSON.stringify(results)}\n`);
  const { rate, warmUp, measured, runs } = plan;
  const figures = [...Map.groupBy(rows, ({ step }) => (step === 'kafka' ? 'ingestor, frame → durable in Kafka' : 'embedded, frame → signal'))].flatMap(([name, ofStep]) => [
    ...(['p50', 'p90', 'p99'] as const).map((share) => figure(name, share, 'ms', ofStep.map((row) => row[share]))),
    figure(name, 'fills', '1/s', ofStep.map(({ fillsPerSecond }) => fillsPerSecond)), figure(name, 'CPU', 'cores', ofStep.map(({ cores }) => cores)),
    figure(name, 'peak', 'MiB', ofStep.map((row) => row.peakMiB)),
  ]);
  recorder.add({ settings: { rate, warmUp, measured, runs }, baseline: '', figures });
}

async function measure(step: string, plan: Plan, run: number, servers: Servers | null): Promise<Row> {
  const { rate, warmUp, measured: seconds } = plan;
  const exchange = await launchExchange({ seed: run, addresses: ADDRESSES, ordersPerSecond: rate / fillsPerOrder(run, plan) });
  const observer = await Observer.listen(exchange.url, exchange.addresses);
  const measured = servers === null ? await embedded(exchange) : await onKafka(exchange, servers, run);
  try {
    await sleep(1_000 * warmUp);
    const [from, fillsBefore] = [clock(), observer.fillAt.size];
    const others = [['exchange', [exchange.pid]], ['bench', [process.pid]], ...servers?.pids ?? []] as const;
    const meter = new CpuMeter(new Map<string, readonly number[]>([['measured', [measured.process.pid]], ...others]));
    await sleep(1_000 * seconds);
    const [to, { seconds: used, elapsed, foreign }] = [clock(), meter.read()];
    const fillsPerSecond = (observer.fillAt.size - fillsBefore) / elapsed;
    await sleep(AFTER_MS);
    const samples = measured.samples(observer, from, to).sort((a, b) => a - b);
    const share = (part: number): number => quantileOf(samples, part);
    return {
      step, fillsPerSecond, samples: samples.length, p50: share(0.5), p90: share(0.9), p99: share(0.99), greatest: share(1),
      cores: (used.get('measured') ?? NaN) / elapsed, peakMiB: peakMiB(measured.process.pid), foreign,
    };
  } finally {
    await measured.end();
    await observer.close();
    await exchange.end();
  }
}

async function embedded(exchange: Exchange): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-bench-live-'));
  const command = launchCommand(['start', '--no-gateway', '--exchange', exchange.url, '--data', folder, ...exchange.addresses.flatMap((address) => ['--address', address])]);
  const seen = new Map<string, { readonly oid: number; readonly at: number }>();
  let rest = '';
  command.stdout.on('data', (chunk: Buffer) => {
    const at = clock();
    const lines = `${rest}${chunk.toString('utf8')}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { id, oid, trigger, revision } = signalOf(line);
      if (trigger === 'complete' && revision === 1) seen.set(id, { oid, at });
    }
  });
  await command.heard(/: watched/, ADDRESSES);
  return {
    process: command,
    samples: (observer, from, to) => [...seen.values()].flatMap(({ oid, at }) => {
      const began = observer.lastOf.get(oid) ?? 0;
      return began >= from && began < to ? [at - began] : [];
    }),
    end: async () => {
      await command.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function onKafka(exchange: Exchange, servers: Servers, run: number): Promise<Measured> {
  const installation = new Installation(servers, `bench-live-${String(run)}`, COMMAND);
  await installation.createTopics(PARTITIONS);
  const flags = ['--kafka', servers.kafka, '--registry', servers.registry, '--namespace', installation.namespace];
  await runCommand(COMMAND, ['watch', 'add', ...exchange.addresses, ...flags]);
  const seen = new Map<string, number>();
  const stop = await readFills(installation, seen);
  const command = launchCommand(['ingestor', ...flags, '--exchange', exchange.url]);
  await command.heard(/: watched/, ADDRESSES);
  return {
    process: command,
    samples: (observer, from, to) => [...observer.fillAt].filter(([, began]) => began >= from && began < to).map(([key, began]) => {
      const at = seen.get(key);
      if (at === undefined) throw new Error(`the fill ${key} isn't on the topic`);
      return at - began;
    }),
    end: async () => {
      await command.end();
      await stop();
      await installation.remove();
    },
  };
}

/** Notes when each fill that came over the socket was first read; what it returns ends it. */
async function readFills(installation: Installation, seen: Map<string, number>): Promise<() => Promise<void>> {
  const topic = installation.nameOf('fills');
  const consumer = connectionOf(installation.kafka).consumer({ groupId: `${topic}-bench`, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      await Promise.resolve();
      const at = clock();
      for (const { value } of batch.messages) {
        const key = keyOf(value);
        if (key !== null && !seen.has(key)) seen.set(key, at);
      }
    },
  });
  await joined;
  return async () => {
    await consumer.disconnect();
  };
}

/** Of a fill that came over the socket; null for what else there is. */
function keyOf(value: Buffer | null): string | null {
  const decoded = decodeInput('fills', unframed(value) ?? Buffer.alloc(0));
  if (decoded.kind !== 'record') return null;
  // Written by the ingestor.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  const { kind, source, data } = decoded.json as { readonly kind: string; readonly source?: string; readonly data?: { readonly oid: number; readonly tid: number } };
  return kind === 'fill' && source === 'ws' && data !== undefined ? fillKey(data.oid, data.tid) : null;
}

/* Written by `start`. */
function signalOf(line: string): Signal {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(line) as Signal;
}

/** In the seconds that are measured: orders live for a while, so a market is quiet at first. */
function fillsPerOrder(seed: number, { warmUp, measured }: Plan): number {
  const [startAt, ordersPerSecond] = [1_760_000_000_000, SAMPLE_ORDERS_PER_SECOND];
  const [from, to] = [startAt + 1_000 * warmUp, startAt + 1_000 * (warmUp + measured)];
  let fills = 0;
  for (const { kind, receivedAt } of market({ seed, addresses: ADDRESSES, startAt, ordersPerSecond, shares: { duplicates: 0, lateFills: 0 } })) {
    if (receivedAt >= to) break;
    if (kind === 'fill' && receivedAt >= from) fills += 1;
  }
  return fills / (ordersPerSecond * measured);
}

function printTable(rows: readonly Row[]): void {
  console.log('\n| | p50 ms | p90 ms | p99 ms | fills/s | cores | peak MiB |\n|---|---|---|---|---|---|---|');
  for (const [step, runs] of Map.groupBy(rows, (row) => row.step)) {
    const range = (of: (row: Row) => number, digits = 1): string => {
      const values = runs.map(of).sort((a, b) => a - b);
      return [values[0], values[Math.floor(values.length / 2)], values.at(-1)].map((value) => (value ?? NaN).toFixed(digits)).join(' / ');
    };
    console.log(`| ${step} | ${range(({ p50 }) => p50)} | ${range(({ p90 }) => p90)} | ${range(({ p99 }) => p99)} `
      + `| ${range(({ fillsPerSecond }) => fillsPerSecond, 0)} | ${range(({ cores }) => cores, 2)} | ${range(({ peakMiB: peak }) => peak, 0)} |`);
  }
  console.log('least / median / greatest of the runs');
}

function planOf(): Plan {
  const { values } = parseArgs({ options: {
    ...RECORD_OPTION, 'rate': { type: 'string', default: '1000' }, 'warm-up': { type: 'string' }, 'measure': { type: 'string' }, 'runs': { type: 'string' },
    'quick': { type: 'boolean', default: false }, 'steps': { type: 'string', default: 'embedded,kafka' },
  } });
  const number = (given: string | undefined, usual: number, quick: number): number => Number(given ?? (values.quick ? quick : usual));
  return {
    record: values.record, rate: Number(values.rate), warmUp: number(values['warm-up'], 10, 3), measured: number(values.measure, 30, 8), runs: number(values.runs, 3, 1),
    steps: values.steps.split(','),
  };
}

await main(planOf());
