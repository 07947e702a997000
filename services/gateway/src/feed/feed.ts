// The feed of a gateway: follows `signals`, keeps the read model, and hands each signal to whoever subscribed to it.

import type { Filter, From, RatePoint, SignalPage } from '@fillstream/client';
import type { SignalSource } from '../ports.ts';
import { CursorCodec, CursorError } from './cursor.ts';
import { Queries, type PageQuery } from './queries.ts';
import { Rates } from './rates.ts';
import { ReadModel, type Stored } from './read-model.ts';
import { Subscription, type FeedSide, type SubscriptionSink } from './subscription.ts';

export type { SubscriptionSink } from './subscription.ts';
export type { Subscription } from './subscription.ts';

export type FeedOptions = {
  readonly source: SignalSource;
  /** Of the read model; `:memory:` keeps none. */
  readonly file: string;
  readonly onTrouble: (text: string) => void;
};

const PROGRESS_MS = 5_000;

export class SignalFeed {
  /** What can be asked of everything read so far. */
  readonly model: Queries;
  readonly #source: SignalSource;
  readonly #model: ReadModel;
  readonly #codec: CursorCodec;
  readonly #rates = new Rates(Date.now());
  readonly #side: FeedSide;
  readonly #all = new Set<Subscription>();
  /** Live ones, by address; those of all addresses under null. */
  readonly #live = new Map<string | null, Set<Subscription>>();
  /** Those who wait for their turn, the first of them first; each once. */
  readonly #turns = new Set<Subscription>();
  readonly #failed = Promise.withResolvers<never>();
  #isReady = false;
  #isClosed = false;
  #delivered = 0;

  /** Throws PortError. */
  static async open({ source, file, onTrouble }: FeedOptions): Promise<SignalFeed> {
    const model = new ReadModel(file, source.identity, source.partitions);
    try {
      if (!await isOfLog(model, source)) {
        onTrouble('the read model isn\'t of this log: it is made anew');
        model.clear();
      }
      for (const [partition, { low }] of (await source.bounds()).entries()) if (low > (model.next[partition] ?? 0)) model.startAt(partition, low);
      return new SignalFeed(source, model);
    } catch (error) {
      const failure = model.failure(error);
      model.close();
      throw failure;
    }
  }

