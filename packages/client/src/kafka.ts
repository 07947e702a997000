// @fillstream/client/kafka: the topic `signals` read directly, by a consumer of kafkajs that the caller made and connected.
//
// T1  A group's offset is committed when `onSignal` has resolved for all before it: a crash repeats, and loses nothing.
// T2  A call tells each revision once; after a restart a repeat is told by its id and revision, as delivery is at least once.
// T3  What is no signal is told and passed over. Where nobody is there to be told, a record that can't be read ends the reading.
//
// The consumer has to read committed records only. That is kafkajs's default (`readUncommitted: false`), which can't be seen
// here.

import type { Signal } from './protocol.ts';
import { DEFAULT_REMEMBERED, Seen } from './seen.ts';

export type { Signal } from './protocol.ts';

/** What is used of a kafkajs KafkaMessage. */
export type ConsumedMessage = { readonly key: Buffer | null; readonly value: Buffer | null; readonly offset: string };

type Offsets = { topics: { topic: string; partitions: { partition: number; offset: string }[] }[] };

/** What is used of a kafkajs EachBatchPayload. */
export type ConsumedBatch = {
  readonly batch: { readonly topic: string; readonly partition: number; readonly messages: readonly ConsumedMessage[] };
  resolveOffset(offset: string): void;
  heartbeat(): Promise<void>;
  uncommittedOffsets(): Offsets;
  commitOffsetsIfNecessary(offsets: Offsets): Promise<void>;
  isRunning(): boolean;
  isStale(): boolean;
};

type Crash = { readonly payload: { readonly error: Error; readonly restart: boolean } };

type RunConfig = { autoCommit: boolean; eachBatchAutoResolve: boolean; eachBatch: (batch: ConsumedBatch) => Promise<void> };

/** What is used of a kafkajs Consumer. */
export type SignalConsumer = {
  readonly events: { readonly CRASH: 'consumer.crash' };
  on(event: 'consumer.crash', listener: (crash: Crash) => void): () => void;
  subscribe(topics: { topics: string[]; fromBeginning: boolean }): Promise<void>;
  run(config: RunConfig): Promise<void>;
  stop(): Promise<void>;
};

/** A record that was passed over: deleted (a tombstone), or one that `decode` had no signal for. */
export type Skipped = Place & { readonly key: Buffer | null } & (
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'unreadable'; readonly value: Buffer; readonly error: unknown }
);

export type Place = { readonly topic: string; readonly partition: number; readonly offset: string };

export type ReadSignalsOptions = {
  /** Connected, not running; it is stopped at the end, and disconnecting it is the caller's. */
  readonly consumer: SignalConsumer;
  /** `signals`, or `NAMESPACE.signals`. */
  readonly topic: string;
  /** Of Confluent's wire format: what a schema registry's client does. */
  readonly decode: (value: Buffer) => Promise<Signal> | Signal;
  /** T1. One after the other within a partition; what it throws ends the reading. */
  readonly onSignal: (signal: Signal, place: Place) => Promise<void> | void;
  /** T3. */
  readonly onSkipped?: (skipped: Skipped) => void;
  /** Where a group without offsets begins; true when left out. */
  readonly fromBeginning?: boolean;
  /** Ends the reading in order. */
  readonly signal?: AbortSignal;
  /** Ids of which the newest revision is remembered, against repeats (T2). */
  readonly remembered?: number;
};

/** Resolves at the abort, when what was being handled is done and committed. Rejects with what ended it, onSignal's or kafkajs's. */
export async function readSignals(options: ReadSignalsOptions): Promise<void> {
  const { consumer, topic, signal, fromBeginning = true } = options;
  if (signal?.aborted === true) return;
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined); // It may be met before it is awaited, below.
  const stop = (): void => ended.resolve();
  signal?.addEventListener('abort', stop, { once: true });
  const unhear = consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (!restart) ended.reject(error);
  });
  const reader = new Reader(options, (error) => ended.reject(error));
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async (batch) => await reader.read(batch) });
    await ended.promise;
  } finally {
    signal?.removeEventListener('abort', stop);
    unhear();
    reader.end();
    await consumer.stop();
  }
}

class Reader {
  readonly #options: ReadSignalsOptions;
  readonly #seen: Seen;
  readonly #onFailure: (error: unknown) => void;
  #isOver = false;

  constructor(options: ReadSignalsOptions, onFailure: (error: unknown) => void) {
    this.#options = options;
    this.#seen = new Seen(options.remembered ?? DEFAULT_REMEMBERED);
    this.#onFailure = onFailure;
  }

  /** What comes from now on is left alone. */
  end(): void {
    this.#isOver = true;
  }

  async read(consumed: ConsumedBatch): Promise<void> {
    const { topic, partition, messages } = consumed.batch;
    for (const message of messages) {
      if (this.#isOver || !consumed.isRunning() || consumed.isStale()) break;
      if (!await this.#take(message, { topic, partition, offset: message.offset })) break;
      consumed.resolveOffset(message.offset);
      await consumed.heartbeat();
    }
    await consumed.commitOffsetsIfNecessary(consumed.uncommittedOffsets());
  }

  /** False: it failed, and so did the reading. */
  async #take(message: ConsumedMessage, place: Place): Promise<boolean> {
    try {
      const signal = await this.#signalOf(message, place);
      if (signal === null || this.#seen.has(signal)) return true;
      await this.#options.onSignal(signal, place);
      this.#seen.take(signal);
      return true;
    } catch (error) { // Not kafkajs's to try again: the caller is told, and the offset stays.
      this.end();
      this.#onFailure(error);
      return false;
    }
  }

  /** T3. */
  async #signalOf({ key, value }: ConsumedMessage, place: Place): Promise<Signal | null> {
    const { decode, onSkipped } = this.#options;
    if (value === null) {
      onSkipped?.({ kind: 'tombstone', ...place, key });
      return null;
    }
    try {
      return await decode(value);
    } catch (error) {
      if (onSkipped === undefined) throw error;
      onSkipped({ kind: 'unreadable', ...place, key, value, error });
      return null;
    }
  }
}
