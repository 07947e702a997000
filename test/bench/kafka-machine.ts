// What processes took of the machine, by /proc: on other systems than Linux all of it is NaN.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const TICKS_A_SECOND = 100;
/** user, nice, system, irq, softirq, steal: where they stand in the first line of /proc/stat. */
const BUSY = [1, 2, 3, 6, 7, 8];
const USER_TIME = 11;

/** CPU seconds by name since the meter was made; `foreign` is the share of the machine that none of the named took. */
export type CpuUsed = { readonly seconds: ReadonlyMap<string, number>; readonly elapsed: number; readonly foreign: number };

/** Measures the CPU time of some processes from now on. */
export class CpuMeter {
  readonly #pids: ReadonlyMap<string, readonly number[]>;
  readonly #before: ReadonlyMap<string, number>;
  readonly #machine = machineSeconds();
  readonly #began = performance.now();

  constructor(pids: ReadonlyMap<string, readonly number[]>) {
    this.#pids = pids;
    this.#before = secondsOf(pids);
  }

  read(): CpuUsed {
    const now = secondsOf(this.#pids);
    const seconds = new Map(Array.from(now, ([name, value]) => [name, value - (this.#before.get(name) ?? 0)]));
    const elapsed = (performance.now() - this.#began) / 1_000;
    const own = [...seconds.values()].reduce((sum, value) => sum + value, 0);
    return { seconds, elapsed, foreign: (machineSeconds() - this.#machine - own) / elapsed / availableParallelism() };
  }
}

/** Greatest resident memory so far, MiB. */
export function peakMiB(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${String(pid)}/status`))?.[1] ?? NaN) / 1_024;
}

function secondsOf(pids: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, number> {
  return new Map(Array.from(pids, ([name, group]) => [name, group.reduce((sum, pid) => sum + cpuSeconds(pid), 0)]));
}

function cpuSeconds(pid: number): number {
  const stat = read(`/proc/${String(pid)}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TIME] ?? NaN) + Number(fields[USER_TIME + 1] ?? NaN)) / TICKS_A_SECOND;
}

function machineSeconds(): number {
  const fields = read('/proc/stat').split('\n', 1)[0]?.split(/\s+/) ?? [];
  return BUSY.reduce((sum, place) => sum + Number(fields[place] ?? NaN), 0) / TICKS_A_SECOND;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
