// `npm run bench:model`: what processors, brokers and Redis cost by records, transactions, partitions and processes; a model fitted
// on some points and judged on the others; and what the busiest hour on record, and a hundred times that, would need by it.
//
//   --runs N      of each point (2)
//   --steps A,B   backlog, paced, replicas, memory
//   --quick       a smoke run: a twentieth of the hour, few points
//   --command FILE   another main.ts of the command
//   --record      a line for the history
//
// The laws are in model/laws.ts. A point is measured on one broker, one Redis and its processors, which share this machine's cores
// with the bench; the first third of a backlog isn't counted, nor the first backlog, which warms the broker up.

import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RECORD_OPTION, Recorder } from './history/history.ts';
import { startServers } from './kafka-stack.ts';
import { hourOf, type Hour } from './model/hour.ts';
import { fitModel, type Point } from './model/laws.ts';
import { Backlog, measurePaced, type DiskUse, type Measurement, type Pace } from './model/measure.ts';
import { measureMemory } from './model/memory.ts';
import { figuresOf, loadsOf, printed, type Outcome } from './model/report.ts';
import { sizesOf, type Given } from './model/sizes.ts';

type Paced = Point & { readonly rate: number };
type Plan = {
  readonly runs: number;
  readonly share: number;
  readonly steps: readonly string[];
  readonly command: string;
  readonly record: boolean;
  readonly backlogs: readonly number[];
  readonly paced: readonly Paced[];
  readonly pace: Pace;
};

/** The model is fitted on points of these partitions, and judged on the others. */
const FITTED: readonly number[] = [1, 4];
const PROCESSES = [1, 2];
/** The hour, and the market for two more: less is over before a processor's compiler is. */
const BACKLOG_HOURS = 3;
/** Two of them are the busiest hour and a hundred times that. */
const PACED: readonly Paced[] = [
  { partitions: 1, processes: 1, rate: 250 },
  { partitions: 1, processes: 1, rate: 2_000 },
  { partitions: 4, processes: 1, rate: 1_000 },
  { partitions: 4, processes: 2, rate: 3_000 },
  { partitions: 2, processes: 1, rate: 1_000 },
  { partitions: 8, processes: 1, rate: 2_000 },
  { partitions: 8, processes: 2, rate: 4_000 },
];
/** Measured on one broker, and on three with three replicas. */
const REPLICATED: Paced = { partitions: 4, processes: 1, rate: 1_000 };

async function main(plan: Plan): Promise<void> {
  const recorder = new Recorder('model', plan);
  const hour = hourOf(plan.share);
  const recordsPerFill = hour.records / hour.fills;
  console.log(
    `the hour: ${hour.fills.toLocaleString('en')} fills of ${hour.orders.toLocaleString('en')} orders, ${hour.updates.toLocaleString('en')} updates, ${hour.ticks.toLocaleString('en')} ticks`,
  );
  const { measured, disk } = await measurePoints(plan, hour);
  const replication = plan.steps.includes('replicas') ? await replicationOf(plan, hour, measured) : NaN;
  const memory = plan.steps.includes('memory') ? await measureMemory(plan.share) : null;
  const fitted = measured.filter(({ partitions }) => FITTED.includes(partitions));
  const model = fitModel(fitted, availableParallelism());
  const given: Given | null =
    memory === null || disk === null
      ? null
      : { model, disk, redis: memory.redis, hour: memory.hour, recordsPerFill, replication };
  const outcome: Outcome = {
    model,
    measured,
    memory: memory?.points ?? [],
    given,
    replication,
    isFitted: ({ partitions }) => FITTED.includes(partitions),
    sizes: given === null ? [] : loadsOf().map((load) => sizesOf(load, given)),
  };
  console.log(printed(outcome));
  recorder.add({
    settings: {
      runs: plan.runs,
      share: plan.share,
      hourRecords: hour.records,
      hourFills: hour.fills,
      hourUpdates: hour.updates,
      recordsPerFill: Number(recordsPerFill.toFixed(4)),
    },
    baseline: 'what was measured at the same point',
    figures: figuresOf(outcome),
  });
}

