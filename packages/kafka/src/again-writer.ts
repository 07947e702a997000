// Records of a topic written again, byte for byte, behind all that is on their partition.
//
// G1  Key, value, time and partition are the record's own; only the headers that are given come on top.
// G2  One partition a send, in the order given. After an error it isn't known whether the last send's records are there.

import type { PortError } from '@fillstream/runtime';
import { connectionOf, kafkaFailure, nameIn, type KafkaOptions } from './connection.ts';
import type { StretchRecord } from './stretch-reader.ts';

export type Again = { readonly record: StretchRecord; readonly headers: Readonly<Record<string, string>> };

const ACKS_ALL = -1;
const RECORDS_A_SEND = 500;

/** Resolves to the records' new offsets, in their order. Throws PortError. */
export async function writeAgain(options: KafkaOptions, list: readonly Again[]): Promise<number[]> {
  const producer = connectionOf(options).producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  const offsets = new Map<Again, number>();
  const places = Map.groupBy(list, ({ record: { topic, partition } }) => `${topic}/${String(partition)}`);
  try {
    await producer.connect();
    for (const group of places.values()) {
      for (let place = 0; place < group.length; place += RECORDS_A_SEND) {
        const some = group.slice(place, place + RECORDS_A_SEND);
        const topic = nameIn(options.namespace, some[0]?.record.topic ?? '');
        const [written] = await producer.send({ topic, acks: ACKS_ALL, messages: some.map(messageOf) });
        for (const [index, again] of some.entries()) offsets.set(again, Number(written?.baseOffset ?? NaN) + index);
      }
    }
  } catch (error) {
    throw failure(offsets.size, list.length, error);
  } finally {
    await producer.disconnect();
  }
  return list.map((again) => offsets.get(again) ?? NaN);
}

function messageOf({ record: { key, value, timestamp, partition, headers: own }, headers }: Again) {
  return { key, value, partition, timestamp: String(timestamp), headers: { ...own, ...headers } };
}

function failure(written: number, count: number, error: unknown): PortError {
  return kafkaFailure(`writing again (${String(written)} of ${String(count)} are written)`, error, false);
}
