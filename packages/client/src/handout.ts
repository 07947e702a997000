// What was received and not yet taken: handed to the consumer one by one, in order.
//
// H1  `cursor` is behind what was taken, and never behind what wasn't: resuming from it misses nothing and repeats nothing.
// H2  At an end in order what is left is handed out first, then the end; at a stop it is let go.

import type { Delivered } from './protocol.ts';

/** `live`: it came after history, or the snapshot, was done. */
export type Delivery = Delivered & { readonly live: boolean };

/** `resume`: behind it, and behind all that didn't match after it. */
type Entry = { readonly delivery: Delivery; resume: string };

type Taker = { readonly resolve: (result: IteratorResult<Delivery, undefined>) => void; readonly reject: (error: Error) => void };

/** How it ends: `null` in order, else by the error. */
type End = { readonly error: Error | null };

export class Handout {
  readonly #onTaken: () => void;
  #entries: Entry[] = [];
  #first = 0;
  #takers: Taker[] = [];
  #end: End | null = null;
  #cursor: string | null = null;

  /** `onTaken` is called after each signal that left. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  get cursor(): string | null {
    return this.#cursor;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** It has ended, and nothing is left to hand out. */
  get isOver(): boolean {
    return this.#end !== null && this.size === 0;
  }

  push(delivery: Delivery): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#entries.push({ delivery, resume: delivery.cursor });
    else this.#hand(taker, { delivery, resume: delivery.cursor });
  }

  /** Nothing matched up to this cursor, after all that was pushed. */
  progress(cursor: string): void {
    const last = this.size > 0 ? this.#entries.at(-1) : undefined;
    if (last === undefined) this.#cursor = cursor;
    else last.resume = cursor;
  }

  /** H2. Only the first end counts. */
  end(error: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    for (const taker of this.#takers.splice(0)) this.#finish(taker);
  }

  /** H2. */
  stop(): void {
    this.#entries = [];
    this.#first = 0;
    this.#end = { error: null };
    for (const taker of this.#takers.splice(0)) this.#finish(taker);
  }

  async take(): Promise<IteratorResult<Delivery, undefined>> {
    return await new Promise((resolve, reject) => {
      const entry = this.#shift();
      if (entry !== null) this.#hand({ resolve, reject }, entry);
      else if (this.#end !== null) this.#finish({ resolve, reject });
      else this.#takers.push({ resolve, reject });
    });
  }

  #shift(): Entry | null {
    const entry = this.#entries[this.#first];
    if (entry === undefined) return null;
    this.#first += 1;
    if (this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return entry;
  }

  #hand({ resolve }: Taker, { delivery, resume }: Entry): void {
    this.#cursor = resume;
    resolve({ done: false, value: delivery });
    this.#onTaken();
  }

  /** An error is thrown once; who asks again is at the end. */
  #finish({ resolve, reject }: Taker): void {
    const error = this.#end?.error ?? null;
    this.#end = { error: null };
    if (error === null) resolve({ done: true, value: undefined });
    else reject(error);
  }
}
