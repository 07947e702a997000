// What a partition loop's records and outputs are as values of the topics, the same on every log.

import { isUtf8 } from 'node:buffer';
import type { Lack, Signal } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import type { Commit, LogRecord, Refused } from '@fillstream/runtime';
import {
  decodeCommit, decodeInput, encodeCommit, encodeQuarantined, encodeRepair, encodeSignal, type InputTopic, type Quarantined, type Topic,
} from '@fillstream/schemas';

/** The input topics, in the order of a position's offsets and clocks. */
export const INPUT_TOPICS = ['fills', 'order-updates'] as const satisfies readonly InputTopic[];

/** A record to be written to one partition; `timestamp` is milliseconds since the epoch. */
export type NewRecord = {
  readonly topic: Topic;
  readonly timestamp: number | null;
  readonly key: string | null;
  readonly body: Uint8Array;
};

/** A commit as the topic `commits` holds it: where it began and ended, and how it got there. */
export type Committed = Pick<Commit, 'to' | 'merge' | 'clocks'> & { readonly from: readonly number[] };

const TOPIC_NAMES: string[] = [...INPUT_TOPICS];

/** A stored record for the loop. `topic` is an index into INPUT_TOPICS. Throws SchemaError for a body that can't be read. */
export function toLogRecord(topic: number, offset: number, body: Uint8Array): LogRecord {
  return { topic, offset, next: offset + 1, input: readRecord(jsonOf(inputTopic(topic), body)), original: body };
}

/** A stored value that can't be read at all: refused, and kept as its bytes. */
export function unreadableRecord(topic: number, offset: number, bytes: Uint8Array): LogRecord {
  const input = { kind: 'unusable', reason: 'malformed', receivedAt: null, record: null } as const;
  return { topic, offset, next: offset + 1, input, original: { bytes } };
}

export function signalRecord(signal: Signal): NewRecord {
  return { topic: 'signals', timestamp: signal.lastFillAt, key: signal.address, body: encodeSignal(signal) };
}

export function quarantineRecord(partition: number, { reason, record }: Refused): NewRecord {
  const topic = inputTopic(record.topic);
  const { original, cut } = originalOf(topic, record.original);
  const { receivedAt } = record.input;
  const body = encodeQuarantined({ reason, topic, partition, offset: record.offset, receivedAt, original, cut });
  return { topic: 'quarantine', timestamp: receivedAt, key: null, body };
}

export function repairRecord({ address, oid, missing }: Lack, { clocks }: Pick<Commit, 'clocks'>): NewRecord {
  return { topic: 'repairs', timestamp: clocks[0] ?? null, key: address, body: encodeRepair({ address, oid, reason: `no ${missing}` }) };
}

export function commitRecord(partition: number, { from, to, merge, clocks, signals, refused }: Commit): NewRecord {
  const counts = { records: merge.reduce((sum, run) => sum + run.count, 0), signals: signals.length, quarantined: refused.length };
  const body = encodeCommit({
    id: to.id, partition, topics: TOPIC_NAMES, from: from.position.offsets, to: to.position.offsets,
    fired: to.position.fired, merge, clocks, counts,
  });
  return { topic: 'commits', timestamp: clocks[0] ?? null, key: null, body };
}

export function readCommit(body: Uint8Array): Committed {
  const { id, from, to, fired, merge, clocks } = decodeCommit(body);
  return { from, to: { id, position: { offsets: to, fired } }, merge, clocks };
}

function inputTopic(topic: number): InputTopic {
  return INPUT_TOPICS[topic] ?? 'fills';
}

/** The JSON value of a stored record; undefined when it isn't JSON. */
function jsonOf(topic: InputTopic, body: Uint8Array): unknown {
  const decoded = decodeInput(topic, body);
  if (decoded.kind === 'record') return decoded.json;
  if (decoded.cut !== null || !isUtf8(decoded.raw)) return undefined;
  try {
    return JSON.parse(decoded.raw.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The journal line that a stored record was, or the head of one that was too long, or the bytes of what was neither. */
function originalOf(topic: InputTopic, original: LogRecord['original']): Pick<Quarantined, 'original' | 'cut'> {
  if (typeof original === 'string') return { original: Buffer.from(original), cut: null };
  if ('bytes' in original) return { original: Buffer.from(original.bytes), cut: null };
  const decoded = decodeInput(topic, original);
  if (decoded.kind === 'record') return { original: Buffer.from(JSON.stringify(decoded.json)), cut: null };
  return { original: decoded.raw, cut: decoded.cut };
}
