// An EventLog whose records lie outside the heap as the bytes of their topics, so that a long backlog costs the loop what it
// costs on a real log: reading them. What is committed is counted, and forgotten.

import {
  startOf,
  type Commit,
  type EventLog,
  type LogRecord,
  type PartitionLog,
  type Replayed,
  type Taken,
} from '@fillstream/runtime';
import type { EncodedInput } from '@fillstream/schemas';
import { INPUT_TOPICS, toLogRecord } from '@fillstream/topics';

const IDLE_MS = 1;
const FIRST_BYTES = 1 << 20;

/** The records of one partition in order of arrival. */
class Backlog {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #end = 0;
  readonly #ends: number[] = [];
  readonly #topics: number[] = [];

  add({ topic, body }: EncodedInput): void {
    if (this.#end + body.length > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length);
    this.#bytes.set(body, this.#end);
    this.#end += body.length;
    this.#ends.push(this.#end);
    this.#topics.push(INPUT_TOPICS.indexOf(topic));
  }

  at(place: number): { readonly topic: number; readonly body: Buffer } | null {
    const [topic, end] = [this.#topics[place], this.#ends[place]];
    if (topic === undefined || end === undefined) return null;
    return { topic, body: this.#bytes.subarray(this.#ends[place - 1] ?? 0, end) };
  }
}

export class BytesLog implements EventLog {
  /** One clock, as what is read is in order of arrival. */
  readonly inputs = INPUT_TOPICS.map((name) => ({ name, clock: 0 }));
  readonly #partitions: readonly Backlog[];

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => new Backlog());
  }

  append(partition: number, record: EncodedInput): void {
    this.#partitions[partition]?.add(record);
  }

  async assigned(): Promise<void> {
    await Promise.resolve();
  }

  async open(partition: number): Promise<PartitionLog> {
    await Promise.resolve();
    return new BytesPartition(this.#partitions[partition] ?? new Backlog());
  }
}

class BytesPartition implements PartitionLog {
  readonly start = startOf(INPUT_TOPICS.length);
  readonly committed = this.start;
  readonly #backlog: Backlog;
  readonly #offsets = INPUT_TOPICS.map(() => 0);
  #place = 0;

  constructor(backlog: Backlog) {
    this.#backlog = backlog;
  }

  async take(limit: number): Promise<Taken> {
    const records: LogRecord[] = [];
    for (
      let next = this.#backlog.at(this.#place);
      next !== null && records.length < limit;
      next = this.#backlog.at(this.#place)
    ) {
      const offset = this.#offsets[next.topic] ?? 0;
      records.push(toLogRecord(next.topic, offset, next.body));
      this.#offsets[next.topic] = offset + 1;
      this.#place += 1;
    }
    if (records.length > 0) return { kind: 'records', records };
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    return { kind: 'idle' };
  }

  async commit(_commit: Commit): Promise<void> {
    await Promise.resolve();
  }

  async *replay(): AsyncIterable<Replayed> {
    yield* await Promise.resolve([]);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
