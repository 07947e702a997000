// The history of one partition as Kafka has it.

import type { KafkaOptions, RegistryOptions, StretchReader, StretchRecord, WireFormat } from '@fillstream/kafka';
import { partitionOf, type LogRecord } from '@fillstream/runtime';
import { decodeSignal, type Topic } from '@fillstream/schemas';
import { INPUT_TOPICS, readCommit, toLogRecord, unreadableRecord, type Committed } from '@fillstream/topics';
import { recordedStretches, type Emitted, type History } from './history.ts';
import { jsonOfRecord } from './record-json.ts';

export type Formats = ReadonlyMap<string, WireFormat>;

const READ = [...INPUT_TOPICS, 'commits', 'signals'] as const satisfies readonly Topic[];

/** Throws PortError. */
export async function openKafkaHistory(kafka: KafkaOptions, registry: RegistryOptions, address: string): Promise<History<LogRecord>> {
  const { StretchReader: Reader, boundsOf } = await import('@fillstream/kafka');
  const formats = await formatsOf(kafka, registry, READ);
  // Outputs first: what they speak of is on the inputs by then.
  const all = new Map<Topic, Awaited<ReturnType<typeof boundsOf>>>();
  for (const topic of ['signals', 'commits', ...INPUT_TOPICS] as const) all.set(topic, await boundsOf(kafka, topic));
  const partition = partitionOf(address, all.get('fills')?.length ?? 1);
  const bounds = READ.map((topic) => ({ topic, ...(all.get(topic)?.[partition] ?? { low: 0, high: 0 }) }));
  const reader = await Reader.open(kafka, bounds.map(({ topic, low, high }) => ({ topic, partition, from: low, to: high })));
  const lows = INPUT_TOPICS.map((topic) => bounds.find((each) => each.topic === topic)?.low ?? 0);
  const nextRecord = async (topic: number): Promise<LogRecord | null> => {
    const record = await reader.next(INPUT_TOPICS[topic] ?? '', partition);
    return record === null ? null : await logRecordOf(record, formats);
  };
  const about = `Kafka, partition ${String(partition)}${lows.some((low) => low > 0) ? `, from ${INPUT_TOPICS.map((name, topic) => `${name}/${String(lows[topic])}`).join(' and ')} on: what lay before was deleted` : ''}`;
  return {
    about,
    clocks: INPUT_TOPICS.map((_, clock) => clock),
    ends: false,
    stretches: () => recordedStretches({ lows, hasAllCommits: (all.get('commits')?.[partition]?.low ?? 0) === 0, nextRecord, nextCommit: async () => await nextCommit(reader, partition, formats) }),
    waiting: async function* () {
      for (const topic of INPUT_TOPICS.keys()) for (let record = await nextRecord(topic); record !== null; record = await nextRecord(topic)) yield record;
    },
    emitted: async () => await emittedOf(reader, partition, formats, address),
    placeOf: ({ topic, offset }) => `${INPUT_TOPICS[topic] ?? ''}/${String(partition)}/${String(offset)}`,
    jsonOf: jsonOfRecord,
    close: async () => {
      await reader.close();
    },
  };
}

/** A topic's record as the processor takes it. */
export async function logRecordOf({ topic, offset, value }: StretchRecord, formats: Formats): Promise<LogRecord> {
  const place = INPUT_TOPICS.findIndex((name) => name === topic);
  const body = await bodyOf(value, formats.get(topic));
  if (body !== null) {
    try {
      return toLogRecord(place, offset, body);
    } catch {
      // No body of the schema that its header names: taken as its bytes.
    }
  }
  return unreadableRecord(place, offset, value ?? Buffer.alloc(0));
}

export async function formatsOf(kafka: KafkaOptions, registry: RegistryOptions, topics: readonly Topic[]): Promise<Formats> {
  const { WireFormat: Format, nameIn, registryOf } = await import('@fillstream/kafka');
  const schemas = registryOf(registry);
  return new Map(await Promise.all(topics.map(async (topic): Promise<[string, WireFormat]> => (
    [topic, await Format.of(schemas, topic, nameIn(kafka.namespace, topic), kafka.onTrouble)]
  ))));
}

/** An id is asked of the registry when it is met first. */
async function bodyOf(value: Buffer | null, format: WireFormat | undefined): Promise<Buffer | null> {
  const body = format?.unframe(value) ?? null;
  if (body !== null || format === undefined) return body;
  await format.learn([value]);
  return format.unframe(value);
}

async function nextCommit(reader: StretchReader, partition: number, formats: Formats): Promise<Committed | null> {
  const record = await reader.next('commits', partition);
  return record === null ? null : readCommit(await bodyOf(record.value, formats.get('commits')) ?? Buffer.alloc(0));
}

async function emittedOf(reader: StretchReader, partition: number, formats: Formats, address: string): Promise<Emitted[]> {
  const emitted: Emitted[] = [];
  for (let record = await reader.next('signals', partition); record !== null; record = await reader.next('signals', partition)) {
    if (record.key?.toString() !== address) continue;
    const emittedAt = Number(record.headers['emittedAt']?.toString() ?? NaN);
    const signal = decodeSignal(await bodyOf(record.value, formats.get('signals')) ?? Buffer.alloc(0));
    emitted.push({ signal, place: `signals/${String(partition)}/${String(record.offset)}`, emittedAt: Number.isFinite(emittedAt) ? emittedAt : null });
  }
  return emitted;
}
