// Whether a topic is still the one that was read: of each input topic the last record applied is remembered with the
// committed offsets, and in the commit's header, as Kafka forgets the offsets of a topic that is deleted. A topic made anew
// may have as many records as the old one had, or more, but hardly this one.
//
//   OFFSET:TIMESTAMP:CRC,-      by topic; - before the first record, and where it isn't known

import { crc32 } from 'node:zlib';
import type { Position } from '@fillstream/runtime';
import type { FetchedRecord } from './backlog.ts';

/** One record, told from every other that could lie in its place. */
export type Applied = { readonly offset: number; readonly timestamp: string; readonly crc: number };

export class LastApplied {
  readonly #taken: FetchedRecord[][];
  readonly #last: (Applied | null)[];

  /** `last`: by topic, as it was committed. */
  constructor(last: readonly (Applied | null)[]) {
    this.#last = [...last];
    this.#taken = last.map(() => []);
  }

  /** One of the records that were taken: the last of each batch is enough. */
  took(topic: number, message: FetchedRecord): void {
    this.#taken[topic]?.push(message);
  }

  /** By topic, the last of them before a position that nothing earlier is asked of again. */
  before({ offsets }: Position): readonly (Applied | null)[] {
    for (const [topic, taken] of this.#taken.entries()) {
      const later = taken.findIndex(({ offset }) => offset >= (offsets[topic] ?? 0));
      const applied = taken.splice(0, later === -1 ? taken.length : later).at(-1);
      if (applied !== undefined) this.#last[topic] = appliedOf(applied);
    }
    return [...this.#last];
  }
}

export function isSame({ offset, timestamp, crc }: Applied, message: FetchedRecord): boolean {
  const found = appliedOf(message);
  return found.offset === offset && found.timestamp === timestamp && found.crc === crc;
}

function appliedOf({ offset, timestamp, value }: FetchedRecord): Applied {
  return { offset, timestamp: String(timestamp), crc: value === null ? 0 : crc32(value) };
}

export function lastText(last: readonly (Applied | null)[]): string {
  return last.map((each) => (each === null ? '-' : `${String(each.offset)}:${each.timestamp}:${String(each.crc)}`)).join(',');
}

/** By topic; nothing known for a text that isn't there. */
export function parseLast(text: string | undefined): readonly (Applied | null)[] {
  return (text ?? '').split(',').map((each) => {
    const [offset = '', timestamp = '', crc = ''] = each.split(':');
    return crc === '' ? null : { offset: Number(offset), timestamp, crc: Number(crc) };
  });
}
