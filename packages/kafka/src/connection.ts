// How to reach a Kafka cluster, and the kafkajs client made of it.

import { PortError } from '@fillstream/runtime';
import { Kafka, logLevel, type Admin, type KafkaConfig, type SASLOptions } from 'kafkajs';

export type KafkaOptions = {
  /** host:port of some brokers. */
  readonly brokers: readonly string[];
  /** Stands before every topic, group and transactional id, so that several installations share a cluster. Default: none. */
  readonly namespace?: string;
  readonly tls?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
  /** Told of what the client meets, one line each. */
  readonly onTrouble?: (message: string) => void;
};

/** Right after a commit the coordinator answers CONCURRENT_TRANSACTIONS for some milliseconds: the first retry comes soon. */
const RETRY = { initialRetryTime: 10, maxRetryTime: 2_000, retries: 12 };
const NORMAL = /another concurrent operation on the same transaction/;
const REQUEST_TIMEOUT_MS = 30_000;

export function connectionOf({ brokers, tls, sasl, onTrouble }: KafkaOptions): Kafka {
  return new Kafka({
    clientId: 'fillstream',
    brokers: [...brokers],
    ...(tls === undefined ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    logLevel: logLevel.ERROR,
    logCreator: () => ({ namespace, log }) => {
      if (namespace !== 'Connection' && !NORMAL.test(log.message)) onTrouble?.(`kafka: ${log.message}`); // Those are met above it.
    },
  });
}

/** `fills` in namespace `a` is `a.fills`. */
export function nameIn(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}.${name}`;
}

/** Runs one task with an admin client. Throws PortError. */
export async function withAdmin<T>(kafka: Kafka, task: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await task(admin);
  } catch (error) {
    throw error instanceof PortError ? error : kafkaFailure('the cluster', error);
  } finally {
    await admin.disconnect();
  }
}

/** An error of the client as one line, for a user. */
export function kafkaFailure(what: string, error: unknown, retryable = true): PortError {
  return new PortError('log-broken', `kafka, ${what}: ${messageOf(error)}`, { retryable, cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether the client says that the same request may succeed later. */
export function isRetriable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retriable' in error && error.retriable === true;
}

/** The protocol's name of an error, such as INVALID_PRODUCER_EPOCH; null for others. */
export function typeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('type' in error && typeof error.type === 'string') return error.type;
  return 'cause' in error ? typeOf(error.cause) : null;
}
