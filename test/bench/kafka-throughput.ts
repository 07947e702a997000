// How fast a backlog is processed: from the first partition's take-over to the moment when all of it is committed.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery } from '@fillstream/kafka';
import { CpuMeter, peakMiB, type CpuUsed } from './kafka-machine.ts';
import { signalsOfTopic, type Signals } from './kafka-signals.ts';
import type { Installation, Running, Servers } from './kafka-stack.ts';

const POLL_MS = 50;
const STARTED = /partition \d+ (?:resumed|rebuilt|caught-up)/;

export type Variant = { readonly delivery: Delivery; readonly processes: number };

export type Throughput = {
  /** As many in every run: the merge of what was there at the start is by time. */
  readonly signals: number;
  readonly seconds: number;
  readonly startUpSeconds: number;
  readonly recordsPerSecond: number;
  readonly peakMiB: number;
  /** Of all processors together, start-up left out. */
  readonly cpuSeconds: number;
  readonly brokerCpuSeconds: number;
  readonly redisCpuSeconds: number;
  readonly foreign: number;
};

/** One run, whose signals have to be the expected ones. */
export async function measureThroughput(
  servers: Servers, installation: Installation, variant: Variant, { records, expected, partitions }: { readonly records: number; readonly expected: Signals; readonly partitions: number },
): Promise<Throughput> {
  await installation.forget(partitions);
  const lag = await installation.lag();
  const began = performance.now();
  const running = Array.from({ length: variant.processes }, () => installation.processor('--delivery', variant.delivery));
  await until(() => Promise.resolve(running.some(({ said }) => STARTED.test(said()))), 5);
  const first = performance.now();
  const meter = new CpuMeter(new Map([...servers.pids, ['processor', running.map(({ pid }) => pid)], ['bench', [process.pid]]]));
  await until(async () => await lag() === 0 || running.map(({ said }) => said()).length === 0, POLL_MS);
  const seconds = (performance.now() - first) / 1_000;
  const used = meter.read();
  const peak = Math.max(...running.map(({ pid }) => peakMiB(pid)));
  await endAll(running);
  const signals = await check(installation, variant, expected);
  return { signals, seconds, startUpSeconds: (first - began) / 1_000, recordsPerSecond: records / seconds, peakMiB: peak, ...cpuOf(used) };
}

export async function endAll(running: readonly Running[]): Promise<void> {
  await Promise.all(running.map(async ({ end }) => {
    await end();
  }));
}

async function check(installation: Installation, { delivery, processes }: Variant, expected: Signals): Promise<number> {
  const { count, ids, sum } = await signalsOfTopic(installation.kafka, installation.nameOf('signals'));
  if (ids === expected.ids && sum === expected.sum) return count;
  const contents = ids === expected.ids ? 'with other contents' : '';
  throw new Error(`${delivery}, ${String(processes)}: signals of ${String(ids)} ids ${contents}, expected the ${String(expected.ids)} of \`fillstream run\``);
}

function cpuOf({ seconds, foreign }: CpuUsed): Pick<Throughput, 'cpuSeconds' | 'brokerCpuSeconds' | 'redisCpuSeconds' | 'foreign'> {
  const of = (name: string): number => seconds.get(name) ?? NaN;
  return { cpuSeconds: of('processor'), brokerCpuSeconds: of('broker'), redisCpuSeconds: of('redis'), foreign };
}

async function until(isSo: () => Promise<boolean>, everyMs: number): Promise<void> {
  while (!await isSo()) await sleep(everyMs);
}
