// One WebSocket connection to the exchange, from opening to its end. It never reconnects by itself.
//
//   opening ──open──▶ open ──close | cut | silence──▶ ended
//      └──refused | timeout──▶ (rejected)
//
// C1  `ended` resolves once, whatever ends it; nothing is told after it.
// C2  Pings go out every `pingMs`. When nothing at all was heard for `silenceMs`, a connection that is being read is dead.
// C3  A subscription holds when its acknowledgement came, echoed with whatever other fields, before `ackMs`; an error meanwhile is
//     a refusal, as errors don't say what they are about.
// C4  Every message sent counts until the exchange has answered it, or the connection has ended.
// C5  While it is paused nothing is read, and silence proves nothing.

import { WebSocket } from 'ws';
import type { Budget, Grant } from './budget.ts';
import { detailOf, type ConnectionEnd } from './events.ts';
import { readFrame, type Frame, type Subscription } from './frames.ts';
import type { Periods } from './settings.ts';

/** Frames that the connection doesn't keep to itself. */
export type DataFrame = Exclude<Frame, { readonly kind: 'pong' | 'greeting' | 'ack' }>;

export type ConnectionOptions = {
  readonly url: string;
  readonly periods: Periods;
  readonly messages: Budget;
  readonly signal: AbortSignal;
  readonly onFrame: (frame: DataFrame, text: string) => void;
};

/** `isSeen`: the exchange knows of the end, and no longer counts the connection. */
export type Ended = { readonly end: ConnectionEnd; readonly detail: string; readonly isSeen: boolean };

/** The largest frame, a snapshot of 2,000 fills, is below 1 MB. */
const GREATEST_FRAME_BYTES = 16 << 20;
const ABNORMAL = 1006;

type Pending = { readonly subscription: Subscription; readonly settle: (error: Error | null) => void };

export class Connection {
  readonly ended: Promise<Ended>;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #over = new AbortController();
  readonly #unanswered = { ping: new Array<Grant>(), subscribe: new Array<Grant>() };
  #pending: Pending[] = [];
  /** Why we end it; null while we don't. */
  #reason: ConnectionEnd | null = null;
  #detail = '';
  #isTerminated = false;
  #hasJson = false;
  #lastHeard = performance.now();
  #isPaused = false;
  #isPinging = false;
  #timers: NodeJS.Timeout[] = [];

  private constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.ended = new Promise((resolve) => socket.once('close', (code, reason) => resolve(this.#finish(code, reason.toString('utf8')))));
    socket.on('error', (error) => {
      this.#detail ||= detailOf(error);
    });
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    for (const sign of ['ping', 'pong'] as const) socket.on(sign, () => this.#hear());
  }

  /** Rejects with the reason it could not be opened, or the signal's. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    options.signal.throwIfAborted();
    const socket = new WebSocket(options.url, {
      handshakeTimeout: Math.ceil(options.periods.openMs), maxPayload: GREATEST_FRAME_BYTES, perMessageDeflate: false, followRedirects: false,
    });
    const connection = new Connection(socket, options);
    const abort = (): void => socket.terminate();
    options.signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        void connection.ended.then(({ detail }) => reject(new Error(detail === '' ? 'could not be opened' : detail)));
      });
    } finally {
      options.signal.removeEventListener('abort', abort);
    }
    connection.#watch();
    return connection;
  }

  /** Resolves when all are acknowledged (C3); rejects when one isn't, and the caller ends the connection. */
  async subscribe(subscriptions: readonly Subscription[]): Promise<void> {
    await Promise.all(subscriptions.map(async (subscription) => {
      await this.#send({ method: 'subscribe', subscription }, 'subscribe');
      await this.#acknowledged(subscription);
    }));
  }

  /** Ends it cleanly, or after `closeMs` without a word; resolves when it has ended. */
  async close(end: ConnectionEnd, detail = ''): Promise<void> {
    this.#endFor(end, detail);
    this.#resume();
    this.#socket.close(1000);
    const timer = setTimeout(() => this.#terminate(), Math.ceil(this.#options.periods.closeMs));
    await this.ended;
    clearTimeout(timer);
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#lastHeard = performance.now();
    this.#resume();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  #endFor(end: ConnectionEnd, detail: string): void {
    if (this.#reason !== null) return;
    this.#reason = end;
    this.#detail = detail;
  }

  #terminate(): void {
    this.#isTerminated = true;
    this.#socket.terminate();
  }

  #watch(): void {
    const { pingMs, silenceMs } = this.#options.periods;
    this.#hear();
    this.#timers.push(
      setInterval(() => void this.#ping(), Math.ceil(pingMs)),
      setInterval(() => this.#checkSilence(), Math.ceil(Math.min(pingMs, silenceMs) / 8)),
    );
  }

  /** One that isn't answered is enough while something is heard. */
  async #ping(): Promise<void> {
    const isWaiting = this.#unanswered.ping.length > 0 && performance.now() - this.#lastHeard < this.#options.periods.pingMs;
    if (this.#isPinging || isWaiting) return;
    this.#isPinging = true;
    await this.#send({ method: 'ping' }, 'ping').catch(() => undefined); // Over: there is nobody to ping.
    this.#isPinging = false;
  }

  /** Asked a second time behind whatever has already arrived: a process that stood still has heard nothing, but isn't alone. */
  #checkSilence(): void {
    if (!this.#isSilent()) return;
    setImmediate(() => setImmediate(() => {
      if (!this.#isSilent()) return;
      this.#endFor('silent', 'nothing was heard');
      this.#terminate();
    }));
  }

  #isSilent(): boolean {
    return !this.#isPaused && performance.now() - this.#lastHeard > this.#options.periods.silenceMs;
  }

  #hear(): void {
    this.#lastHeard = performance.now();
  }

  async #send(message: { readonly method: string; readonly subscription?: Subscription }, kind: 'ping' | 'subscribe'): Promise<void> {
    const grant = await this.#options.messages.take(1, { signal: this.#over.signal });
    this.#unanswered[kind].push(grant);
    this.#socket.send(JSON.stringify(message), (error) => {
      if (error instanceof Error) this.#detail ||= detailOf(error);
    });
  }

