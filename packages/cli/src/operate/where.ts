// Where on a topic a command begins (--from), and single places on it (PARTITION/OFFSET).

import type { Bounds, KafkaOptions, Stretch } from '@fillstream/kafka';
import { UsageError } from '../errors.ts';
import { parsePeriod } from '../period.ts';

export type From =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  /** The first record of each partition whose time is at or after it; milliseconds since the epoch. */
  | { readonly kind: 'time'; readonly at: number }
  /** In each partition. */
  | { readonly kind: 'offset'; readonly offset: number };

export type Place = { readonly partition: number; readonly offset: number };

/** Numbers from here on are times. */
const LEAST_TIME = 1e12;

export const FROM_HELP = 'earliest, latest, a time (2026-01-31T12:00:00Z, milliseconds, or 15m for so long ago), or an offset';

/** `now` is what a time such as 15m counts back from. Throws UsageError. */
export function fromOf(text: string, now: number): From {
  if (text === 'earliest' || text === 'latest') return { kind: text };
  if (/^[0-9]{1,15}$/.test(text)) return Number(text) >= LEAST_TIME ? { kind: 'time', at: Number(text) } : { kind: 'offset', offset: Number(text) };
  const ago = parsePeriod(text);
  if (ago !== undefined) return { kind: 'time', at: now - ago };
  const at = /^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw new UsageError(`--from: expected ${FROM_HELP}, got ${text}`);
  return { kind: 'time', at };
}

/** `2/17` is offset 17 of partition 2. Throws UsageError. */
export function placeOf(text: string): Place {
  const match = /^([0-9]{1,5})\/([0-9]{1,15})$/.exec(text);
  if (match === null) throw new UsageError(`expected PARTITION/OFFSET, such as 2/17, got ${text}`);
  return { partition: Number(match[1]), offset: Number(match[2]) };
}

export function placeText({ partition, offset }: Place): string {
  return `${String(partition)}/${String(offset)}`;
}

/** What is to be read of a topic's partitions: from there to its present end, or for good. Throws PortError. */
export async function stretchesOf(
  kafka: KafkaOptions, topic: string, bounds: readonly Bounds[], from: From, options: { readonly follow: boolean },
): Promise<Stretch[]> {
  const { firstOffsetsAt } = await import('@fillstream/kafka');
  const atTime = from.kind === 'time' ? await firstOffsetsAt(kafka, topic, from.at) : new Map<number, number>();
  return bounds.map(({ partition, low, high }) => {
    const wanted = wantedOf(from, low, high, atTime.get(partition) ?? high);
    return { topic, partition, from: Math.min(Math.max(wanted, low), high), to: options.follow ? null : high };
  });
}

function wantedOf(from: From, low: number, high: number, atTime: number): number {
  switch (from.kind) {
    case 'earliest': return low;
    case 'latest': return high;
    case 'time': return atTime;
    case 'offset': return from.offset;
  }
}
