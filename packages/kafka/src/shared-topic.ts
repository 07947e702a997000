// One topic, its partitions shared among the processes of a consumer group: each reads its own from where it is told to, and
// commits offsets with a note of its own beside each.
//
// H1  Only what is committed by its writers is read, each record once a member, in the order of a partition.
// H2  Where a partition is read from is the reader's word, said again after each joining; the client's own position is nothing.
// H3  A commit of a member that the group has given up is refused by Kafka, which is no failure here: the next owner has its own.

import { PortError } from '@fillstream/runtime';
import type { Topic } from '@fillstream/schemas';
import type { Admin, Consumer } from 'kafkajs';
import { coPartitionAssigner } from './assigner.ts';
import type { FetchedRecord } from './backlog.ts';
import { connectionOf, kafkaFailure, nameIn, typeOf, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';
import { Feed, isRestarting } from './feed.ts';
import { Membership, sessionConfig } from './membership.ts';
import type { Bounds } from './inspect.ts';

export type SharedTopicOptions = {
  readonly kafka: KafkaOptions;
  /** Group and topic without their namespace. */
  readonly group: string;
  readonly topic: Topic;
  readonly sessionTimeoutMs?: number;
  /** Told of each assignment, also of one that changes nothing. */
  readonly onAssigned: (partitions: readonly number[]) => void;
  /** Told of what ends the membership for good. */
  readonly onFailure: (error: PortError) => void;
};

/** Where a partition stands for the group; `note` is what its last owner wrote beside the offset, '' when somebody else set it. */
export type SharedOffset = { readonly offset: number; readonly note: string };

/** Records of one partition, from where it was opened. */
export type SharedRecords = {
  /** The next record, waited for; null when none comes for so long. Throws PortError when records were lost. */
  readonly next: (patienceMs: number) => Promise<FetchedRecord | null>;
  /** Up to where all that is a record was handed over; null while some wait. */
  readonly reachedTo: () => number | null;
  readonly close: () => void;
};

const SESSION_TIMEOUT_MS = 10_000;
const BYTES_A_PARTITION = 262_144;
const FETCH_WAIT_MS = 100;
/** What Kafka says to a member that isn't one any more (H3). */
const GIVEN_UP: ReadonlySet<string> = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP']);

export class SharedTopic {
  readonly #admin: Admin;
  readonly #consumer: Consumer;
  readonly #membership: Membership;
  readonly #feed: Feed;
  readonly #reading: Enduring;
  readonly #groupId: string;
  readonly #name: string;

  /** Joins the group; it is told of its first assignment before this resolves. Throws PortError. */
  static async join(options: SharedTopicOptions): Promise<SharedTopic> {
    const kafka = connectionOf(options.kafka);
    const admin = kafka.admin();
    let shared: SharedTopic | null = null;
    try {
      await admin.connect();
      shared = new SharedTopic(options, admin);
      await shared.#consumer.connect();
      await shared.#consumer.subscribe({ topics: [shared.#name], fromBeginning: true });
      await shared.#reading.run();
      return shared;
    } catch (error) {
      if (shared === null) await admin.disconnect();
      else await shared.close();
      throw error instanceof PortError ? error : kafkaFailure(`joining the group ${options.group}`, error, false);
    }
  }

  private constructor(options: SharedTopicOptions, admin: Admin) {
    const { kafka, group, topic, onAssigned, onFailure, sessionTimeoutMs = SESSION_TIMEOUT_MS } = options;
    this.#admin = admin;
    this.#groupId = nameIn(kafka.namespace, group);
    this.#name = nameIn(kafka.namespace, topic);
    this.#consumer = connectionOf(kafka).consumer({
      groupId: this.#groupId,
      partitionAssigners: [coPartitionAssigner(() => this.#membership.partitions)],
      ...sessionConfig(sessionTimeoutMs),
      maxBytesPerPartition: BYTES_A_PARTITION,
      maxWaitTimeInMs: FETCH_WAIT_MS,
    });
    this.#membership = new Membership(this.#consumer, this.#name, (partitions) => onAssigned(partitions));
    this.#feed = new Feed(this.#consumer, admin);
    this.#reading = enduring(this.#consumer, `the group ${group}`, this.#feed.runConfig, onFailure);
  }

  /** When the group last answered (`performance.now()`); null before the first answer. */
  get answeredAt(): number | null {
    return this.#membership.answeredAt;
  }

  /** By partition of the topic, where its records begin and end. Throws PortError. */
  async bounds(): Promise<ReadonlyMap<number, Bounds>> {
    const found = await this.#asked(async () => await this.#admin.fetchTopicOffsets(this.#name));
    return new Map(found.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
  }

  /** By partition, what the group has committed; those without are left out. Throws PortError. */
  async committed(): Promise<ReadonlyMap<number, SharedOffset>> {
    const [found] = await this.#asked(async () => await this.#admin.fetchOffsets({ groupId: this.#groupId, topics: [this.#name] }));
    return new Map((found?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0)
      .map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), note: metadata ?? '' }]));
  }

  /** Reads an assigned partition from this offset on (H2). */
  open(partition: number, offset: number): SharedRecords {
    const queue = this.#feed.open(this.#name, partition, offset);
    return {
      next: async (patienceMs) => await queue.next(patienceMs),
      reachedTo: () => (queue.oldest === null ? queue.reachedTo : null),
      close: () => this.#feed.close(this.#name, partition, queue),
    };
  }

  /** H3: false when the group has given us up, or the client is just beginning anew. Throws PortError. */
  async commit(offsets: ReadonlyMap<number, SharedOffset>): Promise<boolean> {
    if (offsets.size === 0) return true;
    try {
      await this.#consumer.commitOffsets(Array.from(offsets, ([partition, { offset, note }]) => (
        { topic: this.#name, partition, offset: String(offset), metadata: note }
      )));
      return true;
    } catch (error) {
      if (GIVEN_UP.has(typeOf(error) ?? '') || isRestarting(error)) return false;
      throw kafkaFailure(`committing offsets of ${this.#name}`, error);
    }
  }

  /** Leaves the group: the others get our partitions at once. */
  async close(): Promise<void> {
    this.#membership.leave();
    await this.#reading.end();
    await this.#admin.disconnect();
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw kafkaFailure(this.#name, error);
    }
  }
}
