// A simulated process: the unit that crashes, freezes and believes a wrong clock; and the calls by which it asks servers.
//
//   running ──freeze──▶ frozen ──thaw──▶ running        either ──crash──▶ gone; who starts again is another SimProcess
//
// P1  Nothing of a process that is gone runs: no timer of it fires and no call is answered. What it has sent is still on its way.
// P2  What comes due while it is frozen comes all at once when it thaws, in order.
// P3  A call takes time there and back; its effect happens once at the server, whatever becomes of the answer.

import { PortError } from '@fillstream/runtime';
import { scope, type Owner, type SimEvent } from './time.ts';
import type { Simulation } from './simulation.ts';

/** What becomes of one call. `late`: it is given up, and carried out so much later. */
export type Fate =
  | { readonly kind: 'answered' }
  | { readonly kind: 'request lost' }
  | { readonly kind: 'reply lost' }
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'crash before' }
  | { readonly kind: 'crash after' }
  | { readonly kind: 'freeze before'; readonly ms: number }
  | { readonly kind: 'freeze after'; readonly ms: number };

/** The next call whose name begins so meets this fate, once so many have passed. */
export type Armed = { readonly call: string; readonly fate: Fate; readonly passing?: number };

export type CallOptions = {
  /** How long an answer is waited for. */
  readonly timeoutMs?: number;
  /** What the caller is told then. */
  readonly lost?: (name: string) => Error;
};

const TIMEOUT_MS = 2_000;
const ANSWERED: Fate = { kind: 'answered' };

export class SimProcess implements Owner {
  readonly name: string;
  readonly #simulation: Simulation;
  readonly #held: SimEvent[] = [];
  readonly #armed: Armed[] = [];
  readonly #onEnd: (() => void)[] = [];
  #life: Owner['life'] = 'running';
  #frozenUntil = 0;
  #cutOffUntil = 0;
  clockOffsetMs = 0;
  /** Its calls take so many times as long. */
  slowness = 1;

  constructor(simulation: Simulation, name: string) {
    this.#simulation = simulation;
    this.name = name;
  }

  get life(): Owner['life'] {
    return this.#life;
  }

  /** Runs code as this process: its timers, calls and clocks are this one's. */
  enter<T>(run: () => T): T {
    return scope.run(this, run);
  }

  /** Runs code as this process a moment later, as something that arrives from outside; nothing when it is gone by then (P1, P2). */
  deliver(ms: number, run: () => void): SimEvent {
    return this.#simulation.time.after(ms, run, this);
  }

  /** Asks a server: `effect` happens there, and its result or error comes back (P3). */
  async call<T>(name: string, effect: () => T | PromiseLike<T>, options: CallOptions = {}): Promise<T> {
    const { time } = this.#simulation;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fate = this.#fateOf(name);
    const { timeoutMs = TIMEOUT_MS, lost = lostCall } = options;
    const giveUp = (): SimEvent => time.after(timeoutMs, () => reject(lost(name)), this);
    if (fate.kind === 'crash before') this.crash();
    if (fate.kind === 'crash before' || fate.kind === 'request lost') {
      giveUp();
      return await promise;
    }
    if (fate.kind === 'freeze before') this.freeze(fate.ms);
    const there = this.#travel() + (fate.kind === 'late' ? fate.ms : 0);
    if (fate.kind === 'late' || fate.kind === 'reply lost') giveUp();
    if (fate.kind !== 'answered') this.#simulation.expectLate(there);
    time.after(there, () => {
      if (fate.kind === 'answered') this.#serve(effect, { resolve, reject, giveUp });
      else void this.#serveBadly(effect, fate, { resolve, reject, giveUp });
    });
    return await promise;
  }

