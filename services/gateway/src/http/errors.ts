// What a refused request, stream or message is told: a code, a sentence, and when it may help to come again. Never what was sent.

import type { ErrorBody, ErrorCode } from '@fillstream/client';
import { PortError } from '@fillstream/runtime';
import { CursorError } from '../feed/cursor.ts';

export type RefusalOptions = { readonly retryAfterMs?: number; readonly reason?: RefusalReason };

/** Refused on purpose. `reason` tells in metrics and audit what `code` doesn't. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ErrorCode;
  readonly reason: RefusalReason;
  readonly retryAfterMs: number | null;

  constructor(code: ErrorCode, message: string, { retryAfterMs, reason = code }: RefusalOptions = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}

export const REASONS = [
  'bad-request', 'bad-cursor', 'unauthorized', 'forbidden', 'not-found', 'too-many', 'too-large', 'not-ready', 'unavailable', 'internal',
  'host', 'origin',
] as const satisfies readonly (ErrorCode | 'host' | 'origin')[];
export type RefusalReason = (typeof REASONS)[number];

const STATUS: Readonly<Record<ErrorCode, number>> = {
  'bad-request': 400, 'bad-cursor': 400, 'unauthorized': 401, 'forbidden': 403, 'not-found': 404, 'too-many': 429, 'too-large': 413,
  'not-ready': 503, 'unavailable': 503, 'internal': 500,
};
const RETRY_MS = 1_000;
const HEADERS_TOO_LARGE = 431;
const PAYLOAD_TOO_LARGE = 413;

export function notReady(): Refusal {
  return new Refusal('not-ready', 'the gateway is still reading the log', { retryAfterMs: RETRY_MS });
}

export function goingAway(): Refusal {
  return new Refusal('unavailable', 'the gateway is going away', { retryAfterMs: RETRY_MS });
}

/** For the operator, never for the client. */
export function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof PortError ? error.message : error.stack ?? error.message;
}

export function statusOf({ code }: Refusal): number {
  return STATUS[code];
}

/** Whatever was thrown, as what may be told of it; `internal` is a bug or an operational failure of ours. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof CursorError) return new Refusal('bad-cursor', error.message);
  if (error instanceof PortError) return new Refusal('unavailable', 'the log or the store doesn\'t answer', { retryAfterMs: RETRY_MS });
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 0;
  if (status === HEADERS_TOO_LARGE || status === PAYLOAD_TOO_LARGE) return new Refusal('too-large', 'the request is too large');
  if (status >= 400 && status < 500) return new Refusal('bad-request', 'the request can\'t be read');
  return new Refusal('internal', 'the gateway failed to answer');
}

export function bodyOf({ code, message, retryAfterMs }: Refusal): ErrorBody {
  return { error: { code, message, ...(retryAfterMs === null ? {} : { retryAfterMs }) } };
}
