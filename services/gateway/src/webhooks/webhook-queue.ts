// What one webhook is owed here: taken off the log a bounded number at a time, posted, settled.
//
// Q1  A signal is settled when the webhook has taken it, or when its dead letter is durable; until then its offset is owed.
// Q2  Signals of an address go one after the other, in the order of the log; those of different addresses beside each other.
// Q3  No failure lasts: tries are bounded, and what has waited for long gets one. So neither an address nor a partition is held for good.
//
//               `brokenAfter` given up in a row
//     working ───────────────────────────────────▶ broken: one post at a time, and what waited while it failed
//        ▲                                           │     is given up with it
//        └─────────────── one was taken ─────────────┘

import { setTimeout as sleep } from 'node:timers/promises';
import type { Signal } from '@fillstream/client';
import { Gate } from './gate.ts';
import type { LogSignal } from './log-signal.ts';
import { waitMs, type RetrySettings } from './retry.ts';
import type { Answer, Post, Target } from './sender.ts';

export type QueueLimits = {
  /** Signals held here. */
  readonly queued: number;
  /** Posts under way. */
  readonly inFlight: number;
  /** What has waited longer is posted once. */
  readonly patienceMs: number;
  readonly brokenAfter: number;
};

export type GivenUp = { readonly post: Post; readonly attempts: number; readonly why: GiveUpReason; readonly reason: string };
export const GIVE_UPS = ['tries', 'broken', 'refused', 'late'] as const;
export type GiveUpReason = (typeof GIVE_UPS)[number];

export type QueueOptions = {
  readonly target: Target;
  readonly matches: (signal: Signal) => boolean;
  readonly send: (target: Target, post: Post, cut: AbortSignal) => Promise<Answer>;
  readonly retry: RetrySettings;
  readonly limits: QueueLimits;
  /** Resolves when the dead letter is durable. What it throws ends all. */
  readonly onGivenUp: (given: GivenUp) => Promise<void>;
  readonly onAnswer?: (answer: Answer) => void;
  readonly onTaken?: (record: LogSignal) => void;
  /** It broke, or was mended. */
  readonly onState?: (state: 'working' | 'broken', reason: string) => void;
  /** There is room for more again. */
  readonly onRoom: () => void;
  readonly onFailure: (error: unknown) => void;
  readonly random?: () => number;
};

type State = { readonly kind: 'working'; readonly failures: number } | { readonly kind: 'broken'; readonly reason: string };
/** `owed` is its partition's, as it was when it was taken; `failedProbes` those before it came. */
type Delivery = { readonly record: LogSignal; readonly owed: Set<number>; readonly takenAt: number; readonly failedProbes: number };

export class WebhookQueue {
  readonly target: Target;
  readonly #options: QueueOptions;
  readonly #gate: Gate;
  /** By partition: all before it was taken, and the offsets of what was and isn't settled, ascending. */
  readonly #reached = new Map<number, number>();
  readonly #owed = new Map<number, Set<number>>();
  /** By address. */
  readonly #lanes = new Map<string, Delivery[]>();
  readonly #running = new Set<Promise<void>>();
  #length = 0;
  #state: State = { kind: 'working', failures: 0 };
  #failedProbes = 0;
  /** Ends waits between tries; another one after each time. */
  #waits = new AbortController();
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();

  constructor(options: QueueOptions) {
    this.#options = options;
    this.target = options.target;
    this.#gate = new Gate(options.limits.inFlight);
  }

  get length(): number {
    return this.#length;
  }

  get inFlight(): number {
    return this.#gate.used;
  }

  get isBroken(): boolean {
    return this.#state.kind === 'broken';
  }

  get hasRoom(): boolean {
    return this.#length < this.#options.limits.queued && !this.#stopping.signal.aborted;
  }

  /** Room enough that it's worth going to the log for more. */
  get isLow(): boolean {
    return this.#length <= this.#options.limits.queued / 2 && !this.#stopping.signal.aborted;
  }

  /** It takes what a partition has from here on. */
  open(partition: number, from: number): void {
    this.#reached.set(partition, from);
    this.#owed.set(partition, new Set());
  }

  /** Another process' now: what waits of it is dropped, what is under way counts no more. */
  drop(partition: number): void {
    this.#reached.delete(partition);
    this.#owed.delete(partition);
  }

  /** Of a partition, the offset behind all that was taken; null when it isn't open. */
  reachedOf(partition: number): number | null {
    return this.#reached.get(partition) ?? null;
  }

  /** Of a partition, the first offset that isn't settled. */
  positionOf(partition: number): number | null {
    const [first] = this.#owed.get(partition) ?? [];
    return first ?? this.reachedOf(partition);
  }