  private constructor(source: SignalSource, model: ReadModel) {
    this.#failed.promise.catch(() => undefined); // Met by whoever runs it.
    this.#source = source;
    this.#model = model;
    this.#codec = new CursorCodec(source.identity, source.partitions);
    this.model = new Queries(model, this.#codec);
    this.#side = {
      model,
      encode: (offsets) => this.#codec.encode(offsets),
      enter: (subscription) => this.#enter(subscription),
      leave: (subscription) => this.#leave(subscription),
      forget: (subscription) => this.#all.delete(subscription),
      onDelivered: () => (this.#delivered += 1),
      askTurn: (subscription) => this.#askTurn(subscription),
    };
  }

  /** It has caught up once. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get counts(): { readonly subscriptions: number; readonly delivered: number } {
    return { subscriptions: this.#all.size, delivered: this.#delivered };
  }

  get history(): readonly Omit<RatePoint, 'lag'>[] {
    return this.#rates.points(Date.now());
  }

  /** By partition, where reading goes on. */
  get next(): readonly number[] {
    return this.#model.next;
  }

  /** Follows the log until `stop`; then nothing more can be asked. Throws PortError. */
  async run(stop: AbortSignal): Promise<void> {
    const timer = setInterval(() => {
      for (const subscription of this.#all) subscription.progress(this.#model.next);
    }, PROGRESS_MS);
    try {
      const ends = (await this.#source.bounds()).map(({ high }) => high);
      this.#isReady = this.#hasReached(ends);
      await Promise.race([this.#follow(ends, stop), this.#failed.promise]);
    } finally {
      clearInterval(timer);
      for (const subscription of this.#all) subscription.close();
      this.close();
    }
  }

  async #follow(ends: readonly number[], stop: AbortSignal): Promise<void> {
    for await (const batch of this.#source.follow(this.#model.next, stop)) {
      if (this.#isClosed) return;
      const before = this.#model.next;
      this.#deliver(this.#model.add(batch), before);
      this.#isReady ||= this.#hasReached(ends);
    }
  }

  /** For one that was never run. */
  close(): void {
    this.#isClosed = true;
    this.#model.close();
  }

  /** Rejects with CursorError. Nothing is handed over before what awaits this has run. */
  async subscribe({ filter, from, sink }: { readonly filter: Filter; readonly from: From; readonly sink: SubscriptionSink }): Promise<Subscription> {
    const subscription = new Subscription(this.#side, { filter, from: await this.#offsetsOf(from), latestOnly: isSnapshot(from) && filter.revisions !== 'first', sink });
    this.#all.add(subscription);
    return subscription;
  }

  /** Signals after or before a cursor. Rejects with CursorError. */
  async page(query: PageQuery): Promise<SignalPage> {
    const cursor = query.order === 'asc' ? query.after : query.before;
    if (cursor !== undefined) await this.#checkReach(this.#codec.decode(cursor));
    return this.model.page(query);
  }

  /** One turn at a time, and whatever else there is to do in between. */
  #askTurn(subscription: Subscription): void {
    if (this.#turns.size === 0) setImmediate(() => this.#giveTurn());
    this.#turns.add(subscription);
  }

  #giveTurn(): void {
    const [next] = this.#turns;
    if (next === undefined || this.#isClosed) return;
    this.#turns.delete(next);
    if (this.#turns.size > 0) setImmediate(() => this.#giveTurn());
    try {
      next.takeTurn();
    } catch (error) {
      this.#failed.reject(this.#model.failure(error));
    }
  }

  async #offsetsOf(from: From): Promise<readonly number[]> {
    if (from === 'latest') return this.#model.next;
    if (from === 'earliest' || from === 'snapshot') return this.#model.lows.map(() => 0);
    if ('since' in from) return this.model.offsetsSince(from.since);
    const offsets = this.#codec.decode(from.cursor);
    await this.#checkReach(offsets);
    return offsets;
  }

  /** Another instance may be ahead of this one, but none is ahead of the log. */
  async #checkReach(offsets: readonly number[]): Promise<void> {
    this.model.checkKept(offsets);
    if (this.#hasReached(offsets)) return;
    const bounds = await this.#source.bounds();
    if (offsets.some((offset, partition) => offset > (bounds[partition]?.high ?? 0))) throw new CursorError('the cursor is beyond the end of the log');
  }

  #hasReached(offsets: readonly number[]): boolean {
    return offsets.every((offset, partition) => (this.#model.next[partition] ?? 0) >= offset);
  }

  /** `before`: by partition, where the batch began. */
  #deliver(stored: readonly Stored[], before: readonly number[]): void {
    const head = [...before];
    const now = Date.now();
    for (const row of stored) {
      head[row.partition] = row.offset + 1;
      if (this.#isReady) this.#rates.note(row.record.appendedAt, now);
      let text: string | null = null;
      const cursor = (): string => (text ??= this.#codec.encode(head));
      const at = [...head];
      for (const key of [row.record.signal.address, null]) {
        for (const subscription of this.#live.get(key) ?? []) subscription.offer(row, at, cursor);
      }
    }
  }

  #enter(subscription: Subscription): void {
    for (const key of keysOf(subscription)) {
      const live = this.#live.get(key) ?? new Set();
      live.add(subscription);
      this.#live.set(key, live);
    }
  }

  #leave(subscription: Subscription): void {
    for (const key of keysOf(subscription)) {
      const live = this.#live.get(key);
      live?.delete(subscription);
      if (live?.size === 0) this.#live.delete(key);
    }
  }
}

/** Begun, or gone on with. */
function isSnapshot(from: From): boolean {
  return from === 'snapshot' || (typeof from === 'object' && 'cursor' in from && from.latestOnly === true);
}

function keysOf({ filter: { addresses } }: Subscription): readonly (string | null)[] {
  return addresses ?? [null];
}

/** Whether the last record that was read of each partition is still the one there. */
async function isOfLog(model: ReadModel, source: SignalSource): Promise<boolean> {
  const bounds = await source.bounds();
  if (bounds.some(({ high }, partition) => (model.next[partition] ?? 0) > high)) return false;
  const lasts = bounds.flatMap(({ low }, partition) => {
    const last = model.lastOf(partition);
    return last === null || last.offset < low ? [] : [{ partition, ...last }];
  });
  const found = lasts.length === 0 ? [] : await source.recordsAt(lasts);
  return lasts.every((last) => found.some(({ partition, offset, signal }) => (
    partition === last.partition && offset === last.offset && signal.id === last.id && signal.revision === last.revision
  )));
}
