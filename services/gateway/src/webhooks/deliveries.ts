// The partitions that this process has, read once for all webhooks, and the webhooks that take from them.
//
// D1  A webhook takes what it is owed as it has room. One that has none falls behind alone: the others, and reading, go on
//     without it; and reading waits only while nobody keeps up.
// D2  What is committed of a partition says of every webhook where it stands (progress.ts), so a signal that isn't settled comes again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaOptions, SharedOffset, SharedRecords, SharedTopic, WireFormat } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { CatchUp } from './catch-up.ts';
import { logSignalOf } from './log-signal.ts';
import { PartitionTail } from './partition-tail.ts';
import { progressOf, startOf } from './progress.ts';
import type { Known } from './webhooks.ts';
import type { WebhookQueue } from './webhook-queue.ts';

export type DeliveriesOptions = {
  readonly kafka: KafkaOptions;
  readonly shared: SharedTopic;
  readonly format: WireFormat;
  /** Of the topic `signals`. */
  readonly partitions: number;
  /** Signals kept in memory, of all partitions together. */
  readonly kept?: number;
  readonly newQueue: (known: Known, onRoom: (queue: WebhookQueue) => void) => WebhookQueue;
  /** A signal that can't be read is nobody's. */
  readonly onUnreadable: (partition: number, offset: number) => void;
  readonly onTrouble: (text: string) => void;
  readonly onFailure: (error: unknown) => void;
};

type Held = { readonly known: Known; readonly queue: WebhookQueue };
type Open = { readonly tail: PartitionTail; readonly records: SharedRecords; readonly low: number; readonly loop: Promise<void>; isClosed: boolean };

const KEPT = 20_000;
const NEXT_WAIT_MS = 200;
const PACE_MS = 50;
const ASKS = 30;
const ASK_AGAIN_MS = 1_000;

