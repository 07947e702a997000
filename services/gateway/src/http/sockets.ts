// The connections beneath the requests: what HTTP's own server would let a client keep, or break.
//
// K1  A connection has one request at a time: one that comes before the last is answered (pipelined) cuts it.
// K2  An answer that isn't read within `drainMs` is given up, and its connection cut.
// K3  Each connection has a listener for errors from its first byte to its last: a reset ends it and nothing else.
// K4  `cutAll` knows every connection: upgraded, half closed, or in the middle of a TLS handshake.
// K5  An IP address has a tenth of them, busy or not, or twice as many as its streams; a proxy that is believed may have all.

import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AtOnce, ipKeyOf, type Limits } from './limits.ts';

export type SocketsOptions = {
  readonly limits: Pick<Limits, 'connections' | 'connectionsPerIp' | 'drainMs'>;
  readonly isProxy: (ip: string) => boolean;
  /** Told of each that is cut for K5. */
  readonly onTooMany: (ip: string) => void;
};

/** Who was told to go has this long to do so. */
export const GOODBYE_MS = 3_000;
/** For each stream that there may be, as many connections: its own, and one to ask. */
const PER_STREAM = 2;
/** Of all connections, what an IP address may have: it takes many of them to keep the others out. */
const SHARE_OF_IP = 0.1;

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #perIp: AtOnce;
  readonly #open = new Set<Socket>();
  readonly #busy = new WeakSet<Duplex>();

  constructor(options: SocketsOptions) {
    this.#options = options;
    const { connections, connectionsPerIp } = options.limits;
    this.#perIp = new AtOnce(PER_STREAM * Math.max(connections * SHARE_OF_IP, connectionsPerIp));
  }

  /** `handler` gets its requests, one at a time of each connection. */
  serve(server: Server, handler: RequestListener): void {
    server.maxConnections = this.#options.limits.connections * PER_STREAM;
    server.on('connection', (socket: Socket) => {
      endedByError(socket);
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      this.#count(socket);
    });
    server.on('secureConnection', endedByError);
    // An `Expect` that nobody knows is passed over, as HTTP allows; Node's own answer would be written past K1.
    for (const event of ['request', 'checkExpectation'] as const) {
      server.on(event, (request, response) => {
        if (this.take(request.socket, response)) handler(request, response);
      });
    }
  }

  /** K5. */
  #count(socket: Socket): void {
    const { remoteAddress: ip } = socket;
    if (ip === undefined || this.#options.isProxy(ip)) return;
    const leave = this.#perIp.take(ipKeyOf(ip));
    if (leave !== null) {
      socket.once('close', leave);
      return;
    }
    socket.destroy();
    this.#options.onTooMany(ip);
  }

  /** K1. Whether the connection was free for this request; if not, it's cut. It is free again when the response is done. */
  take(socket: Duplex, response: ServerResponse): boolean {
    if (this.#busy.has(socket)) {
      socket.destroy();
      return false;
    }
    this.#busy.add(socket);
    response.on('error', () => socket.destroy());
    for (const event of ['finish', 'close']) response.once(event, () => this.#busy.delete(socket));
    return true;
  }

  isBusy(socket: Duplex): boolean {
    return this.#busy.has(socket);
  }

  /** K2. All of the response is about to be written. */
  expectRead(response: ServerResponse): void {
    const timer = setTimeout(() => response.destroy(), this.#options.limits.drainMs);
    timer.unref();
    response.once('close', () => clearTimeout(timer));
  }

  /** K4. */
  cutAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** K3. */
export function endedByError(socket: Duplex): void {
  socket.on('error', () => socket.destroy());
}

/** Sends what waits and says goodbye; whoever doesn't say it too is cut. */
export function endSoon(socket: Duplex, last = ''): void {
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
  socket.once('close', () => clearTimeout(timer));
  if (socket.destroyed || !socket.writable) socket.destroy();
  else socket.end(last);
}
