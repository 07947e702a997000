// `npm run bench:growth`: how the CPU time of a record grows with addresses, partitions, orders under way, fills of an order, and
// records that wait, for the partition loop in memory (records as bytes, the store's memory twin) and on the embedded pair.
//
//   --runs N      of each point (3), after one that isn't counted; the embedded pair has two at most
//   --only A,B    addresses, partitions, pending, fills, backlog
//   --quick       a smoke run on a fiftieth of the records
//   --record      a line for the history
//
// G1  Time is CPU time of all threads of the process (process.cpuUsage), not the clock's.
// G2  Each point is a process of its own, and beside it, in turns, runs the baseline: one partition, 1,000 addresses, 1,000
//     orders under way, two fills each.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify, parseArgs } from 'node:util';
import type { PointResult, PointTask } from './growth/point.ts';
import type { Load, Ports } from './growth/run.ts';
import { lengthsOf, type Shape } from './growth/workload.ts';
import { figure, median, type Figure } from './history/entry.ts';
import { RECORD_OPTION, Recorder } from './history/history.ts';

type Axis = 'addresses' | 'partitions' | 'pending' | 'fills' | 'backlog';
type Point = { readonly axis: Axis; readonly value: number; readonly ports: Ports };
type Plan = { readonly runs: number; readonly only: readonly string[]; readonly scale: number; readonly record: boolean };

const BASE: Shape & { readonly partitions: number } = { addresses: 1_000, pending: 1_000, fillsPerOrder: 2, partitions: 1 };
/** An order of 300 fills has its turn often enough only where few are under way. */
const PENDING_OF_FILLS = 100;
const VALUES: Readonly<Record<Ports, Readonly<Record<Axis, readonly number[]>>>> = {
  memory: {
    addresses: [10, 100, 1_000, 10_000, 100_000],
    partitions: [1, 2, 4, 8, 16, 32, 64],
    pending: [100, 1_000, 10_000, 100_000],
    fills: [1, 3, 10, 30, 100, 300],
    backlog: [10_000, 100_000, 1_000_000],
  },
  embedded: {
    addresses: [10, 1_000, 100_000],
    partitions: [1, 8, 64],
    pending: [100, 10_000, 100_000],
    fills: [1, 300],
    backlog: [10_000, 100_000, 1_000_000],
  },
};
const EMBEDDED_RUNS = 2;
/** Of the embedded pair: so much of the records, as each costs several times as much. */
const EMBEDDED_SCALE = 0.5;
const NODE_FLAGS = ['--expose-gc', '--disable-warning=ExperimentalWarning', '--max-old-space-size=8192'];
/** More of them get more records. */
const PARTITIONS_AT_ONCE = 8;
const MEGABYTES = 64 * 2 ** 20;

async function main(plan: Plan): Promise<void> {
  const recorder = new Recorder('growth', plan);
  const points = pointsOf(plan);
  const figures: Figure[] = [];
  for (const [place, point] of points.entries()) {
    const result = await measured(point, plan);
    const row = figureOf(point, result);
    console.log(`${String(place + 1)}/${String(points.length)} ${rowText(row, result)}`);
    figures.push(row);
  }
  printTable(figures);
  recorder.add({
    settings: { ...BASE, runs: plan.runs, scale: plan.scale },
    figures,
    baseline: 'one partition, 1,000 addresses, 1,000 orders under way, two fills an order',
  });
}

function pointsOf({ only }: Plan): Point[] {
  const ports: readonly Ports[] = ['memory', 'embedded'];
  const axes: readonly Axis[] = ['addresses', 'partitions', 'pending', 'fills', 'backlog'];
  return ports.flatMap((each) =>
    axes
      .filter((axis) => only.includes(axis))
      .flatMap((axis) => VALUES[each][axis].map((value) => ({ axis, value, ports: each }))),
  );
}

async function measured({ axis, value, ports }: Point, { runs, scale }: Plan): Promise<PointResult> {
  const ofPorts = ports === 'embedded' ? scale * EMBEDDED_SCALE : scale;
  const task: PointTask = {
    ports,
    runs: ports === 'embedded' ? Math.min(runs, EMBEDDED_RUNS) : runs,
    base: loadOf(BASE, ofPorts),
    load: loadAt(axis, value, ofPorts),
  };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...NODE_FLAGS, join(import.meta.dirname, 'growth/point.ts'), JSON.stringify(task)],
    { maxBuffer: MEGABYTES },
  );
  // Written by point.ts.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(stdout) as PointResult;
}

function loadAt(axis: Axis, value: number, scale: number): Load {
  switch (axis) {
    case 'addresses':
      return loadOf({ ...BASE, addresses: value }, scale);
    case 'partitions':
      return loadOf({ ...BASE, partitions: value }, scale);
    case 'pending':
      return loadOf({ ...BASE, pending: value }, scale);
    case 'fills':
      return loadOf({ ...BASE, fillsPerOrder: value, pending: PENDING_OF_FILLS }, scale);
    // All of it counts, from the first record on.
    case 'backlog':
      return { ...BASE, warmUp: 0, measured: Math.ceil(value * Math.min(1, scale * 2)), scale: Math.min(1, scale * 2) };
  }
}

/** Each partition has some batches before and after the end of the warm-up. */
function loadOf(shape: typeof BASE, scale: number): Load {
  const { warmUp, measured: records } = lengthsOf(shape, scale * Math.max(1, shape.partitions / PARTITIONS_AT_ONCE));
  return { ...shape, warmUp: Math.ceil(warmUp), measured: records, scale: Math.min(1, scale) };
}

function figureOf({ axis, value, ports }: Point, { base, load }: PointResult): Figure {
  return figure(ports, axis, 'µs/record', load, { at: { [axis]: value }, base });
}

function rowText({ subject, at, runs, ratio }: Figure, { base }: PointResult): string {
  const where = Object.entries(at)
    .map(([name, value]) => `${name} ${value.toLocaleString('en')}`)
    .join(', ');
  return `${subject}, ${where}: ${median(runs).toFixed(2)} µs a record (${runs.map((run) => run.toFixed(2)).join(' ')}), baseline ${median(base).toFixed(2)}: × ${(ratio ?? NaN).toFixed(2)}`;
}

function printTable(figures: readonly Figure[]): void {
  console.log('\n| | least | median | greatest | × baseline |\n|---|---|---|---|---|');
  for (const { subject, at, runs, ratio } of figures) {
    const cells = [Math.min(...runs), median(runs), Math.max(...runs), ratio ?? NaN].map((value) => value.toFixed(2));
    console.log(`| ${subject}, ${JSON.stringify(at)} | ${cells.join(' | ')} |`);
  }
}

function planOf(): Plan {
  const { values } = parseArgs({
    options: {
      ...RECORD_OPTION,
      runs: { type: 'string' },
      only: { type: 'string', default: 'addresses,partitions,pending,fills,backlog' },
      quick: { type: 'boolean', default: false },
    },
  });
  return {
    runs: Number(values.runs ?? (values.quick ? 1 : 3)),
    only: values.only.split(','),
    scale: values.quick ? 0.02 : 1,
    record: values.record,
  };
}

await main(planOf());
