// For tests: a gateway that follows a script, for what a real one does only when something is wrong with it or with the network.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { SUBPROTOCOL, type ClientMessage, type From, type ServerMessage } from './protocol.ts';

/** One connection, as the script sees it. */
export class Peer {
  readonly token: string | null;
  readonly #socket: WebSocket;
  readonly #received: ClientMessage[] = [];
  #news = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(socket: WebSocket, token: string | null) {
    this.#socket = socket;
    this.token = token;
    socket.on('message', (data) => {
      assert.ok(Buffer.isBuffer(data));
      this.#received.push(JSON.parse(data.toString('utf8')));
      this.#tell();
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#tell();
    });
    socket.on('error', () => undefined); // Cut on purpose.
  }

  /** The next message but pings; rejects when the client is gone. */
  async next(): Promise<ClientMessage> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined && message.type !== 'ping') return message;
      if (message !== undefined) continue;
      if (this.#isClosed) throw new Error('the client closed the connection');
      await this.#news.promise;
    }
  }

  async subscribe(): Promise<{ readonly id: string; readonly from: From | undefined }> {
    const message = await this.next();
    assert.ok(message.type === 'subscribe');
    return { id: message.id, from: message.from };
  }

  /** Resolves when the client has sent a ping. */
  async pinged(): Promise<void> {
    while (!this.#received.some(({ type }) => type === 'ping')) await this.#news.promise;
  }

  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#news.promise;
  }

  send(message: ServerMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  close(code: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** In the middle of a message: a frame's head and half of it, then nothing more. */
  cut(): void {
    const wire = Reflect.get(this.#socket, '_socket') as Socket;
    wire.write(Buffer.concat([Buffer.from([0x81, 100]), Buffer.from('{"type":"signal","id":"1",')]));
    wire.destroySoon();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

export type TestGateway = { readonly url: string; /** How many connections there were. */ readonly count: () => number };

/** `script` is run for each connection, `number` counting from 0. What it throws fails the test, unless the client is gone. */
export async function testGateway(t: TestContext, script: (peer: Peer, number: number) => Promise<void> | void): Promise<TestGateway> {
  const server = createServer();
  const sockets = new WebSocketServer({
    server, path: '/v1/ws', handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  let count = 0;
  const failures: unknown[] = [];
  sockets.on('connection', (socket, request) => {
    const token = /fillstream\.token\.([^, ]+)/.exec(request.headers['sec-websocket-protocol'] ?? '')?.[1] ?? null;
    const number = count;
    count += 1;
    Promise.resolve(script(new Peer(socket, token), number)).catch((error: unknown) => failures.push(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    assert.deepEqual(failures.filter((error) => !(error instanceof Error && error.message === 'the client closed the connection')), []);
  });
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${String(address.port)}`, count: () => count };
}
