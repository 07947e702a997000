// The listener: it hands each socket on, and can be away for a while without its port getting another number.
//
// T1  While it is away connects are refused by the system itself; connections that stand are not touched.

import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';

// HTTP ends its half of a connection itself.
const SERVER_OPTIONS = { allowHalfOpen: true, noDelay: true };

export class Front {
  readonly #host: string;
  readonly #port: number;
  readonly #onSocket: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | null;
  #isClosed = false;

  private constructor(host: string, port: number, server: Server, onSocket: (socket: Socket) => void) {
    this.#host = host;
    this.#port = port;
    this.#server = server;
    this.#onSocket = onSocket;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** Port 0 is any free one. Rejects with the system's error, EADDRINUSE for one. */
  static async listen(host: string, port: number, onSocket: (socket: Socket) => void): Promise<Front> {
    const server = createServer(SERVER_OPTIONS);
    await listen(server, host, port);
    const address = server.address();
    return new Front(host, typeof address === 'object' && address !== null ? address.port : port, server, onSocket);
  }

  get port(): number {
    return this.#port;
  }

  /** Stops listening until `reopen`. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
  }

  /** Rejects with the system's error when the port was taken meanwhile. */
  async reopen(): Promise<void> {
    if (this.#server !== null || this.#isClosed) return;
    const server = createServer(SERVER_OPTIONS);
    this.#server = server;
    server.on('connection', (socket) => this.#accept(socket));
    await listen(server, this.#host, this.#port);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const server = this.#server;
    const closed = server === null ? null : once(server, 'close');
    server?.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    this.#onSocket(socket);
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}
