// A topic from its beginning on, for good: all of it that is there at the start, then what comes. Outside any group's offsets.
//
// T1  Each record is handed over once, also when the client begins anew after a failure.

import { randomUUID } from 'node:crypto';
import { PortError } from '@fillstream/runtime';
import type { Consumer, ConsumerRunConfig } from 'kafkajs';
import { connectionOf, kafkaFailure, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { enduring, type Enduring } from './enduring.ts';

export type TailedRecord = { readonly key: string | null; readonly value: Buffer | null };

export type TailListener = {
  readonly onRecord: (record: TailedRecord) => void;
  /** Told when nothing more will come. */
  readonly onFailure?: (error: PortError) => void;
};

const FETCH_WAIT_MS = 100;

export class TopicTail {
  readonly #consumer: Enduring;

  /** Resolves when everything that was there has been handed over. Throws PortError. `topic` is without its namespace. */
  static async follow(options: KafkaOptions, topic: string, { onRecord, onFailure }: TailListener): Promise<TopicTail> {
    const kafka = connectionOf(options);
    const name = nameIn(options.namespace, topic);
    const ends = await withAdmin(kafka, async (admin) => await admin.fetchTopicOffsets(name));
    const consumer = kafka.consumer({ groupId: `fillstream-tail-${randomUUID()}`, allowAutoTopicCreation: false, maxWaitTimeInMs: FETCH_WAIT_MS });
    const { promise: caughtUp, reject } = reached(consumer, ends);
    const tail = enduring(consumer, `following ${name}`, configOf(onRecord), (failure) => {
      reject(failure);
      onFailure?.(failure);
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

function configOf(onRecord: TailListener['onRecord']): ConsumerRunConfig {
  const next = new Map<number, number>();
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
