// The records of all partitions of the input topics as one sequence in order of time: what a partition of another number of
// partitions may be given, so that its time never runs ahead of a record that is still to come into it.
//
// X1  A record's place is the greatest receivedAt of its partition of its topic so far, its own included: each keeps its own
//     order, and a record that was late in its partition is as late here, not later.
// X2  At a tie `fills` go before `order-updates`, then by partition: the sequence is a function of the topics alone.
// X3  What has come to the end of what was read holds the others back to where it stands, as its next record may be of then.
//     Nothing is held back when nothing more can come, nor by a partition that never had a record.
// X4  A record without a readable time has the place of the one before it, and moves nothing.

import { decodeInput } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import { MinHeap } from './min-heap.ts';
import type { StretchReader, StretchRecord } from './stretch-reader.ts';
import type { WireFormat } from './wire-format.ts';

/** One partition of one input topic (an index into INPUT_TOPICS). */
export type Place = { readonly topic: number; readonly partition: number };

/** `time` is milliseconds since the epoch; -Infinity before the first record with a time. */
export type Merged = Place & { readonly record: StretchRecord; readonly time: number; readonly isTick: boolean };

export type MergeOptions = {
  readonly reader: Pick<StretchReader, 'next'>;
  /** By input topic. */
  readonly formats: readonly Pick<WireFormat, 'learn' | 'unframe'>[];
  /** `greatest`: the greatest receivedAt of what was read of it before; -Infinity: nothing. */
  readonly places: readonly (Place & { readonly greatest: number })[];
  /** Nothing comes after the ends (X3). */
  readonly isFinal: boolean;
};

type Said = { readonly receivedAt: number | null; readonly isTick: boolean };

const NOTHING_SAID: Said = { receivedAt: null, isTick: false };

export class TimeMerge {
  readonly #options: MergeOptions;
  readonly #heads = new MinHeap<Merged>(isBefore);
  /** By topic and partition. */
  readonly #greatest: number[][] = INPUT_TOPICS.map(() => []);
  #holder: (Place & { readonly time: number }) | null = null;
  #isFilled = false;

  constructor(options: MergeOptions) {
    this.#options = options;
    for (const { topic, partition, greatest } of options.places) this.#raise({ topic, partition }, greatest);
  }

  /** What holds the rest back, and to which time; null when nothing does, or nothing is left. */
  get heldBy(): (Place & { readonly time: number }) | null {
    return this.#heads.first === undefined ? null : this.#holder;
  }

  /** Throws PortError. null: there is no more, or it is held back (X3). */
  async next(): Promise<Merged | null> {
    if (!this.#isFilled) for (const place of this.#options.places) await this.#load(place);
    this.#isFilled = true;
    const { first } = this.#heads;
    if (first === undefined || (this.#holder !== null && first.time > this.#holder.time)) return null;
    this.#heads.pop();
    await this.#load(first);
    return first;
  }

  async #load({ topic, partition }: Place): Promise<void> {
    const { reader, formats, isFinal } = this.#options;
    const record = await reader.next(INPUT_TOPICS[topic] ?? '', partition);
    if (record === null) {
      if (!isFinal) this.#hold({ topic, partition });
      return;
    }
    const { receivedAt, isTick } = await saidBy(record, topic, formats[topic]);
    const time = this.#raise({ topic, partition }, receivedAt ?? -Infinity);
    this.#heads.push({ topic, partition, record, time, isTick });
  }

  /** X1. */
  #raise({ topic, partition }: Place, receivedAt: number): number {
    const times = this.#greatest[topic] ?? [];
    const time = Math.max(times[partition] ?? -Infinity, receivedAt);
    times[partition] = time;
    return time;
  }

  /** X3. */
  #hold({ topic, partition }: Place): void {
    const time = this.#greatest[topic]?.[partition] ?? -Infinity;
    if (time === -Infinity || (this.#holder !== null && this.#holder.time <= time)) return;
    this.#holder = { topic, partition, time };
  }
}

/** X2. */
function isBefore(a: Merged, b: Merged): boolean {
  if (a.time !== b.time) return a.time < b.time;
  return a.topic === b.topic ? a.partition < b.partition : a.topic < b.topic;
}

/** Of what can't be read nothing is known (X4). */
async function saidBy({ value }: StretchRecord, topic: number, format: MergeOptions['formats'][number] | undefined): Promise<Said> {
  const name = INPUT_TOPICS[topic];
  let body = format?.unframe(value) ?? null;
  if (body === null) {
    await format?.learn([value]);
    body = format?.unframe(value) ?? null;
  }
  if (body === null || name === undefined) return NOTHING_SAID;
  try {
    const decoded = decodeInput(name, body);
    return decoded.kind === 'raw' ? { receivedAt: decoded.receivedAt, isTick: false } : saidByJson(decoded.json);
  } catch {
    return NOTHING_SAID; // No body of the schema that its header names: the processor refuses it.
  }
}

function saidByJson(json: unknown): Said {
  if (typeof json !== 'object' || json === null || !('receivedAt' in json) || typeof json.receivedAt !== 'number') return NOTHING_SAID;
  return { receivedAt: json.receivedAt, isTick: 'kind' in json && json.kind === 'tick' };
}