  async #acknowledged(subscription: Subscription): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (error: Error | null): void => {
        clearTimeout(timer);
        this.#pending = this.#pending.filter((other) => other !== pending);
        if (error === null) resolve();
        else reject(error);
      };
      const pending = { subscription, settle };
      const timer = setTimeout(() => settle(new Error(`${subscription.type} was not acknowledged`)), Math.ceil(this.#options.periods.ackMs));
      this.#pending.push(pending);
      if (this.#over.signal.aborted) settle(new Error('the connection ended'));
    });
  }

  #receive(data: WebSocket.RawData, isBinary: boolean): void {
    this.#hear();
    const { onFrame } = this.#options;
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : '';
    const frame: Frame = isBinary ? { kind: 'bad', detail: 'binary' } : readFrame(text);
    switch (frame.kind) {
      case 'greeting':
        return;
      case 'pong':
        this.#unanswered.ping.shift()?.settle();
        break;
      case 'ack':
        this.#unanswered.subscribe.shift()?.settle();
        this.#acknowledge(frame);
        break;
      case 'error':
        this.#unanswered.subscribe.shift()?.settle();
        onFrame(frame, text);
        for (const { settle } of this.#pending) settle(new Error(`refused: ${frame.text.slice(0, 200)}`));
        break;
      case 'bad':
        // Before anything else came it is a greeting in other words: nothing was subscribed to.
        if (this.#hasJson || isBinary) onFrame(frame, text);
        return;
      default:
        onFrame(frame, text);
    }
    this.#hasJson = true;
  }

  #acknowledge({ method, type, user }: Extract<Frame, { readonly kind: 'ack' }>): void {
    if (method !== 'subscribe') return;
    this.#pending.find(({ subscription }) => subscription.type === type && subscription.user === user)?.settle(null);
  }

  #finish(code: number, reason: string): Ended {
    for (const timer of this.#timers) clearInterval(timer);
    this.#over.abort(new Error('the connection ended'));
    for (const { settle } of this.#pending) settle(new Error('the connection ended'));
    for (const grant of [...this.#unanswered.ping, ...this.#unanswered.subscribe]) grant.settle();
    const isClean = code !== ABNORMAL;
    const detail = this.#detail === '' ? `${code} ${reason}`.trim() : this.#detail;
    return { end: this.#reason ?? (isClean ? 'closed' : 'cut'), detail, isSeen: isClean || !this.#isTerminated };
  }
}
