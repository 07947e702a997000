// Refused records as the gateway tells of them.

import { isUtf8 } from 'node:buffer';
import type { QuarantinedRecord } from '@fillstream/client';
import { checkAddress } from '@fillstream/hyperliquid';
import type { Quarantined } from '@fillstream/schemas';
import { expectedOf } from '../operate/expected.ts';
import { isObject, parsedJson } from '../operate/record-json.ts';

const PREVIEW_BYTES = 400;

export function quarantinedOf(refused: Quarantined): QuarantinedRecord {
  const { topic, partition, offset, reason, receivedAt: at, original } = refused;
  const some = original.subarray(0, PREVIEW_BYTES);
  const preview = isUtf8(original) ? some.toString('utf8').replace(/\uFFFD$/, '') : `0x${some.toString('hex')}`;
  return { topic, partition, offset, reason, at, detail: expectedOf(refused).join(' '), address: addressIn(original), preview };
}

function addressIn(original: Buffer): string | null {
  const json = parsedJson(original.toString('utf8'));
  return isObject(json) && typeof json['address'] === 'string' ? checkAddress(json['address']) : null;
}

/** The newest first. */
export function byNewest(records: readonly QuarantinedRecord[], limit: number): readonly QuarantinedRecord[] {
  return records.toSorted((a, b) => (b.at ?? 0) - (a.at ?? 0)).slice(0, limit);
}
