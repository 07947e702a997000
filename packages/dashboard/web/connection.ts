// Signals as they come, in batches: one for a frame that is drawn.
//
// N1  What comes between two frames is handed over together, ten times a second at most: nobody reads faster. A tab that isn't seen
//     has no frames: there a timer does it.
// N2  Reconnecting and going on where it stopped is the client's; here its states become words.

import { GatewayError, subscribe, type Delivered, type Filter, type From, type SubscriptionState } from '@fillstream/client';
import { signal } from '@preact/signals';
import { token, tokenAsked } from './state.ts';

export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'catching-up' }
  | { readonly kind: 'live' }
  /** It was lost; the next attempt comes at `until`. */
  | { readonly kind: 'waiting'; readonly until: number; readonly reason: string }
  | { readonly kind: 'ended'; readonly reason: string };

/** Of the list in sight; the header shows it. Null on a page without one. */
export const link = signal<Link | null>(null);

export type FollowOptions = {
  readonly filter: Filter;
  readonly from: From;
  readonly onBatch: (deliveries: readonly Delivered[]) => void;
  /** It won't go on by itself. */
  readonly onEnd: (error: GatewayError) => void;
};

const LEAST_MS = 100;
const UNSEEN_MS = 1_000;
/** Held at most, in the client and here. */
const GREATEST_BATCH = 5_000;

/** Follows until the function that it returns is called. */
export function follow({ filter, from, onBatch, onEnd }: FollowOptions): () => void {
  const stop = new AbortController();
  const batches = new Batches(onBatch);
  const subscription = subscribe({
    url: location.origin, token: token.value ?? undefined, filter, from, signal: stop.signal, maxBuffered: GREATEST_BATCH,
    onState: (state) => {
      if (!stop.signal.aborted) link.value = linkOf(state);
    },
  });
  void (async () => {
    try {
      for await (const delivery of subscription.deliveries()) batches.add(delivery);
    } catch (error) {
      if (stop.signal.aborted) return;
      const told = error instanceof GatewayError ? error : new GatewayError('internal', String(error));
      if (told.code === 'unauthorized') tokenAsked.value = told.message;
      link.value = { kind: 'ended', reason: told.message };
      onEnd(told);
    }
  })();
  return () => {
    stop.abort();
    batches.close();
  };
}

function linkOf(state: SubscriptionState): Link {
  switch (state.kind) {
    case 'idle': case 'connecting': return { kind: 'connecting' };
    case 'catching-up': case 'paused': return { kind: 'catching-up' };
    case 'live': return { kind: 'live' };
    case 'waiting': return { kind: 'waiting', until: Date.now() + state.delayMs, reason: state.reason };
    case 'ended': return { kind: 'ended', reason: state.error?.message ?? 'closed' };
  }
}

/** N1. */
class Batches {
  readonly #onBatch: (deliveries: readonly Delivered[]) => void;
  #batch: Delivered[] = [];
  #frame = 0;
  #timers: number[] = [];
  #handedAt = -Infinity;

  constructor(onBatch: (deliveries: readonly Delivered[]) => void) {
    this.#onBatch = onBatch;
  }

  add(delivery: Delivered): void {
    this.#batch.push(delivery);
    if (this.#batch.length === 1) {
      const waitMs = Math.max(0, this.#handedAt + LEAST_MS - performance.now());
      if (waitMs === 0) this.#draw();
      else this.#timers.push(window.setTimeout(() => this.#draw(), waitMs));
      this.#timers.push(window.setTimeout(() => this.#hand(), UNSEEN_MS));
    } else if (this.#batch.length >= GREATEST_BATCH) {
      this.#hand();
    }
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#batch = [];
  }

  #draw(): void {
    this.#frame = requestAnimationFrame(() => this.#hand());
  }

  #hand(): void {
    const batch = this.#batch;
    this.#handedAt = performance.now();
    this.close();
    if (batch.length > 0) this.#onBatch(batch);
  }
}
