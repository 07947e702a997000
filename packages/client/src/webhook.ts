// Webhooks, checked where they arrive: who sent it, that nothing was changed, and that it isn't an old one sent again.
//
// K1  Nothing of a body is looked at before its signature was found good; signatures are compared in constant time.

import type { Signal } from './protocol.ts';

export type WebhookErrorCode = 'missing-header' | 'bad-timestamp' | 'too-old' | 'bad-signature' | 'bad-body';

/** What arrived is not to be acted on. Answer it with 401, or with 400. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly code: WebhookErrorCode;

  constructor(code: WebhookErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** As a server has them: the Fetch API's, or an object with names in lower case (node:http). */
export type WebhookHeaders =
  | { readonly get: (name: string) => string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export type WebhookRequest = {
  /** The webhook's, as it was told when it was made. */
  readonly secret: string;
  readonly headers: WebhookHeaders;
  /** As it arrived, byte by byte: not parsed and written again. */
  readonly body: string | Uint8Array;
  /** How far its time may be from `now`, either way. */
  readonly toleranceMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: number;
};

const TIMESTAMP = 'fillstream-timestamp';
const SIGNATURE = 'fillstream-signature';
const TOLERANCE_MS = 300_000;
const VERSION = 'v1=';
const HMAC = { name: 'HMAC', hash: 'SHA-256' };

/** The signal that was posted; a repeat has its `id` and `revision`. Throws WebhookError for what isn't genuine. */
export async function verifyWebhook(request: WebhookRequest): Promise<Signal> {
  const { secret, headers, body, toleranceMs = TOLERANCE_MS, now = Date.now() } = request;
  const timestamp = headerOf(headers, TIMESTAMP);
  const signatures = headerOf(headers, SIGNATURE).split(',').map((each) => each.trim()).filter((each) => each.startsWith(VERSION));
  if (!/^[0-9]{1,16}$/.test(timestamp)) throw new WebhookError('bad-timestamp', `expected milliseconds in ${TIMESTAMP}`);
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', bytes.encode(secret), HMAC, false, ['verify']);
  const signed = concatenated(bytes.encode(`${timestamp}.`), typeof body === 'string' ? bytes.encode(body) : body);
  const checks = await Promise.all(signatures.map(async (each) => await isGood(key, each.slice(VERSION.length), signed)));
  if (!checks.includes(true)) throw new WebhookError('bad-signature', 'the signature isn\'t of this body, this time and this secret');
  if (Math.abs(now - Number(timestamp)) > toleranceMs) {
    throw new WebhookError('too-old', `sent more than ${String(toleranceMs)} ms from now`);
  }
  return parse(typeof body === 'string' ? body : new TextDecoder().decode(body));
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = isGetter(headers) ? headers.get(name) : headers[name];
  const text = typeof value === 'object' && value !== null ? value.join(',') : value;
  if (text === undefined || text === null || text === '') throw new WebhookError('missing-header', `expected a header ${name}`);
  return text;
}

function isGetter(headers: WebhookHeaders): headers is { readonly get: (name: string) => string | null } {
  return typeof headers['get'] === 'function';
}

async function isGood(key: CryptoKey, hex: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  if (!/^(?:[0-9a-f]{2})+$/.test(hex)) return false;
  const signature = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return await crypto.subtle.verify('HMAC', key, signature, signed);
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function parse(text: string): Signal {
  try {
    // Whoever has the secret wrote it.
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
    return JSON.parse(text) as Signal;
  } catch {
    throw new WebhookError('bad-body', 'expected JSON');
  }
}
