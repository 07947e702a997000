// A topic from its beginning or its end on, for good: all of it that is there at the start, then what comes. Outside any group's
// offsets.
//
// T1  Each record is handed over once, also when the client begins anew after a failure: whenever it joins, it is told where to go on.

import { randomUUID } from 'node:crypto';
import { PortError } from '@fillstream/runtime';
import type { Consumer, ConsumerRunConfig } from 'kafkajs';
import { connectionOf, kafkaFailure, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';
import { unlessRestarting } from './feed.ts';

export type TailedRecord = { readonly key: string | null; readonly value: Buffer | null };

export type TailListener = {
  readonly onRecord: (record: TailedRecord) => void;
  /** Told when nothing more will come. */
  readonly onFailure?: (error: PortError) => void;
};

const FETCH_WAIT_MS = 100;

export class TopicTail {
  readonly #consumer: Enduring;

  /**
   * Resolves when everything that was there has been handed over, or from the `end` on when what comes will be. Throws PortError.
   * `topic` is without its namespace.
   */
  static async follow(options: KafkaOptions, topic: string, { onRecord, onFailure }: TailListener, from: 'beginning' | 'end' = 'beginning'): Promise<TopicTail> {
    const kafka = connectionOf(options);
    const name = nameIn(options.namespace, topic);
    const ends = await withAdmin(kafka, async (admin) => await admin.fetchTopicOffsets(name));
    const consumer = kafka.consumer({ groupId: `fillstream-tail-${randomUUID()}`, allowAutoTopicCreation: false, maxWaitTimeInMs: FETCH_WAIT_MS });
    const next = new Map(ends.map(({ partition, low, high }) => [partition, Number(from === 'beginning' ? low : high)]));
    const { promise: caughtUp, reject } = reached(consumer, from === 'beginning' ? ends : []);
    const tail = enduring(consumer, `following ${name}`, configOf(onRecord, next), (failure) => {
      reject(failure);
      onFailure?.(failure);
    });
    consumer.on(consumer.events.GROUP_JOIN, () => {
      unlessRestarting(() => {
        for (const [partition, offset] of next) consumer.seek({ topic: name, partition, offset: String(offset) });
      });
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [name], fromBeginning: true });
      await tail.run();
      await caughtUp;
      return new TopicTail(tail);
    } catch (error) {
      await tail.end();
      throw error instanceof PortError ? error : kafkaFailure(`following ${name}`, error, false);
    }
  }

  private constructor(consumer: Enduring) {
    this.#consumer = consumer;
  }

  async close(): Promise<void> {
    await this.#consumer.end();
  }
}

/** Resolves when all was read that is there now. */
function reached(consumer: Consumer, ends: readonly { readonly partition: number; readonly low: string; readonly high: string }[]): PromiseWithResolvers<void> {
  const caughtUp = Promise.withResolvers<void>();
  caughtUp.promise.catch(() => undefined); // Met by who waits, if anybody still does.
  const left = new Map(ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]));
  if (left.size === 0) caughtUp.resolve();
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
    if (Number(lastOffset) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition);
    if (left.size === 0) caughtUp.resolve();
  });
  return caughtUp;
}

/** `next`: by partition, the first offset that is handed over. */
function configOf(onRecord: TailListener['onRecord'], next: Map<number, number>): ConsumerRunConfig {
  return {
    autoCommit: false,
    eachMessage: async ({ partition, message: { key, value, offset } }) => {
      await Promise.resolve();
      if (Number(offset) < (next.get(partition) ?? 0)) return; // T1
      next.set(partition, Number(offset) + 1);
      onRecord({ key: key?.toString() ?? null, value });
    },
  };
}
