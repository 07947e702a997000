// Where a partition's committed history ends, as the group's offsets tell it: in the offsets of its input topics, with what
// offsets alone don't say in their metadata, as they are written in one transaction with the commit.
//
//   1 ID FIRED START0,START1 LAST0,LAST1
//
// format, history id, timers fired since the last record, where history began, and of each topic the last record applied.

import { PortError, type HistoryPoint } from '@fillstream/runtime';
import type { TopicOffsets } from 'kafkajs';
import { lastText, parseLast, type Applied } from './last-applied.ts';

export type CommittedPoint = {
  readonly start: readonly number[];
  readonly point: HistoryPoint;
  /** By topic, the last record applied; null before the first, and where it isn't known. */
  readonly last: readonly (Applied | null)[];
};

/** Raised when what follows it changes. */
const FORMAT = '1';

/** kafkajs passes `metadata` on, its type doesn't name it. */
type OffsetWithMetadata = { readonly partition: number; readonly offset: string; readonly metadata: string };

export function offsetsOf(topics: readonly string[], partition: number, { start, point, last }: CommittedPoint): TopicOffsets[] {
  const { position: { offsets, fired }, id } = point;
  const metadata = `${FORMAT} ${id} ${String(fired)} ${start.join(',')} ${lastText(last)}`;
  return topics.map((topic, place) => {
    const offset: OffsetWithMetadata = { partition, offset: String(offsets[place] ?? 0), metadata };
    return { topic, partitions: [offset] };
  });
}

/** What was read of one input topic's committed offset. */
export type FetchedOffset = { readonly offset: string; readonly metadata: string | null };

/**
 * null when nothing was committed, or what is there isn't ours (kafkajs itself commits an offset when it resets one).
 * Throws PortError `mismatch` for what another version wrote.
 */
export function committedPointOf(fetched: readonly FetchedOffset[]): CommittedPoint | null {
  const [first] = fetched;
  const format = /^(\d+) [0-9a-f]{16} /.exec(first?.metadata ?? '')?.[1] ?? FORMAT;
  if (format !== FORMAT) {
    throw new PortError('mismatch', `the group's committed offsets have format ${format}, expected ${FORMAT}`, { retryable: false });
  }
  const match = /^\d+ ([0-9a-f]{16}) (\d{1,15}) (\d{1,15}(?:,\d{1,15})*) ([\d:,-]+)$/.exec(first?.metadata ?? '');
  if (match === null || fetched.some(({ metadata }) => metadata !== first?.metadata)) return null;
  const [, id = '', fired = '', start = '', last = ''] = match;
  return {
    start: start.split(',').map(Number),
    point: { id, position: { offsets: fetched.map(({ offset }) => Number(offset)), fired: Number(fired) } },
    last: parseLast(last),
  };
}
