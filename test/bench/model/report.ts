// What `bench:model` tells: each point foretold and measured, the errors, and the sizes; as text, and as figures for the history.

import { figure, median, type Figure } from '../history/entry.ts';
import { errorOf } from './fit.ts';
import { HOUR } from './hour.ts';
import { predict, type Model, type Observation } from './laws.ts';
import type { Measurement } from './measure.ts';
import { bytesOf, type MemoryPoint } from './memory.ts';
import type { Given, Load, Sizes } from './sizes.ts';

export type Outcome = {
  readonly model: Model;
  readonly measured: readonly Measurement[];
  readonly isFitted: (point: Observation) => boolean;
  readonly memory: readonly MemoryPoint[];
  readonly given: Given | null;
  readonly replication: number;
  readonly sizes: readonly Sizes[];
};

/** One quantity at one point: all runs, and what the model says. */
type Judged = {
  readonly measure: string;
  readonly unit: string;
  readonly at: Figure['at'];
  readonly runs: readonly number[];
  readonly predicted: number;
  readonly used: 'to fit' | 'to check';
};

export function loadsOf(): Load[] {
  return [1, 100].map((times) => ({
    name: times === 1 ? 'the busiest hour' : `× ${String(times)}`,
    fills: HOUR.fills * times,
    users: HOUR.users * times,
  }));
}

export function figuresOf(outcome: Outcome): Figure[] {
  const { model, given, replication, sizes } = outcome;
  return [
    ...judgedOf(outcome).flatMap(({ measure, unit, at, runs, predicted, used }) => [
      figure('measured', measure, unit, runs, { at: { ...at, used } }),
      figure('predicted', measure, unit, [predicted], { at: { ...at, used }, base: runs }),
    ]),
    ...latenciesOf(outcome),
    ...Object.entries(model.costs).flatMap(([part, costs]) =>
      costs.map((cost, place) => figure(part, `cost of a ${COSTS[place] ?? ''}`, 'µs', [cost * 1e6])),
    ),
    figure('a commit', 'time', 'ms', [model.commitSeconds * 1e3]),
    figure('a commit', 'records when behind', 'records', [model.batchRecords]),
    figure('a backlog', 'waiting', '×', [model.waiting]),
    figure('three brokers', 'CPU over one broker', '×', [replication]),
    ...(given === null ? [] : figuresOfGiven(given)),
    ...sizes.flatMap((size) =>
      SIZES.map(({ of, measure, unit }) => figure('needed', measure, unit, [of(size)], { at: { load: size.name } })),
    ),
  ];
}

const PARTS = { processors: 'processor', broker: 'broker', redis: 'redis' } as const;
/** The system counts CPU time by hundredths of a second: less than ten of them is no measurement. */
const LEAST_CPU_SECONDS = 0.1;
const COSTS = ['record', 'transaction', 'second', 'process-second'];
const SIZES: readonly { readonly measure: string; readonly unit: string; readonly of: (sizes: Sizes) => number }[] = [
  { measure: 'load', unit: 'records/s', of: (sizes) => sizes.recordsPerSecond },
  { measure: 'partitions to choose', unit: 'of each topic', of: ({ partitions }) => partitions },
  { measure: 'processors', unit: 'processes', of: ({ processors }) => processors },
  { measure: 'processors, CPU at least', unit: 'cores', of: ({ least }) => least.processor },
  { measure: 'processors, CPU where cores are free', unit: 'cores', of: ({ free }) => free.processor },
  { measure: 'headroom of the processors', unit: '×', of: ({ headroom }) => headroom },
  { measure: 'brokers, CPU at least', unit: 'cores', of: ({ least }) => least.broker },
  { measure: 'brokers, CPU where cores are free', unit: 'cores', of: ({ free }) => free.broker },
  { measure: 'brokers, disk', unit: 'GiB/day', of: ({ diskGiBPerDay }) => diskGiBPerDay },
  { measure: 'brokers, network', unit: 'MB/s', of: ({ networkMBPerSecond }) => networkMBPerSecond },
  { measure: 'Redis, CPU', unit: 'cores', of: ({ free }) => free.redis },
  { measure: 'Redis, after the hour', unit: 'GiB', of: ({ redisGiB }) => redisGiB },
  { measure: 'Redis, after 30 days of such hours', unit: 'GiB', of: ({ redisGiBAfterMonth }) => redisGiBAfterMonth },
];

