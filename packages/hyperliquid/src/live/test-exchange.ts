// The protocol as a script: a server that says what a test tells it to, and a sink that keeps what comes.

import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer, type WebSocket } from 'ws';
import { LiveFeed, periodsOf, type InputRecord, type LiveEvent, type LiveFeedOptions, type Periods, type Progress, type Sink, type GapRecord } from './feed.ts';
import type { Json } from './ports.ts';

export const ADDRESS = `0x${'a1'.repeat(20)}`;
export const OTHER = `0x${'b2'.repeat(20)}`;
/** Exchange time of the tests' first fills. */
export const T0 = Date.now() - 60_000;
const PATIENCE_MS = 20_000;

type Frame = { readonly method: string; readonly subscription?: { readonly type: string; readonly user: string } };

/** One connection, as the server has it. */
export class Peer {
  readonly socket: WebSocket;
  readonly received: Frame[] = [];
  isClosed = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
  }

  send(value: unknown): void {
    this.socket.send(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value));
  }

  fills(fills: readonly unknown[], more: object = {}): void {
    this.send({ channel: 'userFills', data: { user: ADDRESS, fills, ...more } });
  }

  updates(updates: readonly unknown[]): void {
    this.send({ channel: 'orderUpdates', data: updates });
  }

  subscribed(type: string): boolean {
    return this.received.some(({ subscription }) => subscription?.type === type);
  }
}

export class TestExchange {
  readonly peers: Peer[] = [];
  readonly requests: Json[] = [];
  /** Fills by REST, ascending; what the snapshot has is their end. */
  fills: Json[] = [];
  rows = 2_000;
  /** Answers to requests other than those below; may wait, may throw a status. */
  answer: (request: Json) => unknown = () => undefined;
  /** What is done with a message; the default acknowledges, with the snapshot, and answers pings. */
  receive: (peer: Peer, frame: Frame) => void = (peer, frame) => this.acknowledge(peer, frame);
  greeting = 'Websocket connection established.';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<TestExchange> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        exchange.#answer(JSON.parse(Buffer.concat(chunks).toString('utf8'))).then(
          (value) => response.end(JSON.stringify(value)), (status: unknown) => response.writeHead(typeof status === 'number' ? status : 500).end());
      });
    });
    const exchange = new TestExchange(server);
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => exchange.#accept(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return exchange;
  }

  get endpoint(): { readonly ws: string; readonly info: string } {
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    return { ws: `ws://127.0.0.1:${port}/ws`, info: `http://127.0.0.1:${port}/info` };
  }

  /** The connection that was opened last. */
  get peer(): Peer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('nobody is connected');
    return peer;
  }

  acknowledge(peer: Peer, { method, subscription }: Frame): void {
    if (method === 'ping') peer.send({ channel: 'pong' });
    if (method !== 'subscribe' || subscription === undefined) return;
    peer.send({ channel: 'subscriptionResponse', data: { method, subscription: { ...subscription, aggregateByTime: false } } });
    if (subscription.type === 'userFills') peer.fills(this.fills.slice(-2_000).reverse(), { isSnapshot: true, user: subscription.user });
  }

  async close(): Promise<void> {
    for (const { socket } of this.peers) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: Json): Promise<unknown> {
    this.requests.push(request);
    const answer = await this.answer(request);
    if (answer !== undefined) return answer;
    switch (request['type']) {
      case 'meta': return { universe: [{ name: 'BTC' }, { name: 'ETH' }] };
      case 'spotMeta': return SPOT_META;
      case 'clearinghouseState': return { marginSummary: { accountValue: '1000.5' }, time: T0 };
      case 'userFillsByTime': return this.fills.filter(({ time }) => Number(time) >= Number(request['startTime'])).slice(0, this.rows);
      case 'orderStatus': return { status: 'unknownOid' };
      default: return [];
    }
  }

  #accept(socket: WebSocket): void {
    const peer = new Peer(socket);
    this.peers.push(peer);
    socket.on('close', () => (peer.isClosed = true));
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as Frame;
      peer.received.push(frame);
      this.receive(peer, frame);
    });
    if (this.greeting !== '') peer.send(this.greeting);
  }
}

