// The lines of a node's files as journal records (contract §1): fills, order statuses, and blocks of either.
//
//   [user, fill]                                                  node_fills
//   {time, user, status, order}                                   node_order_statuses
//   {local_time, block_time, block_number, events: [those]}       the same, by block
//
// N1  Total: every line gives its records, and what is of no such form is `refused`, whole. Nothing is left out.
// N2  receivedAt is the exchange's own time: the fill's, the status'; of an event without one its block's.
// N3  `data` is the exchange's object; of a status its `time` becomes `statusTimestamp`, in milliseconds.
// N4  Every record can be written as JSON again: a line nested deeper than GREATEST_DEPTH is refused, whole.

import type { Line } from '../journal/line-source.ts';
import { exchangeTime } from './time.ts';

type Json = { readonly [field: string]: unknown };
type Oversized = Extract<Line, { readonly kind: 'oversized' }>;

export type NodeRecord =
  /** `json` is the record of a journal; whether it can be used is for the contract to say. */
  | { readonly kind: 'fill' | 'orderUpdate'; readonly address: string; readonly receivedAt: number | null; readonly json: Json }
  /** A line, or an event as JSON, that is neither. */
  | { readonly kind: 'refused'; readonly receivedAt: number | null; readonly bytes: string | Uint8Array }
  /** A line beyond the limit. */
  | { readonly kind: 'oversized'; readonly receivedAt: null; readonly line: Oversized };

/** A block may have thousands of events; of a longer line only the head, the length and a hash are kept. */
export const MAX_NODE_LINE_BYTES = 33_554_432;

const BYTE_ORDER_MARK = '\uFEFF';
/** A block is six levels deep. */
const GREATEST_DEPTH = 32;

export function readNodeLine(line: Line): readonly NodeRecord[] {
  switch (line.kind) {
    case 'text': {
      const text = line.offset === 0 && line.text.startsWith(BYTE_ORDER_MARK) ? line.text.slice(1) : line.text;
      return readText(text);
    }
    case 'notText': return [{ kind: 'refused', receivedAt: null, bytes: line.bytes }];
    case 'oversized': return [{ kind: 'oversized', receivedAt: null, line }];
  }
}

function readText(text: string): readonly NodeRecord[] {
  const value = parseJson(text);
  if (isDeeperThan(value, GREATEST_DEPTH)) return [{ kind: 'refused', receivedAt: null, bytes: text }];
  if (isBlock(value)) {
    const at = exchangeTime(value['block_time']);
    return value.events.map((event) => eventRecord(event, at) ?? { kind: 'refused', receivedAt: at, bytes: JSON.stringify(event) });
  }
  return [eventRecord(value, null) ?? { kind: 'refused', receivedAt: null, bytes: text }];
}

/** null for what is neither a fill nor a status. */
function eventRecord(event: unknown, blockAt: number | null): NodeRecord | null {
  if (isFill(event)) return fillRecord(event[0], event[1], blockAt);
  return isStatus(event) ? statusRecord(event, blockAt) : null;
}

function fillRecord(address: string, fill: Json, blockAt: number | null): NodeRecord {
  const at = exchangeTime(fill['time']);
  const data = at === null || at === fill['time'] ? fill : { ...fill, time: at };
  return recordOf('fill', address, at ?? blockAt, data);
}

function statusRecord({ time, user, ...rest }: Json & { readonly user: string }, blockAt: number | null): NodeRecord {
  const at = exchangeTime(time) ?? (time === undefined ? blockAt : null);
  return recordOf('orderUpdate', user, at ?? blockAt, { ...rest, statusTimestamp: at ?? time });
}

function recordOf(kind: 'fill' | 'orderUpdate', address: string, receivedAt: number | null, data: Json): NodeRecord {
  const json = { kind, address, ...(receivedAt === null ? {} : { receivedAt }), source: 'import', data };
  return { kind, address, receivedAt, json };
}

/** Recursion ends at `depth`, whatever comes. */
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  for (const part of Object.values(value)) if (isDeeperThan(part, depth - 1)) return true;
  return false;
}

function isBlock(value: unknown): value is Json & { readonly events: readonly unknown[] } {
  return isObject(value) && Array.isArray(value['events']) && ('block_time' in value || 'block_number' in value);
}

function isFill(value: unknown): value is readonly [string, Json] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && isObject(value[1]);
}

function isStatus(value: unknown): value is Json & { readonly user: string } {
  return isObject(value) && typeof value['user'] === 'string' && 'status' in value && 'order' in value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined when the text isn't JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
