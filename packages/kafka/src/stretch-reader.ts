// Stretches of topics, each from an offset to an end or for good, with one consumer outside any group's offsets: for tools.
//
// R1  Only what is committed, each record once, a partition's in the order of its offsets.
// R2  Nothing but the partitions asked for is fetched, and a queue that is full pauses its own.
// R3  An end is met by what was read, markers of transactions included, so it is reached also where no record stands before it.

import { randomUUID } from 'node:crypto';
import { PortError } from '@fillstream/runtime';
import { AssignerProtocol, type Batch, type Consumer, type IHeaders, type PartitionAssigner } from 'kafkajs';
import { Bell } from './bell.ts';
import { connectionOf, kafkaFailure, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';

/** A topic is named without its namespace; `to` is the offset after the last record, null: for good. */
export type Stretch = { readonly topic: string; readonly partition: number; readonly from: number; readonly to: number | null };

export type StretchRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
};

export type Bounds = { readonly partition: number; readonly low: number; readonly high: number };

/** Records that wait in a queue: beyond it its partition is paused. */
const FULL = 4_000;
const LOW = 2_000;
const BYTES_A_PARTITION = 262_144;
const FETCH_WAIT_MS = 100;
/** Records of one stretch before it's another's turn. */
const SHARE = 200;
const FOR_EVER_MS = 2 ** 30;
const ASSIGNER = 'fillstream-stretches';
const ASSIGNER_VERSION = 1;

/**
 * By partition, where a topic begins and ends now as the client sees it: by default, where its committed records do.
 * Throws PortError, also when there is no such topic.
 */
export async function boundsOf(options: KafkaOptions, topic: string, client = connectionOf(options)): Promise<Bounds[]> {
  return await withAdmin(client, async (admin) => {
    const name = nameIn(options.namespace, topic);
    const existing = await admin.listTopics();
    if (!existing.includes(name)) throw new PortError('log-broken', `there is no topic ${name}: run \`fillstream topics create\``, { retryable: false });
    const found = await admin.fetchTopicOffsets(name);
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) })).sort((a, b) => a.partition - b.partition);
  });
}

/** By partition, the first offset whose record has a time at or after `timeMs`; the end where there is none. Throws PortError. */
export async function firstOffsetsAt(options: KafkaOptions, topic: string, timeMs: number): Promise<ReadonlyMap<number, number>> {
  return await withAdmin(connectionOf(options), async (admin) => {
    const found = await admin.fetchTopicOffsetsByTimestamp(nameIn(options.namespace, topic), timeMs);
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  });
}

export class StretchReader {
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #bell = new Bell();
  /** Rings up to the end of the last batch: markers that come behind it, while it is worked on, are told by the next one. */
  #heard = 0;
  #reading: Enduring | null = null;
  #failure: PortError | null = null;
  #isClosed = false;

  /** Throws PortError. */
  static async open(options: KafkaOptions, stretches: readonly Stretch[]): Promise<StretchReader> {
    const reader = new StretchReader(stretches);
    const open = stretches.filter(({ from, to }) => to === null || from < to);
    if (open.length > 0) await reader.#start(options, open);
    return reader;
  }

  private constructor(stretches: readonly Stretch[]) {
    this.#queues = new Map(stretches.map((stretch) => [keyOf(stretch.topic, stretch.partition), new Queue(stretch)]));
  }

  /** The next record of one stretch, waited for; null at its end, and when this was closed. Throws PortError. */
  async next(topic: string, partition: number): Promise<StretchRecord | null> {
    const queue = this.#queues.get(keyOf(topic, partition));
    return queue === undefined ? null : await this.#waited([queue]);
  }

  /** The next record of any stretch, waited for; null at the end of all, and when this was closed. Throws PortError. */
  async nextOfAny(): Promise<StretchRecord | null> {
    return await this.#waited([...this.#queues.values()]);
  }

  /** At most so many records of any stretch. None: ask again, and markers may have come. null when this was closed. Throws PortError. */
  async nextBatch(limit: number): Promise<StretchRecord[] | null> {
    const records: StretchRecord[] = [];
    while (records.length < limit) {
      const before = records.length;
      for (const queue of this.#queues.values()) records.push(...queue.take(Math.min(SHARE, limit - records.length)));
      if (records.length === before) break;
    }
    if (records.length === 0) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#isClosed) return null;
      await this.#bell.after(this.#heard, FOR_EVER_MS);
    }
    this.#heard = this.#bell.rings;
    return records;
  }

  /** The offset after all that was handed over of a stretch, and after the markers behind it. */
  offsetAfter(topic: string, partition: number): number {
    return this.#queues.get(keyOf(topic, partition))?.offset ?? 0;
  }

