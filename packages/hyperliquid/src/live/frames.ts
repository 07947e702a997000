// A text from the socket as one of the protocol's frames. Pure and total.
//
// F1  Every text gives a frame: what can't be read is `bad` when it may have held fills or updates, else `unknown`.
// F2  Nothing inside a row is looked at here, and nothing is recursed into: depth is bounded before parsing.

import type { Json } from './ports.ts';

export type Channel = 'userFills' | 'orderUpdates' | 'userTwapSliceFills';

export type Subscription = { readonly type: Channel; readonly user: string };

export type Frame =
  | { readonly kind: 'pong' }
  | { readonly kind: 'greeting' }
  | { readonly kind: 'ack'; readonly method: string; readonly type: string; readonly user: string }
  | { readonly kind: 'error'; readonly text: string }
  | {
    readonly kind: 'fills'; readonly channel: 'userFills' | 'userTwapSliceFills'; readonly user: string; readonly isSnapshot: boolean;
    readonly rows: readonly unknown[];
  }
  /** Without a user: who it is only the connection knows. */
  | { readonly kind: 'updates'; readonly rows: readonly unknown[] }
  | { readonly kind: 'bad'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string };

const GREETING = /^Websocket connection established\.?\s*$/i;
/** The exchange's frames are four levels deep. */
const GREATEST_DEPTH = 32;
const DETAIL_CHARS = 120;

export function readFrame(text: string): Frame {
  if (GREETING.test(text)) return { kind: 'greeting' };
  if (isDeeperThan(text, GREATEST_DEPTH)) return bad('nested too deeply');
  const value = parse(text);
  if (value === undefined) return bad(`no JSON: ${text.slice(0, DETAIL_CHARS)}`);
  if (!isObject(value)) return { kind: 'unknown', detail: `no object: ${text.slice(0, DETAIL_CHARS)}` };
  const { channel, data } = value;
  switch (channel) {
    case 'pong': return { kind: 'pong' };
    case 'subscriptionResponse': return readAck(data);
    case 'error': return { kind: 'error', text: typeof data === 'string' ? data : JSON.stringify(data ?? null) };
    case 'userFills': return readFills(data, 'fills');
    case 'userTwapSliceFills': return readFills(data, 'twapSliceFills');
    case 'orderUpdates': return Array.isArray(data) ? { kind: 'updates', rows: data } : bad('orderUpdates without an array');
    default: return { kind: 'unknown', detail: `channel ${JSON.stringify(channel ?? null).slice(0, DETAIL_CHARS)}` };
  }
}

function readAck(data: unknown): Frame {
  const subscription = isObject(data) ? data['subscription'] : undefined;
  if (!isObject(data) || !isObject(subscription)) return { kind: 'unknown', detail: 'subscriptionResponse of another shape' };
  const { type, user } = subscription;
  const { method } = data;
  if (typeof type !== 'string' || typeof method !== 'string') return { kind: 'unknown', detail: 'subscriptionResponse of another shape' };
  return { kind: 'ack', method, type, user: typeof user === 'string' ? user.toLowerCase() : '' };
}

function readFills(data: unknown, field: 'fills' | 'twapSliceFills'): Frame {
  if (!isObject(data)) return bad(`${field} without an object`);
  const { user, isSnapshot } = data;
  const rows: unknown = data[field];
  if (typeof user !== 'string' || !Array.isArray(rows)) return bad(`${field} without a user or an array`);
  const common = { kind: 'fills', user: user.toLowerCase(), isSnapshot: isSnapshot === true } as const;
  if (field === 'fills') return { ...common, channel: 'userFills', rows };
  return { ...common, channel: 'userTwapSliceFills', rows: rows.map(fillOfSlice) };
}

/** A slice is `{fill, twapId}`; the fill says its twapId itself, or is told. */
function fillOfSlice(slice: unknown): unknown {
  if (!isObject(slice) || !isObject(slice['fill'])) return slice;
  const { fill, twapId } = slice;
  return (fill['twapId'] ?? null) !== null || twapId === undefined ? fill : { ...fill, twapId };
}

function bad(detail: string): Frame {
  return { kind: 'bad', detail };
}

/** Whether brackets outside of strings are open deeper than `depth` anywhere. */
function isDeeperThan(text: string, depth: number): boolean {
  let open = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === 0x5c) at += 1;
      else if (code === 0x22) isInString = false;
    } else if (code === 0x22) isInString = true;
    else if (code === 0x7b || code === 0x5b) {
      open += 1;
      if (open > depth) return true;
    } else if (code === 0x7d || code === 0x5d) open -= 1;
  }
  return false;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined: no JSON, or nested too deeply to be looked at. */
export function parseJson(text: string): unknown {
  return isDeeperThan(text, GREATEST_DEPTH) ? undefined : parse(text);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
