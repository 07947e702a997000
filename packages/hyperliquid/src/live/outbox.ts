// The records of one address on their way to the sink, in order; and how far they are durable.
//
// O1  What was pushed is appended, once at least, in the order of pushing. Nothing is dropped; at `queueRecords` the pusher is told.
// O2  Progress is saved after the fills that it speaks of are durable.
// O3  A call that fails is repeated, a bounded number of times; then the feed ends with its error.

import { detailOf, type OnEvent } from './events.ts';
import type { GapRecord, InputRecord, Progress, Sink } from './ports.ts';
import { isId, timeOf } from './rows.ts';
import { jittered, sleep, type Retry } from './waiting.ts';

export type OutboxOptions = {
  readonly address: string;
  readonly sink: Sink;
  readonly progress: Progress | null;
  readonly queueRecords: number;
  readonly attempts: number;
  readonly retry: Retry;
  readonly progressMs: number;
  readonly now: () => number;
  readonly onEvent: OnEvent;
  readonly onFull: () => void;
  readonly onRoom: () => void;
  readonly onFailed: (error: unknown) => void;
};

/** A record, or a gap in its place among them. */
type Item = InputRecord | { readonly kind: 'gap'; readonly gap: GapRecord };

const BATCH_RECORDS = 1_000;
/** A fill further ahead of our clock has a wrong time: no repair may start from there. */
const GREATEST_SKEW_MS = 300_000;
const GREATEST_TIDS = 5_000;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #never = new AbortController().signal;
  #queue: Item[] = [];
  #taken = 0;
  #pumping: Promise<void> | null = null;
  #progress: Progress | null;
  #isUnsaved = false;
  #savedAt = -Infinity;
  #saveTimer: NodeJS.Timeout | undefined;
  #isFull = false;
  #hasFailed = false;
  #waiters: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#progress = options.progress;
  }

  /** Of what is durable. */
  get progress(): Progress | null {
    return this.#progress;
  }

  get length(): number {
    return this.#queue.length - this.#taken;
  }

  push(items: readonly Item[]): void {
    for (const item of items) this.#queue.push(item);
    if (!this.#isFull && this.length >= this.#options.queueRecords) {
      this.#isFull = true;
      this.#options.onFull();
    }
    this.#start();
  }

  /** Resolves when there is room for more, or the outbox has failed. */
  async room(): Promise<void> {
    while (this.#isFull && !this.#hasFailed) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Everything pushed is durable, and progress saved. Resolves after a failure too: the feed knows of it. */
  async drain(): Promise<void> {
    clearTimeout(this.#saveTimer);
    while (!this.#hasFailed && (this.#pumping !== null || this.length > 0)) {
      this.#start();
      await this.#pumping;
    }
    clearTimeout(this.#saveTimer);
    if (!this.#hasFailed) await this.#guarded(() => this.#save());
  }

  #start(): void {
    if (this.#hasFailed || (this.length === 0 && !this.#isSaveDue())) return;
    this.#pumping ??= this.#guarded(() => this.#pump()).finally(() => {
      this.#pumping = null;
    });
  }

  async #guarded(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#hasFailed = true;
      this.#wake();
      this.#options.onFailed(error);
    }
  }

  async #pump(): Promise<void> {
    await Promise.resolve(); // Whatever else is pushed in this turn goes along.
    while (this.length > 0) {
      const batch = this.#nextBatch();
      if (batch.kind === 'gap') await this.#call('gap', () => this.#options.sink.gap(batch.gap));
      else {
        await this.#call('append', () => this.#options.sink.append(batch.records));
        this.#advance(batch.records);
      }
      if (this.#isFull && this.length <= this.#options.queueRecords / 2) this.#makeRoom();
      if (this.#isSaveDue()) await this.#save();
    }
    if (this.#isSaveDue()) await this.#save();
    if (this.#isUnsaved) this.#saveLater();
  }

  #nextBatch(): { readonly kind: 'records'; readonly records: readonly InputRecord[] } | Extract<Item, { readonly kind: 'gap' }> {
    const first = this.#queue[this.#taken];
    const records: InputRecord[] = [];
    if (first?.kind === 'gap') {
      this.#forget(1);
      return first;
    }
    for (let at = this.#taken; records.length < BATCH_RECORDS; at += 1) {
      const item = this.#queue[at];
      if (item === undefined || item.kind === 'gap') break;
      records.push(item);
    }
    this.#forget(records.length);
    return { kind: 'records', records };
  }

  #forget(count: number): void {
    this.#taken += count;
    if (this.#taken < BATCH_RECORDS && this.#taken < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#taken);
    this.#taken = 0;
  }

  #makeRoom(): void {
    this.#isFull = false;
    this.#options.onRoom();
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #advance(records: readonly InputRecord[]): void {
    const latestCredible = this.#options.now() + GREATEST_SKEW_MS;
    for (const record of records) {
      const time = record.kind === 'fill' ? timeOf(record.data) : null;
      if (record.kind !== 'fill' || time === null || time > latestCredible) continue;
      const { tid } = record.data;
      const tids = isId(tid) ? [tid] : [];
      const before = this.#progress;
      if (before !== null && time < before.lastFillAt) continue;
      const known = before?.lastFillAt === time ? before.tids : [];
      this.#progress = { lastFillAt: time, tids: known.length < GREATEST_TIDS ? [...known, ...tids] : known };
      this.#isUnsaved = true;
    }
  }

  #isSaveDue(): boolean {
    return this.#isUnsaved && performance.now() - this.#savedAt >= this.#options.progressMs;
  }

  #saveLater(): void {
    clearTimeout(this.#saveTimer);
    const wait = Math.max(1, Math.ceil(this.#savedAt + this.#options.progressMs - performance.now()));
    this.#saveTimer = setTimeout(() => this.#start(), wait);
  }

  async #save(): Promise<void> {
    const progress = this.#progress;
    if (progress === null || !this.#isUnsaved) return;
    this.#isUnsaved = false;
    this.#savedAt = performance.now();
    await this.#call('saveProgress', () => this.#options.sink.saveProgress(this.#options.address, progress));
  }

  async #call(call: 'append' | 'saveProgress' | 'gap', task: () => Promise<void>): Promise<void> {
    const { address, attempts, retry, onEvent } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await task();
        return;
      } catch (error) {
        onEvent({ kind: 'sinkFailed', address, call, detail: detailOf(error) });
        if (attempt >= attempts) throw error;
      }
      await sleep(jittered(attempt, retry), this.#never);
    }
  }
}
