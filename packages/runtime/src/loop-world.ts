// Test support: a partition on the memory twins, faults on a schedule, and the plain fold to compare with.

import { DEFAULT_SETTINGS, Partition, type Settings, type Signal } from '@fillstream/core';
import { StoreRefused } from './checkpointer.ts';
import { topicsOf, type JournalRecord } from './contract/records.ts';
import { comparePositions } from './history.ts';
import { PartitionLoop, type LoopLimits } from './loop.ts';
import type { LoopEvent } from './loop-event.ts';
import { MemoryLog, type MemoryLogOptions } from './memory-log.ts';
import { MemoryStore } from './memory-store.ts';
import { PortError, type EventLog, type InputTopic, type LogRecord, type StateStore } from './ports.ts';

/** Every point at which the memory twins call their fault hook. */
export const FAULT_POINTS = [
  'before claim', 'after claim', 'before fence', 'after fence', 'in replay', 'before commit', 'after commit',
  'before checkpoint', 'after checkpoint', 'after void', 'after delete',
] as const;

export type Fault = {
  readonly point: (typeof FAULT_POINTS)[number];
  /** Which hit of the point since the fault before. */
  readonly hit: number;
  /** The process ends, a reply is lost, or nothing happens to it. */
  readonly process: 'crashes' | 'loses the reply' | 'goes on';
  readonly store: 'stays' | 'is wiped' | 'is rolled back';
};

class Crash extends Error {
  override readonly name = 'Crash';
}

export type WorldOptions = {
  readonly records: readonly JournalRecord[];
  /** 1: all records on one topic; 2: with a clock each. */
  readonly topics: 1 | 2;
  readonly settings?: Partial<Settings>;
  readonly limits?: Partial<LoopLimits>;
  readonly withStore?: boolean;
  readonly faults?: readonly Fault[];
  readonly choose?: MemoryLogOptions['choose'];
};

export class World {
  readonly log: MemoryLog;
  readonly store: MemoryStore;
  readonly settings: Settings;
  readonly events: LoopEvent[] = [];
  readonly #options: WorldOptions;
  readonly #faults: Fault[];
  #hits = 0;
  #older: MemoryStore;
  #newer: MemoryStore;
  /** The counts of the last run. */
  counts: unknown = null;

  constructor(options: WorldOptions) {
    const { records, topics, choose } = options;
    const fault = (point: string): void => {
      this.#meet(point);
    };
    const inputs: InputTopic[] = [{ name: 'fills', clock: 0 }, { name: 'order-updates', clock: 1 }].slice(0, topics);
    this.log = new MemoryLog({ inputs, bounded: true, fault, ...(choose === undefined ? {} : { choose }) });
    this.store = new MemoryStore(fault);
    this.#older = this.store.image();
    this.#newer = this.#older;
    this.settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#options = options;
    this.#faults = [...options.faults ?? []];
    for (const record of records) {
      const all = topics === 1 ? [0] : topicsOf(record);
      for (const topic of all) this.log.append(0, topic, record.input, JSON.stringify(record.json));
    }
  }

  loop(options: { readonly log?: EventLog; readonly onEvent?: (event: LoopEvent) => void } = {}): PartitionLoop {
    const store = this.#options.withStore === false ? null : this.#guarded();
    return new PartitionLoop({
      partition: 0, log: this.log, store, settings: this.settings, limits: this.#options.limits ?? {},
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** Starts one process after the other until one has come to the end. */
  async run(): Promise<void> {
    const most = 2 * this.#faults.length + 2;
    for (let starts = 0; starts <= most; starts += 1) {
      const loop = this.loop();
      try {
        await loop.run();
        this.counts = loop.counts;
        return;
      } catch (error) {
        const isPlanned = error instanceof Crash || error instanceof StoreRefused || (error instanceof PortError && error.retryable);
        if (!isPlanned) throw error;
      }
    }
    throw new Error(`no end after ${String(most)} starts`);
  }

  /** What readers saw, byte for byte, in order. */
  get outputs(): Outputs {
    const { signals, refused } = this.log.outputs(0);
    return { signals: signals.map(textOf), refused: refused.map(({ reason, record }) => `${reason} ${String(record.topic)}/${String(record.offset)}`) };
  }

  /** The plain fold of the records in the order in which they were committed. */
  get expected(): Outputs & { readonly counts: unknown } {
    return foldOf(this.log, this.settings);
  }

  #meet(point: string): void {
    const [next] = this.#faults;
    if (next?.point !== point) return;
    this.#hits += 1;
    if (this.#hits < next.hit) return;
    this.#hits = 0;
    this.#faults.shift();
    if (next.store === 'is wiped') this.store.wipe();
    if (next.store === 'is rolled back') this.store.rollBackTo(this.#older);
    this.#older = this.#newer;
    this.#newer = this.store.image();
    if (next.process === 'crashes') throw new Crash(point);
    if (next.process === 'loses the reply') throw new PortError('unknown-outcome', `no reply ${point}`, { retryable: true });
  }

  /** The store, watched: a checkpoint never runs ahead of the log (I2). */
  #guarded(): StateStore {
    const { store, log } = this;
    return {
      claim: (partition) => store.claim(partition),
      read: (owner) => store.read(owner),
      prefetch: (...asked) => store.prefetch(...asked),
      reset: (...asked) => store.reset(...asked),
      checkpoint(owner, before, next) {
        const committed = log.data(0).commits.at(-1)?.to.position;
        const standing = committed === undefined ? 'after' : comparePositions(next.head.at.position, committed);
        if (standing !== 'before' && standing !== 'same') throw new Error(`a checkpoint ${standing} committed history`);
        return store.checkpoint(owner, before, next);
      },
    };
  }
}

export type Outputs = { readonly signals: readonly string[]; readonly refused: readonly string[] };

function textOf(signal: Signal): string {
  return JSON.stringify(signal);
}

/** The committed records in the recorded merge, then the end of time, with no runtime between. */
export function foldOf(log: MemoryLog, settings: Settings): Outputs & { readonly counts: unknown } {
  const partition = new Partition(settings, log.inputs.length);
  const signals: Signal[] = [];
  const refused: string[] = [];
  const fire = (until?: number): void => {
    while (partition.fireNext(signals, until) === 'fired');
  };
  const apply = ({ topic, offset, input }: LogRecord): void => {
    if (input.receivedAt !== null) partition.state.advance(topic, input.receivedAt);
    fire();
    const outcome = partition.apply(input, signals);
    if (outcome.kind === 'refused') refused.push(`${outcome.reason} ${String(topic)}/${String(offset)}`);
  };
  const { commits, topics } = log.data(0);
  const next = topics.map(() => 0);
  for (const { merge, clocks } of commits) {
    for (const { topic, count } of merge) {
      const from = next[topic] ?? 0;
      next[topic] = from + count;
      for (const record of topics[topic]?.slice(from, from + count) ?? []) apply(record);
    }
    for (const [clock, time] of clocks.entries()) partition.state.advance(clock, time);
  }
  fire(Infinity);
  return { signals: signals.map(textOf), refused, counts: partition.state.counts };
}
