// A thread that sends a journal's records at a steady rate, each when it is due, with that moment as all its times. It is as
// thin as it can be: one request for all that is due.

import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { WireFormat, connectionOf, nameIn, registryOf, type KafkaOptions } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { encodeRecord, type InputTopic } from '@fillstream/schemas';
import type { Message } from 'kafkajs';
import { dueOf, firstRecords, type JournalRecord } from './kafka-plan.ts';

export type PaceOptions = {
  readonly journal: string;
  readonly count: number;
  readonly rate: number;
  readonly kafka: KafkaOptions;
  readonly registry: string;
  readonly partitions: number;
};

/** Said when it can begin; it is told at what time. At the end it says by how much the latest record was late. */
export const READY = 'ready';
const INPUTS = ['fills', 'order-updates'] as const;
const ACKS_ALL = -1;
const LEAST_PAUSE_MS = 1;

async function pace({ journal, count, rate, kafka, registry, partitions }: PaceOptions): Promise<number> {
  const records = await firstRecords(journal, count);
  const formats = new Map(await Promise.all(INPUTS.map(async (topic): Promise<[InputTopic, WireFormat]> => (
    [topic, await WireFormat.of(registryOf({ url: registry }), topic, nameIn(kafka.namespace, topic))]
  ))));
  const producer = connectionOf(kafka).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const startAt = await told();
  let late = 0;
  for (let place = 0; place < records.length;) {
    const due = performance.timeOrigin + performance.now() - startAt;
    const messages = new Map<InputTopic, Message[]>(INPUTS.map((topic) => [topic, []]));
    const first = place;
    for (let record = records[place]; record !== undefined && dueOf(place, rate) <= due; record = records[place]) {
      const { topic, key, timestamp, body } = encodeRecord(movedTo(record, startAt + dueOf(place, rate)));
      const value = formats.get(topic)?.frame(body) ?? body;
      messages.get(topic)?.push({ key, value, partition: partitionOf(key, partitions), timestamp: String(timestamp) });
      place += 1;
    }
    if (place > first) {
      late = Math.max(late, due - dueOf(first, rate));
      const topicMessages = Array.from(messages, ([topic, list]) => ({ topic: nameIn(kafka.namespace, topic), messages: list }));
      await producer.sendBatch({ acks: ACKS_ALL, topicMessages: topicMessages.filter((each) => each.messages.length > 0) });
    }
    await sleep(LEAST_PAUSE_MS);
  }
  await producer.disconnect();
  return late;
}

/** The same record, as if all of it had just happened. */
function movedTo(record: JournalRecord, now: number): unknown {
  if (record.kind === 'fill') return { ...record, receivedAt: now, data: { ...record.data, time: now } };
  return { ...record, receivedAt: now, data: { ...record.data, statusTimestamp: now } };
}

async function told(): Promise<number> {
  parentPort?.postMessage(READY);
  return await new Promise((resolve) => parentPort?.once('message', resolve));
}

// Made by measureLatency.
// eslint-disable-next-line @typescript-eslint/consistent-type-assertions
parentPort?.postMessage(await pace(workerData as PaceOptions));
