// The topic `signals` on Kafka as a gateway reads it: committed records, all partitions, outside any group's offsets.

import type { Signal } from '@fillstream/client';
import {
  StretchReader, WireFormat, boundsOf, connectionOf, nameIn, registryOf, withAdmin, type Bounds, type KafkaOptions, type RegistryOptions, type StretchRecord,
} from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';
import type { SignalBatch, SignalRecord, SignalSource } from './ports.ts';

const TOPIC = 'signals';
const BATCH = 2_000;

export class KafkaSource implements SignalSource {
  readonly partitions: number;
  readonly identity: string;
  readonly #kafka: KafkaOptions;
  readonly #format: WireFormat;

  /** Throws PortError. */
  static async open(kafka: KafkaOptions, registry: RegistryOptions): Promise<KafkaSource> {
    const name = nameIn(kafka.namespace, TOPIC);
    const { clusterId } = await withAdmin(connectionOf(kafka), async (admin) => await admin.describeCluster());
    const partitions = (await boundsOf(kafka, TOPIC)).length;
    const format = await WireFormat.of(registryOf(registry), TOPIC, name, kafka.onTrouble);
    return new KafkaSource(kafka, format, partitions, `${clusterId}/${name}/${String(partitions)}`);
  }

  private constructor(kafka: KafkaOptions, format: WireFormat, partitions: number, identity: string) {
    this.#kafka = kafka;
    this.#format = format;
    this.partitions = partitions;
    this.identity = identity;
  }

  async bounds(): Promise<readonly Bounds[]> {
    return await boundsOf(this.#kafka, TOPIC);
  }

  async recordsAt(places: readonly { readonly partition: number; readonly offset: number }[]): Promise<SignalRecord[]> {
    const reader = await StretchReader.open(this.#kafka, places.map(({ partition, offset }) => ({ topic: TOPIC, partition, from: offset, to: offset + 1 })));
    try {
      const records: StretchRecord[] = [];
      for (let record = await reader.nextOfAny(); record !== null; record = await reader.nextOfAny()) records.push(record);
      return await this.#signalsOf(records);
    } finally {
      await reader.close();
    }
  }

  async *follow(from: readonly number[], stop: AbortSignal): AsyncGenerator<SignalBatch> {
    const reader = await StretchReader.open(this.#kafka, from.map((offset, partition) => ({ topic: TOPIC, partition, from: offset, to: null })));
    const close = (): void => {
      reader.close().catch(() => undefined); // Closed once more below, where its error is met.
    };
    stop.addEventListener('abort', close);
    if (stop.aborted) close();
    try {
      for (let records = await reader.nextBatch(BATCH); records !== null; records = await reader.nextBatch(BATCH)) {
        yield { records: await this.#signalsOf(records), next: from.map((_, partition) => reader.offsetAfter(TOPIC, partition)) };
      }
    } finally {
      stop.removeEventListener('abort', close);
      await reader.close();
    }
  }

  async #signalsOf(records: readonly StretchRecord[]): Promise<SignalRecord[]> {
    await this.#format.learn(records.map(({ value }) => value));
    return records.flatMap((record) => {
      const signal = this.#signalOf(record);
      return signal === null ? [] : [{ partition: record.partition, offset: record.offset, appendedAt: writtenAt(record), signal }];
    });
  }

  /** null, and told, for what is no signal of ours: whoever wrote it, nobody can be given it. */
  #signalOf({ partition, offset, value }: StretchRecord): Signal | null {
    try {
      // The schema's texts are those of the protocol (contract §9).
      // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
      return decodeSignal(this.#format.unframe(value) ?? Buffer.alloc(0)) as Signal;
    } catch {
      this.#kafka.onTrouble?.(`signals/${String(partition)} at offset ${String(offset)} is no signal that can be read`);
      return null;
    }
  }
}

function writtenAt({ headers }: StretchRecord): number | null {
  const at = Number(headers['emittedAt']?.toString() ?? NaN);
  return Number.isFinite(at) ? at : null;
}
