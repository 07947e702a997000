// Signals as they come, resumed after whatever happens in between.
//
// S1  A subscription on the wire begins behind what was received last: nothing is missed, and nothing comes twice.
// S2  At most `maxBuffered` signals wait for the consumer. At the full mark the gateway is told to stop, and what is still on its
//     way is let go; below half of it the subscription goes on behind the last signal that was kept.
// S3  Each subscription on the wire has an id of its own, so what a former one still sends is known by it.
// S4  Whatever another attempt may mend is tried again; all else ends the iteration with a GatewayError.
//
//     connecting ──open──> catching-up <──> live        paused <──full── catching-up, live
//         ^  └──lost──> waiting <──lost── (any)            └──half──> catching-up
//         └───────────────┘                             any ──end──> ended

import { LONGEST_MS, backoffMs, type Backoff } from './backoff.ts';
import { normalFilter, webSocketOf } from './address.ts';
import { Connection, type Heartbeat } from './connection.ts';
import { GatewayError, errorOfClose } from './errors.ts';
import { Handout, type Delivery } from './handout.ts';
import { readMessage } from './messages.ts';
import type { Delivered, Filter, From, ServerMessage, Signal } from './protocol.ts';
import { DEFAULT_REMEMBERED, Seen } from './seen.ts';

export type Reconnect = Backoff & {
  /** A connection that held for so long begins anew with the first wait. */
  readonly stableMs: number;
  /** Without a subscription for so long, the iteration ends. Infinity: never. */
  readonly giveUpAfterMs: number;
};

export type SubscribeOptions = {
  /** The gateway's address: `https://signals.example`. */
  readonly url: string | URL;
  readonly token?: string | undefined;
  readonly filter?: Filter | undefined;
  /** `latest` when left out; `{ cursor }` goes on behind a stored one. */
  readonly from?: From | undefined;
  /** `live`: ends in order when all there was has been handed out. */
  readonly until?: 'live' | undefined;
  /** Ends the iteration in order, at once. */
  readonly signal?: AbortSignal | undefined;
  readonly onState?: ((state: SubscriptionState) => void) | undefined;
  /** Signals that are held for the consumer at most. */
  readonly maxBuffered?: number | undefined;
  /** Ids of which the newest revision is remembered, against repeats. */
  readonly remembered?: number | undefined;
  readonly reconnect?: Partial<Reconnect> | undefined;
  readonly heartbeat?: Partial<Heartbeat> | undefined;
};

export type SubscriptionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  /** History, or the snapshot, is being read. */
  | { readonly kind: 'catching-up' }
  | { readonly kind: 'live' }
  /** `maxBuffered` signals wait for the consumer. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'waiting'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'ended'; readonly error: GatewayError | null };

/** Can be iterated once, as signals or as deliveries, and connects when that begins. Leaving the loop closes it. */
export type Subscription = AsyncIterable<Signal> & {
  /** To go on from later: behind the signal handed out last. Store it when that one has had its effect. null: nowhere yet. */
  readonly cursor: string | null;
  readonly state: SubscriptionState;
  /** The same signals, each with its cursor. */
  readonly deliveries: () => AsyncIterable<Delivery>;
  readonly close: () => void;
};

const DEFAULT_BUFFERED = 1_000;
/** From a pause to the next subscription: a gateway counts messages. */
const PAUSE_MS = 50;
const DEFAULT_RECONNECT: Reconnect = { minMs: 250, maxMs: 15_000, stableMs: 5_000, giveUpAfterMs: Infinity };
const DEFAULT_HEARTBEAT: Heartbeat = { pingMs: 15_000, silenceMs: 45_000 };

/** Throws RangeError or TypeError for options that can't be. What goes wrong later ends the iteration with a GatewayError. */
export function subscribe(options: SubscribeOptions): Subscription {
  const stream = new Stream(options);
  return {
    get cursor() {
      return stream.cursor;
    },
    get state() {
      return stream.state;
    },
    deliveries: () => ({ [Symbol.asyncIterator]: () => stream.iterator((delivery) => delivery) }),
    close: () => stream.end(null),
    [Symbol.asyncIterator]: () => stream.iterator(({ signal }) => signal),
  };
}

