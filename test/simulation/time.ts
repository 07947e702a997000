// Simulated time: one queue of events for everything that waits, and the globals of Node in its terms.
//
// T1  Events run in order of (time, when they were asked for); between two of them all promises settle.
// T2  An event belongs to the process in whose scope it was asked for: it waits while that one is frozen, and dies with it.
// T3  Outside a run the globals are Node's own.

import { AsyncLocalStorage } from 'node:async_hooks';

/** Simulated time begins here (milliseconds since the epoch). */
export const EPOCH = 1_760_000_000_000;

/** Whose timers, calls and clocks: a process, as time sees it. */
export interface Owner {
  readonly life: 'running' | 'frozen' | 'gone';
  /** Its wall clock is so far off. */
  readonly clockOffsetMs: number;
  /** Takes an event that came due while it is frozen. */
  hold(event: SimEvent): void;
}

/** The process whose code runs; undefined outside all of them. */
export const scope = new AsyncLocalStorage<Owner>();

export class SimEvent {
  at: number;
  sequence: number;
  readonly owner: Owner | null;
  /** null: done, or cancelled. */
  run: (() => void) | null;

  constructor(at: number, sequence: number, owner: Owner | null, run: () => void) {
    this.at = at;
    this.sequence = sequence;
    this.owner = owner;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

const nativeImmediate = globalThis.setImmediate;
/** So many events in a round of Node's event loop: a round costs more than an event. Promises settle after each (T1). */
const TURNS = 64;

export class SimTime {
  /** Milliseconds since the run began. */
  now = 0;
  /** Events run so far. */
  events = 0;
  /** A running hash over the time and order of all events. */
  hash = 0;
  readonly #heap: SimEvent[] = [];
  #sequence = 0;

  /** Asks for an event after `ms`; of no process unless told. */
  after(ms: number, run: () => void, owner: Owner | null = null): SimEvent {
    const event = new SimEvent(this.now + Math.max(0, ms), this.#sequence, owner, run);
    this.#sequence += 1;
    this.#push(event);
    return event;
  }

  /** An event that was held back comes now, behind what is there. */
  release(event: SimEvent): void {
    event.at = this.now;
    event.sequence = this.#sequence;
    this.#sequence += 1;
    this.#push(event);
  }

  /** Runs events until `isDone`, asked after each, or until none is left. Rejects with what an event throws. */
  async runUntil(isDone: () => boolean): Promise<'done' | 'nothing left'> {
    const ended = Promise.withResolvers<'done' | 'nothing left'>();
    let isEnded = false;
    const end = (settle: () => void): void => {
      isEnded = true;
      settle();
    };
    const turn = (): void => {
      if (isEnded) return;
      try {
        if (isDone()) end(() => ended.resolve('done'));
        else if (!this.#next()) end(() => ended.resolve('nothing left'));
      } catch (error) {
        end(() => ended.reject(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const round = (): void => {
      if (isEnded) return;
      for (let count = 0; count < TURNS; count += 1) nativeImmediate(turn);
      nativeImmediate(round);
    };
    nativeImmediate(round);
    return await ended.promise;
  }

  /** Runs one event; false when there is none. */
  #next(): boolean {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      const { run, owner } = event;
      if (run === null || owner?.life === 'gone') continue;
      this.now = Math.max(this.now, event.at);
      if (owner?.life === 'frozen') {
        owner.hold(event);
        continue;
      }
      this.events += 1;
      this.hash = (Math.imul(this.hash ^ event.sequence, 0x01000193) + Math.imul(Math.round(event.at * 1_000), 0x9e3779b1)) | 0;
      event.run = null;
      if (owner === null) run();
      else scope.run(owner, run);
      return true;
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = event;
  }

  #pop(): SimEvent | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const isRight = b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (isBefore(last, child)) break;
      heap[place] = child;
      place = isRight ? left + 1 : left;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
