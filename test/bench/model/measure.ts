// The measurements that the model is made from and judged by, each on a broker, a Redis and processors of its own setup.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { measureLatency } from '../kafka-latency.ts';
import { CpuMeter, peakMiB, type CpuUsed } from '../kafka-machine.ts';
import { Installation, type Servers } from '../kafka-stack.ts';
import { endAll } from '../kafka-throughput.ts';
import type { Hour } from './hour.ts';
import type { Cpu, Observation, Point } from './laws.ts';

/** Of a backlog, what isn't counted: compilers and caches get ready. */
const WARM_UP = 1 / 3;
const POLL_MS = 50;
/** On `commits`: its own, and the mark of its end. */
const RECORDS_A_COMMIT = 2;

export type Measurement = Observation & {
  readonly peakMiB: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly foreign: number;
};
/** Bytes on disk of each record of the topic. */
export type DiskUse = {
  readonly inputs: number;
  readonly signals: number;
  readonly commits: number;
  readonly signalsPerRecord: number;
};

/** A journal on so many partitions, worked off as often as one likes. */
export class Backlog {
  readonly #servers: Servers;
  readonly #installation: Installation;
  readonly #partitions: number;

  static async make(servers: Servers, hour: Hour, partitions: number, command: string): Promise<Backlog> {
    const installation = new Installation(servers, `bench-model-${String(partitions)}`, command);
    await installation.createTopics(partitions);
    await installation.import(hour.path);
    return new Backlog(servers, installation, partitions);
  }

  private constructor(servers: Servers, installation: Installation, partitions: number) {
    [this.#servers, this.#installation, this.#partitions] = [servers, installation, partitions];
  }

  async workOff(processes: number): Promise<Measurement> {
    const installation = this.#installation;
    await installation.forget(this.#partitions);
    const lag = await installation.lag();
    const total = await lag();
    const running = Array.from({ length: processes }, () => installation.processor());
    const goneBelow = async (left: number): Promise<number> => {
      for (;;) {
        const now = await lag();
        for (const { said } of running) said(); // Throws when it has ended.
        if (now <= left) return now;
        await sleep(POLL_MS);
      }
    };
    const left = await goneBelow(total * (1 - WARM_UP));
    const [commits, meter] = [
      await installation.ends('commits'),
      new CpuMeter(new Map([...this.#servers.pids, ['processor', running.map(({ pid }) => pid)], ['bench', [process.pid]]])),
    ];
    await goneBelow(0);
    const used = meter.read();
    const transactions = ((await installation.ends('commits')) - commits) / RECORDS_A_COMMIT;
    const peak = Math.max(...running.map(({ pid }) => peakMiB(pid)));
    await endAll(running);
    return {
      partitions: this.#partitions,
      processes,
      rate: null,
      seconds: used.elapsed,
      records: left,
      transactions,
      cpu: cpuOf(used),
      peakMiB: peak,
      p50: null,
      p99: null,
      foreign: used.foreign,
    };
  }

  /** After it was worked off. */
  async diskUse(): Promise<DiskUse> {
    const ends = async (topic: string): Promise<number> => await this.#installation.ends(topic);
    const [fills, updates, signals, commits] = await Promise.all(['fills', 'order-updates', 'signals', 'commits'].map(ends));
    const inputs = (fills ?? NaN) + (updates ?? NaN);
    const bytes = (topic: string): number =>
      this.#servers.logs.reduce((sum, folder) => sum + bytesOf(folder, this.#installation.nameOf(topic)), 0);
    return {
      inputs: (bytes('fills') + bytes('order-updates')) / inputs,
      signals: bytes('signals') / (signals ?? NaN),
      commits: bytes('commits') / (commits ?? NaN),
      signalsPerRecord: (signals ?? NaN) / inputs,
    };
  }

  async remove(): Promise<void> {
    await this.#installation.remove();
  }
}

export type Pace = { readonly warmUp: number; readonly measured: number; readonly replicas?: number };

/** Records at a steady rate, from before a processor was there. */
export async function measurePaced(
  servers: Servers,
  hour: Hour,
  point: Point & { readonly rate: number },
  pace: Pace,
  command: string,
): Promise<Measurement> {
  const installation = new Installation(servers, `bench-paced-${String(process.pid)}`, command);
  try {
    const latency = await measureLatency(servers, installation, { ...pace, ...point, journal: hour.path });
    const { elapsed, transactions, cores, brokerCores, redisCores, benchCores, p50, p99, foreign } = latency;
    return {
      ...point,
      seconds: elapsed,
      records: point.rate * elapsed,
      transactions,
      cpu: {
        processor: cores * elapsed,
        broker: brokerCores * elapsed,
        redis: redisCores * elapsed,
        bench: benchCores * elapsed,
      },
      peakMiB: latency.peakMiB,
      p50,
      p99,
      foreign,
    };
  } finally {
    await installation.remove();
  }
}

function cpuOf({ seconds }: CpuUsed): Cpu {
  const of = (name: string): number => seconds.get(name) ?? NaN;
  return { processor: of('processor'), broker: of('broker'), redis: of('redis'), bench: of('bench') };
}

/** Of a topic's segments in a broker's folder, its indexes left out. */
function bytesOf(folder: string, topic: string): number {
  const isOf = (name: string): boolean => name.startsWith(`${topic}-`) && /^\d+$/.test(name.slice(topic.length + 1));
  return readdirSync(folder)
    .filter(isOf)
    .flatMap((name) =>
      readdirSync(join(folder, name))
        .filter((file) => file.endsWith('.log'))
        .map((file) => statSync(join(folder, name, file)).size),
    )
    .reduce((sum, size) => sum + size, 0);
}
