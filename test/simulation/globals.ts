// Node's clocks, timers and sources of chance, in terms of the run under way; before and after it they are Node's own.
//
// G1  `installTime` comes before the first import of the product: what was bound earlier isn't replaced.
// G2  Chance of the product comes from the run's seed, in order of asking.

import crypto from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import type { Random } from '../oracle/random.ts';
import { EPOCH, scope, type SimEvent, type SimTime } from './time.ts';

type Run = { readonly time: SimTime; readonly random: Random };
type Callback = (...args: unknown[]) => void;

const GREATEST_DELAY_MS = 2 ** 31 - 1;

const native = {
  setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval, clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate, clearImmediate: globalThis.clearImmediate,
  Date: globalThis.Date,
  performanceNow: performance.now.bind(performance),
  random: Math.random,
  sleep: timersPromises.setTimeout, turn: timersPromises.setImmediate,
  randomUUID: crypto.randomUUID, randomBytes: crypto.randomBytes, randomInt: crypto.randomInt,
};

let running: Run | null = null;
let isInstalled = false;

/** Replaces the globals, once in a thread. */
export function installTime(): void {
  if (isInstalled) return;
  isInstalled = true;
  const replaced = {
    setTimeout: simTimeout, clearTimeout: clearOf(native.clearTimeout),
    setInterval: simInterval, clearInterval: clearOf(native.clearInterval),
    setImmediate: simImmediate, clearImmediate: clearOf(native.clearImmediate),
  };
  Object.assign(globalThis, replaced, { Date: SimDate });
  Object.assign(timers, replaced);
  Object.assign(timersPromises, { setTimeout: simSleep, setImmediate: simTurn });
  Object.defineProperty(performance, 'now', { value: monotonicNow, configurable: true });
  Object.defineProperty(Math, 'random', { value: () => (running === null ? native.random() : running.random.unit()), configurable: true });
  Object.defineProperty(AbortSignal, 'timeout', { value: simAbortTimeout, configurable: true });
  Object.assign(crypto, { randomUUID: simUUID, randomBytes: simBytes, randomInt: simInt });
  Object.defineProperty(globalThis.crypto, 'randomUUID', { value: simUUID, configurable: true });
  Object.assign(fs, { fsyncSync: () => undefined, fdatasyncSync: () => undefined });
  syncBuiltinESMExports();
}

/** From now on the globals are of this run; null: of none. */
export function enterRun(run: Run | null): void {
  running = run;
}

/** The real monotonic clock, in milliseconds: for what a run costs. */
export function realNow(): number {
  return native.performanceNow();
}

/** A real pause, in which no simulated time passes. */
export async function realTurn(): Promise<void> {
  await new Promise<void>((resolve) => native.setImmediate(resolve));
}

// ---- clocks

function wallNow(): number {
  if (running === null) return native.Date.now();
  return EPOCH + Math.floor(running.time.now) + (scope.getStore()?.clockOffsetMs ?? 0);
}

function monotonicNow(): number {
  return running === null ? native.performanceNow() : running.time.now;
}

class SimDate extends native.Date {
  // The constructor of Date has many forms, and what it is given is its own.
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(wallNow());
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    else super(...(given as [number]));
  }

  static override now(): number {
    return wallNow();
  }
}

// ---- timers

/** What setTimeout gives: as much of Node's as anything asks of it. */
class SimTimer {
  readonly #callback: () => void;
  readonly #ms: number;
  readonly #isRepeated: boolean;
  #event: SimEvent | null = null;

  constructor(callback: () => void, ms: number, isRepeated: boolean) {
    this.#callback = callback;
    this.#ms = ms;
    this.#isRepeated = isRepeated;
    this.#start();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.#event?.cancel();
    this.#start();
    return this;
  }

  close(): this {
    this.#event?.cancel();
    this.#event = null;
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #start(): void {
    if (running === null) return;
    this.#event = running.time.after(this.#ms, () => {
      if (this.#isRepeated) this.#start();
      this.#callback();
    }, scope.getStore() ?? null);
  }
}

function delayOf(ms: unknown): number {
  const delay = Number(ms);
  return delay >= 1 && delay <= GREATEST_DELAY_MS ? Math.trunc(delay) : 1;
}

function simTimeout(callback: Callback, ms?: unknown, ...args: unknown[]): unknown {
  return running === null ? native.setTimeout(callback, Number(ms ?? 0), ...args) : new SimTimer(() => callback(...args), delayOf(ms), false);
}

function simInterval(callback: Callback, ms?: unknown, ...args: unknown[]): unknown {
  return running === null ? native.setInterval(callback, Number(ms ?? 0), ...args) : new SimTimer(() => callback(...args), delayOf(ms), true);
}

function simImmediate(callback: Callback, ...args: unknown[]): unknown {
  return running === null ? native.setImmediate(callback, ...args) : new SimTimer(() => callback(...args), 0, false);
}

function clearOf(nativeClear: (handle: never) => void): (handle: unknown) => void {
  return (handle) => {
    if (handle instanceof SimTimer) handle.close();
    // Whatever else it is, it came from Node's own.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    else nativeClear(handle as never);
  };
}

type SleepOptions = { readonly signal?: AbortSignal; readonly ref?: boolean };

async function simSleep<T>(ms?: number, value?: T, options: SleepOptions = {}): Promise<T | undefined> {
  return running === null ? await native.sleep(ms, value, options) : await slept(delayOf(ms), value, options);
}

async function simTurn<T>(value?: T, options: SleepOptions = {}): Promise<T | undefined> {
  return running === null ? await native.turn(value, options) : await slept(0, value, options);
}

async function slept<T>(ms: number, value: T, { signal }: SleepOptions): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const refuse = (): void => {
    timer.close();
    reject(new DOMException('The operation was aborted', 'AbortError'));
  };
  const timer = new SimTimer(() => {
    signal?.removeEventListener('abort', refuse);
    resolve(value);
  }, ms, false);
  if (signal?.aborted === true) refuse();
  else signal?.addEventListener('abort', refuse, { once: true });
  return await promise;
}

function simAbortTimeout(ms: number): AbortSignal {
  const controller = new AbortController();
  simTimeout(() => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms);
  return controller.signal;
}

// ---- chance (G2)

function simBytes(size: number): Buffer {
  if (running === null) return native.randomBytes(size);
  const { random } = running;
  return Buffer.from(Array.from({ length: size }, () => random.between(0, 255)));
}

function simUUID(): string {
  if (running === null) return native.randomUUID();
  const hex = simBytes(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function simInt(low: number, high?: number): number {
  if (running === null) return high === undefined ? native.randomInt(low) : native.randomInt(low, high);
  return high === undefined ? running.random.between(0, low - 1) : running.random.between(low, high - 1);
}
