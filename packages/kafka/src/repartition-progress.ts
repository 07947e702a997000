// How far the copy of a namespace into another one is: the last record of the topic `repartition` of the new one, written in the
// transaction with what it speaks of. It is kept for good, as what Kafka forgets would be copied twice.
//
//   copying ──▶ closed ──▶ switched       closed: nothing is copied any more; switched: it is known which signals are news

import { PortError } from '@fillstream/runtime';
import { INPUT_TOPICS } from '@fillstream/topics';
import { nameIn, type KafkaOptions } from './connection.ts';
import { StretchReader, boundsOf } from './stretch-reader.ts';

export const PROGRESS_TOPIC = 'repartition';

/** Of one partition of an old input topic: the next offset, and the greatest receivedAt so far, null before the first. */
export type Standing = { readonly next: number; readonly greatest: number | null };

export type CopyState =
  | { readonly kind: 'copying' }
  /** `ends`: by input topic and partition, the new topics' offsets behind what was copied. */
  | { readonly kind: 'closed'; readonly ends: readonly (readonly number[])[] }
  /** `signals`: by partition, the first offset that is news; `again`: signals that were written behind it again. */
  | { readonly kind: 'switched'; readonly ends: readonly (readonly number[])[]; readonly signals: readonly number[]; readonly again: number; readonly forget: readonly string[] };

export type CopyProgress = {
  readonly format: 1;
  /** The old namespace. */
  readonly from: string;
  readonly oldPartitions: number;
  readonly partitions: number;
  /** By input topic and old partition. */
  readonly inputs: readonly (readonly Standing[])[];
  /** By old partition, the next offset of the topic `gaps`. */
  readonly gaps: readonly number[];
  /** When the new partitions were last told the time, and how far the merge is; null before the first. */
  readonly ticked: number | null;
  readonly latest: number | null;
  /** Copied so far, without ticks. */
  readonly records: number;
  readonly state: CopyState;
};

/** Offsets before the end that are looked at first: markers and what was aborted are no records. */
const BACK = 64;

export function newProgress(from: string, oldPartitions: number, partitions: number): CopyProgress {
  const none = Array.from({ length: oldPartitions }, () => ({ next: 0, greatest: null }));
  return {
    format: 1, from, oldPartitions, partitions, inputs: INPUT_TOPICS.map(() => none), gaps: none.map(() => 0),
    ticked: null, latest: null, records: 0, state: { kind: 'copying' },
  };
}

/** null when no copy ever began, or the topic isn't there. Throws PortError. */
export async function readProgress(to: KafkaOptions): Promise<CopyProgress | null> {
  const [bounds] = await boundsOf(to, PROGRESS_TOPIC).catch((error: unknown) => {
    if (error instanceof PortError && error.message.startsWith('there is no topic')) return [];
    throw error;
  });
  if (bounds === undefined) return null;
  const { low, high } = bounds;
  return await lastBetween(to, Math.max(low, high - BACK), high) ?? await lastBetween(to, low, high);
}

async function lastBetween(to: KafkaOptions, from: number, end: number): Promise<CopyProgress | null> {
  const reader = await StretchReader.open(to, [{ topic: PROGRESS_TOPIC, partition: 0, from, to: end }]);
  try {
    let last: Buffer | null = null;
    for (let record = await reader.nextOfAny(); record !== null; record = await reader.nextOfAny()) last = record.value;
    return last === null ? null : progressIn(last, nameIn(to.namespace, PROGRESS_TOPIC));
  } finally {
    await reader.close();
  }
}

function progressIn(value: Buffer, name: string): CopyProgress {
  const progress = parsed(value);
  if (isProgress(progress)) return progress;
  throw new PortError('mismatch', `${name} ends with a record of no format that is known here`, { retryable: false });
}

function parsed(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    return null; // Somebody else's.
  }
}

function isProgress(value: unknown): value is CopyProgress {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === 1 && 'inputs' in value && 'state' in value;
}
