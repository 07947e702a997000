// The memory twin of EventLog: topics, commits and fencing as a broker has them, for tests.
//
// Unlike a process's memory it outlives a simulated crash: whoever opens a partition next finds what was committed.

import type { Input, Signal } from '@fillstream/core';
import { comparePositions, startOf, type HistoryPoint, type Position } from './history.ts';
import { PortError, type Commit, type EventLog, type InputTopic, type LogRecord, type PartitionLog, type Refused, type Replayed, type Taken } from './ports.ts';

/** Called before and after a side effect; throwing simulates a crash or a lost reply at that point. */
export type FaultHook = (point: string) => void;

export type MemoryLogOptions = {
  readonly inputs: readonly InputTopic[];
  /** No more will be appended: `take` tells the end instead of `idle`. */
  readonly bounded?: boolean;
  /** Which of the topics with records left is read next; the one of the earliest arrival by default. */
  readonly choose?: (heads: readonly LogRecord[]) => LogRecord;
  readonly fault?: FaultHook;
};

type Stored = LogRecord & { readonly arrival: number };
type PartitionData = {
  epoch: number;
  readonly topics: readonly Stored[][];
  readonly commits: Commit[];
  readonly signals: Signal[];
  readonly refused: Refused[];
  /** Signals of the last run past a bounded log's end. */
  afterEnd: Signal[];
};

export class MemoryLog implements EventLog {
  readonly inputs: readonly InputTopic[];
  readonly options: MemoryLogOptions;
  readonly #partitions = new Map<number, PartitionData>();
  #arrivals = 0;

  constructor(options: MemoryLogOptions) {
    this.inputs = options.inputs;
    this.options = options;
  }

  append(partition: number, topic: number, input: Input, original: LogRecord['original'] = ''): void {
    const records = this.data(partition).topics[topic];
    if (records === undefined) throw new RangeError(`no topic ${String(topic)}`);
    const offset = records.length;
    records.push({ topic, offset, next: offset + 1, input, original, arrival: this.#arrivals });
    this.#arrivals += 1;
  }

  /** What a reader of the committed outputs sees. */
  outputs(partition: number): { readonly signals: readonly Signal[]; readonly refused: readonly Refused[] } {
    const { signals, refused, afterEnd } = this.data(partition);
    return { signals: [...signals, ...afterEnd], refused };
  }

  data(partition: number): PartitionData {
    const held = this.#partitions.get(partition);
    if (held !== undefined) return held;
    const made = { epoch: 0, topics: this.inputs.map(() => []), commits: [], signals: [], refused: [], afterEnd: [] };
    this.#partitions.set(partition, made);
    return made;
  }

  assigned(): Promise<void> {
    return Promise.resolve();
  }

  open(partition: number): Promise<PartitionLog> {
    return attempt(() => {
      const data = this.data(partition);
      this.options.fault?.('before fence');
      data.epoch += 1;
      data.afterEnd = [];
      this.options.fault?.('after fence');
      return new MemoryPartitionLog(data, this.options);
    });
  }
}

class MemoryPartitionLog implements PartitionLog {
  readonly start: HistoryPoint;
  readonly committed: HistoryPoint;
  readonly #data: PartitionData;
  readonly #options: MemoryLogOptions;
  readonly #epoch: number;
  readonly #offsets: number[];

  constructor(data: PartitionData, options: MemoryLogOptions) {
    this.#data = data;
    this.#options = options;
    this.#epoch = data.epoch;
    this.start = startOf(data.topics.length);
    this.committed = data.commits.at(-1)?.to ?? this.start;
    this.#offsets = [...this.committed.position.offsets];
  }

  async take(limit: number): Promise<Taken> {
    const records = this.#takeNow(limit);
    if (records.length > 0) return { kind: 'records', records };
    if (this.#options.bounded === true) return { kind: 'ended' };
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { kind: 'idle' };
  }

  commit(commit: Commit): Promise<void> {
    return attempt(() => {
      this.#options.fault?.('before commit');
      if (this.#data.epoch !== this.#epoch) throw new PortError('fenced', 'another owner opened the partition', { retryable: true });
      if (commit.afterEnd) {
        this.#data.afterEnd.push(...commit.signals);
      } else {
        this.#data.commits.push(commit);
        this.#data.signals.push(...commit.signals);
        this.#data.refused.push(...commit.refused);
      }
      this.#options.fault?.('after commit');
    });
  }

  async *replay(from: Position): AsyncIterable<Replayed> {
    if (comparePositions(this.committed.position, from) === 'same') return;
    const first = this.#data.commits.findIndex((commit) => comparePositions(commit.from.position, from) === 'same');
    if (first < 0) throw new PortError('unknown-position', `no commit ends at ${JSON.stringify(from)}`, { retryable: false });
    for (const commit of this.#data.commits.slice(first)) {
      await attempt(() => this.#options.fault?.('in replay'));
      yield { records: this.#recordsOf(commit), commit };
      if (comparePositions(commit.to.position, this.committed.position) === 'same') return;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #takeNow(limit: number): LogRecord[] {
    const records: LogRecord[] = [];
    while (records.length < limit) {
      const heads = this.#data.topics.flatMap((topic, index) => topic[this.#offsets[index] ?? 0] ?? []);
      if (heads.length === 0) break;
      const next = this.#options.choose?.(heads) ?? heads.reduce((a, b) => (b.arrival < a.arrival ? b : a));
      this.#offsets[next.topic] = next.next;
      records.push(next);
    }
    return records;
  }

  #recordsOf(commit: Commit): LogRecord[] {
    const offsets = [...commit.from.position.offsets];
    return commit.merge.flatMap(({ topic, count }) => {
      const from = offsets[topic] ?? 0;
      offsets[topic] = from + count;
      return this.#data.topics[topic]?.slice(from, from + count) ?? [];
    });
  }
}

/** Runs a step as a server would: its effect or its error comes later. */
export async function attempt<T>(step: () => T): Promise<T> {
  await Promise.resolve();
  return step();
}
