// How one partition's commits get onto its output topics.
//
//   exactly-once   one transaction: signals, refusals, the commit's own record, and the offsets behind it
//   at-least-once  the same records without one, the commit's own after the others: a crash in between repeats them
//
// O1  One partition a send: a send to several loses or doubles records when a broker dies.
// O2  After any error the producer is of no more use, and its outcome unknown: nothing is sent again by it, or aborted.
// O3  The first transaction of a new producer fences the one before, and waits until what that one ended is decided.

import { PortError } from '@fillstream/runtime';
import type { NewRecord } from '@fillstream/topics';
import type { Kafka, Message, Producer, TopicOffsets } from 'kafkajs';
import { messageOf, typeOf } from './connection.ts';

export type OutputRecord = Omit<NewRecord, 'topic' | 'body'> & {
  readonly topicName: string;
  readonly value: Buffer;
  readonly headers?: Record<string, string>;
};

export type Offsets = { readonly groupId: string; readonly topics: readonly TopicOffsets[] };

/** The steps of a commit: its records, the offsets behind them, the end of its transaction. */
export const COMMIT_STEPS = ['send', 'offsets', 'end'] as const;
export type CommitStep = (typeof COMMIT_STEPS)[number];
/** Told of each step that was done, in milliseconds. */
export type OnStep = (step: CommitStep, ms: number) => void;

export interface Outputs {
  /** Resolves when all is visible. Throws PortError (O2). */
  commit(records: readonly OutputRecord[], offsets: Offsets): Promise<void>;
  close(): Promise<void>;
}

/** A transaction that isn't ended by then is aborted by the coordinator. */
const TRANSACTION_TIMEOUT_MS = 60_000;
const ACKS_ALL = -1;
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_TXN_STATE', 'UNKNOWN_PRODUCER_ID']);
const HOPELESS = new Set([
  'TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED',
  'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'SASL_AUTHENTICATION_FAILED',
]);

/** Fences whoever had the transactional id (O3). Throws PortError. */
export async function openTransactional(kafka: Kafka, transactionalId: string, partition: number, onStep?: OnStep): Promise<Outputs> {
  const producer = kafka.producer({
    transactionalId, idempotent: true, maxInFlightRequests: 1, transactionTimeout: TRANSACTION_TIMEOUT_MS, allowAutoTopicCreation: false,
  });
  const close = closer(producer);
  try {
    await producer.connect();
    const first = await producer.transaction();
    await first.abort();
  } catch (error) {
    await close();
    throw failure(`the fence of ${transactionalId}`, error);
  }
  return {
    close,
    commit: async (records, { groupId, topics }) => {
      try {
        const step = stepper(onStep);
        const transaction = await producer.transaction();
        await Promise.all(sendsOf(records, partition).map(async (send) => await transaction.send({ ...send, acks: ACKS_ALL })));
        step('send');
        await transaction.sendOffsets({ consumerGroupId: groupId, topics: [...topics] });
        step('offsets');
        await transaction.commit();
        step('end');
      } catch (error) {
        throw failure(`a transaction of ${transactionalId}`, error);
      }
    },
  };
}

/** Throws PortError. `commitOffsets` is the group's, for whoever watches its lag. */
export async function openPlain(
  kafka: Kafka, partition: number, commitOffsets: (offsets: Offsets) => Promise<void>, onStep?: OnStep,
): Promise<Outputs> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  const close = closer(producer);
  try {
    await producer.connect();
  } catch (error) {
    await close();
    throw failure('the producer', error);
  }
  return {
    close,
    commit: async (records, offsets) => {
      try {
        const step = stepper(onStep);
        const sends = sendsOf(records, partition);
        await Promise.all(sends.slice(0, -1).map(async (send) => await producer.send({ ...send, acks: ACKS_ALL })));
        for (const send of sends.slice(-1)) await producer.send({ ...send, acks: ACKS_ALL });
        step('send');
        await commitOffsets(offsets);
        step('offsets');
      } catch (error) {
        throw failure(`a commit of partition ${String(partition)}`, error);
      }
    },
  };
}

function stepper(onStep: OnStep | undefined): (step: CommitStep) => void {
  let since = performance.now();
  return (step) => {
    const now = performance.now();
    onStep?.(step, now - since);
    since = now;
  };
}

type Send = { readonly topic: string; readonly messages: Message[] };

/** One a topic, in order of first mention (O1). */
function sendsOf(records: readonly OutputRecord[], partition: number): Send[] {
  return Array.from(Map.groupBy(records, ({ topicName }) => topicName), ([topic, group]) => ({
    topic,
    messages: group.map(({ key, value, timestamp, headers }) => ({
      key, value, partition,
      ...(timestamp === null ? {} : { timestamp: String(timestamp) }),
      ...(headers === undefined ? {} : { headers }),
    })),
  }));
}

function closer(producer: Producer): () => Promise<void> {
  return async () => {
    await producer.disconnect().catch(() => undefined); // Whatever it says, it isn't used again.
  };
}

function failure(what: string, error: unknown): PortError {
  const type = typeOf(error);
  const message = `kafka, ${what}: ${messageOf(error)}`;
  if (type !== null && FENCED.has(type)) return new PortError('fenced', message, { retryable: true, cause: error });
  return new PortError('unknown-outcome', message, { retryable: type === null || !HOPELESS.has(type), cause: error });
}
