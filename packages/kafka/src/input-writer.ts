// Records onto topics: an idempotent producer, one partition a send, one group of records at a time.
//
// W1  What is appended while a group is under way becomes the next group, so order is kept and few requests are made.
// W2  After an error the producer is of no more use: it would give the next records the numbers of those whose fate is
//     unknown, and the broker would take them for repeats and drop them. The next group has a new one.

import { PortError, partitionOf } from '@fillstream/runtime';
import type { EncodedInput, Topic } from '@fillstream/schemas';
import { INPUT_TOPICS, type NewRecord } from '@fillstream/topics';
import type { Kafka, Message, Producer } from 'kafkajs';
import { connectionOf, kafkaFailure, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { WireFormat, registryOf, type RegistryOptions } from './wire-format.ts';

const ACKS_ALL = -1;
/** The topics that ingestors write. */
const WRITTEN = [...INPUT_TOPICS, 'ingest-progress', 'gaps', 'watchlist'] as const satisfies readonly Topic[];

/** A record of an ingestor's own; without a body it deletes what its key had. */
export type Note = Omit<NewRecord, 'body' | 'key'> & { readonly key: string; readonly body: Uint8Array | null };

type Send = { readonly topic: string; readonly messages: Message[] };
/** By topic and partition. */
type Group = { readonly sends: Map<string, Send>; readonly written: PromiseWithResolvers<void> };

export class KafkaInputWriter {
  readonly #kafka: Kafka;
  readonly #namespace: string | undefined;
  readonly #partitions: number;
  readonly #formats: ReadonlyMap<Topic, WireFormat>;
  #producer: Producer | null = null;
  /** What comes after the group under way. */
  #next: Group = newGroup();
  #writing: Promise<void> | null = null;

  /** Writes these topics alone. Throws PortError. */
  static async connect(kafka: KafkaOptions, registry: RegistryOptions, written: readonly Topic[] = WRITTEN): Promise<KafkaInputWriter> {
    const client = connectionOf(kafka);
    const names = written.map((topic) => nameIn(kafka.namespace, topic));
    const { topics } = await withAdmin(client, async (admin) => {
      const existing = await admin.listTopics();
      const missing = names.filter((name) => !existing.includes(name));
      if (missing.length > 0) throw new PortError('log-broken', `there is no topic ${missing.join(', ')}: run \`fillstream topics create\``, { retryable: false });
      return await admin.fetchTopicMetadata({ topics: names });
    });
    const schemas = registryOf(registry);
    const formats = new Map(await Promise.all(written.map(async (topic): Promise<[Topic, WireFormat]> => (
      [topic, await WireFormat.of(schemas, topic, nameIn(kafka.namespace, topic))]
    ))));
    const writer = new KafkaInputWriter(client, kafka.namespace, topics[0]?.partitions.length ?? 1, formats);
    await writer.#connected();
    return writer;
  }

  private constructor(kafka: Kafka, namespace: string | undefined, partitions: number, formats: ReadonlyMap<Topic, WireFormat>) {
    this.#kafka = kafka;
    this.#namespace = namespace;
    this.#partitions = partitions;
    this.#formats = formats;
  }

  /** How many each topic has. */
  get partitions(): number {
    return this.#partitions;
  }

  /**
   * Resolves when all replicas that are in sync have them, after all that was appended before. A tick goes to every partition
   * of both topics, or to those named. Throws PortError; then some of them may be there.
   */
  async append(records: readonly EncodedInput[], ticksTo: readonly number[] = range(this.#partitions)): Promise<void> {
    for (const { kind, topic, key, timestamp, body } of records) {
      if (kind === 'tick') for (const each of INPUT_TOPICS) for (const partition of ticksTo) this.#add(each, partition, { key, timestamp, body });
      else this.#add(topic, partitionOf(key, this.#partitions), { key, timestamp, body });
    }
    await this.#write();
  }

  /** The same, for one record on any topic that is written. */
  async note({ topic, key, timestamp, body }: Note): Promise<void> {
    this.#add(topic, partitionOf(key, this.#partitions), { key, timestamp, body });
    await this.#write();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#producer?.disconnect();
  }

  #add(topic: Topic, partition: number, { key, timestamp, body }: Pick<Note, 'timestamp' | 'body'> & { readonly key: string | null }): void {
    const { sends } = this.#next;
    const place = `${topic}/${String(partition)}`;
    const send = sends.get(place) ?? { topic: nameIn(this.#namespace, topic), messages: [] };
    sends.set(place, send);
    const value = body === null ? null : this.#formats.get(topic)?.frame(body) ?? Buffer.from(body);
    send.messages.push({ key, value, partition, ...(timestamp === null ? {} : { timestamp: String(timestamp) }) });
  }

  async #write(): Promise<void> {
    const { sends, written } = this.#next;
    if (sends.size === 0) return;
    this.#writing ??= this.#writeGroups();
    await written.promise;
  }

  /** Until nothing waits (W1). */
  async #writeGroups(): Promise<void> {
    await Promise.resolve();
    while (this.#next.sends.size > 0) {
      const { sends, written } = this.#next;
      this.#next = newGroup();
      await this.#send([...sends.values()]).then(written.resolve, written.reject);
    }
    this.#writing = null;
  }

  async #send(sends: readonly Send[]): Promise<void> {
    try {
      const producer = await this.#connected();
      // All are waited for: one that is still repeated would keep the process alive for good.
      const outcomes = await Promise.allSettled(sends.map(async (send) => await producer.send({ ...send, acks: ACKS_ALL })));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    } catch (error) {
      await this.#producer?.disconnect().catch(() => undefined); // W2
      this.#producer = null;
      throw error instanceof PortError ? error : kafkaFailure('appending records', error, false);
    }
  }

  async #connected(): Promise<Producer> {
    if (this.#producer !== null) return this.#producer;
    const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    try {
      await producer.connect();
    } catch (error) {
      throw kafkaFailure('the producer', error, false);
    }
    this.#producer = producer;
    return producer;
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, number) => number);
}

function newGroup(): Group {
  const written = Promise.withResolvers<void>();
  written.promise.catch(() => undefined); // Met by who appended, if anybody did.
  return { sends: new Map(), written };
}
