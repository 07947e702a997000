// The records of the assigned partitions, as one kafkajs consumer of the group fetches them: a queue for each that is open.
//
// kafkajs' fetch waits for every handler, goes back to the group's committed offset whenever it joins again, and resets an
// offset that is out of range in silence. So:
//
// D1  A batch is queued at once; a queue that is full pauses its partition, and its reader resumes it.
// D2  Where a queue goes on is the queue's own: told to the consumer again after each joining.
// D3  A batch that doesn't begin where its queue stood is let in only when the topic still has what lies there:
//     records that were deleted, or a topic made anew, end in an error and are never skipped.

import type { Admin, Batch, Consumer, ConsumerRunConfig, EachBatchPayload } from 'kafkajs';
import { PortError } from '@fillstream/runtime';
import { Backlog, type FetchedRecord } from './backlog.ts';
import { Bell } from './bell.ts';
import { messageOf } from './connection.ts';

/** Messages held in memory for each open topic of a partition: beyond it the partition is paused. */
const FULL = 4_000;
const LOW = 2_000;

export class Feed {
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  readonly #queues = new Map<string, TopicQueue>();

  constructor(consumer: Consumer, admin: Admin) {
    this.#consumer = consumer;
    this.#admin = admin;
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const queue of this.#queues.values()) queue.tellWhere(); // D2
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      this.#queues.get(keyOf(topic, partition))?.reach(Number(lastOffset) + 1);
    });
  }

  /** How the consumer has to be run. */
  get runConfig(): ConsumerRunConfig {
    return {
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async (payload) => {
        await this.#accept(payload);
      },
    };
  }

  /** Opens a partition of a topic at an offset, and rings when something arrives; an earlier opening gets nothing more. */
  open(topic: string, partition: number, offset: number, bell = new Bell()): TopicQueue {
    this.close(topic, partition);
    const queue = new TopicQueue({ consumer: this.#consumer, admin: this.#admin, topic, partition, offset, bell });
    this.#queues.set(keyOf(topic, partition), queue);
    queue.tellWhere();
    queue.resume();
    return queue;
  }

  close(topic: string, partition: number, which?: TopicQueue): void {
    const queue = this.#queues.get(keyOf(topic, partition));
    if (queue === undefined || (which !== undefined && which !== queue)) return;
    this.#queues.delete(keyOf(topic, partition));
    queue.pause();
  }

  async #accept(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    if (payload.isStale()) return;
    const queue = this.#queues.get(keyOf(batch.topic, batch.partition));
    if (queue === undefined) {
      payload.pause();
      return;
    }
    await queue.accept(batch);
    if (!payload.isStale()) payload.resolveOffset(batch.lastOffset());
  }
}

type QueueOptions = {
  readonly consumer: Consumer;
  readonly admin: Admin;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly bell: Bell;
};

/** One topic's records of one partition, in order. */
export class TopicQueue {
  readonly topic: string;
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  readonly #partition: number;
  readonly #backlog = new Backlog();
  /** The offset after all that was queued or left out. */
  #next: number;
  /** The same, also where nothing but markers and aborted records stood, which aren't handed over. */
  #reached: number;
  #paused = true;
  /** When it last had a record, or heard that there is none. */
  #emptyAt = performance.now();
  #failure: PortError | null = null;
  readonly #bell: Bell;

  constructor({ consumer, admin, topic, partition, offset, bell }: QueueOptions) {
    this.topic = topic;
    this.#consumer = consumer;
    this.#admin = admin;
    this.#partition = partition;
    this.#next = offset;
    this.#reached = offset;
    this.#bell = bell;
  }

  /** The offset up to which records have arrived. */
  get arrivedTo(): number {
    return this.#next;
  }

