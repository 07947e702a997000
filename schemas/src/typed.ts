// Journal records as typed bodies; null for one that doesn't fit (input-bodies.ts, B1).

import {
  NO_TWAP_ID,
  type AccountBody, type AccountValueBody, type ExchangeFillBody, type FillBody, type LiquidationBody, type OrderBody,
  type OrderStatusBody, type OrderUpdateBody, type TickBody,
} from './input-bodies.ts';
import { extraOf, flagOf, isObject, isText, isTime, isWhole, textOf, wholeOf, type JsonObject } from './json.ts';

const TICK_FIELDS = new Set(['kind', 'receivedAt']);
const FILL_FIELDS = new Set(['kind', 'address', 'receivedAt', 'symbol', 'source', 'data']);
const EXCHANGE_FILL_FIELDS = new Set([
  'coin', 'px', 'sz', 'side', 'time', 'startPosition', 'dir', 'closedPnl', 'hash', 'oid', 'crossed', 'fee', 'tid', 'cloid',
  'feeToken', 'twapId', 'liquidation', 'builderFee',
]);
const LIQUIDATION_FIELDS = new Set(['liquidatedUser', 'markPx', 'method']);
const ENVELOPE_FIELDS = new Set(['kind', 'address', 'receivedAt', 'source', 'data']);
const ACCOUNT_VALUE_FIELDS = new Set(['time', 'accountValue']);
const STATUS_FIELDS = new Set(['order', 'status', 'statusTimestamp']);
const ORDER_FIELDS = new Set(['coin', 'side', 'limitPx', 'sz', 'oid', 'timestamp', 'origSz', 'cloid', 'reduceOnly']);

export function tickOf(record: JsonObject): TickBody | null {
  const { receivedAt } = record;
  if (!isTime(receivedAt)) return null;
  const extra = extraOf(record, TICK_FIELDS, 2);
  return extra === undefined ? null : { receivedAt, extra };
}

export function fillOf(record: JsonObject): FillBody | null {
  const { address, receivedAt, data } = record;
  if (!isText(address) || !isTime(receivedAt) || !isObject(data)) return null;
  const symbol = textOf(record['symbol']);
  const source = textOf(record['source']);
  if (symbol === undefined || source === undefined) return null;
  const extra = extraOf(record, FILL_FIELDS, 4 + one(symbol) + one(source));
  if (extra === undefined) return null;
  const fill = exchangeFillOf(data);
  return fill === null ? null : { address, receivedAt, symbol, source, extra, data: fill };
}

function exchangeFillOf(data: JsonObject): ExchangeFillBody | null {
  const { coin, px, sz, side, time, startPosition, dir, oid } = data;
  if (!isText(coin) || !isText(px) || !isText(sz) || !isText(side) || !isTime(time)) return null;
  if (!isText(startPosition) || !isText(dir) || !isWhole(oid)) return null;
  const closedPnl = textOf(data['closedPnl']);
  const hash = textOf(data['hash']);
  const crossed = flagOf(data['crossed']);
  const fee = textOf(data['fee']);
  const tid = wholeOf(data['tid']);
  const cloid = textOf(data['cloid']);
  const feeToken = textOf(data['feeToken']);
  const twapId = wholeOf(data['twapId']);
  const liquidation = liquidationOf(data['liquidation']);
  const builderFee = textOf(data['builderFee']);
  if (closedPnl === undefined || hash === undefined || crossed === undefined || fee === undefined) return null;
  if (tid === undefined || cloid === undefined || feeToken === undefined || twapId === undefined) return null;
  if (liquidation === undefined || builderFee === undefined) return null;
  const expressed = 8 + one(closedPnl) + one(hash) + one(crossed) + one(fee) + one(tid) + one(cloid) + one(feeToken) + one(twapId)
    + one(liquidation) + one(builderFee);
  const extra = exchangeFillExtra(data, expressed);
  if (extra === undefined) return null;
  return {
    coin, px, sz, side, time, startPosition, dir, closedPnl, hash, oid, crossed, fee, tid, cloid, feeToken, twapId, liquidation,
    builderFee, extra,
  };
}

function exchangeFillExtra(data: JsonObject, expressed: number): string | null | undefined {
  if (data['twapId'] === null && Object.keys(data).length === expressed + 1) return NO_TWAP_ID;
  return extraOf(data, EXCHANGE_FILL_FIELDS, expressed);
}

function liquidationOf(value: unknown): LiquidationBody | null | undefined {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) return undefined;
  const liquidatedUser = textOf(value['liquidatedUser']);
  const markPx = textOf(value['markPx']);
  const method = textOf(value['method']);
  if (liquidatedUser === undefined || markPx === undefined || method === undefined) return undefined;
  const extra = extraOf(value, LIQUIDATION_FIELDS, one(liquidatedUser) + one(markPx) + one(method));
  return extra === undefined ? undefined : { liquidatedUser, markPx, method, extra };
}

export function accountOf(record: JsonObject): AccountBody | null {
  const { address, receivedAt, data } = record;
  if (!isText(address) || !isTime(receivedAt) || !isObject(data)) return null;
  const source = textOf(record['source']);
  if (source === undefined) return null;
  const extra = extraOf(record, ENVELOPE_FIELDS, 4 + one(source));
  if (extra === undefined) return null;
  const value = accountValueOf(data);
  return value === null ? null : { address, receivedAt, source, extra, data: value };
}

function accountValueOf(data: JsonObject): AccountValueBody | null {
  const { time, accountValue } = data;
  if (!isTime(time) || !isText(accountValue)) return null;
  const extra = extraOf(data, ACCOUNT_VALUE_FIELDS, 2);
  return extra === undefined ? null : { time, accountValue, extra };
}

export function orderUpdateOf(record: JsonObject): OrderUpdateBody | null {
  const { address, receivedAt, data } = record;
  if (!isText(address) || !isTime(receivedAt) || !isObject(data)) return null;
  const source = textOf(record['source']);
  if (source === undefined) return null;
  const extra = extraOf(record, ENVELOPE_FIELDS, 4 + one(source));
  if (extra === undefined) return null;
  const status = orderStatusOf(data);
  return status === null ? null : { address, receivedAt, source, extra, data: status };
}

function orderStatusOf(data: JsonObject): OrderStatusBody | null {
  const { order, status, statusTimestamp } = data;
  if (!isObject(order) || !isText(status) || !isTime(statusTimestamp)) return null;
  const extra = extraOf(data, STATUS_FIELDS, 3);
  if (extra === undefined) return null;
  const body = orderOf(order);
  return body === null ? null : { order: body, status, statusTimestamp, extra };
}

function orderOf(order: JsonObject): OrderBody | null {
  const { coin, side, sz, oid, origSz } = order;
  if (!isText(coin) || !isText(side) || !isText(sz) || !isWhole(oid) || !isText(origSz)) return null;
  const limitPx = textOf(order['limitPx']);
  const timestamp = wholeOf(order['timestamp']);
  const cloid = textOf(order['cloid']);
  const reduceOnly = flagOf(order['reduceOnly']);
  if (limitPx === undefined || timestamp === undefined || cloid === undefined || reduceOnly === undefined) return null;
  const extra = extraOf(order, ORDER_FIELDS, 5 + one(limitPx) + one(timestamp) + one(cloid) + one(reduceOnly));
  return extra === undefined ? null : { coin, side, limitPx, sz, oid, timestamp, origSz, cloid, reduceOnly, extra };
}

/** How many fields an optional one expresses. */
function one(value: unknown): number {
  return value === null ? 0 : 1;
}
