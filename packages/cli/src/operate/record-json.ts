// The JSON of records as they came.

import type { LogRecord } from '@fillstream/runtime';
import { decodeInput } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';

/** Of a topic's record; undefined when it isn't JSON. */
export function jsonOfRecord({ topic, original }: LogRecord): unknown {
  if (typeof original === 'string') return parsedJson(original);
  if ('bytes' in original) return undefined;
  const decoded = decodeInput(INPUT_TOPICS[topic] ?? 'fills', original);
  return decoded.kind === 'record' ? decoded.json : parsedJson(decoded.raw.toString('utf8'));
}

/** undefined when the text isn't JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
