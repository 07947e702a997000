// For tests: a gateway on real sockets over a log in memory, and clients of it.

import { SUBPROTOCOL, TOKEN_SUBPROTOCOL, type ClientMessage, type Filter, type From, type OrderLife, type ServerMessage } from '@fillstream/client';
import { newRegistry } from '@fillstream/observe';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { WebSocket } from 'ws';
import { MemorySource, testAddress } from '../feed/test-source.ts';
import { Gateway, type GatewayOptions } from '../gateway.ts';
import { newToken, TokenBook, type Authority, type NewToken } from '../tokens/authority.ts';
import type { AuditEntry } from './audit.ts';

export const LIFE: OrderLife = {
  address: testAddress(1), oid: 1, about: 'partition 0 of fills', now: 'It is over.', streamTime: 1_700_000_000_000,
  events: [
    { kind: 'fill', at: 1, why: 'a fill', deadline: { at: 2, what: 'timeout', trigger: 'timeout' }, place: 'fills/0/1', time: 1, side: 'B', px: '1', sz: '1', dir: 'Open Long' },
    { kind: 'status', at: 1, why: 'a status', deadline: null, place: 'order-updates/0/1', status: 'filled', sz: '0', origSz: '1' },
    { kind: 'unreadable', at: 1, why: 'no record', deadline: null, place: 'fills/0/2' },
    { kind: 'timer', at: 1, why: 'time', deadline: null, what: 'timeout' },
  ],
  coming: [{ at: 5, what: 'forgotten', trigger: null }],
};

/** What came, of whatever form. */
export type Json = ReturnType<typeof JSON.parse>;

export type World = {
  readonly source: MemorySource;
  readonly gateway: Gateway;
  readonly url: string;
  readonly audit: AuditEntry[];
  readonly troubles: string[];
  readonly registry: Registry;
  readonly tokens: TokenBook;
  /** Text of a new token, and its id. */
  readonly token: (part?: Partial<NewToken>) => { readonly text: string; readonly id: string; readonly revoke: () => void };
  readonly get: (path: string, init?: RequestInit) => Promise<{ readonly status: number; readonly headers: Headers; readonly body: Json; readonly text: string }>;
  readonly connect: (options?: ClientOptions) => Promise<Client>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function startWorld(options: Partial<GatewayOptions> & { readonly guarded?: boolean; readonly source?: MemorySource } = {}): Promise<World> {
  const { guarded = false, source = new MemorySource(3), ports, ...rest } = options;
  const audit: AuditEntry[] = [];
  const troubles: string[] = [];
  const registry = newRegistry();
  const tokens = new TokenBook();
  const authority: Authority = { grantOf: (token) => tokens.grantOf(token), onEnd: (listener) => tokens.onEnd(listener), close: async () => {
    tokens.close();
    await Promise.resolve();
  } };
  const gateway = await Gateway.start({
    ports: ports ?? portsOf(source), feedFile: ':memory:', listen: { host: '127.0.0.1', port: 0 }, authority: guarded ? authority : null, open: false,
    allowedHosts: [], allowedOrigins: [], registry, onAudit: (entry) => audit.push(entry), onTrouble: (text) => troubles.push(text), ...rest,
  });
  const running = gateway.run();
  running.catch(() => undefined);
  const { url } = gateway;
  return {
    source, gateway, url, audit, troubles, registry, tokens,
    token: (part = {}) => {
      const { text, record } = newToken({ name: 'test', actions: ['signals', 'orders', 'status'], addresses: null, expiresAt: null, ...part }, Date.now());
      tokens.put(record);
      return { text, id: record.id, revoke: () => tokens.put({ ...record, revokedAt: Date.now() }) };
    },
    get: async (path, init) => {
      const response = await fetch(url + path, init);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : null };
    },
    connect: async (client) => await Client.open(url, client),
    [Symbol.asyncDispose]: async () => {
      await gateway.stop();
      tokens.close();
    },
  };
}

export function portsOf(source: MemorySource): GatewayOptions['ports'] {
  return {
    source,
    life: async (address, oid) => await Promise.resolve(address === LIFE.address && oid === LIFE.oid ? LIFE : null),
    status: async () => await Promise.resolve({
      partitions: [{ partition: 0, health: 'ok', lag: 4, delayMs: 12.5, signals: 0, pending: 1 }, { partition: 1, health: 'unknown', lag: 3, delayMs: null, signals: 0, pending: null }], pending: 1, quarantined: null,
    }),
    quarantine: async (limit) => await Promise.resolve({
      records: [
        { topic: 'fills', partition: 0, offset: 4, reason: 'malformed', detail: 'no JSON', address: testAddress(1), at: 1_700_000_000_000, preview: '{' },
        { topic: 'fills', partition: 1, offset: 5, reason: 'malformed', detail: 'no JSON', address: null, at: null, preview: 'ff' },
      ].slice(0, limit),
    }),
  };
}

