// A way to an exchange that makes a client look like another machine: what goes through it comes from an IP of its own.
//
// O1  What ends one side ends the other; bytes are passed on as they come.
// O2  Loopback has 16 million addresses on Linux. Elsewhere an outlet can't be had.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

export class Outlet {
  /** What the exchange takes for the client's IP. */
  readonly ip: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** The `number`-th, from 1 up to 60,000. */
  static async open(exchangeUrl: string, number: number): Promise<Outlet> {
    const outlet = new Outlet(Number(new URL(exchangeUrl).port), `127.1.${String(number >> 8)}.${String(number % 256)}`);
    outlet.#server.listen(0, HOST);
    await once(outlet.#server, 'listening');
    return outlet;
  }

  private constructor(port: number, ip: string) {
    this.ip = ip;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const onward = connect({ host: HOST, port, localAddress: ip, noDelay: true });
      this.#join(socket, onward);
      this.#join(onward, socket);
    });
  }

  get url(): string {
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return `http://${HOST}:${String(address.port)}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy(); // O1
    });
  }
}
