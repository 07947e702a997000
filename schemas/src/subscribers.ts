// What gateway, webhooks and operators tell each other: the topics `tokens`, `webhooks` and `webhook-dead-letters`.
// Addresses are lower case, times milliseconds since the epoch. Decoders throw SchemaError `unreadable-body`.

import { codecOf, decodeBody, encodeBody } from './avro.ts';

/** Who may ask the gateway for what. */
export type Token = {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the token's text, in lower-case hex. */
  readonly hash: string;
  readonly actions: readonly string[];
  /** null: all. */
  readonly addresses: readonly string[] | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
};

/** Where signals are posted to; a tombstone on the topic ends it. */
export type Webhook = {
  readonly id: string;
  readonly url: string;
  /** A filter of the gateway's protocol as JSON. */
  readonly filter: string;
  readonly secret: string;
  readonly createdAt: number;
  /** By partition, the first offset of `signals` that it is owed. */
  readonly from: readonly number[];
  readonly label: string | null;
};

/** A signal that a webhook didn't take (`resentAt` null), or took later; the last record of (webhook, signal, revision) counts. */
export type WebhookDeadLetter = {
  readonly webhook: string;
  readonly signal: string;
  readonly revision: number;
  readonly body: string;
  readonly attempts: number;
  /** The last status or error. */
  readonly reason: string;
  readonly at: number;
  readonly resentAt: number | null;
};

const token = codecOf<Token>('tokens');
const webhook = codecOf<Webhook>('webhooks');
const deadLetter = codecOf<WebhookDeadLetter>('webhook-dead-letters');

export function encodeToken(value: Token): Buffer {
  return encodeBody(token, value);
}

export function decodeToken(body: Uint8Array): Token {
  return { ...decodeBody(token, body) };
}

export function encodeWebhook(value: Webhook): Buffer {
  return encodeBody(webhook, value);
}

export function decodeWebhook(body: Uint8Array): Webhook {
  return { ...decodeBody(webhook, body) };
}

export function encodeWebhookDeadLetter(value: WebhookDeadLetter): Buffer {
  return encodeBody(deadLetter, value);
}

export function decodeWebhookDeadLetter(body: Uint8Array): WebhookDeadLetter {
  return { ...decodeBody(deadLetter, body) };
}