function figuresOfGiven({ redis, disk, hour }: Given): Figure[] {
  return [
    figure('an order on record', 'memory', 'bytes', [redis.order]),
    figure('a finished order remembered', 'memory', 'bytes', [redis.remembered]),
    figure('an address', 'memory', 'bytes', [redis.address]),
    figure('an input record', 'disk', 'bytes', [disk.inputs]),
    figure('a signal', 'disk', 'bytes', [disk.signals]),
    figure('a commit', 'disk', 'bytes', [disk.commits]),
    figure('the hour', 'orders on record at its end', 'orders', [hour.orders]),
    figure('the hour', 'orders that stay for 30 days', 'orders', [hour.staying]),
  ];
}

function judgedOf({ model, measured, isFitted, memory }: Outcome): Judged[] {
  const groups = [
    ...Map.groupBy(measured, ({ partitions, processes, rate }) =>
      JSON.stringify({ partitions, processes, load: rate ?? 'backlog' }),
    ),
  ];
  const ofPoints = groups.flatMap(([key, runs]): Judged[] => {
    const [first] = runs;
    if (first === undefined) return [];
    const foretold = predict(model, first);
    // The key is a flat object of numbers and texts.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    const at = JSON.parse(key) as Figure['at'];
    const row = (measure: string, unit: string, predicted: number, of: (run: Measurement) => number): Judged => ({
      measure,
      unit,
      at,
      runs: runs.map(of),
      predicted,
      used: isFitted(first) ? 'to fit' : 'to check',
    });
    return [
      ...(first.rate === null
        ? [row('throughput', 'records/s', foretold.rate, ({ records, seconds }) => records / seconds)]
        : []),
      row('transactions', '1/s', foretold.transactions, ({ transactions, seconds }) => transactions / seconds),
      ...Object.entries(PARTS)
        .filter(([, part]) => runs.every(({ cpu }) => cpu[part] >= LEAST_CPU_SECONDS))
        .map(([name, part]) =>
          row(
            name,
            'µs CPU/record',
            (foretold.cores[part] / foretold.rate) * 1e6,
            ({ cpu, records }) => (cpu[part] / records) * 1e6,
          ),
        ),
    ];
  });
  return [
    ...ofPoints,
    ...memory.map((point): Judged => ({
      measure: 'redis memory',
      unit: 'bytes',
      at: { state: point.name, orders: point.orders, remembered: point.remembered, addresses: point.addresses },
      runs: [bytesOf(point)],
      predicted: point.predicted,
      used: point.used,
    })),
  ];
}

function latenciesOf({ measured }: Outcome): Figure[] {
  const groups = Map.groupBy(
    measured.filter(({ rate }) => rate !== null),
    ({ partitions, processes, rate }) => `${String(partitions)}/${String(processes)}/${String(rate)}`,
  );
  return [...groups.values()].flatMap((runs) => {
    const [{ partitions, processes, rate } = { partitions: 0, processes: 0, rate: 0 }] = runs;
    const at = { partitions, processes, load: rate ?? 0 };
    return [
      figure(
        'latency',
        'p50',
        'ms',
        runs.map(({ p50 }) => p50 ?? NaN),
        { at },
      ),
      figure(
        'latency',
        'p99',
        'ms',
        runs.map(({ p99 }) => p99 ?? NaN),
        { at },
      ),
    ];
  });
}

export function printed(outcome: Outcome): string {
  const rows = judgedOf(outcome);
  const line = ({ measure, unit, at, runs, predicted, used }: Judged): string =>
    `| ${measure}, ${unit} | ${Object.entries(at)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(
        ', ',
      )} | ${used} | ${runs.map((run) => run.toPrecision(4)).join(' ')} | ${predicted.toPrecision(4)} | ${(100 * errorOf(predicted, median(runs))).toFixed(0)} % |`;
  const worst = [
    ...Map.groupBy(
      rows.filter(({ used }) => used === 'to check'),
      ({ measure }) => measure,
    ),
  ].map(([measure, judged]) => {
    const errors = judged.map(({ predicted, runs }) => Math.abs(errorOf(predicted, median(runs))));
    return `${measure}: ${(100 * median(errors)).toFixed(0)} % in the middle, ${(100 * Math.max(...errors)).toFixed(0)} % at worst`;
  });
  return [
    '',
    '| | at | used | measured | predicted | error |',
    '|---|---|---|---|---|---|',
    ...rows.map(line),
    '',
    "errors of the points that it wasn't fitted on:",
    ...worst,
    '',
    JSON.stringify(outcome.model),
    '',
    ...outcome.sizes.map(
      (size) =>
        `${size.name}: ${SIZES.map(({ measure, unit, of }) => `${measure} ${of(size).toPrecision(3)} ${unit}`).join('; ')}`,
    ),
  ].join('\n');
}
