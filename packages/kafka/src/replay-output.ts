// A topic for the signals of a replay: the same records as on `signals`, with a header that names the replay.

import { randomUUID } from 'node:crypto';
import type { Signal } from '@fillstream/core';
import { PortError } from '@fillstream/runtime';
import { signalRecord } from '@fillstream/topics';
import type { Kafka } from 'kafkajs';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { REPLAY_HEADER } from './emitted-signals.ts';
import { openPlain, type Outputs } from './outputs.ts';
import { brokenLog } from './replay-reader.ts';
import { makeNew } from './topics.ts';
import { WireFormat, registryOf, type RegistryOptions } from './wire-format.ts';

const KEPT_FOR_GOOD = { name: 'retention.ms', value: '-1' };
/** Records have the times of the fills. */
const ANY_TIME = { name: 'message.timestamp.after.max.ms', value: String(2n ** 63n - 1n) };

export class ReplayOutput {
  readonly #kafka: Kafka;
  readonly #topicName: string;
  readonly #format: WireFormat;
  readonly #replay = randomUUID();
  readonly #outputs = new Map<number, Outputs>();

  /** `topic` is without its namespace, and made when it is missing. Throws PortError. */
  static async open(options: KafkaOptions, registry: RegistryOptions, topic: string): Promise<ReplayOutput> {
    const kafka = connectionOf(options);
    const name = nameIn(options.namespace, topic);
    const live = nameIn(options.namespace, 'signals');
    await makeTopic(kafka, name, live);
    return new ReplayOutput(kafka, name, await WireFormat.of(registryOf(registry), 'signals', live, options.onTrouble));
  }

  private constructor(kafka: Kafka, topicName: string, format: WireFormat) {
    this.#kafka = kafka;
    this.#topicName = topicName;
    this.#format = format;
  }

  /** Resolves when they are there, after those before. Throws PortError; then it isn't known which are. */
  async write(partition: number, signals: readonly Signal[]): Promise<void> {
    if (signals.length === 0) return;
    const outputs = this.#outputs.get(partition) ?? await openPlain(this.#kafka, partition, async () => await Promise.resolve());
    this.#outputs.set(partition, outputs);
    await outputs.commit(signals.map((signal) => {
      const { timestamp, key, body } = signalRecord(signal);
      const own = { id: signal.id, revision: String(signal.revision), emittedAt: String(Date.now()) };
      return { topicName: this.#topicName, timestamp, key, value: this.#format.frame(body), headers: { ...own, [REPLAY_HEADER]: this.#replay } };
    }), { groupId: '', topics: [] });
  }

  async close(): Promise<void> {
    for (const outputs of this.#outputs.values()) await outputs.close();
  }
}

/** With as many partitions and replicas as `signals`. */
async function makeTopic(kafka: Kafka, name: string, like: string): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const existing = await admin.listTopics();
    if (!existing.includes(like)) throw brokenLog(`there is no topic ${like}: run \`fillstream topics create\``);
    const model = (await admin.fetchTopicMetadata({ topics: [like] })).topics[0]?.partitions ?? [];
    if (!existing.includes(name)) {
      const sizes = { numPartitions: model.length, replicationFactor: model[0]?.replicas.length ?? 1 };
      await makeNew(admin, [{ topic: name, ...sizes, configEntries: [KEPT_FOR_GOOD, ANY_TIME] }]);
      return;
    }
    const held = (await admin.fetchTopicMetadata({ topics: [name] })).topics[0]?.partitions ?? [];
    if (held.length === model.length) return;
    const message = `${name} has ${String(held.length)} partitions, expected ${String(model.length)}, as ${like} has`;
    throw new PortError('mismatch', message, { retryable: false });
  });
}
