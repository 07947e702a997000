// EventLog on Kafka: the group's consumer, one output producer for each open partition.
//
// K1  What is committed is read after the fence, from the group's offsets and from the topic `commits`, which is written in the
//     same transactions. The later of them holds: offsets may be lost or overwritten, and a coordinator that has just taken the
//     group over may answer with older ones, while no broker tells an end of a topic that it had told to be later before. A group
//     that is behind is told: its lag would stand for good where no more records come.
// K2  Input is never skipped: what was deleted unread, a topic made anew and added partitions end in an error.

import { setTimeout as sleep } from 'node:timers/promises';
import { PortError, comparePositions, startOf, type EventLog, type HistoryPoint, type PartitionLog } from '@fillstream/runtime';
import { INPUT_TOPICS, readCommit, type Committed } from '@fillstream/topics';
import type { Topic } from '@fillstream/schemas';
import type { Admin, Consumer, Kafka } from 'kafkajs';
import { coPartitionAssigner } from './assigner.ts';
import { committedPointOf, offsetsOf, type CommittedPoint } from './committed-offsets.ts';
import { connectionOf, isRetriable, kafkaFailure, messageOf, nameIn, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';
import { Feed, lostRecords } from './feed.ts';
import { isSame, parseLast, type Applied } from './last-applied.ts';
import { firstStart, lastCommit } from './last-commit.ts';
import { LagWatch } from './lag.ts';
import { Membership, sessionConfig } from './membership.ts';
import { openPlain, openTransactional, type Offsets, type OnStep, type Outputs } from './outputs.ts';
import { KafkaPartition } from './partition-log.ts';
import { untilDecided } from './undecided.ts';
import { WireFormat, registryOf, type RegistryOptions } from './wire-format.ts';

export type Delivery = 'exactly-once' | 'at-least-once';

export type KafkaLogOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly delivery?: Delivery;
  readonly sessionTimeoutMs?: number;
  readonly onStep?: OnStep;
};

export type GroupListener = {
  /** Told of each assignment of the group. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
  /** Told how many milliseconds each joining of the group took. */
  readonly onJoined?: (ms: number) => void;
  /** Told of what ends the log: input that would be skipped, or a consumer that can't go on. */
  readonly onFailure?: (error: PortError) => void;
};

const SESSION_TIMEOUT_MS = 30_000;
/** Reads as fast as four times as much, and fewer records wait to be handed over. */
const BYTES_A_PARTITION = 65_536;
/** How long a fetch waits for records, and so a partition that is opened meanwhile. */
const FETCH_WAIT_MS = 100;
const WATCH_MS = 2_000;
const REPEATS = 20;
const REPEAT_MS = 250;
const SAME_WAIT_MS = 10_000;

/** The topics that the processor writes. */
export const OUTPUT_TOPICS = ['signals', 'quarantine', 'repairs', 'commits'] as const;
export type OutputTopic = (typeof OUTPUT_TOPICS)[number];
const READ_TOPICS = [...INPUT_TOPICS, 'commits'] as const;

export class KafkaLog implements EventLog {
  readonly inputs = INPUT_TOPICS.map((name, clock) => ({ name, clock }));
  readonly partitions: number;
  readonly groupId: string;
  readonly formats: ReadonlyMap<Topic, WireFormat>;
  readonly #options: KafkaLogOptions;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #consumer: Consumer;
  readonly #feed: Feed;
  readonly #reading: Enduring;
  readonly #membership: Membership;
  readonly #open = new Map<number, KafkaPartition>();
  #listener: GroupListener = {};
  #watch: NodeJS.Timeout | undefined;

  /** Throws PortError. */
  static async connect(options: KafkaLogOptions): Promise<KafkaLog> {
    const kafka = connectionOf(options.kafka);
    const admin = kafka.admin();
    try {
      await admin.connect();
      const partitions = await partitionCount(admin, options.kafka.namespace);
      const formats = await formatsOf(options);
      return new KafkaLog(options, kafka, admin, partitions, formats);
    } catch (error) {
      await admin.disconnect();
      throw error instanceof PortError ? error : kafkaFailure('at start', error, false);
    }
  }

