// What one transaction of a copy holds: records by where they go, and the ticks that they need.
//
// A tick of one old partition is none of a new one, whose records come from several. When the merge has reached a time, all
// records before it are there, of whatever partition: so it may be told to all new partitions of both topics.
//
// U1  Key, value and timestamp are the record's own, its partition that of its key by Kafka's partitioner.
// U2  New partitions hear each tick's time once, at most two a second; and, where none came for a second, a tick a millisecond
//     before the next record. So nobody's timers wait for records that went to other partitions.
// U3  A header `retryOf` names a place of the old namespace, and says so: in the new one another record lies there.

import { murmur2 } from '@fillstream/runtime';
import { encodeTick } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { IHeaders, Message } from 'kafkajs';
import type { Merged } from './repartition-merge.ts';
import { sizeOf, type Share } from './repartition-writer.ts';
import type { StretchRecord } from './stretch-reader.ts';
import type { WireFormat } from './wire-format.ts';

export type ChunkOptions = {
  readonly partitions: number;
  /** Of the new input topics, in their order. */
  readonly formats: readonly Pick<WireFormat, 'frame'>[];
  /** For headers that name its places. */
  readonly oldNamespace: string;
  /** When the new partitions were last told the time; -Infinity: never. */
  readonly ticked: number;
};

/** A transaction costs some milliseconds, and some for each partition it touches: it is worth as many records. */
const LEAST_RECORDS = 5_000;
const RECORDS_A_PARTITION = 400;
const CHUNK_BYTES = 8_000_000;
const SILENCE_MS = 1_000;
const CLOSE_MS = 500;
const RETRY_OF = 'retryOf';

export class Chunk {
  readonly #options: ChunkOptions;
  readonly #shares = new Map<string, Share>();
  #records = 0;
  #bytes = 0;
  #ticked: number;

  constructor(options: ChunkOptions) {
    this.#options = options;
    this.#ticked = options.ticked;
  }

  get shares(): readonly Share[] {
    return [...this.#shares.values()];
  }

  get ticked(): number {
    return this.#ticked;
  }

  get isFull(): boolean {
    return this.#bytes >= CHUNK_BYTES || this.#records >= Math.max(LEAST_RECORDS, RECORDS_A_PARTITION * this.#options.partitions);
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  /** The next of the merge, after the tick that is due. */
  add({ record, time, isTick }: Merged): void {
    if (isTick) {
      if (time >= this.#ticked + CLOSE_MS) this.tick(time);
      return;
    }
    if (Number.isFinite(time) && time >= this.#ticked + SILENCE_MS) this.tick(time - 1);
    this.copy(record);
  }

  /** U1. */
  copy({ topic, key, value, timestamp, headers }: StretchRecord): void {
    const partition = key === null ? 0 : (murmur2(key) & 0x7fffffff) % this.#options.partitions;
    this.#push(topic, { key, value, partition, timestamp: String(timestamp), headers: this.#headersOf(headers) });
  }

  /** To every partition of both topics (U2). */
  tick(time: number): void {
    this.#ticked = time;
    const body = encodeTick(time);
    for (const [place, topic] of INPUT_TOPICS.entries()) {
      const value = this.#options.formats[place]?.frame(body) ?? body;
      for (let partition = 0; partition < this.#options.partitions; partition += 1) {
        this.#push(topic, { key: null, value, partition, timestamp: String(time) });
      }
    }
  }

  #push(topic: string, message: Message & { readonly partition: number }): void {
    const place = `${topic}/${String(message.partition)}`;
    const share = this.#shares.get(place) ?? { topic, partition: message.partition, messages: [] };
    this.#shares.set(place, share);
    share.messages.push(message);
    this.#records += 1;
    this.#bytes += sizeOf(message);
  }

  /** U3. */
  #headersOf(headers: IHeaders): IHeaders {
    const place = headers[RETRY_OF];
    if (place === undefined) return headers;
    return { ...headers, [RETRY_OF]: `${this.#options.oldNamespace}:${Array.isArray(place) ? place.map(String).join() : place.toString()}` };
  }
}
