// How to reach a Kafka cluster, and the kafkajs client made of it.
//
// L1  A cluster that loses a broker is still there: until the loss is noticed, the dead broker is among those that are asked.
//     The client gives up at the first such answer in some places; what is asked here, and a producer's first step, is repeated.

import { setTimeout as sleep } from 'node:timers/promises';
import { PortError } from '@fillstream/runtime';
import { Kafka, logLevel, type Admin, type KafkaConfig, type Producer, type SASLOptions } from 'kafkajs';
import { mendTimers } from './client-timers.ts';

export type KafkaOptions = {
  /** host:port of some brokers. */
  readonly brokers: readonly string[];
  /** Stands before every topic, group and transactional id, so that several installations share a cluster. Default: none. */
  readonly namespace?: string;
  readonly tls?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
  /** Told of what the client meets, one line each. */
  readonly onTrouble?: (message: string) => void;
  /** Told of the kind of each error that the client meets, also of those that it gets over. */
  readonly onError?: (kind: KafkaErrorKind) => void;
};

/** `answer`: a broker refused a request; the others by the part of the client that met it. */
export const KAFKA_ERROR_KINDS = ['answer', 'connection', 'cluster', 'consumer', 'producer', 'other'] as const;
export type KafkaErrorKind = (typeof KAFKA_ERROR_KINDS)[number];

/** Right after a commit the coordinator answers CONCURRENT_TRANSACTIONS for some milliseconds: the first retry comes soon. */
const RETRY = { initialRetryTime: 10, maxRetryTime: 2_000 };
/** About 60 s: a dead broker is noticed after 9 s by default, and one that is started again takes longer. */
const RETRIES = 37;
/** About 10 s. Every command begins with questions: who gave a wrong address wants to know soon. */
const RETRIES_OF_ADMIN = 12;
const REPEATS = 10;
const REPEAT_MS = 250;
const NORMAL = /another concurrent operation on the same transaction/;
/** What a broker answers in the course of things; it is met by the client. */
const USUAL = /another concurrent operation on the same transaction|The group is rebalancing/;
const REQUEST_TIMEOUT_MS = 30_000;
/** The same trouble is told again after this long. */
const TELL_AGAIN_MS = 30_000;
/** What a broker does to a client that speaks another protocol than its own, or doesn't log in. */
const SHUT = /^Closed connection/;
const UNCONNECTED = /^Broker not connected$/;
/** What a group says to a member whose protocols no other one knows. */
const STRANGER = /protocols are incompatible/;
const REFUSED_LOGIN = /SASL \S.* authentication failed/;

mendTimers();

export function connectionOf(options: KafkaOptions): Kafka {
  const kafka = clientOf(options, RETRIES);
  const brief = briefClientOf(options);
  const newProducer = kafka.producer.bind(kafka);
  kafka.admin = (config) => brief.admin(config);
  kafka.producer = (config) => patient(newProducer(config));
  return kafka;
}

/** For questions alone. */
export function briefClientOf(options: KafkaOptions): Kafka {
  return clientOf(options, RETRIES_OF_ADMIN);
}

/**
 * A producer that connects and sends also while a broker is being lost (L1), and keeps no connection when it fails to. What it
 * sends again has the sequence numbers that it had: a broker that has it already leaves it out.
 */
function patient(producer: Producer): Producer {
  const connect = producer.connect.bind(producer);
  const send = producer.send.bind(producer);
  producer.send = async (record) => await repeated(async () => await send(record), isUnconnected);
  producer.connect = async () => {
    try {
      await repeated(connect);
    } catch (error) {
      await producer.disconnect();
      throw error;
    }
  };
  return producer;
}

/** Does it again, up to ten times, while the client says that this may help (L1). */
async function repeated<T>(request: () => Promise<T>, mayHelp = (error: unknown) => isRetriable(error) || isUnconnected(error)): Promise<T> {
  for (let left = REPEATS; ; left -= 1) {
    try {
      return await request();
    } catch (error) {
      if (left === 0 || !mayHelp(error)) throw error;
      await sleep(REPEAT_MS);
    }
  }
}

/** The client chose a broker that it is just connecting to, or has just lost. */
function isUnconnected(error: unknown): boolean {
  return error instanceof Error && UNCONNECTED.test(error.message);
}

function clientOf({ brokers, tls, sasl, onTrouble, onError }: KafkaOptions, retries: number): Kafka {
  const tellOnce = onceInAWhile((message) => onTrouble?.(`kafka: ${message}`));
  return new Kafka({
    clientId: 'fillstream',
    brokers: [...brokers],
    ...(tls === undefined ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { ...RETRY, retries },
    logLevel: logLevel.ERROR,
    logCreator: () => ({ namespace, log }) => {
      const isThrown = namespace === 'Connection' || REFUSED_LOGIN.test(log.message); // Those are met above it.
      const answer: unknown = log['error'];
      if (!USUAL.test(log.message) && !USUAL.test(String(answer))) onError?.(kindOf(namespace, log.message));
      if (!isThrown && !NORMAL.test(log.message)) tellOnce(log.message);
    },
  });
}

/** By the client's name of its part. */
function kindOf(namespace: string, message: string): KafkaErrorKind {
  if (namespace === 'Connection') return message.startsWith('Response') ? 'answer' : 'connection';
  if (/^(?:Cluster|BrokerPool|Broker)/.test(namespace)) return 'cluster';
  if (/^(?:Consumer|Runner|Fetch|Offset)/.test(namespace)) return 'consumer';
  return /Producer|Transaction|EOS/.test(namespace) ? 'producer' : 'other';
}

/** Each repetition of a message within TELL_AGAIN_MS is left out: the client repeats itself with every retry. */
export function onceInAWhile(tell: (message: string) => void): (message: string) => void {
  let [last, at] = ['', -Infinity];
  return (message) => {
    if (message === last && performance.now() - at < TELL_AGAIN_MS) return;
    [last, at] = [message, performance.now()];
    tell(message);
  };
}

/** `fills` in namespace `a` is `a.fills`. */
export function nameIn(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}.${name}`;
}

/** Runs one task with an admin client, again from its beginning when a broker doesn't answer (L1). Throws PortError. */
export async function withAdmin<T>(kafka: Kafka, task: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await repeated(() => task(admin));
  } catch (error) {
    throw error instanceof PortError ? error : kafkaFailure('the cluster', error);
  } finally {
    await admin.disconnect();
  }
}

/** An error of the client as one line, for a user. */
export function kafkaFailure(what: string, error: unknown, retryable = true): PortError {
  return new PortError('log-broken', `kafka, ${what}: ${explained(messageOf(error))}`, { retryable, cause: error });
}

function explained(message: string): string {
  if (SHUT.test(message)) return `${message}: does the broker want TLS, or a login?`;
  if (STRANGER.test(message)) return `${message}: a version runs that can't share with this one; stop it first`;
  return /certificate/.test(message) ? `${message} (is the CA that was given the broker's?)` : message;
}

/** Of an error that stands for several, all of them. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && 'errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return [...new Set(error.errors.map(messageOf))].join('; ');
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
