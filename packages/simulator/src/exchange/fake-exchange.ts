// A fake Hyperliquid: the real protocol over real sockets and HTTP, a seeded market behind it, a ledger of all that happened,
// the documented limits of each IP, and faults on command. For tests, chaos and the demo; no client can tell it by its protocol.
//
// What it does is the desk's (desk.ts, which see for its invariants); here are the sockets.

import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Desk } from './desk.ts';
import type { ExchangeLedger } from './exchange-ledger.ts';
import type { Fault, FaultKind, FaultOptions } from './faults.ts';
import { Front } from './front.ts';
import type { Usage } from './limits.ts';
import { Line } from './line.ts';
import type { FakeExchangeOptions } from './options.ts';
import { serveRest } from './rest-server.ts';
import type { ConnectionInfo } from './session.ts';

export type { ExchangeLedger } from './exchange-ledger.ts';
export type { Fault, FaultHow, FaultKind, FaultOptions } from './faults.ts';
export type { ExchangeLimits, LimitName, Usage } from './limits.ts';
export type { FakeExchangeOptions } from './options.ts';
export type { ConnectionInfo } from './session.ts';

const PACE_MS = 5;
/** After so many records the market lets others have their turn. */
const PACE_RECORDS = 5_000;
const MESSAGE_BYTES = 1 << 20;

export class FakeExchange {
  readonly #desk: Desk;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES, perMessageDeflate: false });
  readonly #http: Server;
  #front: Front | null = null;
  #pace: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: FakeExchangeOptions) {
    this.#desk = new Desk(options, { shut: () => this.#front?.refuse(), open: () => void this.#front?.reopen() });
    this.#http = createServer((request, response) => {
      // A client that went away in the middle of its request.
      serveRest(request, response, this.#desk, this.#ipOf(request)).catch(() => response.destroy());
    });
    this.#http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
  }

  /** Resolves when it listens. Rejects with RangeError for a wrong option, and with the system's error when it can't listen. */
  static async start(options: FakeExchangeOptions): Promise<FakeExchange> {
    const exchange = new FakeExchange(options);
    const { host, port, drive } = exchange.#desk.settings;
    exchange.#front = await Front.listen(host, port, (socket) => exchange.#http.emit('connection', socket));
    if (drive === 'wall') exchange.#keepPace();
    return exchange;
  }

  /** `http://HOST:PORT`; the WebSocket is at /ws, REST at /info. */
  get url(): string {
    return `http://${this.#desk.settings.host}:${this.#front?.port ?? 0}`;
  }

  get wsUrl(): string {
    return `${this.url.replace('http', 'ws')}/ws`;
  }

  get addresses(): readonly string[] {
    return this.#desk.addresses;
  }

  get ledger(): ExchangeLedger {
    return this.#desk.ledger;
  }

  get connections(): readonly ConnectionInfo[] {
    return this.#desk.connections;
  }

  /** Each IP that was seen: how often it went over each limit, and the most it asked for. */
  get violations(): readonly Usage[] {
    return this.#desk.violations;
  }

  get faults(): readonly Fault[] {
    return this.#desk.faults;
  }

  /** Exchange time, ms since the epoch: ahead of the wall clock by what was advanced. */
  now(): number {
    return this.#desk.now();
  }

  /** Moves exchange time on, with all that happens and is sent on the way. */
  advance(ms: number): void {
    this.#desk.advance(ms);
  }

  /** Moves exchange time on until at least so many more fills, updates and account values have been sent. */
  emit(records: number): void {
    this.#desk.emit(records);
  }

  /** Nothing happens any more: the ledger is final, and all that had happened has been sent. Sockets and REST go on. */
  halt(): void {
    this.#desk.halt();
  }

  /**
   * What goes wrong, see `faults.ts`. One of a connection strikes all its targets at once when neither `times` nor `probability`
   * is given; any other waits for what it needs. Throws RangeError for options that make no sense.
   */
  fault(kind: FaultKind, options: FaultOptions = {}): Fault {
    return this.#desk.fault(kind, options);
  }

  /** No fault stands any more; what was done stays done. */
  clearFaults(id?: number): void {
    this.#desk.clearFaults(id);
  }

  /** Ends all connections, and resolves when the port is free. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#pace);
    this.#desk.terminateAll();
    this.#http.closeAllConnections();
    this.#sockets.close();
    await this.#front?.close();
    while (this.#desk.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  #keepPace(): void {
    if (this.#isClosed) return;
    const isThere = this.#desk.catchUp(PACE_RECORDS);
    this.#pace = setTimeout(() => this.#keepPace(), isThere ? PACE_MS : 0);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ip = this.#ipOf(request);
    if (request.url !== '/ws') {
      refuse(socket, '404 Not Found');
      return;
    }
    const welcome = this.#desk.welcome(ip);
    if (welcome.kind === 'ignored') return;
    if (welcome.kind === 'refused') {
      refuse(socket, welcome.status === 503 ? '503 Service Unavailable' : '429 Too Many Requests');
      return;
    }
    const line = new Line(socket);
    line.once('close', welcome.leave);
    this.#sockets.handleUpgrade(request, line, head, (webSocket) => {
      line.off('close', welcome.leave);
      this.#desk.open(ip, webSocket, line);
    });
  }

  #ipOf(request: IncomingMessage): string {
    const forwarded = this.#desk.settings.trustForwardedFor ? request.headers['x-forwarded-for'] : undefined;
    const first = (typeof forwarded === 'string' ? forwarded : '').split(',')[0]?.trim() ?? '';
    return first === '' ? request.socket.remoteAddress ?? 'unknown' : first;
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
