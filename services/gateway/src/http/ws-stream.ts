// One WebSocket: subscriptions asked for, signals handed out, and no more of either than its limits allow.
//
// W1  Every frame is answered or counted as refused; what can't be read closes the connection (4000).
// W2  An `id` is one subscription from `subscribe` until `unsubscribed`, or an `error` instead of `subscribed`.
// W3  After `end` nothing is handled any more, and the socket is cut when the client doesn't say goodbye.
// W4  What fails while an event of the socket is handled ends this connection, and no other.

import { CLOSE, type ClientMessage, type ErrorCode, type Filter, type From, type ServerMessage } from '@fillstream/client';
import type { RawData } from 'ws';
import type { Subscription, SubscriptionSink } from '../feed/feed.ts';
import { narrowed, type Caller } from './access.ts';
import { sentenceOf } from './app.ts';
import type { End, Place, Stream } from './connections.ts';
import type { Edge, Refused } from './edge.ts';
import { detailOf, notReady, Refusal, refusalOf } from './errors.ts';
import { MINUTE_MS, type MinuteCounter } from './limits.ts';
import { Outlet } from './outlet.ts';
import { clientMessages, clientMessageSchema, MOST_ID_CHARS } from './schemas.ts';
import { GOODBYE_MS } from './sockets.ts';

/** Of the edge, what a stream stands on. */
export type WsEdge = Pick<Edge, 'feed' | 'limits' | 'onTrouble'> & {
  readonly standing: Pick<Edge['standing'], 'whenReady'>;
  readonly metrics: Pick<Edge['metrics'], 'noteDelivery' | 'noteBehind'>;
  readonly refusals: Pick<Edge['refusals'], 'note'>;
};

