// Bodies of the topics `fills` and `order-updates` as journal records (contract §1): the inverse of encode-input.ts.
//
// D1  The record equals the one that was encoded, but for the order of fields.
// D2  A raw body gives back its bytes; they are judged as a journal line would be, and are not always refused: of a fill
//     that is no trade only the address is looked at (contract §3).

import { decodeBody } from './avro.ts';
import {
  ACCOUNT, FILL, NO_TWAP_ID, ORDER_UPDATE, RAW, TICK, accountCodec, fillCodec, orderUpdateCodec, rawCodec, tickCodec,
  type AccountBody, type Cut, type ExchangeFillBody, type FillBody, type LiquidationBody, type OrderBody, type OrderUpdateBody,
  type TickBody,
} from './input-bodies.ts';
import { isObject } from './json.ts';
import { SchemaError } from './schema-error.ts';
import type { InputTopic } from './schemas.ts';

type JsonRecord = Record<string, unknown>;

export type DecodedInput =
  /** A journal record. */
  | { readonly kind: 'record'; readonly json: unknown }
  /** Bytes that could not be typed, whole unless `cut`. */
  | { readonly kind: 'raw'; readonly raw: Buffer; readonly receivedAt: number | null; readonly cut: Cut | null };

/** Throws SchemaError `unreadable-body` for what is no body of the topic. */
export function decodeInput(topic: InputTopic, body: Uint8Array): DecodedInput {
  const branch = branchOf(body);
  if (branch === RAW) return decodeRaw(body);
  if (branch === TICK) return record(tickJson(decodeBody(tickCodec, body, 1)));
  if (topic === 'order-updates') {
    if (branch === ORDER_UPDATE) return record(orderUpdateJson(decodeBody(orderUpdateCodec, body, 1)));
  } else {
    if (branch === FILL) return record(fillJson(decodeBody(fillCodec, body, 1)));
    if (branch === ACCOUNT) return record(accountJson(decodeBody(accountCodec, body, 1)));
  }
  throw new SchemaError('unreadable-body', `expected a body of ${topic}, its kind is ${String(branch)}`);
}

/** The union's index; -1: none. */
function branchOf(body: Uint8Array): number {
  const first = body[0] ?? 1;
  return first % 2 === 0 ? first / 2 : -1;
}

function record(json: JsonRecord): DecodedInput {
  return { kind: 'record', json };
}

function decodeRaw(body: Uint8Array): DecodedInput {
  const { bytes, receivedAt, cut } = decodeBody(rawCodec, body, 1);
  return { kind: 'raw', raw: bytes, receivedAt, cut: cut === null ? null : { ...cut } };
}

function tickJson({ receivedAt, extra }: TickBody): JsonRecord {
  return withExtra({ kind: 'tick', receivedAt }, extra);
}

function fillJson(body: FillBody): JsonRecord {
  const { address, receivedAt, symbol, source, extra } = body;
  const json: JsonRecord = { kind: 'fill', address, receivedAt, data: exchangeFillJson(body.data) };
  if (symbol !== null) json['symbol'] = symbol;
  if (source !== null) json['source'] = source;
  return withExtra(json, extra);
}

function exchangeFillJson(body: ExchangeFillBody): JsonRecord {
  const { coin, px, sz, side, time, startPosition, dir, closedPnl, hash, oid } = body;
  const { crossed, fee, tid, cloid, feeToken, twapId, liquidation, builderFee, extra } = body;
  const json: JsonRecord = { coin, px, sz, side, time, startPosition, dir, oid };
  if (closedPnl !== null) json['closedPnl'] = closedPnl;
  if (hash !== null) json['hash'] = hash;
  if (crossed !== null) json['crossed'] = crossed;
  if (fee !== null) json['fee'] = fee;
  if (tid !== null) json['tid'] = tid;
  if (feeToken !== null) json['feeToken'] = feeToken;
  if (cloid !== null) json['cloid'] = cloid;
  if (twapId !== null || extra === NO_TWAP_ID) json['twapId'] = twapId;
  if (liquidation !== null) json['liquidation'] = liquidationJson(liquidation);
  if (builderFee !== null) json['builderFee'] = builderFee;
  return extra === NO_TWAP_ID ? json : withExtra(json, extra);
}

function liquidationJson({ liquidatedUser, markPx, method, extra }: LiquidationBody): JsonRecord {
  const json: JsonRecord = {};
  if (liquidatedUser !== null) json['liquidatedUser'] = liquidatedUser;
  if (markPx !== null) json['markPx'] = markPx;
  if (method !== null) json['method'] = method;
  return withExtra(json, extra);
}

function accountJson({ address, receivedAt, source, extra, data }: AccountBody): JsonRecord {
  const value = withExtra({ time: data.time, accountValue: data.accountValue }, data.extra);
  const json: JsonRecord = { kind: 'account', address, receivedAt, data: value };
  if (source !== null) json['source'] = source;
  return withExtra(json, extra);
}

function orderUpdateJson({ address, receivedAt, source, extra, data }: OrderUpdateBody): JsonRecord {
  const { status, statusTimestamp } = data;
  const update = withExtra({ order: orderJson(data.order), status, statusTimestamp }, data.extra);
  const json: JsonRecord = { kind: 'orderUpdate', address, receivedAt, data: update };
  if (source !== null) json['source'] = source;
  return withExtra(json, extra);
}

function orderJson({ coin, side, limitPx, sz, oid, timestamp, origSz, cloid, reduceOnly, extra }: OrderBody): JsonRecord {
  const json: JsonRecord = { coin, side, sz, oid, origSz };
  if (limitPx !== null) json['limitPx'] = limitPx;
  if (timestamp !== null) json['timestamp'] = timestamp;
  if (cloid !== null) json['cloid'] = cloid;
  if (reduceOnly !== null) json['reduceOnly'] = reduceOnly;
  return withExtra(json, extra);
}

function withExtra(json: JsonRecord, extra: string | null): JsonRecord {
  return extra === null ? json : Object.assign(json, parseExtra(extra));
}

function parseExtra(extra: string): object {
  try {
    const fields: unknown = JSON.parse(extra);
    if (isObject(fields)) return fields;
  } catch (error) {
    throw new SchemaError('unreadable-body', 'expected a JSON object in extra', error);
  }
  throw new SchemaError('unreadable-body', 'expected a JSON object in extra');
}
