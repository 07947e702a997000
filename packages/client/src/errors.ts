// What a gateway refuses, and what can't be reached, as one kind of error.

import { CLOSE, type ErrorBody, type ErrorCode } from './protocol.ts';

/** After these another attempt may do. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['too-many', 'not-ready', 'unavailable', 'internal']);

const CODES: Readonly<Record<ErrorCode, true>> = {
  'bad-request': true, 'bad-cursor': true, unauthorized: true, forbidden: true, 'not-found': true, 'too-many': true,
  'too-large': true, 'not-ready': true, unavailable: true, internal: true,
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'bad-request', 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 413: 'too-large', 429: 'too-many',
  502: 'unavailable', 503: 'unavailable', 504: 'unavailable',
};

/** Why a WebSocket that closed so isn't opened again. */
const BY_CLOSE: Readonly<Record<number, ErrorCode>> = {
  [CLOSE.tooLarge]: 'too-large', [CLOSE.badRequest]: 'bad-request', [CLOSE.unauthorized]: 'unauthorized',
  [CLOSE.forbidden]: 'forbidden', [CLOSE.revoked]: 'unauthorized',
};

type Details = {
  /** HTTP's status, where it was one. */
  readonly status?: number;
  /** The WebSocket's close code, where it was one: 4009 tells a token that was revoked or has expired from one that never was. */
  readonly closeCode?: number;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
};

export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  /** The same may succeed later. */
  readonly retryable: boolean;
  readonly status: number | null;
  readonly closeCode: number | null;
  /** How long the gateway asks to wait. */
  readonly retryAfterMs: number | null;

  constructor(code: ErrorCode, message: string, { status, closeCode, retryAfterMs, cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.status = status ?? null;
    this.closeCode = closeCode ?? null;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}

/** The error of a close that no other attempt mends; null for all others. */
export function errorOfClose(code: number, reason: string): GatewayError | null {
  const known = BY_CLOSE[code];
  if (known === undefined) return null;
  const what = code === CLOSE.revoked ? 'the token was revoked or has expired' : `the gateway closed the connection: ${known}`;
  return new GatewayError(known, reason === '' ? what : `${what}: ${reason}`, { closeCode: code });
}

/** The error of an answer that isn't 2xx; `body` is its text. */
export function errorOfAnswer(status: number, body: string): GatewayError {
  const told = readBody(body);
  if (told === null) {
    return new GatewayError(BY_STATUS[status] ?? 'internal', `the gateway answered ${String(status)}`, { status });
  }
  const { code, message, retryAfterMs } = told.error;
  return new GatewayError(code, message, { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CODES, value);
}

function readBody(text: string): ErrorBody | null {
  try {
    const value: unknown = JSON.parse(text);
    return isErrorBody(value) ? value : null;
  } catch {
    return null; // A proxy's own page.
  }
}

function isErrorBody(value: unknown): value is ErrorBody {
  if (typeof value !== 'object' || value === null || !('error' in value)) return false;
  const { error } = value;
  return typeof error === 'object' && error !== null && 'code' in error && isErrorCode(error.code)
    && 'message' in error && typeof error.message === 'string'
    && (!('retryAfterMs' in error) || typeof error.retryAfterMs === 'number');
}