  private constructor(options: KafkaLogOptions, kafka: Kafka, admin: Admin, partitions: number, formats: ReadonlyMap<Topic, WireFormat>) {
    this.#options = options;
    this.#kafka = kafka;
    this.#admin = admin;
    this.partitions = partitions;
    this.formats = formats;
    this.groupId = nameIn(options.kafka.namespace, 'processor');
    this.#consumer = kafka.consumer({
      groupId: this.groupId,
      partitionAssigners: [coPartitionAssigner(() => this.#membership.partitions)],
      ...sessionConfig(options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS),
      maxBytesPerPartition: BYTES_A_PARTITION,
      maxWaitTimeInMs: FETCH_WAIT_MS,
    });
    this.#membership = new Membership(this.#consumer, this.nameOf('fills'), (assigned, ms) => {
      this.#listener.onJoined?.(ms);
      this.#listener.onAssigned?.(assigned);
    });
    this.#feed = new Feed(this.#consumer, admin);
    this.#reading = enduring(this.#consumer, 'the consumer', this.#feed.runConfig, (error) => this.#fail(error));
  }

  nameOf(topic: Topic): string {
    return nameIn(this.#options.kafka.namespace, topic);
  }

  /** Joins the group; the listener hears of the first assignment before this resolves. Throws PortError. */
  async join(listener: GroupListener = {}): Promise<void> {
    this.#listener = listener;
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: READ_TOPICS.map((topic) => this.nameOf(topic)), fromBeginning: true });
      await this.#reading.run();
    } catch (error) {
      throw kafkaFailure('joining the group', error, false);
    }
    this.#watch = setInterval(() => {
      this.#checkInputs().catch((error: unknown) => {
        if (error instanceof PortError) this.#fail(error);
        else this.#options.kafka.onTrouble?.(`kafka, watching the inputs: ${messageOf(error)}`);
      });
    }, WATCH_MS);
  }

  /** When the group last answered (`performance.now()`); null before the first answer. */
  get answeredAt(): number | null {
    return this.#membership.answeredAt;
  }

  /** Tells how far the open partitions are behind, once it is started; closed by who asked for it. */
  lagWatch(): LagWatch {
    return new LagWatch(this.#options.kafka, () => [...this.#open.values()].flatMap((opened) => (opened.isClosed ? [] : [opened.stand])));
  }

  async assigned(partition: number): Promise<void> {
    await this.#membership.confirm(partition);
  }

  async open(partition: number): Promise<PartitionLog> {
    const outputs = await this.#openOutputs(partition);
    try {
      await untilDecided(this.#options.kafka, partition, async (topic) => (await this.#boundsOf(topic, partition)).high);
      const { committed, isGroupBehind } = await this.#committed(partition);
      const { start, point, last } = committed;
      await this.#checkAt(partition, point.position.offsets);
      await Promise.all(last.map(async (applied, place) => await this.#checkSame(partition, place, applied)));
      if (isGroupBehind) await outputs.commit([], this.offsetsBehind(partition, committed));
      const opened = new KafkaPartition({
        log: this, feed: this.#feed, outputs, partition,
        start: beginningAt(start), committed: point, last, ends: (await this.#bounds(partition)).map(({ high }) => high),
      });
      this.#open.set(partition, opened);
      return opened;
    } catch (error) {
      await outputs.close();
      throw error instanceof PortError ? error : kafkaFailure(`opening partition ${String(partition)}`, error);
    }
  }

  /** What tells the group how far a partition is committed. */
  offsetsBehind(partition: number, committed: CommittedPoint): Offsets {
    return { groupId: this.groupId, topics: offsetsOf(INPUT_TOPICS.map((topic) => this.nameOf(topic)), partition, committed) };
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    this.#membership.leave();
    for (const opened of this.#open.values()) opened.fail(new PortError('fenced', 'the log was closed', { retryable: false }));
    await this.#reading.end();
    await this.#admin.disconnect();
  }

  async #openOutputs(partition: number): Promise<Outputs> {
    const { delivery, onStep } = this.#options;
    if (delivery !== 'at-least-once') return await openTransactional(this.#kafka, `${this.groupId}-${String(partition)}`, partition, onStep);
    return await openPlain(this.#kafka, partition, async ({ topics }: Offsets) => {
      await this.#consumer.commitOffsets(topics.flatMap(({ topic, partitions }) => partitions.map((offset) => ({ topic, ...offset }))));
    }, onStep);
  }

  /** K1. */
  async #committed(partition: number): Promise<{ readonly committed: CommittedPoint; readonly isGroupBehind: boolean }> {
    const [byGroup, last] = await Promise.all([this.#groupPoint(partition), lastCommit(this, this.#feed, partition)]);
    const isGroupBehind = last !== null && (byGroup === null || comparePositions(last.point.position, byGroup.point.position) === 'after');
    if (!isGroupBehind) return { committed: byGroup ?? await this.#beginning(partition), isGroupBehind };
    return { committed: { ...last, start: byGroup?.start ?? await firstStart(this, this.#feed, partition) }, isGroupBehind };
  }

  /** As the group's offsets tell it; null when they don't. */
  async #groupPoint(partition: number): Promise<CommittedPoint | null> {
    const names = INPUT_TOPICS.map((topic) => this.nameOf(topic));
    const fetched = await repeated(async () => await this.#admin.fetchOffsets({ groupId: this.groupId, topics: names }));
    return committedPointOf(names.flatMap((name) => {
      const topic = fetched.find((each) => each.topic === name);
      return topic?.partitions.find((each) => each.partition === partition) ?? [];
    }));
  }

  /** Throws PortError for what is no commit of ours. */
  async decodeCommit(value: Buffer | null): Promise<Committed> {
    const format = this.formats.get('commits');
    await format?.learn([value]);
    const body = format?.unframe(value) ?? null;
    if (body === null) throw new PortError('log-broken', 'a record of the topic commits is unreadable', { retryable: false });
    return readCommit(body);
  }

  /** Where the topics begin: history begins there. */
  async #beginning(partition: number): Promise<CommittedPoint> {
    const start = (await this.#bounds(partition)).map(({ low }) => low);
    return { start, point: beginningAt(start), last: parseLast(undefined) };
  }

  async #bounds(partition: number): Promise<{ readonly low: number; readonly high: number }[]> {
    return await Promise.all(INPUT_TOPICS.map(async (topic) => await this.#boundsOf(topic, partition)));
  }

  async boundsOfCommits(partition: number): Promise<{ readonly low: number; readonly high: number }> {
    return await this.#boundsOf('commits', partition);
  }

  async #boundsOf(topic: Topic, partition: number): Promise<{ readonly low: number; readonly high: number }> {
    const name = this.nameOf(topic);
    const all = await this.#admin.fetchTopicOffsets(name).catch((error: unknown) => {
      throw kafkaFailure(`the offsets of ${name}`, error);
    });
    const found = all.find((each) => each.partition === partition);
    return { low: Number(found?.low ?? 0), high: Number(found?.high ?? 0) };
  }

  /** K2: what is open hasn't lost what it still has to read. */
  async #checkInputs(): Promise<void> {
    if (await partitionCount(this.#admin, this.#options.kafka.namespace) !== this.partitions) {
      this.#fail(new PortError('mismatch', `the topics had ${String(this.partitions)} partitions, and now have more: addresses would move between them`, { retryable: false }));
    }
    for (const [partition, opened] of this.#open) if (!opened.isClosed) await this.#checkAt(partition, opened.arrivedTo);
  }

  async #checkAt(partition: number, offsets: readonly number[]): Promise<void> {
    for (const [place, topic] of INPUT_TOPICS.entries()) {
      const name = this.nameOf(topic);
      const all = await this.#admin.fetchTopicOffsets(name);
      const lost = lostRecords(name, partition, offsets[place] ?? 0, all.find((each) => each.partition === partition));
      if (lost !== null) throw lost;
    }
  }

  /** K2: a topic that still has the last record applied is the one that was read. */
  async #checkSame(partition: number, place: number, applied: Applied | null): Promise<void> {
    const topic = INPUT_TOPICS[place];
    if (applied === null || topic === undefined || (await this.#boundsOf(topic, partition)).low > applied.offset) return;
    const queue = this.#feed.open(this.nameOf(topic), partition, applied.offset);
    const message = await queue.next(SAME_WAIT_MS);
    this.#feed.close(queue.topic, partition, queue);
    const where = `${queue.topic}/${String(partition)} at offset ${String(applied.offset)}`;
    if (message === null) throw new PortError('log-broken', `kafka: ${where} gives no record`, { retryable: true });
    if (isSame(applied, message)) return;
    throw new PortError('log-broken', `input would be skipped: ${where} has another record than was read there: the topic was made anew`, { retryable: false });
  }

  #fail(error: PortError): void {
    for (const opened of this.#open.values()) opened.fail(error);
    this.#listener.onFailure?.(error);
  }
}

/** The client doesn't repeat every request whose error says that it may be. */
async function repeated<T>(request: () => Promise<T>): Promise<T> {
  for (let left = REPEATS; ; left -= 1) {
    try {
      return await request();
    } catch (error) {
      if (left === 0 || !isRetriable(error)) throw error;
      await sleep(REPEAT_MS);
    }
  }
}

/** The point before any record. */
function beginningAt(offsets: readonly number[]): HistoryPoint {
  return { ...startOf(offsets.length), position: { offsets, fired: 0 } };
}

export async function formatsOf({ kafka, registry }: KafkaLogOptions): Promise<ReadonlyMap<Topic, WireFormat>> {
  const client = registryOf(registry);
  const topics: readonly Topic[] = [...INPUT_TOPICS, ...OUTPUT_TOPICS];
  return new Map(await Promise.all(topics.map(async (topic): Promise<[Topic, WireFormat]> => (
    [topic, await WireFormat.of(client, topic, nameIn(kafka.namespace, topic), kafka.onTrouble)]
  ))));
}

/** Throws PortError when the topics aren't there, or their counts differ. */
export async function partitionCount(admin: Admin, namespace: string | undefined): Promise<number> {
  const names = [...INPUT_TOPICS, ...OUTPUT_TOPICS].map((topic) => nameIn(namespace, topic));
  const existing = new Set(await admin.listTopics());
  const missing = names.filter((name) => !existing.has(name));
  if (missing.length > 0) throw new PortError('log-broken', `there is no topic ${missing.join(', ')}: run \`fillstream topics create\``, { retryable: false });
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const counts = topics.map(({ name, partitions }) => ({ name, count: partitions.length }));
  const [first] = counts;
  if (first === undefined || counts.some(({ count }) => count !== first.count)) {
    const list = counts.map(({ name, count }) => `${name} ${String(count)}`).join(', ');
    throw new PortError('mismatch', `the topics need equal numbers of partitions: ${list}`, { retryable: false });
  }
  return first.count;
}
