// The .avsc files, one a topic: what is registered with a registry, and what the codecs are compiled from.

import { readFileSync } from 'node:fs';

/** Every topic and the type its values have; the file is named after the topic. */
export const TOPICS = [
  'fills', 'order-updates', 'signals', 'quarantine', 'watchlist', 'ingest-progress', 'commits', 'repairs', 'gaps', 'tokens', 'webhooks',
  'webhook-dead-letters',
] as const;
export type Topic = (typeof TOPICS)[number];

/** The topics of gateway and webhooks: an installation of an earlier version may be without them, and works on. */
export const SUBSCRIBER_TOPICS = ['tokens', 'webhooks', 'webhook-dead-letters'] as const satisfies readonly Topic[];

/** The topics whose records the processor takes in (contract §1). */
export type InputTopic = 'fills' | 'order-updates';

/** The topic's schema as JSON text, as a registry takes it. */
export function schemaTextOf(topic: Topic): string {
  return readFileSync(new URL(`../${topic}.avsc`, import.meta.url), 'utf8');
}