  /** Who waits gets null. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#bell.ring();
    await this.#reading?.end();
  }

  async #waited(queues: readonly Queue[]): Promise<StretchRecord | null> {
    for (;;) {
      const { rings } = this.#bell;
      if (this.#isClosed) return null;
      for (const queue of queues) {
        const record = queue.shift();
        if (record !== null) return record;
      }
      if (this.#failure !== null) throw this.#failure;
      if (queues.every(({ isEnded }) => isEnded)) return null;
      await this.#bell.after(rings, FOR_EVER_MS);
    }
  }

  async #start(options: KafkaOptions, stretches: readonly Stretch[]): Promise<void> {
    const names = [...new Set(stretches.map(({ topic }) => topic))].map((topic) => ({ topic, name: nameIn(options.namespace, topic) }));
    const partitions = new Map(names.map(({ topic, name }) => [name, stretches.filter((each) => each.topic === topic).map(({ partition }) => partition)]));
    const consumer = connectionOf(options).consumer({
      groupId: `fillstream-stretches-${randomUUID()}`, partitionAssigners: [onlyThese(partitions)], allowAutoTopicCreation: false,
      maxBytesPerPartition: BYTES_A_PARTITION, maxWaitTimeInMs: FETCH_WAIT_MS,
    });
    const queueOf = (name: string, partition: number): Queue | undefined => {
      return this.#queues.get(keyOf(names.find((each) => each.name === name)?.topic ?? '', partition));
    };
    const what = `reading ${names.map(({ name }) => name).join(', ')}`;
    this.#reading = enduring(consumer, what, {
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        await Promise.resolve();
        queueOf(batch.topic, batch.partition)?.accept(batch);
        this.#bell.ring();
      },
    }, (failure) => this.#fail(failure));
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const { topic, partition } of stretches) this.#queues.get(keyOf(topic, partition))?.begin(consumer, nameIn(options.namespace, topic));
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
      queueOf(topic, partition)?.reach(Number(lastOffset) + 1);
      this.#bell.ring();
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: names.map(({ name }) => name), fromBeginning: true });
      await this.#reading.run();
    } catch (error) {
      await this.#reading.end();
      throw error instanceof PortError ? error : kafkaFailure(what, error, false);
    }
  }

  #fail(failure: PortError): void {
    this.#failure = failure;
    this.#bell.ring();
  }
}

/** One stretch's records, in order. */
class Queue {
  readonly #stretch: Stretch;
  #records: StretchRecord[] = [];
  /** In `#records`. */
  #place = 0;
  /** The offset after all that was queued or left out. */
  #next: number;
  #consumer: Consumer | null = null;
  #name = '';
  #paused = false;

  constructor(stretch: Stretch) {
    this.#stretch = stretch;
    this.#next = stretch.from;
  }

  get isEnded(): boolean {
    return this.#stretch.to !== null && this.#next >= this.#stretch.to;
  }

  get #length(): number {
    return this.#records.length - this.#place;
  }

  /** Told after each joining: the consumer goes on where this stands. */
  begin(consumer: Consumer, name: string): void {
    [this.#consumer, this.#name] = [consumer, name];
    consumer.seek({ topic: name, partition: this.#stretch.partition, offset: String(this.#next) });
    if (this.isEnded) this.#pause();
  }

  get offset(): number {
    return this.#records[this.#place]?.offset ?? this.#next;
  }

  take(limit: number): StretchRecord[] {
    const records: StretchRecord[] = [];
    for (let record = limit > 0 ? this.shift() : null; record !== null; record = records.length < limit ? this.shift() : null) records.push(record);
    return records;
  }

  shift(): StretchRecord | null {
    const record = this.#records[this.#place];
    if (record === undefined) return null;
    this.#place += 1;
    if (this.#place === this.#records.length) [this.#records, this.#place] = [[], 0];
    if (this.#paused && !this.isEnded && this.#length <= LOW) this.#resume();
    return record;
  }

  accept({ messages, partition }: Batch): void {
    const { topic, to } = this.#stretch;
    for (const { offset, timestamp, key, value, headers = {} } of messages) {
      if (Number(offset) < this.#next || (to !== null && Number(offset) >= to)) continue;
      this.#records.push({ topic, partition, offset: Number(offset), timestamp: Number(timestamp), key, value, headers });
      this.#next = Number(offset) + 1;
    }
    if (this.#length >= FULL) this.#pause();
  }

  /** All before this offset was handed over (R3). */
  reach(offset: number): void {
    this.#next = Math.max(this.#next, offset);
    if (this.isEnded) this.#pause();
  }

  #pause(): void {
    this.#paused = true;
    this.#consumer?.pause([{ topic: this.#name, partitions: [this.#stretch.partition] }]);
  }

  #resume(): void {
    this.#paused = false;
    this.#consumer?.resume([{ topic: this.#name, partitions: [this.#stretch.partition] }]);
  }
}

/** Gives the group's one member the partitions that it wants (R2). */
function onlyThese(partitions: ReadonlyMap<string, number[]>): PartitionAssigner {
  return () => ({
    name: ASSIGNER,
    version: ASSIGNER_VERSION,
    protocol: ({ topics }) => ({
      name: ASSIGNER,
      metadata: AssignerProtocol.MemberMetadata.encode({ version: ASSIGNER_VERSION, topics, userData: Buffer.alloc(0) }),
    }),
    assign: async ({ members }) => await Promise.resolve(members.map(({ memberId }) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: ASSIGNER_VERSION, assignment: Object.fromEntries(partitions), userData: Buffer.alloc(0),
      }),
    }))),
  });
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${String(partition)}`;
}
