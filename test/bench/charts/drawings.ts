// The charts that the history has figures for.

import { median, type Bench, type Entry, type Figure } from '../history/entry.ts';
import { latestOf } from '../history/history.ts';
import { PHASES } from '../profile/phases.ts';
import { flameSpec } from './flame.ts';
import { BLUE, GREY, ORANGE, bars, chart, lines, type Chart, type Spec } from './spec.ts';

export const AXES = {
  addresses: 'addresses',
  partitions: 'partitions of one process',
  pending: 'orders under way',
  fills: 'fills of an order',
  backlog: 'records that wait',
} as const;
/** What goes from version to version: of each bench one measure, by subject. */
const TRENDS: Readonly<Partial<Record<Bench, string>>> = { journals: 'throughput', kafka: 'throughput', replay: 'throughput' };
const PALETTE: Readonly<Record<string, string>> = {
  ingest: '#9c755f',
  take: '#4e79a7',
  decode: '#a0cbe8',
  prefetch: '#86bcb6',
  decide: '#f28e2b',
  encode: '#ffbe7d',
  send: '#59a14f',
  commit: '#8cd17d',
  checkpoint: '#b6992d',
  'i/o': '#d4a6c8',
  other: '#bab0ac',
  gc: '#e15759',
  'other threads': '#ff9d9a',
  idle: '#eeeeee',
};

/** `stacks`: by the name of the profile, µs by folded stack. */
export function chartsOf(history: readonly Entry[], stacks: ReadonlyMap<string, ReadonlyMap<string, number>>): Chart[] {
  const made = [
    ...growthCharts(latestOf(history, 'growth')),
    ...phaseCharts(latestOf(history, 'profile')),
    ...modelCharts(latestOf(history, 'model')),
    ...trendChart(history),
  ];
  return [
    ...made,
    ...Array.from(stacks, ([name, folded]) =>
      chart(
        `flame-${name}`,
        flameSpec(folded, PALETTE, `CPU time of the main thread, ${name === 'kafka' ? 'Kafka and Redis' : name}`),
      ),
    ),
  ];
}

function growthCharts(entry: Entry | null): Chart[] {
  return Object.entries(AXES).flatMap(([axis, title]) => {
    const values = (entry?.figures ?? [])
      .filter(({ measure }) => measure === axis)
      .map(({ subject, at, runs, ratio }) => {
        const scale = (ratio ?? NaN) / median(runs);
        return {
          subject: subject === 'memory' ? 'in memory' : 'embedded pair',
          x: at[axis],
          y: ratio,
          least: Math.min(...runs) * scale,
          greatest: Math.max(...runs) * scale,
        };
      });
    return values.length === 0
      ? []
      : [chart(`growth-${axis}`, lines(`Cost of a record by ${title}`, title, 'CPU a record, × baseline', values))];
  });
}

function phaseCharts(entry: Entry | null): Chart[] {
  const values = (entry?.figures ?? [])
    .filter(({ measure }) => measure === 'CPU')
    .map(({ subject, at, runs }) => ({ subject, phase: at['phase'], y: median(runs) }));
  if (values.length === 0) return [];
  const phases = [...PHASES.filter((phase) => phase !== 'idle'), 'other threads'].map((phase, order) => ({
    phase,
    order,
    color: PALETTE[phase] ?? GREY,
  }));
  const spec: Spec = {
    title: 'CPU time of a record by phase',
    width: 620,
    height: { step: 44 },
    data: { values: values.map((value) => ({ ...value, order: phases.findIndex(({ phase }) => phase === value.phase) })) },
    mark: 'bar',
    encoding: {
      y: { field: 'subject', type: 'nominal', title: null, axis: { labelLimit: 260 } },
      x: { field: 'y', type: 'quantitative', title: 'µs a record' },
      order: { field: 'order' },
      color: {
        field: 'phase',
        type: 'nominal',
        title: null,
        scale: { domain: phases.map(({ phase }) => phase), range: phases.map(({ color }) => color) },
        legend: { orient: 'bottom', columns: 7 },
      },
    },
  };
  return [chart('phases', spec)];
}

