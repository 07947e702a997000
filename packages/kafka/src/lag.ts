// How far the processor is behind its topics, and how much of them waits for an open transaction: asked of Kafka every few
// seconds, told at once.
//
// L1  What can't be asked keeps its last answer; how long records have waited goes on from there.
// L2  What a login may not see is left out, and nothing else suffers from it.

import { INPUT_TOPICS } from '@fillstream/topics';
import type { Topic } from '@fillstream/schemas';
import kafkajs, { type Admin } from 'kafkajs';
import { connectionOf, nameIn, type KafkaOptions } from './connection.ts';
import { clientOfTrueEnds } from './true-ends.ts';

const { ConfigResourceTypes } = kafkajs;

/** Where one open partition stands, by input topic. */
export type Stand = {
  readonly partition: number;
  readonly committed: readonly number[];
  /** Timestamps (ms) of the oldest record that isn't committed; null where none is known. */
  readonly oldest: readonly (number | null)[];
  /** Whether all that has arrived is committed, and up to which offset the topic was read; what is no record counts. */
  readonly isClear: readonly boolean[];
  readonly reachedTo: readonly number[];
};

/** One topic of one partition. */
export type Lag = {
  readonly topic: Topic;
  readonly partition: number;
  /** Records that can be read and aren't committed; null for an output. */
  readonly records: number | null;
  /** For how long the oldest of them has been there; 0 when there is none, null for an output. */
  readonly ageMs: number | null;
  /** For how long records have been seen to wait without a pause; 0 when none do. */
  readonly waitingMs: number;
  /** Records, and transactions' markers, behind the first open transaction; null as long as it isn't known. */
  readonly unstable: number | null;
};

/** By topic; null: for good. */
export type Retention = ReadonlyMap<Topic, number | null>;

const LOOK_MS = 3_000;
const RETENTION_EVERY = 20;
const WATCHED = [...INPUT_TOPICS, 'signals'] as const;

export class LagWatch {
  readonly #options: KafkaOptions;
  readonly #stands: () => readonly Stand[];
  readonly #admin: Admin;
  readonly #trueAdmin: Admin | null;
  /** By topic and partition: where readers of what is committed have to stop, and where records end. */
  readonly #ends = new Map<string, number>();
  readonly #trueEnds = new Map<string, number>();
  /** Since when records have been seen to wait. */
  readonly #seenAt = new Map<string, number>();
  #retention: Retention = new Map();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #isClosed = false;

  constructor(options: KafkaOptions, stands: () => readonly Stand[]) {
    this.#options = options;
    this.#stands = stands;
    this.#admin = connectionOf(options).admin();
    this.#trueAdmin = clientOfTrueEnds(options)?.admin() ?? null;
  }

  /** Begins to look; the first answers come a little later. */
  start(): void {
    this.#timer = setTimeout(() => void this.#look(), 0);
  }

  get retention(): Retention {
    return this.#retention;
  }

  /** `now`: milliseconds since the epoch. */
  lags(now: number): Lag[] {
    return this.#stands().flatMap((stand) => WATCHED.map((topic) => this.#lagOf(stand, topic, now)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled([this.#admin.disconnect(), this.#trueAdmin?.disconnect()]);
  }

  #lagOf(stand: Stand, topic: (typeof WATCHED)[number], now: number): Lag {
    const { partition } = stand;
    const key = keyOf(topic, partition);
    const [end, trueEnd] = [this.#ends.get(key), this.#trueEnds.get(key)];
    const unstable = end === undefined || trueEnd === undefined ? null : Math.max(0, trueEnd - end);
    if (topic === 'signals') return { topic, partition, records: null, ageMs: null, waitingMs: 0, unstable };
    const records = recordsOf(stand, INPUT_TOPICS.indexOf(topic), end);
    if (records === 0) return { topic, partition, records, ageMs: 0, waitingMs: 0, unstable };
    const seenAt = this.#seenAt.get(key) ?? now;
    const oldest = stand.oldest[INPUT_TOPICS.indexOf(topic)] ?? seenAt;
    return { topic, partition, records, ageMs: Math.max(0, now - oldest), waitingMs: Math.max(0, now - seenAt), unstable };
  }

  async #look(): Promise<void> {
    try {
      if (this.#looks === 0) await Promise.all([this.#admin.connect(), this.#trueAdmin?.connect()]);
      await this.#readEnds(this.#admin, this.#ends);
      if (this.#trueAdmin !== null) await this.#readEnds(this.#trueAdmin, this.#trueEnds);
      if (this.#looks % RETENTION_EVERY === 0) this.#retention = await this.#readRetention();
      this.#looks += 1;
    } catch {
      // L1; the client has told of it.
    }
    this.#noticeWaiting();
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), LOOK_MS).unref();
  }

  async #readEnds(admin: Admin, ends: Map<string, number>): Promise<void> {
    await Promise.all(WATCHED.map(async (topic) => {
      const found = await admin.fetchTopicOffsets(nameIn(this.#options.namespace, topic));
      for (const { partition, high } of found) ends.set(keyOf(topic, partition), Number(high));
    }));
  }

  #noticeWaiting(): void {
    for (const stand of this.#stands()) {
      for (const [place, topic] of INPUT_TOPICS.entries()) {
        const key = keyOf(topic, stand.partition);
        if (recordsOf(stand, place, this.#ends.get(key)) === 0) this.#seenAt.delete(key);
        else if (!this.#seenAt.has(key)) this.#seenAt.set(key, Date.now());
      }
    }
  }

  /** L2. */
  async #readRetention(): Promise<Retention> {
    const asked = await Promise.allSettled(WATCHED.map(async (topic): Promise<[Topic, number | null]> => {
      const { resources } = await this.#admin.describeConfigs({
        includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: nameIn(this.#options.namespace, topic), configNames: ['retention.ms'] }],
      });
      const text = resources[0]?.configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue ?? '-1';
      return [topic, Number(text) < 0 ? null : Number(text)];
    }));
    return new Map(asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])));
  }
}

/** A topic may end in what is no record: where all that came is committed, nothing waits. */
function recordsOf({ committed, isClear, reachedTo }: Stand, place: number, end = 0): number {
  if (isClear[place] === true && (reachedTo[place] ?? 0) >= end) return 0;
  return Math.max(0, end - (committed[place] ?? 0));
}

function keyOf(topic: Topic, partition: number): string {
  return `${topic}/${String(partition)}`;
}
