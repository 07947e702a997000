// A fake Hyperliquid: the real protocol over real sockets and HTTP, a seeded market behind it, a ledger of all that happened,
// the documented limits of each IP, and faults on command. For tests, chaos and the demo; no client can tell it by its protocol.
//
// E1  The market goes on whoever listens: what nobody was told is in the histories and the ledger all the same.
// E2  The same seed gives the same market, shifted by its start, and the same frames, however time is moved.
// E3  A fault asked for is never counted as a client's violation.

import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { Random } from '../random.ts';
import type { ExchangeLedger } from './exchange-ledger.ts';
import { ExchangeMarket } from './exchange-market.ts';
import type { Fault, FaultOptions, FaultKind } from './faults.ts';
import { Faults } from './faults.ts';
import { Front } from './front.ts';
import { Hub } from './hub.ts';
import type { Usage } from './limits.ts';
import { Gauge } from './limits.ts';
import { Line } from './line.ts';
import type { FakeExchangeOptions, FakeExchangeSettings } from './options.ts';
import { settingsOf } from './options.ts';
import { answerRest } from './rest.ts';
import type { ConnectionInfo } from './session.ts';
import { Session } from './session.ts';

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
  readonly #settings: FakeExchangeSettings;
  readonly #hub = new Hub();
  readonly #market: ExchangeMarket;
  readonly #faults: Faults;
  readonly #gauges = new Map<string, Gauge>();
  readonly #sessions = new Map<number, Session>();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES, perMessageDeflate: false });
  readonly #http: Server;
  #front: Front | null = null;
  #accepted = 0;
  #pace: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: FakeExchangeOptions) {
    const settings = settingsOf(options);
    this.#settings = settings;
    this.#market = new ExchangeMarket(settings, (parcel, now) => this.#hub.send(parcel, now));
    this.#faults = new Faults(new Random(`${settings.market.seed}/faults`), (rule) => {
      if (rule.how === 'tcp') void this.#front?.reopen();
    });
    const rest = {
      ipOf: (request: IncomingMessage) => this.#ipOf(request),
      gaugeOf: (ip: string) => this.#gaugeOf(ip),
      faults: this.#faults,
      world: () => {
        this.#market.catchUp();
        return { historyOf: (address: string) => this.#market.historyOf(address), now: this.#market.now };
      },
    };
    this.#http = createServer((request, response) => {
      // A client that went away in the middle of its request.
      answerRest(request, response, rest).catch(() => response.destroy());
    });
    this.#http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
  }

  /** Resolves when it listens. Rejects with RangeError for a wrong option, and with the system's error when it can't listen. */
  static async start(options: FakeExchangeOptions): Promise<FakeExchange> {
    const exchange = new FakeExchange(options);
    const { host, port } = exchange.#settings;
    exchange.#front = await Front.listen(host, port, (socket) => exchange.#http.emit('connection', socket));
    if (exchange.#settings.drive === 'wall') exchange.#keepPace();
    return exchange;
  }

  /** `http://HOST:PORT`; the WebSocket is at /ws, REST at /info. */
  get url(): string {
    return `http://${this.#settings.host}:${this.#front?.port ?? 0}`;
  }

  get wsUrl(): string {
    return `${this.url.replace('http', 'ws')}/ws`;
  }

  get addresses(): readonly string[] {
    return this.#market.addresses;
  }

  get ledger(): ExchangeLedger {
    return this.#market.ledger;
  }

  get connections(): readonly ConnectionInfo[] {
    return [...this.#sessions.values()].map((session) => session.info);
  }

  /** Each IP that was seen: how often it went over each limit, and the most it asked for. */
  get violations(): readonly Usage[] {
    return [...this.#gauges.values()].map((gauge) => gauge.usage);
  }

  get faults(): readonly Fault[] {
    return this.#faults.standing;
  }

  /** Exchange time, ms since the epoch: ahead of the wall clock by what was advanced. */
  now(): number {
    this.#market.catchUp();
    return this.#market.now;
  }

  /** Moves exchange time on, with all that happens and is sent on the way. */
  advance(ms: number): void {
    this.#market.catchUp();
    this.#market.advance(ms);
  }

  /** Moves exchange time on until at least so many more fills, updates and account values have been sent. */
  emit(records: number): void {
    this.#market.catchUp();
    this.#market.emit(records);
  }

  /** Nothing happens any more: the ledger is final, and all that had happened has been sent. Sockets and REST go on. */
  halt(): void {
    this.#market.halt();
  }

  /**
   * What goes wrong, see `faults.ts`. One of a connection strikes all its targets at once when neither `times` nor `probability`
   * is given; any other waits for what it needs. Throws RangeError for options that make no sense.
   */
  fault(kind: FaultKind, options: FaultOptions = {}): Fault {
    const rule = this.#faults.add(kind, options);
    if (rule.how === 'tcp') {
      rule.hit();
      this.#front?.refuse();
      if (options.forMs !== undefined) setTimeout(() => rule.clear(), options.forMs).unref();
    }
    if (!rule.isImmediate) return rule;
    for (const session of this.#sessions.values()) {
      if (!rule.matches({ ip: session.ip, connection: session.id, addresses: session.addresses })) continue;
      rule.hit();
      session.strike(rule);
    }
    return rule;
  }

  /** No fault stands any more; what was done stays done. */
  clearFaults(id?: number): void {
    this.#faults.clear(id);
  }

  /** Ends all connections, and resolves when the port is free. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#pace);
    for (const session of this.#sessions.values()) session.terminate();
    this.#http.closeAllConnections();
    this.#sockets.close();
    await this.#front?.close();
    while (this.#sessions.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  #keepPace(): void {
    if (this.#isClosed) return;
    const isThere = this.#market.catchUp(PACE_RECORDS);
    this.#pace = setTimeout(() => this.#keepPace(), isThere ? PACE_MS : 0);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ip = this.#ipOf(request);
    const gauge = this.#gaugeOf(ip);
    if (request.url !== '/ws') {
      refuse(socket, '404 Not Found');
      return;
    }
    const rule = this.#faults.take(['connect'], { ip, addresses: [] });
    if (rule !== null) {
      if (rule.how === '503') refuse(socket, '503 Service Unavailable');
      return;
    }
    if (gauge.connect() !== null) {
      refuse(socket, '429 Too Many Requests');
      return;
    }
    const line = new Line(socket);
    const leave = (): void => gauge.disconnect();
    line.once('close', leave);
    this.#sockets.handleUpgrade(request, line, head, (webSocket) => {
      line.off('close', leave);
      this.#open(webSocket, line, ip, gauge);
    });
  }

  #open(socket: WebSocket, line: Line, ip: string, gauge: Gauge): void {
    this.#accepted += 1;
    const id = this.#accepted;
    const { idleMs, unsentBytes, limits, market } = this.#settings;
    const session = new Session(id, ip, socket, line, {
      gauge, limits, faults: this.#faults, hub: this.#hub, idleMs, unsentBytes,
      lifetimeMs: this.#lifetimeOf(new Random(`${market.seed}/connection/${id}`)),
      snapshotOf: (subscription) => this.#market.snapshotOf(subscription),
      onClose: () => this.#sessions.delete(id),
    });
    this.#sessions.set(id, session);
  }

  #lifetimeOf(random: Random): number {
    const [least, greatest] = this.#settings.lifetimeMs;
    return least === Infinity ? Infinity : least + random.unit() * (greatest - least);
  }

  #ipOf(request: IncomingMessage): string {
    const forwarded = this.#settings.trustForwardedFor ? request.headers['x-forwarded-for'] : undefined;
    const first = (typeof forwarded === 'string' ? forwarded : '').split(',')[0]?.trim() ?? '';
    return first === '' ? request.socket.remoteAddress ?? 'unknown' : first;
  }

  #gaugeOf(ip: string): Gauge {
    const known = this.#gauges.get(ip);
    if (known !== undefined) return known;
    const made = new Gauge(ip, this.#settings.limits, this.#settings.minuteMs, () => performance.now());
    this.#gauges.set(ip, made);
    return made;
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
