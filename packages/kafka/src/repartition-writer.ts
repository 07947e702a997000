// Copied records onto the topics of another namespace: a transaction for each chunk, and in it how far the copy is.
//
// Z1  A chunk and its progress become visible together, or not at all: whoever goes on reads where, and doubles nothing.
// Z2  Opening fences whoever copied before, and waits until what that one began is decided.
// Z3  One partition a send, and no send larger than a topic takes.

import { PortError } from '@fillstream/runtime';
import type { Kafka, Message, Producer } from 'kafkajs';
import { connectionOf, kafkaFailure, nameIn, typeOf, type KafkaOptions } from './connection.ts';
import { PROGRESS_TOPIC, type CopyProgress } from './repartition-progress.ts';

/** Records of one partition; the topic is named without its namespace. */
export type Share = { readonly topic: string; readonly partition: number; readonly messages: Message[] };

/** Of one transaction. */
export type Outcome = { readonly shares: readonly Share[]; readonly progress: CopyProgress };

const ACKS_ALL = -1;
const TRANSACTION_TIMEOUT_MS = 60_000;
const BYTES_A_SEND = 500_000;
/** About what a record takes beside its key and value. */
const RECORD_BYTES = 100;
const FENCED: ReadonlySet<string> = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_TXN_STATE', 'INVALID_PRODUCER_ID_MAPPING']);

export class RepartitionWriter {
  readonly #kafka: Kafka;
  readonly #options: KafkaOptions;
  readonly #producer: Producer;

  /** Throws PortError (Z2). */
  static async open(to: KafkaOptions): Promise<RepartitionWriter> {
    const kafka = connectionOf(to);
    const producer = kafka.producer({
      transactionalId: nameIn(to.namespace, 'repartition'), idempotent: true, maxInFlightRequests: 1,
      transactionTimeout: TRANSACTION_TIMEOUT_MS, allowAutoTopicCreation: false,
    });
    const writer = new RepartitionWriter(to, kafka, producer);
    try {
      await producer.connect();
      const first = await producer.transaction();
      await first.abort();
      return writer;
    } catch (error) {
      await writer.close();
      throw failure(error);
    }
  }

  private constructor(options: KafkaOptions, kafka: Kafka, producer: Producer) {
    this.#options = options;
    this.#kafka = kafka;
    this.#producer = producer;
  }

  /** Z1. Throws PortError; then it isn't known whether it is there, and only a new writer can tell. */
  async commit({ shares, progress }: Outcome): Promise<void> {
    try {
      const transaction = await this.#producer.transaction();
      await allDone(shares.map(async (share) => {
        for (const messages of pieces(share.messages)) await transaction.send({ topic: this.#nameOf(share.topic), messages, acks: ACKS_ALL });
      }));
      const value = JSON.stringify(progress);
      await transaction.send({ topic: this.#nameOf(PROGRESS_TOPIC), messages: [{ key: 'progress', partition: 0, value }], acks: ACKS_ALL });
      await transaction.commit();
    } catch (error) {
      throw failure(error);
    }
  }

  /**
   * Outside any transaction, and behind the markers of the last one, so that a topic ends with a record. Resolves to the offset
   * behind each share, in their order. Throws PortError.
   */
  async append({ shares, progress }: Outcome): Promise<number[]> {
    await this.commit({ shares: [], progress }); // A transaction begins when the one before has all its markers.
    const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    try {
      await producer.connect();
      return await allDone(shares.map(async ({ topic, messages }) => {
        const [written] = await producer.send({ topic: this.#nameOf(topic), messages, acks: ACKS_ALL });
        return Number(written?.baseOffset ?? NaN) + messages.length;
      }));
    } catch (error) {
      throw failure(error);
    } finally {
      await producer.disconnect();
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined); // Whatever it says, it isn't used again.
  }

  #nameOf(topic: string): string {
    return nameIn(this.#options.namespace, topic);
  }
}

/** All are waited for: one that is still repeated would keep the process alive. */
async function allDone<T>(sends: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(sends);
  return await Promise.all(sends);
}

/** Z3. */
function pieces(messages: readonly Message[]): Message[][] {
  const all: Message[][] = [[]];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (bytes > 0 && bytes + size > BYTES_A_SEND) {
      all.push([]);
      bytes = 0;
    }
    bytes += size;
    all.at(-1)?.push(message);
  }
  return all;
}

export function sizeOf({ key, value }: Message): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + RECORD_BYTES;
}

function failure(error: unknown): PortError {
  if (error instanceof PortError) return error;
  if (FENCED.has(typeOf(error) ?? '')) return new PortError('in-use', 'another `fillstream repartition` has begun to copy there: this one has ended', { retryable: false, cause: error });
  return kafkaFailure('copying (run it again: it goes on where it was)', error, false);
}