  /** Ends it between two awaits; nothing of it runs again (P1). */
  crash(): void {
    if (this.#life === 'gone') return;
    this.#life = 'gone';
    this.#held.length = 0;
    this.#simulation.trace(`${this.name} is gone`);
    for (const tell of this.#onEnd.splice(0)) tell();
  }

  /** Stops it for a while: a zombie, when it wakes (P2). */
  freeze(ms: number): void {
    if (this.#life === 'gone') return;
    const { time } = this.#simulation;
    this.#life = 'frozen';
    this.#frozenUntil = Math.max(this.#frozenUntil, time.now + ms);
    this.#simulation.trace(`${this.name} is frozen`);
    time.after(ms, () => this.#thaw());
  }

  /** No call of it reaches a server for a while. */
  cutOff(ms: number): void {
    this.#cutOffUntil = this.#simulation.time.now + ms;
  }

  /** Called when it is gone: its connections break, its group misses it. */
  onEnd(tell: () => void): void {
    if (this.#life === 'gone') tell();
    else this.#onEnd.push(tell);
  }

  arm(armed: Armed): void {
    this.#armed.push(armed);
  }

  /** Nothing more befalls it: what was armed is forgotten, a frozen one wakes. */
  heal(): void {
    this.#armed.length = 0;
    this.slowness = 1;
    this.#frozenUntil = 0;
    this.#cutOffUntil = 0;
    this.#thaw();
  }

  hold(event: SimEvent): void {
    this.#held.push(event);
  }

  #thaw(): void {
    const { time } = this.#simulation;
    if (this.#life !== 'frozen' || time.now < this.#frozenUntil) return;
    this.#life = 'running';
    this.#simulation.trace(`${this.name} thaws`);
    for (const event of this.#held.splice(0)) time.release(event);
  }

  #fateOf(name: string): Fate {
    if (this.#simulation.time.now < this.#cutOffUntil) {
      this.#simulation.count('call: cut off');
      return { kind: 'request lost' };
    }
    const fate = this.#armedFor(name) ?? this.#simulation.chanceOf(name) ?? ANSWERED;
    if (fate.kind !== 'answered') {
      this.#simulation.count(`call: ${fate.kind}`);
      this.#simulation.trace(`${this.name} ${name}: ${fate.kind}`);
    }
    return fate;
  }

  #armedFor(name: string): Fate | null {
    const place = this.#armed.findIndex(({ call }) => name.startsWith(call));
    const [armed] = place < 0 ? [] : this.#armed.splice(place, 1);
    if (armed?.passing === undefined || armed.passing === 0) return armed?.fate ?? null;
    this.#armed.splice(place, 0, { ...armed, passing: armed.passing - 1 });
    return null;
  }

  #travel(): number {
    return this.#simulation.travel(this.slowness);
  }

  /** The effect now, its answer some time later; one that takes its time is given up like any other. */
  #serve<T>(effect: () => T | PromiseLike<T>, { resolve, reject, giveUp }: Answering<T>): void {
    const { time } = this.#simulation;
    try {
      const result = effect();
      if (!isPromiseLike(result)) {
        time.after(this.#travel(), () => resolve(result), this);
        return;
      }
      const timer = giveUp();
      const answer = (answering: () => void): void => {
        timer.cancel();
        time.after(this.#travel(), answering, this);
      };
      result.then((value) => answer(() => resolve(value)), (error: unknown) => answer(() => reject(error)));
    } catch (error) {
      time.after(this.#travel(), () => reject(error), this);
    }
  }

  async #serveBadly<T>(effect: () => T | PromiseLike<T>, fate: Fate, { resolve, reject }: Answering<T>): Promise<void> {
    let answer: () => void;
    try {
      const value = await effect();
      answer = () => resolve(value);
    } catch (error) {
      answer = () => reject(error);
    }
    if (fate.kind === 'crash after') this.crash();
    if (fate.kind === 'freeze after') this.freeze(fate.ms);
    if (fate.kind === 'freeze before' || fate.kind === 'freeze after') this.#simulation.time.after(this.#travel(), answer, this);
  }
}

type Answering<T> = { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void; readonly giveUp: () => SimEvent };

function lostCall(name: string): Error {
  return new PortError('unknown-outcome', `${name} got no answer`, { retryable: true });
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
