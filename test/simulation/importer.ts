// A journal onto the input topics, at the pace of a plan: a pipe for each partition of each topic, in order within it, at its own
// speed beside the others.
//
// I1  What was appended without an answer is appended again: it may be there twice.
// I2  How far each pipe is outlives its process.

import { partitionOf } from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import { encodeInput, type EncodedInput } from '@fillstream/schemas';
import type { SimProcess } from './process.ts';
import type { Simulation } from './simulation.ts';
import type { NewRecord } from './topic.ts';

type InputTopic = (typeof INPUT_TOPICS)[number];
type Pipe = {
  readonly topic: InputTopic;
  readonly partition: number;
  readonly records: { readonly at: number; readonly record: NewRecord }[];
  place: number;
  /** It waits until then. */
  heldUntil: number;
};

const GREATEST_BATCH = 40;
const RETRY_MS = 50;
/** Beyond all deadlines of any settings. */
const BEYOND_MS = 40 * 86_400_000;

export class Importer {
  readonly #simulation: Simulation;
  readonly #pipes: readonly Pipe[];
  #process: SimProcess | null = null;
  #repeat = false;

  /** `bursts`: when, in milliseconds, how many of the lines come. */
  constructor(simulation: Simulation, lines: readonly string[], bursts: readonly { readonly at: number; readonly count: number }[]) {
    this.#simulation = simulation;
    this.#pipes = INPUT_TOPICS.flatMap((topic) => Array.from({ length: simulation.partitions }, (_, partition): Pipe => (
      { topic, partition, records: [], place: 0, heldUntil: 0 }
    )));
    let line = 0;
    let latest = 0;
    for (const { at, count } of bursts) {
      for (const text of lines.slice(line, line + count)) latest = Math.max(latest, this.#plan(text, at));
      line += count;
    }
    const tick = JSON.stringify({ kind: 'tick', receivedAt: Math.min(1e13, Math.max(latest, 1e12) + BEYOND_MS) });
    this.#plan(tick, (bursts.at(-1)?.at ?? 0) + 10);
  }

  get isDone(): boolean {
    return this.#pipes.every(({ place, records }) => place === records.length);
  }

  start(): void {
    const process = this.#simulation.process('importer');
    this.#process = process;
    process.enter(() => {
      for (const pipe of this.#pipes) void this.#pump(process, pipe);
    });
  }

  get process(): SimProcess | null {
    return this.#process;
  }

  crash(downMs: number): void {
    if (this.#process?.life === 'gone') return;
    this.#process?.crash();
    this.#simulation.time.after(downMs, () => this.start());
  }

  /** The next append happens twice. */
  repeatOne(): void {
    this.#repeat = true;
  }

  /** One pipe stands still for a while. */
  hold(topic: number, partition: number, ms: number): void {
    const pipe = this.#pipes.find((each) => each.topic === INPUT_TOPICS[topic] && each.partition === partition);
    if (pipe !== undefined) pipe.heldUntil = this.#simulation.time.now + ms;
  }

  /** Returns the line's time, 0 without one. */
  #plan(line: string, at: number): number {
    const encoded = encodeInput(line);
    for (const pipe of this.#pipes) {
      if (isFor(pipe, encoded, this.#simulation.partitions)) {
        pipe.records.push({ at, record: { key: encoded.key, value: encoded.body, timestamp: encoded.timestamp, note: line } });
      }
    }
    return encoded.timestamp ?? 0;
  }

  async #pump(process: SimProcess, pipe: Pipe): Promise<void> {
    const { time, broker } = this.#simulation;
    while (pipe.place < pipe.records.length) {
      const waitMs = Math.max(pipe.heldUntil, pipe.records[pipe.place]?.at ?? 0) - time.now;
      if (waitMs > 0) await this.#pause(waitMs, process);
      const due = pipe.records.slice(pipe.place, pipe.place + GREATEST_BATCH).filter(({ at }) => at <= time.now).map(({ record }) => record);
      if (due.length === 0 || pipe.heldUntil > time.now) continue;
      if (this.#repeat) {
        this.#repeat = false;
        process.arm({ call: 'append', fate: { kind: 'reply lost' } });
      }
      try {
        await process.call('append', () => broker.append(pipe.topic, pipe.partition, due), { timeoutMs: 400 });
        pipe.place += due.length;
      } catch {
        await this.#pause(RETRY_MS, process); // I1.
      }
    }
  }

  async #pause(ms: number, process: SimProcess): Promise<void> {
    await new Promise<void>((resolve) => this.#simulation.time.after(ms, resolve, process));
  }
}

function isFor(pipe: Pipe, { kind, topic, key }: EncodedInput, partitions: number): boolean {
  if (kind === 'tick') return true;
  return pipe.topic === topic && pipe.partition === partitionOf(key, partitions);
}
