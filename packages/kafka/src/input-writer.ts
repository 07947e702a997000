// Records onto the input topics: an idempotent producer, one partition a send.

import { PortError, partitionOf } from '@fillstream/runtime';
import type { EncodedInput, InputTopic } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { Message, Producer } from 'kafkajs';
import { connectionOf, kafkaFailure, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { WireFormat, registryOf, type RegistryOptions } from './wire-format.ts';

const ACKS_ALL = -1;

export class KafkaInputWriter {
  readonly #producer: Producer;
  readonly #namespace: string | undefined;
  readonly #partitions: number;
  readonly #formats: ReadonlyMap<InputTopic, WireFormat>;

  /** Throws PortError. */
  static async connect(kafka: KafkaOptions, registry: RegistryOptions): Promise<KafkaInputWriter> {
    const client = connectionOf(kafka);
    const names = INPUT_TOPICS.map((topic) => nameIn(kafka.namespace, topic));
    const { topics } = await withAdmin(client, async (admin) => {
      const existing = await admin.listTopics();
      const missing = names.filter((name) => !existing.includes(name));
      if (missing.length > 0) throw new PortError('log-broken', `there is no topic ${missing.join(', ')}: run \`fillstream topics create\``, { retryable: false });
      return await admin.fetchTopicMetadata({ topics: names });
    });
    const schemas = registryOf(registry);
    const formats = new Map(await Promise.all(INPUT_TOPICS.map(async (topic): Promise<[InputTopic, WireFormat]> => (
      [topic, await WireFormat.of(schemas, topic, nameIn(kafka.namespace, topic))]
    ))));
    const producer = client.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    try {
      await producer.connect();
    } catch (error) {
      throw kafkaFailure('the producer', error, false);
    }
    return new KafkaInputWriter(producer, kafka.namespace, topics[0]?.partitions.length ?? 1, formats);
  }

  private constructor(producer: Producer, namespace: string | undefined, partitions: number, formats: ReadonlyMap<InputTopic, WireFormat>) {
    this.#producer = producer;
    this.#namespace = namespace;
    this.#partitions = partitions;
    this.#formats = formats;
  }

  /** Resolves when all replicas that are in sync have them. A tick goes to every partition of both topics. Throws PortError. */
  async append(records: readonly EncodedInput[]): Promise<void> {
    const sends = new Map<string, { readonly topic: string; readonly messages: Message[] }>();
    const add = (topic: InputTopic, partition: number, { key, timestamp, body }: EncodedInput): void => {
      const place = `${topic}/${String(partition)}`;
      const send = sends.get(place) ?? { topic: nameIn(this.#namespace, topic), messages: [] };
      sends.set(place, send);
      const value = this.#formats.get(topic)?.frame(body) ?? body;
      send.messages.push({ key, value, partition, ...(timestamp === null ? {} : { timestamp: String(timestamp) }) });
    };
    for (const record of records) {
      if (record.kind === 'tick') this.#everywhere((topic, partition) => add(topic, partition, record));
      else add(record.topic, partitionOf(record.key, this.#partitions), record);
    }
    try {
      await Promise.all(Array.from(sends.values(), async ({ topic, messages }) => await this.#producer.send({ topic, messages, acks: ACKS_ALL })));
    } catch (error) {
      throw kafkaFailure('appending records', error, false);
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }

  #everywhere(visit: (topic: InputTopic, partition: number) => void): void {
    for (const topic of INPUT_TOPICS) for (let partition = 0; partition < this.#partitions; partition += 1) visit(topic, partition);
  }
}