  /** The same, or beyond it what is no record. */
  get reachedTo(): number {
    return Math.max(this.#next, this.#reached);
  }

  reach(offset: number): void {
    this.#reached = Math.max(this.#reached, offset);
  }

  /** Milliseconds for which nothing has been there or come. */
  get idleMs(): number {
    return this.#backlog.length > 0 ? 0 : performance.now() - this.#emptyAt;
  }

  /** The timestamp of the first that wait here; null when none do. */
  get oldest(): number | null {
    return this.#backlog.length > 0 ? this.#backlog.nextTimestamp : null;
  }

  /** The next record's timestamp; null when there is none. Throws PortError when records were lost (D3). */
  peek(): number | null {
    if (this.#backlog.length > 0) return this.#backlog.nextTimestamp;
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  /** Throws PortError as `peek`. */
  shift(): FetchedRecord | null {
    if (this.peek() === null) return null;
    const record = this.#backlog.shift();
    if (this.#backlog.length === 0) this.#emptyAt = performance.now();
    if (this.#paused && this.#backlog.length <= LOW) this.resume();
    return record;
  }

  /** The next record, waited for; null when nothing arrives for `patienceMs`. */
  async next(patienceMs: number): Promise<FetchedRecord | null> {
    for (;;) {
      const { rings } = this.#bell;
      const message = this.shift();
      if (message !== null) return message;
      if (!await this.#bell.after(rings, patienceMs)) return null;
    }
  }

  tellWhere(): void {
    unlessRestarting(() => {
      this.#consumer.seek({ topic: this.topic, partition: this.#partition, offset: String(this.#next) });
    });
  }

  pause(): void {
    this.#paused = true;
    unlessRestarting(() => {
      this.#consumer.pause([{ topic: this.topic, partitions: [this.#partition] }]);
    });
  }

  resume(): void {
    this.#paused = false;
    unlessRestarting(() => {
      this.#consumer.resume([{ topic: this.topic, partitions: [this.#partition] }]);
    });
  }

  async accept(batch: Batch): Promise<void> {
    const fetched = Number(fetchedOffsetOf(batch));
    if (fetched !== this.#next && !await this.#stillThere()) return;
    this.#backlog.add(batch.messages, this.#next);
    this.#emptyAt = performance.now();
    this.#next = Math.max(this.#next, Number(batch.lastOffset()) + 1); // A transaction's markers aren't handed over.
    if (this.#backlog.length >= FULL) this.pause();
    this.#bell.ring();
  }

  fail(error: PortError): void {
    this.#failure ??= error;
    this.#bell.ring();
  }

  /** Whether the topic still has what lies where the queue stands (D3). */
  async #stillThere(): Promise<boolean> {
    const all = await this.#admin.fetchTopicOffsets(this.topic);
    const found = all.find(({ partition }) => partition === this.#partition);
    const lost = lostRecords(this.topic, this.#partition, this.#next, found);
    if (lost !== null) this.fail(lost);
    return lost === null;
  }
}

/** An error when the records from `next` on are gone; null when they, or the topic's end, are there. */
export function lostRecords(
  topic: string, partition: number, next: number, found: { readonly low: string; readonly high: string } | undefined,
): PortError | null {
  const where = `${topic}/${String(partition)}`;
  const gone = (why: string): PortError => new PortError('log-broken', `input would be skipped: ${why}`, { retryable: false });
  if (found === undefined) return gone(`${where} is no more`);
  if (Number(found.low) > next) return gone(`${where} begins at offset ${found.low}, and ${String(next)} was not read yet: its records were deleted`);
  if (Number(found.high) < next) return gone(`${where} ends at offset ${found.high}, and all before ${String(next)} was read: the topic was made anew`);
  return null;
}

/** Between a crash of the consumer and its next start the client refuses these; nothing is paused then, and all is told anew (D2). */
export function unlessRestarting(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    if (!isRestarting(error)) throw error;
  }
}

export function isRestarting(error: unknown): boolean {
  return /consumer group was not initialized/i.test(messageOf(error));
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${String(partition)}`;
}

/* kafkajs' Batch has it, its type doesn't name it. */
function fetchedOffsetOf(batch: Batch): string {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return (batch as Batch & { readonly fetchedOffset: string }).fetchedOffset;
}
