// The model: what so many records a second cost processors, brokers and Redis, by how many transactions they take.
//
// L1  CPU seconds of each are records × r + transactions × t + partitions × seconds × i + processes × seconds × p.
// L2  A loop that keeps up commits what came while the commit before was under way: with T seconds for a commit and λ records a
//     second, a partition commits λ / (1 + λT) times a second. One that is behind commits B records at a time.
// L3  A backlog goes as fast as the busier of two allows, the busiest process and all cores, times one factor for what waits.

import { median } from '../history/entry.ts';
import { dot, fitCosts } from './fit.ts';

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
export type Cpu = { readonly processor: number; readonly broker: number; readonly redis: number };

/** Seconds of CPU: by record, transaction, partition and second, process and second (L1). */
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

const PARTS = ['processor', 'broker', 'redis'] as const;
/** Of a core, what is left for records at least, whatever the fit says of idle costs. */
const LEAST_SHARE = 0.1;

export function fitModel(observations: readonly Observation[], cores: number): Model {
  const features = observations.map(featuresOf);
  const costsOf = (part: keyof Cpu): Costs => fitCosts({ features, measured: observations.map(({ cpu }) => cpu[part]) });
  const paced = observations.filter(({ rate }) => rate !== null);
  const behind = observations.filter(({ rate }) => rate === null);
  const model = {
    costs: { processor: costsOf('processor'), broker: costsOf('broker'), redis: costsOf('redis') },
    commitSeconds: Math.max(
      0,
      median(
        paced.map(({ partitions, records, seconds, transactions }) => partitions * seconds * (1 / transactions - 1 / records)),
      ),
    ),
    batchRecords: median(behind.map(({ records, transactions }) => records / transactions)),
    waiting: 1,
    cores,
  };
  return {
    ...model,
    waiting: median(behind.map((observed) => (predict(model, observed).rate * observed.seconds) / observed.records)),
  };
}

export function predict(model: Model, point: Point): Prediction {
  return point.rate === null ? ofBacklog(model, point) : ofRate(model, point, point.rate);
}

function ofRate(model: Model, setup: Setup, rate: number): Prediction {
  const each = rate / setup.partitions;
  return atRate(model, setup, rate, rate / (1 + each * model.commitSeconds));
}

/** As fast as the busiest process and all cores allow, once what time itself costs is taken off (L3). */
function ofBacklog(model: Model, setup: Setup): Prediction {
  const each = PARTS.map((part) =>
    dot(
      model.costs[part],
      featuresOf({ partitions: 0, processes: 0, records: 1, transactions: 1 / model.batchRecords, seconds: 0 }),
    ),
  );
  const always = PARTS.map((part) => dot(model.costs[part], featuresOf({ ...setup, records: 0, transactions: 0, seconds: 1 })));
  const [ofProcessor = 0, alwaysOfProcessor = 0] = [each[0], always[0]];
  const active = Math.min(setup.partitions, setup.processes);
  const ofProcesses = (Math.max(LEAST_SHARE, 1 - alwaysOfProcessor / setup.processes) * active) / ofProcessor;
  const ofMachine = (Math.max(LEAST_SHARE, 1 - sum(always) / model.cores) * model.cores) / sum(each);
  const rate = Math.min(ofProcesses, ofMachine) / model.waiting;
  return atRate(model, setup, rate, rate / model.batchRecords);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function atRate(model: Model, setup: Setup, rate: number, transactions: number): Prediction {
  const features = featuresOf({ ...setup, records: rate, transactions, seconds: 1 });
  const cores = {
    processor: dot(model.costs.processor, features),
    broker: dot(model.costs.broker, features),
    redis: dot(model.costs.redis, features),
  };
  return { rate, transactions, cores };
}

function featuresOf({
  records,
  transactions,
  partitions,
  processes,
  seconds,
}: Setup & Pick<Observation, 'records' | 'transactions' | 'seconds'>): number[] {
  return [records, transactions, partitions * seconds, processes * seconds];
}
