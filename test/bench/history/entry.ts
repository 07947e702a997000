// One line of the history of benchmarks: what was measured, on what, and how it compares with the baseline of the same run.
//
// H1  A figure holds all its runs; `ratio` is its median over the median of its baseline, measured in the same run.
// H2  Nothing tells whose machine it was: no host, no user, no path.
// H3  A line that isn't of this form is refused, when it is written and when it is read.

import { Ajv } from 'ajv';

export const BENCHES = [
  'journals',
  'kafka',
  'extremes',
  'gateway',
  'dashboard',
  'live',
  'replay',
  'redis',
  'growth',
  'profile',
  'model',
] as const;
export type Bench = (typeof BENCHES)[number];

export type Figure = {
  /** What was measured. */
  readonly subject: string;
  /** What the figure depends on, by name; empty where there is nothing of the kind. */
  readonly at: Readonly<Record<string, string | number>>;
  readonly measure: string;
  readonly unit: string;
  readonly runs: readonly number[];
  readonly ratio: number | null;
};

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** Of the stack, whether the bench has brokers or not. */
  readonly kafka: string;
  /** The load of the last minute when the bench began, and when it ended. */
  readonly loadBefore: number;
  readonly loadAfter: number;
};

export type Entry = {
  readonly bench: Bench;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Of the product. */
  readonly version: string;
  /** Of its source, where git knows it. */
  readonly revision: string | null;
  readonly machine: Machine;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** What the ratios are over; empty when nothing stands beside. */
  readonly baseline: string;
  readonly figures: readonly Figure[];
};

const NAME = { type: 'string', minLength: 1, maxLength: 120 } as const;
const NUMBER = { type: 'number', minimum: 0 } as const;

const FIGURE = {
  type: 'object',
  additionalProperties: false,
  required: ['subject', 'at', 'measure', 'unit', 'runs', 'ratio'],
  properties: {
    subject: NAME,
    at: { type: 'object', required: [], additionalProperties: { type: ['string', 'number'] } },
    measure: NAME,
    unit: NAME,
    runs: { type: 'array', minItems: 1, items: { type: 'number' } },
    ratio: { type: 'number', nullable: true },
  },
};

const MACHINE = {
  type: 'object',
  additionalProperties: false,
  required: ['cpu', 'cores', 'memoryGiB', 'node', 'kafka', 'loadBefore', 'loadAfter'],
  properties: {
    cpu: NAME,
    cores: { type: 'integer', minimum: 1 },
    memoryGiB: NUMBER,
    node: NAME,
    kafka: NAME,
    loadBefore: NUMBER,
    loadAfter: NUMBER,
  },
};

const ENTRY = {
  type: 'object',
  additionalProperties: false,
  required: ['bench', 'date', 'version', 'revision', 'machine', 'settings', 'baseline', 'figures'],
  properties: {
    bench: { type: 'string', enum: BENCHES },
    date: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' },
    version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+' },
    revision: { type: 'string', pattern: '^[0-9a-f]{7,40}$', nullable: true },
    machine: MACHINE,
    settings: { type: 'object', required: [], additionalProperties: { type: ['string', 'number', 'boolean'] } },
    baseline: { type: 'string', maxLength: 120 },
    figures: { type: 'array', minItems: 1, items: FIGURE },
  },
};

const ajv = new Ajv({ allowUnionTypes: true });
const isEntry = ajv.compile<Entry>(ENTRY);

/** Throws RangeError, saying what was expected where (H3). */
export function readEntry(line: string): Entry {
  const value: unknown = JSON.parse(line);
  if (!isEntry(value)) throw new RangeError(`a line of the history: ${ajv.errorsText(isEntry.errors, { dataVar: 'line' })}`);
  return value;
}

export type Compared = { readonly at?: Figure['at']; readonly base?: readonly number[] | null };

/** A figure of some runs, compared with those of its baseline (H1). */
export function figure(
  subject: string,
  measure: string,
  unit: string,
  runs: readonly number[],
  { at = {}, base = null }: Compared = {},
): Figure {
  return { subject, at, measure, unit, runs: runs.map(short), ratio: base === null ? null : short(median(runs) / median(base)) };
}

/** Of an even number of them, the mean of the two in the middle; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [below, above] = [sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN, sorted[Math.floor(sorted.length / 2)] ?? NaN];
  return (below + above) / 2;
}

/** Of values in order, what a share of them, 0 to 1, doesn't go beyond; NaN when there are none. */
export function quantileOf(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
}

/** Six digits tell all that a measurement knows. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}
