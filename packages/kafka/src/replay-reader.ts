// The topics as a replay reads them: one consumer in a group of its own that commits nothing, and a queue for each opened
// partition of a topic.
//
// R1  Only what is committed is read, and no more than was there when it was opened: what a transaction held back then is waited for.
// R2  An end is reached by what was read, markers of transactions included: they are never handed over, but told of.

import { randomUUID } from 'node:crypto';
import { PortError } from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { Topic } from '@fillstream/schemas';
import type { Admin, Consumer } from 'kafkajs';
import type { FetchedRecord } from './backlog.ts';
import { Bell } from './bell.ts';
import { connectionOf, kafkaFailure, nameIn, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';
import { formatsOf, partitionCount } from './event-log.ts';
import { Feed, type TopicQueue } from './feed.ts';
import { clientOfTrueEnds } from './true-ends.ts';
import type { RegistryOptions, WireFormat } from './wire-format.ts';

export type ReaderOptions = { readonly kafka: KafkaOptions; readonly registry: RegistryOptions };

export type TopicBounds = { readonly low: number; readonly high: number };

const READ_TOPICS = [...INPUT_TOPICS, 'commits', 'signals'] as const satisfies readonly Topic[];
const BYTES_A_PARTITION = 131_072;
const FETCH_WAIT_MS = 50;
/** What is there comes sooner: a transaction that died holds back what lies behind it for a minute. */
const PATIENCE_MS = 90_000;

export class ReplayReader {
  readonly partitions: number;
  readonly formats: ReadonlyMap<Topic, WireFormat>;
  readonly #namespace: string | undefined;
  readonly #admin: Admin;
  readonly #feed: Feed;
  readonly #reading: Enduring;
  readonly #open = new Map<string, TopicRun>();
  #failure: PortError | null = null;

  /** Throws PortError. */
  static async connect({ kafka: options, registry }: ReaderOptions): Promise<ReplayReader> {
    const kafka = connectionOf(options);
    const admin = (clientOfTrueEnds(options) ?? kafka).admin(); // R1
    const consumer = kafka.consumer({
      groupId: nameIn(options.namespace, `replay-${randomUUID()}`),
      maxBytesPerPartition: BYTES_A_PARTITION, maxWaitTimeInMs: FETCH_WAIT_MS, allowAutoTopicCreation: false,
    });
    try {
      await admin.connect();
      const partitions = await partitionCount(admin, options.namespace);
      const reader = new ReplayReader(options, admin, consumer, partitions, await formatsOf({ kafka: options, registry }));
      await reader.#join(consumer);
      return reader;
    } catch (error) {
      await consumer.disconnect();
      await admin.disconnect();
      throw error instanceof PortError ? error : kafkaFailure('at start', error, false);
    }
  }

  private constructor(
    { namespace }: KafkaOptions, admin: Admin, consumer: Consumer, partitions: number, formats: ReadonlyMap<Topic, WireFormat>,
  ) {
    this.#namespace = namespace;
    this.#admin = admin;
    this.partitions = partitions;
    this.formats = formats;
    this.#feed = new Feed(consumer, admin);
    this.#reading = enduring(consumer, 'the consumer', this.#feed.runConfig, (error) => this.fail(error));
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, firstOffset, lastOffset } }) => {
      if (batchSize === 0) this.#open.get(keyOf(topic, partition))?.pass(Number(firstOffset), Number(lastOffset) + 1);
    });
  }

  async bounds(topic: Topic, partition: number): Promise<TopicBounds> {
    const all = await this.#admin.fetchTopicOffsets(nameIn(this.#namespace, topic));
    const found = all.find((each) => each.partition === partition);
    return { low: Number(found?.low ?? 0), high: Number(found?.high ?? 0) };
  }

  /** A partition of a topic from an offset to its present end (R1); an earlier opening of it gets nothing more. */
  async open(topic: Topic, partition: number, offset: number): Promise<TopicRun> {
    const name = nameIn(this.#namespace, topic);
    const { high } = await this.bounds(topic, partition);
    const bell = new Bell();
    const queue = this.#feed.open(name, partition, offset, bell);
    const close = (): void => this.#feed.close(name, partition, queue);
    const run = new TopicRun({ queue, bell, where: `${name}/${String(partition)}`, end: high, close });
    if (this.#failure !== null) run.fail(this.#failure);
    this.#open.set(keyOf(name, partition), run);
    return run;
  }

  /** Ends all that is open with an error. */
  fail(error: PortError): void {
    this.#failure ??= error;
    for (const run of this.#open.values()) run.fail(error);
  }

  async close(): Promise<void> {
    await this.#reading.end();
    await this.#admin.disconnect();
  }

  async #join(consumer: Consumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: READ_TOPICS.map((topic) => nameIn(this.#namespace, topic)), fromBeginning: true });
    await this.#reading.run();
  }
}

type RunOptions = {
  readonly queue: TopicQueue;
  readonly bell: Bell;
  /** For messages: topic and partition. */
  readonly where: string;
  /** The offset behind the last record. */
  readonly end: number;
  readonly close: () => void;
};

/** The records of one partition of a topic, in order, to an end. */
export class TopicRun {
  readonly #options: RunOptions;
  /** A marker, or several, between what has arrived and `to`. */
  #passed = { from: 0, to: 0 };

  constructor(options: RunOptions) {
    this.#options = options;
  }

  get where(): string {
    return this.#options.where;
  }

  /** The next record if it is there; null too when there are no more. Throws PortError when records were lost. */
  shift(): FetchedRecord | null {
    const record = this.#options.queue.shift();
    return record === null || record.offset >= this.#options.end ? null : record;
  }

  /** The next record, waited for; null when there are no more. Throws PortError, also when none comes. */
  async next(): Promise<FetchedRecord | null> {
    const { bell, end, where } = this.#options;
    for (;;) {
      const { rings } = bell;
      const isWhole = this.#reached >= end; // Before the look: what arrives after it rings.
      const record = this.shift();
      if (record !== null) return record;
      if (isWhole) return null;
      if (await bell.after(rings, PATIENCE_MS)) continue;
      const stands = `${where} ends at offset ${String(end)}, and gave nothing behind ${String(this.#reached)}`;
      throw brokenLog(`${stands} for ${String(PATIENCE_MS / 1_000)} s`);
    }
  }

  /** Told of a fetch without records: offsets `from` to before `to` (R2). */
  pass(from: number, to: number): void {
    if (from !== this.#reached) return;
    this.#passed = { from: this.#options.queue.arrivedTo, to };
    this.#options.bell.ring();
  }

  fail(error: PortError): void {
    this.#options.queue.fail(error);
  }

  close(): void {
    this.#options.close();
  }

  get #reached(): number {
    const { arrivedTo } = this.#options.queue;
    return this.#passed.from === arrivedTo ? Math.max(arrivedTo, this.#passed.to) : arrivedTo;
  }
}

/** What can't be replayed, and won't be by another attempt. */
export function brokenLog(message: string): PortError {
  return new PortError('log-broken', message, { retryable: false });
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${String(partition)}`;
}
