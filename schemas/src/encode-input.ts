// Journal records as bodies of the topics `fills` and `order-updates` (contract §1).
//
// E1  Every record has a body: what can't be typed is raw, and never fails.
// E2  A record's key is its address in lower case, whatever else is wrong with it: an address's records keep their order.
// E3  A raw record goes on `fills`, unless its kind reads as orderUpdate.

import { isUtf8 } from 'node:buffer';

import { encodeBranch, viewOf } from './avro.ts';
import {
  ACCOUNT, FILL, ORDER_UPDATE, RAW, TICK, accountCodec, fillCodec, orderUpdateCodec, rawCodec, tickCodec, type Cut,
} from './input-bodies.ts';
import { isObject, isTime, type JsonObject } from './json.ts';
import type { InputTopic } from './schemas.ts';
import { accountOf, fillOf, orderUpdateOf, tickOf } from './typed.ts';

/** What a journal line came as; text that is no well-formed Unicode loses that in a raw body, bytes lose nothing. */
export type Line = string | Uint8Array;

/** A body and where it goes. A tick's body is the same on both topics, and goes to every partition of both (contract §1). */
export type EncodedInput = {
  readonly kind: 'fill' | 'account' | 'orderUpdate' | 'tick' | 'raw';
  readonly topic: InputTopic;
  /** The address in lower case; null for a tick, and where no address could be read. */
  readonly key: string | null;
  /** receivedAt; null where it could not be read. */
  readonly timestamp: number | null;
  readonly body: Buffer;
};

/** The head of a line that is too large to be kept whole. */
export type CutLine = Cut & { readonly head: Uint8Array };

const ADDRESS_LENGTH = 42;

/** A journal line as a body; bytes that aren't UTF-8 or not JSON become raw. */
export function encodeInput(line: Line): EncodedInput {
  const record = parse(line);
  return record === undefined ? encodeRaw(null, bytesOf(line)) : encodeRecord(record, line);
}

/** The same for a record that is parsed already; `line` is what a raw body holds, by default the record's JSON text. */
export function encodeRecord(record: unknown, line: Line | null = null): EncodedInput {
  if (!isObject(record)) return encodeRaw(null, bytesOf(line ?? JSON.stringify(record)));
  return encodeTyped(record) ?? encodeRaw(record, bytesOf(line ?? JSON.stringify(record)));
}

/** The body of a tick, for either topic. `receivedAt` is milliseconds since the epoch. */
export function encodeTick(receivedAt: number): Buffer {
  return encodeBranch(tickCodec, TICK, { receivedAt, extra: null });
}

/** The body of a line that is too large: its head, and what identifies the whole. */
export function encodeCutLine({ head, length, sha256, file, position }: CutLine): EncodedInput {
  const cut = { length, sha256, file, position };
  const body = encodeBranch(rawCodec, RAW, { bytes: viewOf(head), receivedAt: null, cut });
  return { kind: 'raw', topic: 'fills', key: null, timestamp: null, body };
}

function encodeTyped(record: JsonObject): EncodedInput | null {
  switch (record['kind']) {
    case 'fill': return encodeFill(record);
    case 'orderUpdate': return encodeOrderUpdate(record);
    case 'account': return encodeAccount(record);
    case 'tick': return encodeTickRecord(record);
    default: return null;
  }
}

function encodeFill(record: JsonObject): EncodedInput | null {
  const fill = fillOf(record);
  if (fill === null) return null;
  const body = encodeBranch(fillCodec, FILL, fill);
  return { kind: 'fill', topic: 'fills', key: keyOf(fill.address), timestamp: fill.receivedAt, body };
}

function encodeOrderUpdate(record: JsonObject): EncodedInput | null {
  const update = orderUpdateOf(record);
  if (update === null) return null;
  const body = encodeBranch(orderUpdateCodec, ORDER_UPDATE, update);
  return { kind: 'orderUpdate', topic: 'order-updates', key: keyOf(update.address), timestamp: update.receivedAt, body };
}

function encodeAccount(record: JsonObject): EncodedInput | null {
  const account = accountOf(record);
  if (account === null) return null;
  const body = encodeBranch(accountCodec, ACCOUNT, account);
  return { kind: 'account', topic: 'fills', key: keyOf(account.address), timestamp: account.receivedAt, body };
}

function encodeTickRecord(record: JsonObject): EncodedInput | null {
  const tick = tickOf(record);
  if (tick === null) return null;
  return { kind: 'tick', topic: 'fills', key: null, timestamp: tick.receivedAt, body: encodeBranch(tickCodec, TICK, tick) };
}

function encodeRaw(record: JsonObject | null, bytes: Buffer): EncodedInput {
  const receivedAt = isTime(record?.['receivedAt']) ? record['receivedAt'] : null;
  const topic = record?.['kind'] === 'orderUpdate' ? 'order-updates' : 'fills';
  const body = encodeBranch(rawCodec, RAW, { bytes, receivedAt, cut: null });
  return { kind: 'raw', topic, key: keyOf(record?.['address']), timestamp: receivedAt, body };
}

function keyOf(address: unknown): string | null {
  if (typeof address !== 'string' || address.length !== ADDRESS_LENGTH) return null;
  const key = address.toLowerCase();
  return isAddress(key) ? key : null;
}

function isAddress(text: string): boolean {
  if (!text.startsWith('0x')) return false;
  for (let index = 2; index < ADDRESS_LENGTH; index += 1) {
    const code = text.charCodeAt(index);
    const isDigit = code >= 0x30 && code <= 0x39;
    const isLetter = code >= 0x61 && code <= 0x66;
    if (!isDigit && !isLetter) return false;
  }
  return true;
}

/** undefined: no JSON. */
function parse(line: Line): unknown {
  if (typeof line !== 'string' && !isUtf8(line)) return undefined;
  try {
    return JSON.parse(typeof line === 'string' ? line : viewOf(line).toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function bytesOf(line: Line): Buffer {
  return typeof line === 'string' ? Buffer.from(line) : viewOf(line);
}
