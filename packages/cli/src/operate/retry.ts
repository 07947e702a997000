// Refused records back on their input topics, each once.
//
// What is written is the input record itself: the same key, value and time behind all that is on its partition, with a header
// `retryOf: TOPIC/PARTITION/OFFSET` that names the record it repeats. The header is the memory of what was done: it becomes
// durable with the record, or not at all, and no second place can say something else.
//
// Y1  Before anything is written, the partition is read from the refused record on: one with a `retryOf` of it was written before.
// Y2  What is written is what was refused: the record at its place has to give the same body of the topic `quarantine`.
// Y3  Two who do this at the same moment may write a record twice: then the second is a duplicate, or refused as the first was.

import type { Again, KafkaOptions, RegistryOptions, StretchRecord } from '@fillstream/kafka';
import { encodeQuarantined } from '@fillstream/schemas';
import { INPUT_TOPICS, quarantineRecord } from '@fillstream/topics';
import { REFUSAL_REASONS } from '@fillstream/core';
import { formatsOf, logRecordOf, type Formats } from './kafka-history.ts';
import { originOf, type Entry } from './quarantine-entry.ts';

export type Verdict =
  | { readonly kind: 'write'; readonly record: StretchRecord }
  /** `as`: where it is, or null when another of the same list writes it. */
  | { readonly kind: 'retried'; readonly as: string | null }
  | { readonly kind: 'impossible'; readonly why: string };

export type Planned = { readonly entry: Entry; readonly verdict: Verdict };

const RETRY_OF = 'retryOf';

/** What is on a partition from the first refused record on. */
type Found = {
  /** By offset, those that were refused. */
  readonly originals: ReadonlyMap<number, StretchRecord>;
  /** By `retryOf`, where the record is that has it. */
  readonly retried: ReadonlyMap<string, string>;
};

/** Throws PortError. */
export async function planRetries(kafka: KafkaOptions, registry: RegistryOptions, entries: readonly Entry[]): Promise<Planned[]> {
  const formats = await formatsOf(kafka, registry, INPUT_TOPICS);
  const groups = Map.groupBy(entries, ({ refused: { topic, partition } }) => `${topic}/${String(partition)}`);
  const verdicts = new Map<Entry, Verdict>();
  const planned = new Set<string>();
  for (const group of groups.values()) {
    const found = await find(kafka, group);
    for (const entry of group) {
      const verdict = await verdictOf(entry, found, planned, formats);
      if (verdict.kind === 'write') planned.add(originOf(entry.refused));
      verdicts.set(entry, verdict);
    }
  }
  return entries.map((entry) => ({ entry, verdict: verdicts.get(entry) ?? { kind: 'impossible', why: 'it wasn\'t looked at' } }));
}

/** Writes what is planned; resolves to where each is now, by the refused record's origin. Throws PortError. */
export async function carryOut(kafka: KafkaOptions, plan: readonly Planned[]): Promise<ReadonlyMap<Entry, string>> {
  const { writeAgain } = await import('@fillstream/kafka');
  const list = plan.flatMap(({ entry, verdict }) => (
    verdict.kind === 'write' ? [{ entry, again: { record: verdict.record, headers: { [RETRY_OF]: originOf(entry.refused) } } satisfies Again }] : []
  ));
  if (list.length === 0) return new Map();
  const offsets = await writeAgain(kafka, list.map(({ again }) => again));
  return new Map(list.map(({ entry }, place) => [entry, originOf({ ...entry.refused, offset: offsets[place] ?? NaN })]));
}

async function find(kafka: KafkaOptions, group: readonly Entry[]): Promise<Found> {
  const { StretchReader, boundsOf } = await import('@fillstream/kafka');
  const { topic = '', partition = 0 } = group[0]?.refused ?? {};
  const wanted = new Set(group.map(({ refused: { offset } }) => offset));
  const [originals, retried] = [new Map<number, StretchRecord>(), new Map<string, string>()];
  const bounds = (await boundsOf(kafka, topic)).find((each) => each.partition === partition);
  const from = Math.max(bounds?.low ?? 0, wanted.values().reduce((least, offset) => Math.min(least, offset)));
  const reader = await StretchReader.open(kafka, [{ topic, partition, from, to: Math.max(from, bounds?.high ?? 0) }]);
  try {
    for (let record = await reader.nextOfAny(); record !== null; record = await reader.nextOfAny()) {
      if (wanted.has(record.offset)) originals.set(record.offset, record);
      const of = textOf(record.headers[RETRY_OF]);
      if (of !== null) retried.set(of, originOf(record));
    }
  } finally {
    await reader.close();
  }
  return { originals, retried };
}

async function verdictOf(entry: Entry, { originals, retried }: Found, planned: ReadonlySet<string>, formats: Formats): Promise<Verdict> {
  const { refused } = entry;
  const origin = originOf(refused);
  const as = retried.get(origin);
  if (as !== undefined) return { kind: 'retried', as };
  if (planned.has(origin)) return { kind: 'retried', as: null };
  if (refused.cut !== null) return { kind: 'impossible', why: 'only its head was kept: import the line anew from where it came' };
  const record = originals.get(refused.offset);
  if (record === undefined) return { kind: 'impossible', why: `${origin} is no longer on the topic` };
  if (!await isWhatWasRefused(record, entry, formats)) return { kind: 'impossible', why: `${origin} has another record now than the one that was refused` };
  return { kind: 'write', record };
}

/** Y2. */
async function isWhatWasRefused(record: StretchRecord, { refused }: Entry, formats: Formats): Promise<boolean> {
  const reason = REFUSAL_REASONS.find((each) => each === refused.reason) ?? 'malformed';
  const { body } = quarantineRecord(refused.partition, { reason, record: await logRecordOf(record, formats) });
  return encodeQuarantined({ ...refused, reason }).equals(body) || record.value?.equals(refused.original) === true;
}

function textOf(header: StretchRecord['headers'][string]): string | null {
  const [first] = Array.isArray(header) ? header : [header];
  return first === undefined ? null : first.toString();
}