function modelCharts(entry: Entry | null): Chart[] {
  const [measured, predicted] = ['measured', 'predicted'].map(
    (subject) => new Map((entry?.figures ?? []).filter((each) => each.subject === subject).map((each) => [keyOf(each), each])),
  );
  const values = Array.from(measured ?? [], ([key, { measure, at, runs }]) => ({
    measure,
    used: at['used'],
    x: median(runs),
    y: median(predicted?.get(key)?.runs ?? []),
    setup: setupOf(at),
  }));
  if (values.length === 0) return [];
  const of = (name: string, title: string, measures: readonly string[]): Chart => {
    const shown = values.filter(({ measure }) => measures.includes(measure));
    const ends = [Math.min(...shown.flatMap(({ x, y }) => [x, y])) * 0.8, Math.max(...shown.flatMap(({ x, y }) => [x, y])) * 1.2];
    const axis = (field: string, label: string): object => ({
      field,
      type: 'quantitative',
      title: label,
      scale: { type: 'log', domain: ends, nice: false },
    });
    return chart(name, {
      title,
      width: 420,
      height: 320,
      layer: [
        {
          data: { values: ends.map((end) => ({ x: end, y: end })) },
          mark: { type: 'line', color: GREY, strokeDash: [4, 4] },
          encoding: { x: axis('x', 'measured'), y: axis('y', 'predicted') },
        },
        {
          data: { values: shown },
          mark: { type: 'point', filled: true, size: 60, opacity: 0.8 },
          encoding: {
            x: axis('x', 'measured'),
            y: axis('y', 'predicted'),
            color: {
              field: 'used',
              type: 'nominal',
              title: null,
              scale: { domain: ['to fit', 'to check'], range: [BLUE, ORANGE] },
            },
            shape: { field: 'measure', type: 'nominal', title: null },
          },
        },
      ],
    });
  };
  return [
    of('model-throughput', 'Backlog, records a second: the model beside measurements', ['throughput']),
    of('model-cpu', 'CPU, µs a record: the model beside measurements', ['processors', 'broker', 'redis']),
  ];
}

function trendChart(history: readonly Entry[]): Chart[] {
  const values = Object.entries(TRENDS).flatMap(([bench, measure]) =>
    history
      .filter((entry) => entry.bench === bench)
      .flatMap(({ date, figures }) =>
        figures
          .filter((each) => each.measure === measure && each.ratio !== null && each.ratio !== 1)
          .map(({ subject, ratio }) => ({
            date: date.slice(0, 16),
            subject: `${bench}: ${subject}`,
            y: ratio,
            text: (ratio ?? NaN).toFixed(2),
          })),
      ),
  );
  if (values.length === 0) return [];
  const dates = new Set(values.map(({ date }) => date));
  if (dates.size === 1 || new Set(values.map(({ subject }) => subject)).size === values.length)
    return [chart('history', bars('Throughput over the baseline of the same run', '× baseline', values))];
  return [
    chart('history', {
      title: 'Throughput over the baseline of the same run',
      width: 560,
      height: 300,
      data: { values },
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'date', type: 'ordinal', title: null },
        y: { field: 'y', type: 'quantitative', title: '× baseline' },
        color: { field: 'subject', type: 'nominal', title: null, legend: { labelLimit: 320 } },
      },
    }),
  ];
}

export function keyOf({ measure, at }: Figure): string {
  return `${measure} ${JSON.stringify(at)}`;
}

export function setupOf(at: Figure['at']): string {
  return Object.entries(at)
    .filter(([name]) => name !== 'used')
    .map(([name, value]) => (typeof value === 'number' ? `${name} ${value.toLocaleString('en')}` : value))
    .join(', ');
}
