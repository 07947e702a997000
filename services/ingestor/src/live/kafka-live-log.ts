// The topics as a live ingestor's log: records on the inputs, how far each address is durable on `ingest-progress`, what could
// not be fetched on `gaps`.

import type { GapRecord, Progress } from '@fillstream/hyperliquid/live';
import { readTopic, unframed, type KafkaInputWriter, type KafkaOptions } from '@fillstream/kafka';
import { decodeIngestProgress, encodeGap, encodeIngestProgress, type EncodedInput } from '@fillstream/schemas';
import type { LiveLog } from './live-log.ts';

/** Several addresses ask one after the other: they share what was read. */
const FRESH_MS = 2_000;

export class KafkaLiveLog implements LiveLog {
  readonly #kafka: KafkaOptions;
  readonly #writer: KafkaInputWriter;
  #durableAt = performance.now();
  #held: { readonly at: number; readonly progress: Promise<ReadonlyMap<string, Progress>> } | null = null;

  constructor(kafka: KafkaOptions, writer: KafkaInputWriter) {
    this.#kafka = kafka;
    this.#writer = writer;
  }

  /** When something last became durable (`performance.now()`). */
  get durableAt(): number {
    return this.#durableAt;
  }

  async append(records: readonly EncodedInput[], ticksTo?: readonly number[]): Promise<void> {
    await this.#writer.append(records, ticksTo);
    this.#durableAt = performance.now();
  }

  /** Whichever ingestor saved it. */
  async progress(address: string): Promise<Progress | null> {
    if (this.#held === null || performance.now() - this.#held.at > FRESH_MS) this.#held = { at: performance.now(), progress: readProgress(this.#kafka) };
    return (await this.#held.progress).get(address) ?? null;
  }

  async saveProgress(address: string, { lastFillAt, tids }: Progress): Promise<void> {
    const body = encodeIngestProgress({ address, lastFillAt, tids });
    await this.#writer.note({ topic: 'ingest-progress', key: address, timestamp: Date.now(), body });
  }

  async gap(gap: GapRecord): Promise<void> {
    await this.#writer.note({ topic: 'gaps', key: gap.address, timestamp: Date.now(), body: encodeGap(gap) });
  }
}

async function readProgress(kafka: KafkaOptions): Promise<ReadonlyMap<string, Progress>> {
  const progress = new Map<string, Progress>();
  for (const { key, value } of await readTopic(kafka, 'ingest-progress')) {
    const body = unframed(value);
    if (key !== null && body !== null) progress.set(key, decodeIngestProgress(body));
  }
  return progress;
}