  /** False, and nothing done, when there is no room. What was taken already, and what isn't wanted, is passed over. */
  offer(record: LogSignal): boolean {
    const { partition, offset, signal } = record;
    const [reached, owed] = [this.#reached.get(partition), this.#owed.get(partition)];
    if (reached === undefined || owed === undefined || offset < reached) return true;
    if (this.#options.matches(signal)) {
      if (!this.hasRoom) return false;
      owed.add(offset);
      this.#enqueue({ record, owed, takenAt: performance.now(), failedProbes: this.#failedProbes });
    }
    this.#reached.set(partition, offset + 1);
    return true;
  }

  /** What lies before was offered. */
  reach(partition: number, offset: number): void {
    const reached = this.#reached.get(partition);
    if (reached !== undefined && reached < offset) this.#reached.set(partition, offset);
  }

  /** Nothing new is posted; what is under way has so long, and then is cut off. Resolves when nothing is. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort();
    this.#waits.abort();
    const timer = setTimeout(() => this.#cut.abort(), drainMs);
    await Promise.all(this.#running);
    clearTimeout(timer);
  }

  #enqueue(delivery: Delivery): void {
    const { address } = delivery.record.signal;
    this.#length += 1;
    const lane = this.#lanes.get(address);
    if (lane !== undefined) {
      lane.push(delivery);
      return;
    }
    const fresh = [delivery];
    this.#lanes.set(address, fresh);
    const running = this.#run(address, fresh).catch(this.#options.onFailure).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Q2. */
  async #run(address: string, lane: Delivery[]): Promise<void> {
    for (let [delivery] = lane; delivery !== undefined; [delivery] = lane) {
      if (await this.#deliver(delivery)) delivery.owed.delete(delivery.record.offset);
      lane.shift();
      this.#length -= 1;
      if (this.isLow) this.#options.onRoom();
    }
    this.#lanes.delete(address);
  }

  /** Whether it was settled (Q1). */
  async #deliver(delivery: Delivery): Promise<boolean> {
    const { record, takenAt } = delivery;
    const post: Post = { id: record.signal.id, revision: record.signal.revision, body: record.body };
    const { retry, limits: { patienceMs }, random = Math.random } = this.#options;
    for (let attempts = 0, last = ''; ; attempts += 1) {
      const tried = await this.#gate.through(async () => await this.#try(delivery, post));
      if (tried.kind === 'dropped') return false;
      if (tried.kind === 'fate') return await this.#giveUp({ post, attempts, why: 'broken', reason: last === '' ? tried.reason : last });
      if (tried.kind === 'taken') {
        this.#mended();
        this.#options.onTaken?.(record);
        return true;
      }
      last = tried.reason;
      const why = this.#whyGiveUp(tried.kind, attempts + 1, performance.now() - takenAt > patienceMs);
      if (why !== null) return await this.#giveUp({ post, attempts: attempts + 1, why, reason: last });
      await this.#wait(waitMs(attempts + 1, tried.kind === 'status' ? tried.retryAfterMs : null, retry, random()));
    }
  }

  async #try(delivery: Delivery, post: Post): Promise<Answer | { readonly kind: 'dropped' } | { readonly kind: 'fate'; readonly reason: string }> {
    if (this.#isDropped(delivery)) return { kind: 'dropped' };
    if (this.#state.kind === 'broken' && delivery.failedProbes < this.#failedProbes) return { kind: 'fate', reason: this.#state.reason };
    const answer = await this.#options.send(this.target, post, this.#cut.signal);
    if (answer.kind === 'cut') return { kind: 'dropped' };
    this.#options.onAnswer?.(answer);
    if (answer.kind === 'taken') return answer;
    if (this.#state.kind === 'broken') this.#failedProbes += 1; // Before another one is let in.
    return this.#isDropped(delivery) ? { kind: 'dropped' } : answer;
  }

  #isDropped({ record, owed }: Delivery): boolean {
    return this.#stopping.signal.aborted || this.#owed.get(record.partition) !== owed;
  }

  /** Q3; null: it is tried again. */
  #whyGiveUp(kind: Answer['kind'], attempts: number, isLate: boolean): GiveUpReason | null {
    if (this.#state.kind === 'broken') return 'broken';
    if (kind === 'refused') return 'refused';
    if (attempts >= this.#options.retry.attempts) return 'tries';
    return isLate ? 'late' : null;
  }

  async #giveUp(given: GivenUp): Promise<boolean> {
    if (this.#state.kind === 'working') {
      const failures = this.#state.failures + 1;
      if (failures < this.#options.limits.brokenAfter) this.#state = { kind: 'working', failures };
      else this.#break(given.reason);
    } else {
      this.#state = { kind: 'broken', reason: given.reason };
    }
    await this.#options.onGivenUp(given);
    return true;
  }

  /** What waits now is given up with what failed. */
  #break(reason: string): void {
    this.#state = { kind: 'broken', reason };
    this.#failedProbes += 1;
    this.#gate.limit = 1;
    this.#endWaits();
    this.#options.onState?.('broken', reason);
  }

  #mended(): void {
    const { kind } = this.#state;
    this.#state = { kind: 'working', failures: 0 };
    if (kind === 'working') return;
    this.#gate.limit = this.#options.limits.inFlight;
    this.#options.onState?.('working', '');
  }

  #endWaits(): void {
    this.#waits.abort();
    this.#waits = new AbortController();
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#waits.signal }).catch(() => undefined); // It was ended: what follows looks why.
  }
}
