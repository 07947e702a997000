// What a load needs by the model: cores of processors and brokers, disk, network, Redis.

import { predict, predictLeast, type Cpu, type Model } from './laws.ts';
import type { DiskUse } from './measure.ts';

/** What a load is per hour. `users`: addresses with orders in it. */
export type Load = { readonly name: string; readonly fills: number; readonly users: number };

/** Of the fold of an hour: what is on record at its end, what of it stays for 30 days, and what its addresses remember. */
export type HourState = {
  readonly orders: number;
  readonly staying: number;
  readonly remembered: number;
  readonly users: number;
  readonly fills: number;
};
export type RedisBytes = { readonly order: number; readonly remembered: number; readonly address: number };

export type Given = {
  readonly model: Model;
  readonly disk: DiskUse;
  readonly redis: RedisBytes;
  readonly hour: HourState;
  readonly recordsPerFill: number;
  /** CPU of three brokers over that of one, at the same rate. */
  readonly replication: number;
};

export type Sizes = {
  readonly name: string;
  readonly recordsPerSecond: number;
  readonly partitions: number;
  readonly processors: number;
  /** How many times the load its processors could take. */
  readonly headroom: number;
  /** Cores; of all brokers together, with three replicas of each record. */
  readonly least: Needed;
  /** When every loop commits as soon as it has something: the lowest latency. */
  readonly free: Needed;
  readonly diskGiBPerDay: number;
  readonly networkMBPerSecond: number;
  readonly redisGiB: number;
  readonly redisGiBAfterMonth: number;
};

type Needed = Pick<Cpu, 'processor' | 'broker' | 'redis'>;

const HOUR_SECONDS = 3_600;
const DAY_HOURS = 24;
const MONTH_HOURS = 720;
const REPLICAS = 3;
/** The part of a processor's core that a load may take: the rest is for its peaks, and for catching up. */
const GREATEST_SHARE = 0.5;
const LEAST_PARTITIONS = 8;
const PARTITIONS_A_PROCESSOR = 4;
/** A second processor takes over when the first is lost. */
const LEAST_PROCESSORS = 2;
const MOST_PROCESSORS = 1_000;
const MEMORY_AN_ADDRESS = 2_048;

export function sizesOf({ name, fills, users }: Load, given: Given): Sizes {
  const { model, disk, recordsPerFill } = given;
  const rate = (fills * recordsPerFill) / HOUR_SECONDS;
  const setup = setupFor(model, rate);
  const replicated = ({ processor, broker, redis }: Cpu): Needed => ({ processor, broker: broker * given.replication, redis });
  const [perRecord = 0, perTransaction = 0] = model.costs.processor;
  const bytesPerRecord = disk.inputs + disk.signalsPerRecord * disk.signals;
  const hours = fills / given.hour.fills;
  return {
    name,
    recordsPerSecond: rate,
    partitions: setup.partitions,
    processors: setup.processes,
    least: replicated(predictLeast(model, setup, rate).cores),
    free: replicated(predict({ ...model, cores: Infinity }, { ...setup, rate }).cores),
    headroom: setup.processes / (perRecord + perTransaction / model.batchRecords) / rate,
    diskGiBPerDay: (rate * HOUR_SECONDS * DAY_HOURS * bytesPerRecord * REPLICAS) / 2 ** 30,
    // In, to two followers, to a processor, and its signals out to one reader.
    networkMBPerSecond: (rate * (bytesPerRecord * REPLICAS + disk.inputs + disk.signalsPerRecord * disk.signals)) / 1e6,
    redisGiB: redisGiB(given, hours, users, 1),
    redisGiBAfterMonth: redisGiB(given, hours, users, MONTH_HOURS),
  };
}

/** As many processors as keep half a core free each, and partitions to share among four times as many. */
function setupFor(model: Model, rate: number): { readonly partitions: number; readonly processes: number } {
  for (let [partitions, processes] = [LEAST_PARTITIONS, LEAST_PROCESSORS]; ; processes += 1) {
    while (partitions < processes * PARTITIONS_A_PROCESSOR) partitions *= 2;
    if (processes > MOST_PROCESSORS)
      throw new RangeError(`${String(rate)} records/s need more than ${String(MOST_PROCESSORS)} processors by this model`);
    if (predictLeast(model, { partitions, processes }, rate).cores.processor / processes <= GREATEST_SHARE)
      return { partitions, processes };
  }
}

/** After so many hours of the load, each as busy as the others. `times` the measured hour. */
function redisGiB({ redis, hour }: Given, times: number, users: number, hours: number): number {
  const orders = times * (hour.orders + hour.staying * (hours - 1));
  const remembered = Math.min(times * hour.remembered * hours, users * MEMORY_AN_ADDRESS);
  return (orders * redis.order + remembered * redis.remembered + users * redis.address) / 2 ** 30;
}
