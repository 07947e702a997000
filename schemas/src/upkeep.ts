// What processor, ingestors and operators tell each other: the topics `watchlist`, `ingest-progress`, `repairs` and `gaps`.
// Addresses are lower case, times milliseconds since the epoch. Decoders throw SchemaError `unreadable-body`.

import { codecOf, decodeBody, encodeBody } from './avro.ts';

/** An address to watch; a tombstone on the topic ends the watch. */
export type Watched = { readonly address: string; readonly addedAt: number; readonly label: string | null };

/** How far an address is durable: the time of its last durable fill, and the tids of that millisecond. */
export type IngestProgress = { readonly address: string; readonly lastFillAt: number; readonly tids: readonly number[] };

/** Fills or a status of an order that should be there and are not. */
export type Repair = { readonly address: string; readonly oid: number; readonly reason: string };

/** What an ingestor could not fill, on the exchange's clock. */
export type Gap = { readonly address: string; readonly from: number; readonly to: number; readonly reason: string };

const watched = codecOf<Watched>('watchlist');
const progress = codecOf<IngestProgress>('ingest-progress');
const repair = codecOf<Repair>('repairs');
const gap = codecOf<Gap>('gaps');

export function encodeWatched(value: Watched): Buffer {
  return encodeBody(watched, value);
}

export function decodeWatched(body: Uint8Array): Watched {
  return { ...decodeBody(watched, body) };
}

export function encodeIngestProgress(value: IngestProgress): Buffer {
  return encodeBody(progress, value);
}

export function decodeIngestProgress(body: Uint8Array): IngestProgress {
  return { ...decodeBody(progress, body) };
}

export function encodeRepair(value: Repair): Buffer {
  return encodeBody(repair, value);
}

export function decodeRepair(body: Uint8Array): Repair {
  return { ...decodeBody(repair, body) };
}

export function encodeGap(value: Gap): Buffer {
  return encodeBody(gap, value);
}

export function decodeGap(body: Uint8Array): Gap {
  return { ...decodeBody(gap, body) };
}