export function bearer(text: string): RequestInit {
  return { headers: { authorization: `Bearer ${text}` } };
}

export async function until(isSo: () => boolean | Promise<boolean>, what: string, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!await isSo()) {
    if (Date.now() > end) assert.fail(`not within ${String(timeoutMs)} ms: ${what}`);
    await wait(10);
  }
}

export type ClientOptions = {
  readonly token?: string;
  /** In the subprotocol, as browsers do. */
  readonly asSubprotocol?: boolean;
  readonly headers?: Record<string, string>;
  readonly path?: string;
};

/** Keeps what came. */
export class Client {
  readonly ws: WebSocket;
  readonly messages: ServerMessage[] = [];
  #closed: { readonly code: number; readonly reason: string } | null = null;

  /** Rejects with what the handshake was answered. */
  static async open(url: string, { token, asSubprotocol = false, headers = {}, path = '/v1/ws' }: ClientOptions = {}): Promise<Client> {
    const protocols = [SUBPROTOCOL, ...(token !== undefined && asSubprotocol ? [`${TOKEN_SUBPROTOCOL}${token}`] : [])];
    const ws = new WebSocket(url.replace('http', 'ws') + path, protocols, { headers: { ...headers, ...(token !== undefined && !asSubprotocol ? { authorization: `Bearer ${token}` } : {}) }, rejectUnauthorized: false });
    const client = new Client(ws);
    const refused = new Promise<never>((_, reject) => {
      ws.once('unexpected-response', (_request, response) => {
        response.setEncoding('utf8').once('data', (text: string) => reject(new Error(`${String(response.statusCode)} ${text}`)));
      });
      ws.once('error', reject);
    });
    await Promise.race([once(ws, 'open'), refused]);
    ws.on('error', () => undefined);
    return client;
  }

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => this.messages.push(JSON.parse(data.toString('utf8')) as ServerMessage));
    ws.on('close', (code, reason) => (this.#closed = { code, reason: String(reason) }));
  }

  get closed(): { readonly code: number; readonly reason: string } | null {
    return this.#closed;
  }

  /** Of all subscriptions, in order. */
  get signals(): Extract<ServerMessage, { type: 'signal' }>[] {
    return this.messages.filter((message) => message.type === 'signal');
  }

  send(message: ClientMessage | object): void {
    this.ws.send(JSON.stringify(message));
  }

  /** Resolves with the answer: `subscribed`, or an error. */
  async subscribe(id: string, filter?: Filter, from?: From): Promise<ServerMessage> {
    this.send({ type: 'subscribe', id, ...(filter === undefined ? {} : { filter }), ...(from === undefined ? {} : { from }) });
    return await this.next((message) => 'id' in message && message.id === id && (message.type === 'subscribed' || message.type === 'error'));
  }

  async next(isMeant: (message: ServerMessage) => boolean): Promise<ServerMessage> {
    await until(() => this.messages.some(isMeant), `a message among ${JSON.stringify(this.messages.slice(-3))}`);
    return this.messages.find(isMeant)!;
  }

  async live(id: string): Promise<void> {
    await this.next((message) => message.type === 'live' && message.id === id);
  }

  /** Resolves with the code. */
  async end(): Promise<number> {
    await until(() => this.#closed !== null, 'the end of the connection');
    return this.#closed!.code;
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.end();
  }
}

export type ServerSentEvent = { readonly id: string | null; readonly event: string; readonly data: Json };

/** Events of an open stream, until as many are there. */
export class EventStream {
  readonly events: ServerSentEvent[] = [];
  readonly status: number;
  isOver = false;
  readonly #abort: AbortController;

  static async open(url: string, init: RequestInit = {}): Promise<EventStream> {
    const abort = new AbortController();
    const response = await fetch(url, { ...init, signal: abort.signal });
    return new EventStream(response, abort);
  }

  constructor(response: Response, abort: AbortController) {
    this.status = response.status;
    this.#abort = abort;
    this.#read(response).catch(() => undefined).finally(() => (this.isOver = true));
  }

  get signals(): ServerSentEvent[] {
    return this.events.filter(({ event }) => event === 'signal');
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(response: Response): Promise<void> {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string): string | null => block.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
        const [event, data] = [field('event'), field('data')];
        if (event !== null && data !== null) this.events.push({ id: field('id'), event, data: JSON.parse(data) });
      }
    }
  }
}
