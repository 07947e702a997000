// Refused records as bodies of the topic `quarantine` (contract §2).

import { codecOf, decodeBody, encodeBody } from './avro.ts';
import type { Cut } from './input-bodies.ts';

export type Quarantined = {
  readonly reason: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; null when it could not be read. */
  readonly receivedAt: number | null;
  /** The record as it came: raw bytes, or a typed record's journal line; the head of a cut one. */
  readonly original: Buffer;
  /** Set when `original` is a head only. */
  readonly cut: Cut | null;
};

const codec = codecOf<Quarantined>('quarantine');

export function encodeQuarantined(record: Quarantined): Buffer {
  return encodeBody(codec, record);
}

/** Throws SchemaError `unreadable-body`. */
export function decodeQuarantined(body: Uint8Array): Quarantined {
  const record = decodeBody(codec, body);
  return { ...record, cut: record.cut === null ? null : { ...record.cut } };
}
