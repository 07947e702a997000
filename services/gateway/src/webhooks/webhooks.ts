// The webhooks that there are, as the topic `webhooks` has them, and how one is made.

import { randomBytes } from 'node:crypto';
import type { Filter, Signal } from '@fillstream/client';
import { KeyedTail, type KafkaOptions, type KeyedWord, type RegistryOptions } from '@fillstream/kafka';
import { decodeWebhook, type Webhook } from '@fillstream/schemas';
import { compileFilter, parseFilter } from '../feed/filter.ts';

const ID_BYTES = 6;
const SECRET_BYTES = 32;
const GREATEST_URL = 2_000;

export type NewWebhook = { readonly url: string; readonly filter: Filter; readonly label: string | null; readonly from: readonly number[] };

/** `from`: by partition, the end of the topic `signals`. */
export function newWebhook({ url, filter, label, from }: NewWebhook, now: number): Webhook {
  return {
    id: `wh_${randomBytes(ID_BYTES).toString('hex')}`,
    url, label, from, createdAt: now, filter: JSON.stringify(filter),
    secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64url')}`,
  };
}

/** The URL as it is kept. Throws an Error of one line, without what may be secret in it. */
export function checkUrl(text: string): string {
  const url = text.length > GREATEST_URL ? null : URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Error(`expected an http or https URL of at most ${String(GREATEST_URL)} characters`);
  }
  if (url.username !== '' || url.password !== '') throw new Error('expected a URL without a login: deliveries are signed');
  url.hash = '';
  return url.href;
}

export type Known = { readonly webhook: Webhook; readonly matches: (signal: Signal) => boolean };

/** What the topic says of a key; `unreadable` tells why, without a secret. */
export type Said =
  | { readonly kind: 'known'; readonly known: Known }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly why: string };

export function saidIn(word: KeyedWord): Said {
  switch (word.kind) {
    case 'deleted': return { kind: 'gone' };
    case 'unreadable': return { kind: 'unreadable', why: 'its record is of no schema that is known' };
    case 'value': return read(word.key, word.body);
  }
}

function read(id: string, body: Buffer): Said {
  try {
    const webhook = { ...decodeWebhook(body), id };
    const filter: unknown = JSON.parse(webhook.filter);
    return { kind: 'known', known: { webhook, matches: compileFilter(parseFilter(filter)) } };
  } catch (error) {
    return { kind: 'unreadable', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Those that are there now, the oldest first. Throws PortError. */
export async function readWebhooks(kafka: KafkaOptions, registry: RegistryOptions, onTrouble: (text: string) => void): Promise<readonly Webhook[]> {
  const found = new Map<string, Webhook>();
  const tail = await KeyedTail.follow(kafka, registry, 'webhooks', {
    onWord: (word) => {
      const said = saidIn(word);
      if (said.kind === 'known') found.set(word.key, said.known.webhook);
      else found.delete(word.key);
      if (said.kind === 'unreadable') onTrouble(`webhook ${word.key} can't be read: ${said.why}`);
    },
  });
  await tail.close();
  return [...found.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}