/** Of a WebSocket, what a stream uses. */
export type WsSocket = {
  readonly bufferedAmount: number;
  on(event: 'message', listener: (data: RawData, isBinary: boolean) => void): unknown;
  on(event: 'ping' | 'pong', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error & { readonly code?: string }) => void): unknown;
  on(event: 'close', listener: (code: number) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  send(data: string, onSent?: () => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
};

export type WsOptions = {
  readonly edge: WsEdge;
  readonly messages: { readonly ofIp: MinuteCounter; readonly ofToken: MinuteCounter };
  readonly ws: WsSocket;
  readonly caller: Caller;
  readonly visitor: Refused;
  readonly place: Place;
};

export const CODES: Readonly<Record<Exclude<End, 'client' | 'lost'>, number>> = {
  'going-away': CLOSE.goingAway, 'revoked': CLOSE.revoked, 'too-slow': CLOSE.tooSlow, 'too-many': CLOSE.tooMany, 'too-large': CLOSE.tooLarge,
  'bad-request': CLOSE.badRequest, 'failed': 1011,
};
/** What `ws` closes with by itself: the protocol broken, text that is no UTF-8, too many pieces. */
export const OF_PROTOCOL = [1002, 1007, 1008] as const;
/** Of its messages within a minute: one that goes on regardless is closed. */
const MOST_REFUSED = 100;
const READY_MS = 30_000;
const UNKNOWN = 'expected a JSON object of type subscribe, unsubscribe or ping';
const TYPES: ReadonlySet<unknown> = new Set(Object.keys(clientMessages));
const TOO_LARGE = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

/** `null`: asked for, not there yet. */
type Slot = { subscription: Subscription | null };

export class WsStream implements Stream {
  readonly #options: WsOptions;
  readonly #outlet: Outlet;
  readonly #slots = new Map<string, Slot>();
  readonly #heartbeat: NodeJS.Timeout;
  #isAlive = true;
  #end: End | null = null;
  #refused = { since: 0, count: 0 };

  constructor(options: WsOptions) {
    const { ws, edge: { limits } } = options;
    this.#options = options;
    this.#outlet = new Outlet({
      limits,
      write: (text, onFlushed) => ws.send(text, onFlushed),
      bufferedBytes: () => ws.bufferedAmount,
      onDrained: () => this.#safely(() => this.#resume()),
      onTooSlow: () => this.end('too-slow'),
    });
    this.#heartbeat = setInterval(() => this.#safely(() => this.#beat()), limits.heartbeatMs);
    ws.on('message', (data, isBinary) => this.#safely(() => this.#take(data, isBinary)));
    ws.on('ping', () => this.#safely(() => this.#isWithinRate()));
    ws.on('pong', () => (this.#isAlive = true));
    ws.on('error', (error) => this.#noteUnreadable(error.code === TOO_LARGE ? 'too-large' : 'bad-request'));
    ws.on('close', (code) => this.#safely(() => this.#close(code)));
    options.place.attach(this);
  }

  get bufferedBytes(): number {
    return this.#outlet.bufferedBytes;
  }

  /** W3. */
  end(why: End): void {
    const { ws } = this.#options;
    if (this.#end !== null) return;
    this.#end = why;
    this.#release();
    if (why === 'lost' || why === 'client') ws.terminate();
    else goodbye(ws, CODES[why], why);
  }

  /** W4. */
  #safely(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#options.edge.onTrouble(`a connection failed: ${detailOf(error)}`);
      this.end('failed');
    }
  }

  #take(data: RawData, isBinary: boolean): void {
    this.#isAlive = true;
    if (this.#end !== null || !this.#isWithinRate()) return;
    const value = isBinary ? null : jsonOf(data);
    const parsed = clientMessageSchema.safeParse(value);
    if (parsed.success) {
      this.#handle(parsed.data);
      return;
    }
    const isRead = isKnown(value);
    this.#refuse(new Refusal('bad-request', isRead ? sentenceOf(parsed.error) : UNKNOWN), idOf(value));
    if (!isRead) this.end('bad-request');
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'ping':
        this.#say({ type: 'pong' });
        return;
      case 'unsubscribe':
        this.#unsubscribe(message.id);
        return;
      case 'subscribe':
        this.#subscribe(message.id, message.filter ?? {}, message.from ?? 'latest').catch((error: unknown) => this.#fail(message.id, error));
    }
  }

  /** W2. */
  async #subscribe(id: string, filter: Filter, from: From): Promise<void> {
    const { edge: { feed, standing, limits: { subscriptionsPerConnection: most } }, caller } = this.#options;
    if (this.#slots.has(id)) throw new Refusal('bad-request', 'this id is in use');
    if (this.#slots.size >= most) throw new Refusal('too-many', `all ${String(most)} subscriptions of this connection are in use`);
    const mine = narrowed(caller, filter);
    const slot: Slot = { subscription: null };
    this.#slots.set(id, slot);
    try {
      if (!await standing.whenReady(READY_MS)) throw notReady();
      if (this.#slots.get(id) !== slot) return;
      const subscription = await feed.subscribe({ filter: mine, from, sink: this.#sinkOf(id) });
      if (this.#slots.get(id) !== slot) {
        subscription.close();
        return;
      }
      slot.subscription = subscription;
      this.#say({ type: 'subscribed', id, cursor: subscription.cursor });
    } catch (error) {
      if (this.#slots.get(id) !== slot) return; // It was unsubscribed: the id may be another's by now.
      this.#slots.delete(id);
      throw error;
    }
  }

  #unsubscribe(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) {
      this.#refuse(new Refusal('not-found', 'there is no subscription of this id'), id);
      return;
    }
    slot.subscription?.close();
    this.#slots.delete(id);
    this.#say({ type: 'unsubscribed', id });
  }

  #sinkOf(id: string): SubscriptionSink {
    const { metrics } = this.#options.edge;
    const head = `{"type":"signal","id":${JSON.stringify(id)},"cursor":"`;
    return {
      signal: (cursor, signalJson) => {
        metrics.noteDelivery('ws');
        return this.#outlet.offer(`${head}${cursor}","signal":${signalJson}}`);
      },
      live: (cursor) => this.#say({ type: 'live', id, cursor }),
      behind: (cursor) => {
        metrics.noteBehind();
        this.#say({ type: 'behind', id, cursor });
      },
      progress: (cursor) => this.#say({ type: 'progress', id, cursor }),
    };
  }

  /** Counts every message; a client that goes on beyond its limit is closed. */
  #isWithinRate(): boolean {
    const { messages, visitor: { ipKey, tokenId } } = this.#options;
    const now = Date.now();
    const taken = [messages.ofIp.take(ipKey, now), ...tokenId === null ? [] : [messages.ofToken.take(tokenId, now)]];
    const refused = taken.find(({ kind }) => kind === 'refused');
    if (refused?.kind !== 'refused') return true;
    this.#refused = now - this.#refused.since < MINUTE_MS ? { ...this.#refused, count: this.#refused.count + 1 } : { since: now, count: 1 };
    this.#refuse(new Refusal('too-many', 'too many messages a minute', { retryAfterMs: refused.retryAfterMs }), null);
    if (this.#refused.count >= MOST_REFUSED) this.end('too-many');
    return false;
  }

  #fail(id: string, error: unknown): void {
    const refusal = refusalOf(error);
    if (refusal.code === 'internal') this.#options.edge.onTrouble(`a subscription failed: ${detailOf(error)}`);
    if (this.#end === null) this.#refuse(refusal, id);
  }

  #refuse(refusal: Refusal, id: string | null): void {
    const { edge, visitor } = this.#options;
    edge.refusals.note(refusal, visitor);
    const { message, code, retryAfterMs } = refusal;
    this.#say({ type: 'error', ...(id === null ? {} : { id }), code, message, ...(retryAfterMs === null ? {} : { retryAfterMs }) });
  }

  #say(message: ServerMessage): void {
    if (this.#end === null) this.#outlet.answer(JSON.stringify(message));
  }

  #resume(): void {
    for (const { subscription } of this.#slots.values()) subscription?.resume();
  }

  /** What waits stands before a ping, so one that waits isn't judged by it. */
  #beat(): void {
    if (this.#outlet.isWaiting) {
      this.#isAlive = true;
      return;
    }
    if (!this.#isAlive) {
      this.end('lost');
      return;
    }
    this.#isAlive = false;
    this.#options.ws.ping();
  }

  #noteUnreadable(code: Extract<ErrorCode, 'too-large' | 'bad-request'>): void {
    const { edge, visitor } = this.#options;
    this.#end ??= code; // The frame that says so has been sent.
    edge.refusals.note({ reason: code }, visitor);
    this.#release();
  }

  #close(code: number): void {
    this.#end ??= code === 1_006 ? 'lost' : 'client';
    this.#release();
    this.#options.place.left(this.#end);
  }

  #release(): void {
    clearInterval(this.#heartbeat);
    this.#outlet.close();
    for (const { subscription } of this.#slots.values()) subscription?.close();
    this.#slots.clear();
  }
}

/** Says why, and cuts the socket when the client doesn't answer. */
export function goodbye(ws: WsSocket, code: number, reason: string): void {
  const timer = setTimeout(() => ws.terminate(), GOODBYE_MS);
  ws.once('close', () => clearTimeout(timer));
  ws.close(code, reason);
}

function jsonOf(data: RawData): unknown {
  try {
    return JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : '');
  } catch {
    return null; // Not known, and refused as such.
  }
}

function isKnown(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && TYPES.has(value.type);
}

function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
  return typeof id === 'string' && id !== '' && id.length <= MOST_ID_CHARS ? id : null;
}