/** The second pair stands first, and tokens aren't at their places either. */
const SPOT_META = {
  universe: [{ tokens: [150, 0], name: '@107', index: 107 }, { tokens: [1, 0], name: 'PURR/USDC', index: 0 }],
  tokens: [{ name: 'PURR', index: 1 }, { name: 'HYPE', index: 150 }, { name: 'USDC', index: 0 }],
};

export class TestSink implements Sink {
  readonly records: InputRecord[] = [];
  readonly gaps: GapRecord[] = [];
  saved: Progress | null = null;

  append(records: readonly InputRecord[]): Promise<void> {
    this.records.push(...records);
    return Promise.resolve();
  }

  progress(): Promise<Progress | null> {
    return Promise.resolve(this.saved);
  }

  saveProgress(_: string, progress: Progress): Promise<void> {
    this.saved = progress;
    return Promise.resolve();
  }

  gap(gap: GapRecord): Promise<void> {
    this.gaps.push(gap);
    return Promise.resolve();
  }

  /** `tid source` of each fill, and the kind of what else there is, in order. */
  get story(): string[] {
    return this.records.map((record) => (record.kind === 'fill' ? `${String(record.data['tid'])} ${record.source}` : record.kind));
  }
}

export type TestWorld = { readonly exchange: TestExchange; readonly sink: TestSink; readonly feed: LiveFeed; readonly events: LiveEvent[] };
type Context = { after: (task: () => Promise<void>) => void };

/** Periods are real but for what a test waits for. */
export async function startTest(t: Context, options: Omit<Partial<LiveFeedOptions>, 'periods'> & {
  readonly periods?: Partial<Periods>; readonly prepare?: (exchange: TestExchange, sink: TestSink) => void; readonly addresses?: readonly string[];
} = {}): Promise<TestWorld> {
  const { periods, prepare, addresses = [ADDRESS], ...rest } = options;
  const exchange = await TestExchange.start();
  t.after(async () => await exchange.close());
  const sink = new TestSink();
  prepare?.(exchange, sink);
  const events: LiveEvent[] = [];
  const feed = new LiveFeed({
    endpoint: exchange.endpoint, sink, onEvent: (event) => events.push(event),
    periods: { ...periodsOf(1), retryLeastMs: 1, retryMostMs: 50, lagMs: 20, repairEveryMs: 1, accountMs: 1e9, auditMs: 1e9, progressMs: 1, closeMs: 100, ...periods },
    ...rest,
  });
  t.after(async () => await feed.close().catch(() => undefined));
  for (const address of addresses) feed.watch(address);
  return { exchange, sink, feed, events };
}

export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`still waiting until ${what}`);
    await sleep(2);
  }
}

export async function untilLive({ feed }: TestWorld): Promise<void> {
  await until('it is live', () => feed.status().addresses.every(({ state }) => state === 'live'));
}

/** A fill at T0 + `at`; its order is 1 unless it says otherwise. */
export function fillOf(tid: number, at: number, more: object = {}): Json {
  return {
    coin: 'BTC', px: '100.0', sz: '1.0', side: 'B', time: T0 + at, startPosition: '0.0', dir: 'Open Long', closedPnl: '0.0', hash: '0x0', oid: 1,
    crossed: true, fee: '0.1', tid, feeToken: 'USDC', twapId: null, ...more,
  };
}

export function updateOf(oid: number, status: string, { sz = '0.0', origSz = '1.0', at = 0 } = {}): Json {
  return { order: { coin: 'BTC', side: 'B', limitPx: '100.0', sz, oid, timestamp: T0 + at, origSz }, status, statusTimestamp: T0 + at };
}
