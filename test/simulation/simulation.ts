// One run: its time, its chance, its servers and processes, and what is noted of it.
//
// S1  All chance comes from the seed; what is noted is a function of the seed alone, byte for byte.

import { crc32 } from 'node:zlib';
import { randomOf, type Random } from '../oracle/random.ts';
import { SimBroker } from './broker.ts';
import { SimProcess, type Fate } from './process.ts';
import { SimTime } from './time.ts';

export type Weather = {
  /** The mean way of a call between a process and a server, in milliseconds. */
  readonly travelMs: number;
  /** The chance of a call to go wrong by itself. */
  readonly trouble: number;
  /** The chance of a transaction's marker to come long after its end was decided. */
  readonly slowMarkers: number;
};

/** What takes longer has been given up. */
const LONGEST_WAY_MS = 2_000;

export const CALM: Weather = { travelMs: 1, trouble: 0, slowMarkers: 0 };

export class Simulation {
  readonly time = new SimTime();
  /** Of all that isn't planned: ways, choices of servers, what the product asks of chance. */
  readonly random: Random;
  readonly broker: SimBroker;
  readonly partitions: number;
  weather: Weather;
  /** Everything is on its way for so many times as long. */
  slowness = 1;
  /** By name, how often something happened: faults struck, states met. */
  readonly counts = new Map<string, number>();
  /** What no run may have, as it is found. */
  readonly problems: string[] = [];
  #lateUntil = 0;
  readonly #lines: string[] | null;
  #hash = 0;

  /** `keepTrace`: keep what is noted, to be read. */
  constructor(seed: number, partitions: number, weather: Weather, keepTrace = false) {
    this.random = randomOf(seed);
    this.partitions = partitions;
    this.weather = weather;
    this.#lines = keepTrace ? [] : null;
    this.broker = new SimBroker(this, partitions);
  }

  /** A new process; whoever had the name before is another one. */
  process(name: string): SimProcess {
    return new SimProcess(this, name);
  }

  /** Notes what happened: part of the run's hash, and kept when asked. */
  trace(line: string): void {
    this.#hash = crc32(line, this.#hash);
    this.#lines?.push(`${this.time.now.toFixed(3)} ${line}`);
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** Of all that was noted, and of every event and its time. */
  get hash(): string {
    return [this.#hash, this.time.hash, this.time.events].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** Something that everybody has given up is on its way for so long. */
  expectLate(ms: number): void {
    this.#lateUntil = Math.max(this.#lateUntil, this.time.now + ms);
  }

  /** Nothing given up is on its way any more. */
  get isQuiet(): boolean {
    return this.time.now > this.#lateUntil;
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  problem(text: string): void {
    this.trace(`PROBLEM ${text}`);
    this.problems.push(text);
  }

  /** How long something is on its way, in milliseconds: mostly short, now and then long, never for ever. */
  travel(slowness = 1): number {
    const { unit } = this.random;
    const mean = this.weather.travelMs * this.slowness * slowness;
    return Math.min(LONGEST_WAY_MS, 0.05 + mean * -Math.log(1 - unit()) * (unit() < 0.01 ? 30 : 1));
  }

  /** What befalls a call by itself. */
  chanceOf(name: string): Fate | null {
    const { unit, pick, between } = this.random;
    if (this.weather.trouble === 0 || unit() >= this.weather.trouble) return null;
    this.trace(`trouble for ${name}`);
    return pick<Fate>([{ kind: 'request lost' }, { kind: 'reply lost' }, { kind: 'late', ms: between(100, 5_000) }]);
  }
}
