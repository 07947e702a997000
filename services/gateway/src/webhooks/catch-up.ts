// Webhooks that fell behind what is kept of the log in memory: each reads what it is owed from the log itself, as far as it has
// room, until it has come to what is kept.
//
// C1  At most LOGS read at a time; the others wait for their turn, and lose nothing.

import { StretchReader, type KafkaOptions, type WireFormat } from '@fillstream/kafka';
import { logSignalOf } from './log-signal.ts';
import type { PartitionTail } from './partition-tail.ts';
import type { WebhookQueue } from './webhook-queue.ts';

export type CatchUpOptions = {
  readonly kafka: KafkaOptions;
  readonly format: WireFormat;
  readonly tails: () => Iterable<PartitionTail>;
  /** What it found is in its queue: it may be able to go on by itself. */
  readonly onDone: (queue: WebhookQueue) => void;
  readonly onFailure: (error: unknown) => void;
};

type Part = { readonly partition: number; readonly from: number; readonly to: number };

const TOPIC = 'signals';
const LOGS = 4;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #running = new Map<WebhookQueue, Promise<void>>();
  #turn = 0;
  #isClosed = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Begins to read for it when it needs to, has the room and its turn has come; to be asked again whenever that may have changed. */
  look(queue: WebhookQueue): void {
    if (this.#isClosed || this.#running.has(queue) || this.#running.size >= LOGS || !queue.isLow) return;
    const parts = this.#partsOf(queue);
    if (parts.length === 0) return;
    const done = this.#read(queue, parts).then(() => {
      this.#running.delete(queue);
      if (!this.#isClosed) this.#options.onDone(queue);
    }, (error: unknown) => {
      this.#running.delete(queue);
      if (!this.#isClosed) this.#options.onFailure(error);
    });
    this.#running.set(queue, done);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running.values());
  }

  /** Another one first each time: one that is far behind mustn't keep the others from having room. */
  #partsOf(queue: WebhookQueue): Part[] {
    const parts = [...this.#options.tails()].flatMap((tail): Part[] => {
      const from = queue.reachedOf(tail.partition);
      return from === null || from >= tail.first ? [] : [{ partition: tail.partition, from, to: tail.next }];
    });
    this.#turn += 1;
    const first = parts.length === 0 ? 0 : this.#turn % parts.length;
    return [...parts.slice(first), ...parts.slice(0, first)];
  }

  async #read(queue: WebhookQueue, parts: readonly Part[]): Promise<void> {
    const reader = await StretchReader.open(this.#options.kafka, parts.map((part) => ({ topic: TOPIC, ...part })));
    try {
      for (const part of parts) if (!await this.#readPart(queue, part, reader)) return;
    } finally {
      await reader.close();
    }
  }

  /** False when there is no room for more. */
  async #readPart(queue: WebhookQueue, { partition, to }: Part, reader: StretchReader): Promise<boolean> {
    for (;;) {
      const record = await reader.next(TOPIC, partition);
      if (this.#isClosed) return false;
      if (queue.reachedOf(partition) === null) return true; // It is another process' now.
      if (record === null) break;
      const signal = await logSignalOf(this.#options.format, partition, record);
      if (signal !== null && !queue.offer(signal)) return false;
    }
    queue.reach(partition, to);
    return true;
  }
}