async function measurePoints(
  plan: Plan,
  hour: Hour,
): Promise<{ readonly measured: Measurement[]; readonly disk: DiskUse | null }> {
  const servers = await startServers();
  const measured: Measurement[] = [];
  let disk: DiskUse | null = null;
  const backlogs = plan.steps.includes('backlog') ? plan.backlogs : [];
  const market = hourOf(BACKLOG_HOURS * plan.share);
  try {
    for (const [place, partitions] of backlogs.entries()) {
      const backlog = await Backlog.make(servers, market, partitions, plan.command);
      if (place === 0) await backlog.workOff(1);
      for (let run = 0; run < plan.runs; run += 1) {
        for (const processes of PROCESSES) measured.push(told(await backlog.workOff(processes)));
      }
      disk ??= await backlog.diskUse();
      await backlog.remove();
    }
    const rate = Math.round(hour.records / 3_600);
    const hours: readonly Paced[] =
      plan.share === 1
        ? [
            { partitions: 8, processes: 1, rate },
            { partitions: 8, processes: 2, rate: 100 * rate },
          ]
        : [];
    for (let run = 0; run < plan.runs && plan.steps.includes('paced'); run += 1) {
      for (const point of [...plan.paced, ...hours])
        measured.push(told(await measurePaced(servers, hour, point, plan.pace, plan.command)));
    }
  } finally {
    await servers.close();
  }
  return { measured, disk };
}

/** How much more CPU three brokers take for three replicas than one for one, at the same rate. */
async function replicationOf({ pace, command }: Plan, hour: Hour, measured: readonly Measurement[]): Promise<number> {
  const servers = await startServers({ brokers: 3 });
  try {
    const three = told(await measurePaced(servers, hour, REPLICATED, { ...pace, replicas: 3 }, command));
    const one = measured.find(
      ({ partitions, processes, rate }) =>
        partitions === REPLICATED.partitions && processes === REPLICATED.processes && rate === REPLICATED.rate,
    );
    return one === undefined ? NaN : three.cpu.broker / three.seconds / (one.cpu.broker / one.seconds);
  } finally {
    await servers.close();
  }
}

function told(row: Measurement): Measurement {
  const { partitions, processes, rate, records, seconds, transactions, cpu, p50, p99, peakMiB, foreign } = row;
  const cores = [cpu.processor, cpu.broker, cpu.redis, cpu.bench].map((used) => (used / seconds).toFixed(2)).join(', ');
  console.log(
    `${rate === null ? 'backlog' : `${String(rate)} records/s`}, ${String(partitions)} partitions, ${String(processes)} processes: ${Math.round(records / seconds).toLocaleString('en')} records/s, `
      + `${(transactions / seconds).toFixed(1)} transactions/s, cores of processors, broker, redis, bench ${cores}; ${p50 === null ? '' : `p50 ${p50.toFixed(0)}, p99 ${(p99 ?? NaN).toFixed(0)} ms, `}`
      + `${peakMiB.toFixed(0)} MiB, others ${(100 * foreign).toFixed(0)} %, load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  return row;
}

function planOf(): Plan {
  const { values } = parseArgs({
    options: {
      ...RECORD_OPTION,
      runs: { type: 'string' },
      steps: { type: 'string', default: 'backlog,paced,replicas,memory' },
      quick: { type: 'boolean', default: false },
      command: { type: 'string', default: join(import.meta.dirname, '../../packages/cli/src/main.ts') },
    },
  });
  return {
    runs: Number(values.runs ?? (values.quick ? 1 : 2)),
    share: values.quick ? 0.05 : 1,
    steps: values.steps.split(','),
    command: values.command,
    record: values.record,
    backlogs: values.quick ? [1, 2] : [4, 1, 2, 8],
    paced: values.quick ? PACED.slice(2, 3).map((point) => ({ ...point, rate: 500 })) : PACED,
    pace: values.quick ? { warmUp: 2, measured: 3 } : { warmUp: 12, measured: 10 },
  };
}

await main(planOf());
