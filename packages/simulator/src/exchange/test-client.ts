// A plain client for the tests: it keeps every frame, and waits for what it is told to.

import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { FillData, OrderUpdateData } from '../record.ts';
import type { FakeExchange } from './fake-exchange.ts';

/** Far beyond anything that is waited for: only a test that fails gets there. */
const PATIENCE_MS = 20_000;

/** JSON as the tests look at it: without a type. */
export type Json = ReturnType<typeof JSON.parse>;
export type Frame = { readonly channel: string; readonly data: Json };
export type Closing = { readonly code: number; readonly reason: string };

export class TestClient {
  readonly socket: WebSocket;
  /** texts as they came, the greeting too */
  readonly texts: string[] = [];
  /** those that are JSON objects */
  readonly frames: Frame[] = [];
  readonly binaries: Buffer[] = [];
  readonly closed: Promise<Closing>;
  error: Error | null = null;
  #isClosed = false;
  #wake: () => void = () => undefined;

  private constructor(url: string, ip: string | undefined) {
    this.socket = new WebSocket(url, { headers: ip === undefined ? {} : { 'x-forwarded-for': ip }, perMessageDeflate: false });
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.binaries.push(data);
      else this.#take(data.toString('utf8'));
      this.#wake();
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.#isClosed = true;
        this.#wake();
        resolve({ code, reason: reason.toString('utf8') });
      });
    });
  }

  /** Resolves with the greeting in; rejects when it is refused. */
  static async connect(exchange: FakeExchange, ip?: string): Promise<TestClient> {
    const client = new TestClient(exchange.wsUrl, ip);
    await once(client.socket, 'open');
    await client.until(() => client.texts.length > 0);
    return client;
  }

  of(channel: string): readonly Frame[] {
    return this.frames.filter((frame) => frame.channel === channel);
  }

  /** Live fills of `userFills`, in order of arrival; of one address, or of all. */
  fills(user?: string): readonly FillData[] {
    return this.of('userFills').filter(({ data }) => data.isSnapshot !== true && (user === undefined || data.user === user))
      .flatMap(({ data }) => data.fills as readonly FillData[]);
  }

  updates(): readonly OrderUpdateData[] {
    return this.of('orderUpdates').flatMap(({ data }) => data as readonly OrderUpdateData[]);
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(type: string, user: string): void {
    this.send({ method: 'subscribe', subscription: { type, user } });
  }

  /** Subscribes, and waits for the answer to each. */
  async subscribed(type: string, ...users: readonly string[]): Promise<void> {
    const known = this.of('subscriptionResponse').length;
    for (const user of users) this.subscribe(type, user);
    await this.until(() => this.of('subscriptionResponse').length === known + users.length);
  }

  /** Everything the exchange has sent so far is in: a ping is answered behind it. */
  async settled(): Promise<void> {
    const known = this.of('pong').length;
    this.send({ method: 'ping' });
    await this.until(() => this.of('pong').length > known);
  }

  #take(text: string): void {
    this.texts.push(text);
    const frame = jsonOf(text);
    if (frame !== null && typeof frame === 'object') this.frames.push(frame as Frame);
  }

  /** Rejects when the connection ends before it is true. */
  async until(isTrue: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!isTrue()) {
      if (this.#isClosed) throw new Error('the connection ended');
      if (Date.now() > deadline) throw new Error(`still waiting: ${isTrue.toString()}; last: ${String(this.texts.at(-1)).slice(0, 200)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

export type InfoAnswer = { readonly status: number; readonly body: Json };

/** `POST /info`; the body is JSON where it is any, else the text. */
export async function info(exchange: FakeExchange, request: unknown, ip?: string): Promise<InfoAnswer> {
  const response = await fetch(`${exchange.url}/info`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(ip === undefined ? {} : { 'x-forwarded-for': ip }) },
    body: typeof request === 'string' ? request : JSON.stringify(request),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = await response.text();
  return { status: response.status, body: jsonOf(text) ?? text };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
