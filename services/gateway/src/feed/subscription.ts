// One subscription: reads the read model from its cursor on until it has caught up, then gets what comes as it comes.
//
// S1  No queue: a client that takes no more goes back to reading the model, from the cursor of what it was given last.
// S2  What it is given is in the order of its cursors, and each signal's cursor has all before it: resuming misses and repeats nothing.

import type { Filter, Signal } from '@fillstream/client';
import { compileFilter } from './filter.ts';
import { Scan } from './scan.ts';
import type { ReadModel, Stored } from './read-model.ts';

export type SubscriptionSink = {
  /** `signalJson` goes into a message as it is. False: no more until `resume`. */
  signal(cursor: string, signalJson: string): boolean;
  live(cursor: string): void;
  behind(cursor: string): void;
  progress(cursor: string): void;
};

/** What a subscription needs of its feed. */
export type FeedSide = {
  readonly model: ReadModel;
  readonly encode: (offsets: readonly number[]) => string;
  /** From now on it is told of each row. */
  readonly enter: (subscription: Subscription) => void;
  readonly leave: (subscription: Subscription) => void;
  readonly forget: (subscription: Subscription) => void;
  readonly onDelivered: () => void;
  /** Its turn comes after that of all others who asked before. */
  readonly askTurn: (subscription: Subscription) => void;
};

export type SubscriptionOptions = { readonly filter: Filter; readonly from: readonly number[]; readonly latestOnly: boolean; readonly sink: SubscriptionSink };

export class Subscription {
  readonly filter: Filter;
  readonly #feed: FeedSide;
  readonly #sink: SubscriptionSink;
  readonly #isWanted: (signal: Signal) => boolean;
  /** null: live. */
  #scan: Scan | null;
  /** Live: by partition, what the client has had from another instance that was ahead of this one. */
  #floor: readonly number[];
  #head: readonly number[];
  #said: string;
  #isWritable = true;
  #isClosed = false;

  constructor(feed: FeedSide, { filter, from, latestOnly, sink }: SubscriptionOptions) {
    this.filter = filter;
    this.#feed = feed;
    this.#sink = sink;
    this.#isWanted = compileFilter(filter);
    this.#floor = from;
    this.#head = from;
    this.#scan = new Scan(feed.model, from, { filter, latestOnly });
    this.#said = feed.encode(from);
    feed.askTurn(this);
  }

  /** Of what was handed over. */
  get cursor(): string {
    return this.#said;
  }

  /** The client takes more again. */
  resume(): void {
    this.#isWritable = true;
    if (this.#scan !== null) this.#feed.askTurn(this);
  }

  close(): void {
    this.#isClosed = true;
    this.#feed.leave(this);
    this.#feed.forget(this);
  }

  /** Live: a row that was stored just now. `head`: by partition, what was stored up to it; `cursor` gives its text. */
  offer({ partition, offset, json, record }: Stored, head: readonly number[], cursor: () => string): void {
    if (this.#scan !== null) return; // It fell behind on an earlier row of this batch.
    if (offset < (this.#floor[partition] ?? 0) || !this.#isWanted(record.signal)) return;
    const isAhead = this.#floor.some((floor, each) => floor > (head[each] ?? 0));
    this.#head = isAhead ? this.#floor.map((floor, each) => Math.max(floor, head[each] ?? 0)) : head;
    this.#said = isAhead ? this.#feed.encode(this.#head) : cursor();
    this.#feed.onDelivered();
    if (this.#sink.signal(this.#said, json)) return;
    this.#isWritable = false;
    this.#feed.leave(this);
    this.#scan = new Scan(this.#feed.model, this.#head, { filter: this.filter });
    this.#sink.behind(this.#said);
  }

  /** A while has passed: the cursor moves on although nothing was handed over. `head` as in `offer`. */
  progress(head: readonly number[]): void {
    if (this.#isClosed || !this.#isWritable) return;
    const now = this.#scan?.cursor ?? this.#floor.map((floor, partition) => Math.max(floor, head[partition] ?? 0));
    if (now.every((offset, partition) => offset === this.#head[partition])) return;
    this.#say(now);
    this.#sink.progress(this.#said);
  }

  #say(offsets: readonly number[]): void {
    this.#head = [...offsets];
    this.#said = this.#feed.encode(offsets);
  }

  /** One share of rows, then it is others' turn. */
  takeTurn(): void {
    const scan = this.#scan;
    if (scan === null || this.#isClosed || !this.#isWritable) return;
    const rows = scan.forwards();
    if (rows === null) {
      this.#goLive(scan);
      return;
    }
    for (const row of rows) {
      scan.pass(row);
      this.#say(scan.cursor);
      this.#feed.onDelivered();
      if (this.#sink.signal(this.#said, row.json)) continue;
      this.#isWritable = false;
      scan.rewind(); // S1
      return;
    }
    scan.settleForwards();
    this.#feed.askTurn(this);
  }

  #goLive(scan: Scan): void {
    scan.settleForwards();
    this.#floor = [...scan.cursor];
    this.#say(scan.cursor);
    this.#scan = null;
    this.#feed.enter(this);
    this.#sink.live(this.#said);
  }
}
