// The model: what so many records a second cost processors, brokers and Redis, by how many transactions they take.
//
// L1  CPU seconds of each are records × r + transactions × t + seconds × s + processes × seconds × p.
// L2  A loop that keeps up commits what came while the commit before was under way: with T seconds for a commit, undisturbed, and λ
//     records a second, a partition wants to commit λ / (1 + λT) times a second. All partitions together want W, and the cores
//     have time for K: they commit K (1 − exp(−W / K)) times, fewer and greater ones. One that is behind commits B records at a time.
// L3  What is left for records or commits is the lesser of two, the processes' time (one core each) and that of all cores. A
//     backlog goes as fast as that allows, times one factor for what waits.

import { median } from '../history/entry.ts';
import { dot, errorOf, fitCosts } from './fit.ts';

export type Setup = { readonly partitions: number; readonly processes: number };
/** `rate` in records a second; null: as fast as it goes. */
export type Point = Setup & { readonly rate: number | null };

/** What a point took, by one run; CPU in seconds. */
export type Observation = Point & {
  readonly seconds: number;
  readonly records: number;
  readonly transactions: number;
  readonly cpu: Cpu;
};
/** `bench`: what sends the records and reads the signals, on the same cores. */
export type Cpu = { readonly processor: number; readonly broker: number; readonly redis: number; readonly bench: number };

/** Seconds of CPU: by record, transaction, second, process and second (L1). */
export type Costs = readonly number[];
export type Model = {
  readonly costs: { readonly [Part in keyof Cpu]: Costs };
  /** T and B of L2, the factor of L3, and the cores of the machine. */
  readonly commitSeconds: number;
  readonly batchRecords: number;
  readonly waiting: number;
  readonly cores: number;
};

/** Of a second. */
export type Prediction = { readonly rate: number; readonly transactions: number; readonly cores: Cpu };

type Part = keyof Cpu;
/** A backlog lies there already, and nobody waits for its signals: the bench has no part in it. */
const PRODUCT: readonly Part[] = ['processor', 'broker', 'redis'];
const ALL: readonly Part[] = [...PRODUCT, 'bench'];
/** Of the cores, what is left for records or commits at least, whatever the fit says of the others. */
const LEAST_SHARE = 0.1;
const LONGEST_COMMIT_MS = 50;
const STEPS_A_MS = 10;

export function fitModel(observations: readonly Observation[], cores: number): Model {
  const paced = observations.filter(({ rate }) => rate !== null);
  const behind = observations.filter(({ rate }) => rate === null);
  const costsOf = (part: Part, among: readonly Observation[]): Costs =>
    fitCosts({ features: among.map(featuresOf), measured: among.map(({ cpu }) => cpu[part]) });
  const model: Model = {
    costs: {
      processor: costsOf('processor', observations),
      broker: costsOf('broker', observations),
      redis: costsOf('redis', observations),
      bench: costsOf('bench', paced),
    },
    commitSeconds: 0,
    batchRecords: median(behind.map(({ records, transactions }) => records / transactions)),
    waiting: 1,
    cores,
  };
  const timed = { ...model, commitSeconds: fitCommit(model, paced) };
  return {
    ...timed,
    waiting: median(behind.map((observed) => (predict(timed, observed).rate * observed.seconds) / observed.records)),
  };
}

/** The T of L2 with the least sum of squared relative errors, to a tenth of a millisecond. */
function fitCommit(model: Model, paced: readonly Observation[]): number {
  const candidates = Array.from({ length: LONGEST_COMMIT_MS * STEPS_A_MS }, (_, step) => (step + 1) / STEPS_A_MS / 1_000);
  const missBy = (commitSeconds: number): number =>
    sum(
      paced.map((observed) => {
        const foretold = predict({ ...model, commitSeconds }, observed).transactions;
        return errorOf(foretold, observed.transactions / observed.seconds) ** 2;
      }),
    );
  return candidates.reduce((best, each) => (missBy(each) < missBy(best) ? each : best));
}

export function predict(model: Model, point: Point): Prediction {
  return point.rate === null ? ofBacklog(model, point) : ofRate(model, point, point.rate);
}

/** What a rate costs at least: commits as great as those of a backlog, and nobody in a hurry. */
export function predictLeast(model: Model, setup: Setup, rate: number): Prediction {
  return atRate(model, setup, rate, rate / model.batchRecords);
}

function ofRate(model: Model, setup: Setup, rate: number): Prediction {
  const wanted = rate / (1 + (rate / setup.partitions) * model.commitSeconds);
  const before = featuresOf({ ...setup, records: rate, transactions: 0, seconds: 1 });
  const most = mostOf(model, setup, ALL, before, featuresOf({ ...NOTHING, transactions: 1 }));
  return atRate(model, setup, rate, -most * Math.expm1(-wanted / most));
}

function ofBacklog(model: Model, setup: Setup): Prediction {
  const each = featuresOf({ ...NOTHING, records: 1, transactions: 1 / model.batchRecords });
  const active = { ...setup, processes: Math.min(setup.partitions, setup.processes) };
  const before = featuresOf({ ...NOTHING, processes: active.processes, seconds: 1 });
  const rate = mostOf(model, active, PRODUCT, before, each) / model.waiting;
  return atRate(model, setup, rate, rate / model.batchRecords);
}

/** How often what costs `each` is possible in a second beside what costs `before` (L3). */
function mostOf(model: Model, { processes }: Setup, parts: readonly Part[], before: readonly number[], each: readonly number[]): number {
  const possible = (among: readonly Part[], cores: number): number => {
    const cost = (features: readonly number[]): number => sum(among.map((part) => dot(model.costs[part], features)));
    return Math.max(LEAST_SHARE * cores, cores - cost(before)) / cost(each);
  };
  return Math.min(possible(['processor'], processes), possible(parts, model.cores));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function atRate(model: Model, setup: Setup, rate: number, transactions: number): Prediction {
  const features = featuresOf({ ...setup, records: rate, transactions, seconds: 1 });
  const coresOf = (part: Part): number => dot(model.costs[part], features);
  return {
    rate,
    transactions,
    cores: { processor: coresOf('processor'), broker: coresOf('broker'), redis: coresOf('redis'), bench: coresOf('bench') },
  };
}

const NOTHING = { records: 0, transactions: 0, processes: 0, seconds: 0 } as const;

function featuresOf({
  records,
  transactions,
  processes,
  seconds,
}: Pick<Observation, 'records' | 'transactions' | 'processes' | 'seconds'>): number[] {
  return [records, transactions, seconds, processes * seconds];
}
