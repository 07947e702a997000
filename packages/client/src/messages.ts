// What a gateway sends, read. Later versions may send more kinds of messages, and more fields: both are passed over.

import { isErrorCode } from './errors.ts';
import type { ServerMessage, Signal } from './protocol.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `unknown`: a kind that this version has no name for; `unreadable`: no message at all. */
export function readMessage(text: unknown): ServerMessage | 'unknown' | 'unreadable' {
  const fields = typeof text === 'string' ? fieldsOf(text) : null;
  return fields === null || typeof fields['type'] !== 'string' ? 'unreadable' : messageOf(fields) ?? 'unreadable';
}

function messageOf(fields: Fields): ServerMessage | 'unknown' | null {
  const { type, id, cursor, signal } = fields;
  switch (type) {
    case 'pong':
      return { type };
    case 'unsubscribed':
      return typeof id === 'string' ? { type, id } : null;
    case 'subscribed':
    case 'live':
    case 'progress':
    case 'behind':
      return typeof id === 'string' && typeof cursor === 'string' ? { type, id, cursor } : null;
    case 'signal':
      return typeof id === 'string' && typeof cursor === 'string' && isSignal(signal) ? { type, id, cursor, signal } : null;
    case 'error':
      return errorOf(fields);
    default:
      return 'unknown';
  }
}

function errorOf({ id, code, message, retryAfterMs }: Fields): ServerMessage | null {
  if (typeof message !== 'string') return null;
  return {
    type: 'error', code: isErrorCode(code) ? code : 'internal', message,
    ...(typeof id === 'string' ? { id } : {}), ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  };
}

function fieldsOf(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null; // Not JSON: unreadable.
  }
}

/** What is looked at here; the gateway checks the rest before it sends it. */
function isSignal(value: unknown): value is Signal {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string'
    && 'revision' in value && typeof value.revision === 'number' && 'lastFillAt' in value && typeof value.lastFillAt === 'number';
}
