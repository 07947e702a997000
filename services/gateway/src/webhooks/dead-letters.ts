// Signals that webhooks didn't take: the topic `webhook-dead-letters`, keyed by the webhook.
//
// L1  Of a webhook, a signal and a revision the last record counts: one that was taken later is no dead letter any more.

import { KafkaInputWriter, WireFormat, nameIn, readTopic, registryOf, type KafkaOptions, type RegistryOptions } from '@fillstream/kafka';
import { decodeWebhookDeadLetter, encodeWebhookDeadLetter, type WebhookDeadLetter } from '@fillstream/schemas';

const TOPIC = 'webhook-dead-letters';

export class DeadLetterWriter {
  readonly #writer: KafkaInputWriter;

  /** Throws PortError, also when there is no such topic. */
  static async connect(kafka: KafkaOptions, registry: RegistryOptions): Promise<DeadLetterWriter> {
    return new DeadLetterWriter(await KafkaInputWriter.connect(kafka, registry, [TOPIC]));
  }

  private constructor(writer: KafkaInputWriter) {
    this.#writer = writer;
  }

  /** Durable when it resolves. Throws PortError. */
  async write(letter: WebhookDeadLetter): Promise<void> {
    await this.#writer.note({ topic: TOPIC, key: letter.webhook, timestamp: letter.at, body: encodeWebhookDeadLetter(letter) });
  }

  /** It was taken after all. */
  async writeResent(letter: WebhookDeadLetter, now: number): Promise<void> {
    await this.write({ ...letter, body: '', reason: 'taken', attempts: letter.attempts + 1, at: now, resentAt: now });
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }
}

/** L1: what is dead now, in the order of its records, the oldest first. Throws PortError. */
export async function readDeadLetters(kafka: KafkaOptions, registry: RegistryOptions, webhook: string | null): Promise<readonly WebhookDeadLetter[]> {
  const format = await WireFormat.of(registryOf(registry), TOPIC, nameIn(kafka.namespace, TOPIC), kafka.onTrouble);
  const records = (await readTopic(kafka, TOPIC)).filter(({ key }) => webhook === null || key === webhook);
  await format.learn(records.map(({ value }) => value));
  const last = new Map<string, WebhookDeadLetter>();
  for (const { value } of records) {
    const letter = letterIn(format.unframe(value));
    if (letter === null) continue;
    const key = JSON.stringify([letter.webhook, letter.signal, letter.revision]);
    last.delete(key);
    last.set(key, letter);
  }
  return [...last.values()].filter(({ resentAt }) => resentAt === null).sort((a, b) => a.at - b.at);
}

/** null for what is no dead letter of ours. */
function letterIn(body: Buffer | null): WebhookDeadLetter | null {
  try {
    return body === null ? null : decodeWebhookDeadLetter(body);
  } catch {
    return null;
  }
}