class Stream {
  readonly #options: SubscribeOptions;
  readonly #filter: Filter;
  readonly #maxBuffered: number;
  readonly #reconnect: Reconnect;
  readonly #handout = new Handout(() => this.#onTaken());
  readonly #seen: Seen;
  #state: SubscriptionState = { kind: 'idle' };
  /** Where the next subscription on the wire begins (S1). */
  #from: From;
  /** What comes until `live` is a snapshot. */
  #isSnapshot: boolean;
  #connection: Connection | null = null;
  /** Of the subscription on the wire; null: there is none (S3). */
  #id: string | null = null;
  #made = 0;
  #isPaused = false;
  #pausedAt = 0;
  #resuming: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #openedAt = 0;
  /** Since when there is no subscription. */
  #downSince: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = (): void => this.end(null);

  constructor(options: SubscribeOptions) {
    this.#options = options;
    webSocketOf(options.url);
    this.#filter = normalFilter(options.filter ?? {});
    this.#from = options.from ?? 'latest';
    this.#isSnapshot = this.#from === 'snapshot' || (typeof this.#from === 'object' && 'cursor' in this.#from && this.#from.latestOnly === true);
    if (typeof this.#from === 'object' && 'cursor' in this.#from) this.#handout.progress(this.#from.cursor);
    this.#maxBuffered = options.maxBuffered ?? DEFAULT_BUFFERED;
    if (!Number.isInteger(this.#maxBuffered) || this.#maxBuffered < 1) {
      throw new RangeError('maxBuffered: expected an integer from 1 on');
    }
    this.#reconnect = { ...DEFAULT_RECONNECT, ...options.reconnect };
    this.#seen = new Seen(options.remembered ?? DEFAULT_REMEMBERED);
  }

  get cursor(): string | null {
    return this.#handout.cursor;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  iterator<T>(shape: (delivery: Delivery) => T): AsyncIterator<T, undefined> {
    const { kind } = this.#state;
    if (kind !== 'idle' && kind !== 'ended') throw new Error('a subscription is iterated once: make another one from its cursor');
    if (kind === 'idle') this.#begin();
    return {
      next: async () => {
        try {
          const result = await this.#handout.take();
          return result.done === true ? result : { done: false, value: shape(result.value) };
        } finally {
          if (this.#handout.isOver) this.#options.signal?.removeEventListener('abort', this.#stop);
        }
      },
      return: async () => {
        this.end(null);
        return await Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** By an error: behind what wasn't taken yet. Without: at once, and that is let go. */
  end(error: GatewayError | null): void {
    if (error === null) this.#handout.stop();
    else this.#handout.end(error);
    this.#leave(error);
  }

  #begin(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      this.end(null);
      return;
    }
    signal?.addEventListener('abort', this.#stop, { once: true });
    this.#connect();
  }

  /** No timer and no connection goes on. */
  #leave(error: GatewayError | null): void {
    if (this.#state.kind === 'ended') return;
    clearTimeout(this.#timer);
    this.#hangUp();
    if (this.#handout.isOver) this.#options.signal?.removeEventListener('abort', this.#stop);
    this.#enter({ kind: 'ended', error });
  }

  #hangUp(): void {
    clearTimeout(this.#resuming);
    this.#connection?.close();
    this.#connection = null;
    this.#id = null;
  }

  #connect(): void {
    this.#downSince ??= performance.now();
    this.#openedAt = Infinity;
    const { url, token, heartbeat } = this.#options;
    try {
      this.#connection = new Connection({
        url, token, heartbeat: { ...DEFAULT_HEARTBEAT, ...heartbeat },
        onOpen: () => this.#onOpen(),
        onFrame: (data) => this.#onFrame(data),
        onEnd: (code, reason) => this.#onEnd(code, reason),
      });
    } catch (cause) { // A token of characters that none has; a page of https that may not open `ws`.
      const why = cause instanceof Error ? cause.message : String(cause);
      this.end(new GatewayError('bad-request', `no WebSocket can be opened so: ${why}`, { cause }));
      return;
    }
    this.#enter({ kind: 'connecting' });
  }

  #onOpen(): void {
    this.#openedAt = performance.now();
    if (!this.#isPaused) {
      this.#subscribe();
      return;
    }
    this.#downSince = null;
    this.#enter({ kind: 'paused' });
  }

  #subscribe(): void {
    this.#made += 1;
    this.#id = String(this.#made);
    this.#connection?.send({ type: 'subscribe', id: this.#id, filter: this.#filter, from: this.#from });
    this.#enter({ kind: 'catching-up' });
  }

  #onFrame(data: unknown): void {
    const message = readMessage(data);
    if (message === 'unknown') return;
    if (message === 'unreadable') this.#lose('the gateway sent what is no message');
    else this.#onMessage(message);
  }

  #onMessage(message: ServerMessage): void {
    if (message.type === 'pong' || message.type === 'unsubscribed') return;
    if (message.type === 'error') {
      if (message.id === undefined || message.id === this.#id) this.#onError(message);
      return;
    }
    if (message.id !== this.#id) return; // S3.
    switch (message.type) {
      case 'subscribed':
        this.#downSince = null;
        // Where `latest` was is only known from here on. The others can be asked for again.
        if (this.#from === 'latest') this.#passed(message.cursor);
        return;
      case 'signal':
        this.#onSignal(message);
        return;
      case 'progress':
        this.#passed(message.cursor);
        return;
      case 'behind':
        this.#passed(message.cursor);
        this.#enter({ kind: 'catching-up' });
        return;
      case 'live':
        this.#isSnapshot = false;
        this.#passed(message.cursor);
        if (this.#options.until === 'live') this.#finish();
        else this.#enter({ kind: 'live' });
    }
  }

  #onSignal({ cursor, signal }: Delivered): void {
    if (!this.#seen.take(signal)) {
      this.#passed(cursor);
      return;
    }
    this.#from = this.#behind(cursor);
    this.#handout.push({ cursor, signal, live: this.#state.kind === 'live' });
    if (this.#handout.size >= this.#maxBuffered) this.#pause();
  }

  #passed(cursor: string): void {
    this.#from = this.#behind(cursor);
    this.#handout.progress(cursor);
  }

  #behind(cursor: string): From {
    return this.#isSnapshot ? { cursor, latestOnly: true } : { cursor };
  }

  /** S2. */
  #pause(): void {
    if (this.#id === null) return;
    this.#connection?.send({ type: 'unsubscribe', id: this.#id });
    this.#id = null;
    this.#isPaused = true;
    this.#pausedAt = performance.now();
    this.#enter({ kind: 'paused' });
  }

  #onTaken(): void {
    if (!this.#isPaused || this.#handout.size * 2 >= this.#maxBuffered) return;
    this.#isPaused = false;
    this.#resuming = setTimeout(() => {
      if (this.#id === null && this.#connection?.isOpen === true) this.#subscribe();
    }, Math.max(0, this.#pausedAt + PAUSE_MS - performance.now()));
  }

  /** All there was has been received: it ends when it has been taken. */
  #finish(): void {
    this.#handout.end(null);
    this.#leave(null);
  }

  #onError({ code, message, retryAfterMs }: Extract<ServerMessage, { readonly type: 'error' }>): void {
    const error = new GatewayError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
    if (error.retryable) this.#lose(`${code}: ${message}`, retryAfterMs);
    else this.end(error);
  }

  #onEnd(code: number, reason: string): void {
    const error = errorOfClose(code, reason);
    if (error === null) this.#lose(`closed with ${String(code)}${reason === '' ? '' : `: ${reason}`}`);
    else this.end(error);
  }

  /** S4. */
  #lose(reason: string, leastMs = 0): void {
    const now = performance.now();
    this.#hangUp();
    this.#downSince ??= now;
    if (now - this.#openedAt >= this.#reconnect.stableMs) this.#attempt = 0;
    const delayMs = Math.min(LONGEST_MS, Math.max(leastMs, backoffMs(this.#reconnect, this.#attempt, Math.random())));
    this.#attempt += 1;
    if (now + delayMs - this.#downSince > this.#reconnect.giveUpAfterMs) {
      const { giveUpAfterMs } = this.#reconnect;
      this.end(new GatewayError('unavailable', `no subscription for ${String(giveUpAfterMs)} ms, at last: ${reason}`));
      return;
    }
    this.#timer = setTimeout(() => this.#connect(), delayMs);
    this.#enter({ kind: 'waiting', delayMs, reason });
  }

  #enter(state: SubscriptionState): void {
    this.#state = state;
    this.#options.onState?.(state);
  }
}
