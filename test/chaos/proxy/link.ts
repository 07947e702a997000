// A way from one client to one server, on which everything can go wrong that goes wrong on a network.
//
// L1  Impairments add up, and each is lifted alone: two faults may strike the same link.
// L2  What ends one side ends the other, as it ended and not before its bytes.
// L3  A link that is cut resets what is connected and whoever connects; one with a hole takes connections and is silent.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Conditions, type Impairment } from './conditions.ts';
import { Flow, type Tap } from './flow.ts';

export const HOST = '127.0.0.1';

export type Address = { readonly host: string; readonly port: number };
/** The taps of one connection: from the client, and from the server. */
export type Taps = { readonly up: Tap; readonly down: Tap };
export type LinkOptions = {
  readonly name: string;
  readonly to: Address;
  /** Made for each connection. */
  readonly taps?: () => Taps;
};
/** `up` is towards the server. */
export type LinkFault = { readonly up?: Impairment; readonly down?: Impairment; readonly isCut?: boolean };

export class Link {
  readonly name: string;
  /** Connections that were made over it. */
  accepted = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #up = new Conditions();
  readonly #down = new Conditions();
  readonly #taps: (() => Taps) | null;
  #cuts = 0;
  #to: Address;

  static async open(options: LinkOptions): Promise<Link> {
    const link = new Link(options);
    link.#server.listen(0, HOST);
    await once(link.#server, 'listening');
    return link;
  }

  private constructor({ name, to, taps }: LinkOptions) {
    this.name = name;
    this.#to = to;
    this.#taps = taps ?? null;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  get address(): Address {
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null, `${this.name} is closed`);
    return { host: HOST, port: address.port };
  }

  /** Stands until what is returned is called (L1). */
  impair({ up = {}, down = {}, isCut = false }: LinkFault): () => void {
    const lifts = [this.#up.add(up), this.#down.add(down)];
    if (isCut) {
      this.#cuts += 1;
      this.reset();
    }
    let isLifted = false;
    return () => {
      if (isLifted) return;
      isLifted = true;
      for (const lift of lifts) lift();
      if (isCut) this.#cuts -= 1;
    };
  }

  /** Ends all that is connected. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Leads elsewhere from now on; what is connected is reset. */
  retarget(to: Address): void {
    this.#to = to;
    this.reset();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.accepted += 1;
    if (this.#cuts > 0) {
      socket.on('error', () => undefined); // It is on its way out.
      socket.resetAndDestroy();
      return;
    }
    const onward = connect({ ...this.#to, noDelay: true, allowHalfOpen: true });
    const taps = this.#taps?.();
    for (const each of [socket, onward]) {
      this.#sockets.add(each);
      each.on('close', () => this.#sockets.delete(each));
    }
    new Flow(socket, onward, this.#up, taps?.up ?? null);
    new Flow(onward, socket, this.#down, taps?.down ?? null);
    this.#join(socket, onward);
    this.#join(onward, socket);
  }

  /** L2, where a side ended without a word: it was reset by this link, or by its own destroy. */
  #join(from: Socket, to: Socket): void {
    from.on('close', () => {
      if (!from.readableEnded && from.errored === null) to.resetAndDestroy();
    });
  }
}
