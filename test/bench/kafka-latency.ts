// From the moment when the record that completes an order was due to the moment when a reader of committed signals has its
// signal, at a steady rate. The due times are the records' times, so a late producer hides nothing; one clock for all.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connectionOf } from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';
import { quantileOf } from './history/entry.ts';
import { CpuMeter, peakMiB } from './kafka-machine.ts';
import type { PaceOptions } from './kafka-pacer.ts';
import { completions, firstRecords } from './kafka-plan.ts';
import { endAll } from './kafka-throughput.ts';
import type { Installation, Servers } from './kafka-stack.ts';

const HEADER_BYTES = 5;
const SETTLE_MS = 3_000;
const LEAD_MS = 2_000;
/** What completes so late in the run isn't counted: its reader may be gone. */
const LAST_MS = 1_000;
/** How long after the last record its signal may come. */
const AFTER_MS = 3_000;
/** On `commits`: its own, and the mark of its end. */
const RECORDS_A_COMMIT = 2;
const READY = /partition \d+ (?:resumed|rebuilt|caught-up)/g;

export type LatencyOptions = {
  readonly journal: string;
  readonly partitions: number;
  /** Records a second. */
  readonly rate: number;
  /** Seconds. */
  readonly warmUp: number;
  readonly measured: number;
  /** Processors; 1 by default. */
  readonly processes?: number;
  /** Of each record, on as many brokers; 1 by default. */
  readonly replicas?: number;
};

/** Milliseconds; cores: CPU seconds a second. */
export type Latency = {
  readonly samples: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly greatest: number;
  readonly producerLateMs: number;
  readonly peakMiB: number;
  readonly cores: number;
  readonly brokerCores: number;
  readonly redisCores: number;
  /** What sends the records and reads the signals. */
  readonly benchCores: number;
  /** In the measured seconds. */
  readonly transactions: number;
  readonly elapsed: number;
  readonly foreign: number;
};

export async function measureLatency(servers: Servers, installation: Installation, options: LatencyOptions): Promise<Latency> {
  const { journal, partitions, rate, warmUp, measured, processes = 1, replicas = 1 } = options;
  await installation.createTopics(partitions, ...replicas === 1 ? [] : ['--replication', String(replicas)]);
  const running = Array.from({ length: processes }, () => installation.processor());
  while (running.reduce((sum, { said }) => sum + (said().match(READY) ?? []).length, 0) < partitions) await sleep(50);
  await sleep(SETTLE_MS); // The broker's work for new topics.
  const count = rate * (warmUp + measured);
  const completedAt = completions(await firstRecords(journal, count), rate);
  const pacer = new Pacer({ journal, count, rate, kafka: installation.kafka, registry: servers.registry, partitions });
  await pacer.ready;
  const startAt = Date.now() + LEAD_MS;
  const [from, to] = [startAt + 1_000 * warmUp, startAt + 1_000 * (warmUp + measured)];
  const reader = await readSignals(installation, (oid, now) => {
    const due = startAt + (completedAt.get(oid) ?? NaN);
    return due >= from && due < to - LAST_MS ? now - due : null;
  });
  const lateness = pacer.begin(startAt);
  await sleep(from - Date.now());
  const before = await installation.ends('commits');
  const meter = new CpuMeter(new Map([...servers.pids, ['processor', running.map(({ pid }) => pid)], ['bench', [process.pid]]]));
  await sleep(to - Date.now());
  const { seconds, elapsed, foreign } = meter.read();
  const transactions = (await installation.ends('commits') - before) / RECORDS_A_COMMIT;
  const producerLateMs = await lateness;
  await sleep(AFTER_MS);
  const samples = (await reader()).sort((a, b) => a - b);
  const peak = Math.max(...running.map(({ pid }) => peakMiB(pid)));
  await endAll(running);
  const share = (part: number): number => quantileOf(samples, part);
  return {
    samples: samples.length, p50: share(0.5), p90: share(0.9), p99: share(0.99), greatest: share(1), producerLateMs, peakMiB: peak,
    cores: (seconds.get('processor') ?? NaN) / elapsed, brokerCores: (seconds.get('broker') ?? NaN) / elapsed,
    redisCores: (seconds.get('redis') ?? NaN) / elapsed,
    benchCores: (seconds.get('bench') ?? NaN) / elapsed, transactions, elapsed, foreign,
  };
}

/** Reads from now on; what it returns ends it, and gives the samples. */
async function readSignals(installation: Installation, sampleOf: (oid: number, now: number) => number | null): Promise<() => Promise<number[]>> {
  const samples: number[] = [];
  const topic = installation.nameOf('signals');
  const consumer = connectionOf(installation.kafka).consumer({
    groupId: `${topic}-latency-${String(Date.now())}`, allowAutoTopicCreation: false, maxWaitTimeInMs: 100,
  });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      await Promise.resolve();
      const now = performance.timeOrigin + performance.now();
      for (const { value } of batch.messages) {
        const signal = value === null ? null : decodeSignal(value.subarray(HEADER_BYTES));
        const sample = signal?.trigger === 'complete' ? sampleOf(signal.oid, now) : null;
        if (sample !== null) samples.push(sample);
      }
    },
  });
  await joined;
  return async () => {
    await consumer.disconnect();
    return samples;
  };
}

/** The producer's thread. */
class Pacer {
  readonly #worker: Worker;
  readonly ready: Promise<unknown>;

  constructor(options: PaceOptions) {
    this.#worker = new Worker(new URL('kafka-pacer.ts', import.meta.url), { workerData: options });
    this.ready = once(this.#worker, 'message');
  }

  /** Resolves at the end to the greatest delay of a record, in milliseconds. */
  async begin(startAt: number): Promise<number> {
    this.#worker.postMessage(startAt);
    return await new Promise((resolve, reject) => {
      this.#worker.once('message', (late) => { resolve(Number(late)); });
      this.#worker.once('error', reject);
    });
  }
}