export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #held = new Map<string, Held>();
  readonly #open = new Map<number, Open>();
  readonly #catchUp: CatchUp;
  readonly #kept: number;
  #wanted: ReadonlySet<number> = new Set();
  #assigning: Promise<void> = Promise.resolve();
  /** By partition, what was committed last. */
  readonly #committed = new Map<number, SharedOffset>();
  #isStopped = false;

  constructor(options: DeliveriesOptions) {
    const { kafka, format, partitions, kept = KEPT, onFailure } = options;
    this.#options = options;
    this.#kept = Math.ceil(kept / partitions);
    this.#catchUp = new CatchUp({ kafka, format, onFailure, tails: () => this.#tails(), onDone: (queue) => this.#pull(queue) });
  }

  get queues(): readonly WebhookQueue[] {
    return Array.from(this.#held.values(), ({ queue }) => queue);
  }

  /** Those that are being read. */
  get partitions(): readonly number[] {
    return [...this.#open.keys()].sort((a, b) => a - b);
  }

  /** Whether all that the group gave is being read. */
  get isWhole(): boolean {
    return this.#wanted.size === this.#open.size;
  }

  /** By partition, how many offsets lie between reading and the webhook that is the furthest behind. */
  get behind(): ReadonlyMap<number, number> {
    return new Map(Array.from(this.#open, ([partition, { tail }]) => [
      partition, tail.next - Math.min(tail.next, ...this.queues.map((queue) => queue.positionOf(partition) ?? tail.next)),
    ]));
  }

  /** A webhook, new or changed: a changed one goes on where it was. */
  put(known: Known): void {
    const { id } = known.webhook;
    const before = this.#held.get(id)?.queue;
    const queue = this.#options.newQueue(known, (each) => this.#pull(each));
    this.#held.set(id, { known, queue });
    for (const [partition, { tail, low }] of this.#open) {
      queue.open(partition, before?.positionOf(partition) ?? Math.max(low, this.#fromOf(known, partition) ?? tail.next));
    }
    this.#leave(before);
    this.#pull(queue);
  }

  /** What it is owed is forgotten. */
  remove(id: string): void {
    const queue = this.#held.get(id)?.queue;
    this.#held.delete(id);
    this.#leave(queue);
  }

  /** The partitions that this process has from now on. */
  assign(partitions: readonly number[]): void {
    this.#wanted = new Set(partitions);
    for (const [partition, open] of this.#open) if (!this.#wanted.has(partition)) this.#close(partition, open);
    this.#assigning = this.#assigning.then(async () => await this.#openWanted()).catch(this.#options.onFailure);
  }

  /** D2. Throws PortError. */
  async commit(): Promise<void> {
    const changed = new Map([...this.#standing()].filter(([partition, { offset, note }]) => {
      const before = this.#committed.get(partition);
      return before?.offset !== offset || before.note !== note;
    }));
    if (!await this.#options.shared.commit(changed)) return;
    for (const [partition, offset] of changed) if (this.#open.has(partition)) this.#committed.set(partition, offset);
  }

  /** Whoever waits for room, or for a turn at the log. */
  tick(): void {
    for (const { queue } of this.#held.values()) this.#pull(queue);
  }

  /** Nothing new is taken or posted; what is under way has so long. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopped = true;
    for (const { records } of this.#open.values()) records.close();
    await Promise.all([this.#catchUp.close(), ...this.queues.map(async (queue) => await queue.stop(drainMs))]);
    await Promise.all(Array.from(this.#open.values(), async ({ loop }) => await loop));
  }

  * #tails(): Generator<PartitionTail> {
    for (const { tail } of this.#open.values()) yield tail;
  }

  #standing(): Map<number, SharedOffset> {
    const held = [...this.#held.values()];
    const asOf = Math.max(0, ...held.map(({ known: { webhook } }) => webhook.createdAt));
    return new Map(Array.from(this.#open, ([partition, { tail }]) => {
      const positions = new Map(held.map(({ known: { webhook: { id } }, queue }) => [id, queue.positionOf(partition) ?? tail.next]));
      return [partition, progressOf(positions, tail.next, asOf)];
    }));
  }

  /** null where the topic had other partitions when it was made. */
  #fromOf({ webhook: { from } }: Known, partition: number): number | null {
    return from.length === this.#options.partitions ? from[partition] ?? null : null;
  }

  async #openWanted(): Promise<void> {
    const fresh = (): number[] => [...this.#wanted].filter((partition) => !this.#open.has(partition));
    if (fresh().length === 0 || this.#isStopped) return;
    const { shared } = this.#options;
    const [bounds, committed] = await patiently(async () => await Promise.all([shared.bounds(), shared.committed()]), this.#options.onTrouble);
    if (this.#hasStopped()) return;
    for (const partition of fresh()) this.#openAt(partition, committed.get(partition) ?? null, bounds.get(partition) ?? { low: 0, high: 0 });
  }

  #openAt(partition: number, held: SharedOffset | null, bounds: { readonly low: number; readonly high: number }): void {
    const where = `signals/${String(partition)}`;
    if (held !== null && held.offset > bounds.high) {
      throw new PortError('log-broken', `${where} ends at offset ${String(bounds.high)}, and ${String(held.offset)} was delivered: the topic was made anew`, { retryable: false });
    }
    if (held !== null && held.offset < bounds.low) {
      this.#options.onTrouble(`${where} begins at offset ${String(bounds.low)}, and ${String(held.offset)} wasn't delivered yet: its records were deleted`);
    }
    const all = [...this.#held.values()];
    const { next, reached } = startOf(held, bounds, all.map(({ known }) => (
      { id: known.webhook.id, createdAt: known.webhook.createdAt, from: this.#fromOf(known, partition) }
    )));
    const tail = new PartitionTail(partition, next, this.#kept);
    for (const { known: { webhook: { id } }, queue } of all) queue.open(partition, reached.get(id) ?? next);
    const begun = Promise.withResolvers<void>();
    const open: Open = { tail, records: this.#options.shared.open(partition, next), low: bounds.low, isClosed: false, loop: begun.promise };
    this.#open.set(partition, open);
    this.#follow(open).catch((error: unknown) => {
      if (!open.isClosed && !this.#isStopped) this.#options.onFailure(error);
    }).finally(begun.resolve);
    this.tick();
  }

  #close(partition: number, open: Open): void {
    open.isClosed = true;
    open.records.close();
    this.#open.delete(partition);
    this.#committed.delete(partition);
    for (const { queue } of this.#held.values()) queue.drop(partition);
  }

  async #follow(open: Open): Promise<void> {
    const { tail, records } = open;
    const isOver = (): boolean => open.isClosed || this.#isStopped;
    while (!isOver()) {
      const record = await records.next(NEXT_WAIT_MS);
      if (isOver()) return;
      if (record === null) tail.reach(records.reachedTo() ?? 0);
      else await this.#append(tail, record);
      if (isOver()) return;
      for (const { queue } of this.#held.values()) this.#pullFrom(queue, tail);
      while (!isOver() && this.#isFarAhead(tail)) await sleep(PACE_MS);
    }
  }

  async #append(tail: PartitionTail, record: NonNullable<Awaited<ReturnType<SharedRecords['next']>>>): Promise<void> {
    const signal = await logSignalOf(this.#options.format, tail.partition, record);
    if (signal !== null) tail.append(signal);
    else this.#options.onUnreadable(tail.partition, record.offset);
    tail.reach(record.offset + 1);
  }

  /** D1. */
  #isFarAhead(tail: PartitionTail): boolean {
    return this.#held.size > 0 && this.queues.every((queue) => tail.isFar(queue.reachedOf(tail.partition) ?? tail.next));
  }

  #pull(queue: WebhookQueue): void {
    if (this.#isStopped) return;
    for (const tail of this.#tails()) this.#pullFrom(queue, tail);
    this.#catchUp.look(queue);
  }

  #pullFrom(queue: WebhookQueue, tail: PartitionTail): void {
    const reached = queue.reachedOf(tail.partition);
    if (reached === null || reached >= tail.next || reached < tail.first) return;
    if (tail.each(reached, (record) => queue.offer(record))) queue.reach(tail.partition, tail.next);
  }

  /** While something was waited for. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }

  #leave(queue: WebhookQueue | undefined): void {
    queue?.stop(0).catch(this.#options.onFailure);
  }
}

/** Kafka may be without a coordinator for a while. Throws the last error. */
async function patiently<T>(ask: () => Promise<T>, onTrouble: (text: string) => void): Promise<T> {
  for (let left = ASKS; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0) throw error;
      onTrouble(error instanceof Error ? error.message : String(error));
      await sleep(ASK_AGAIN_MS);
    }
  }
}
