// A way to an exchange on which mutated copies come before its frames, over a real socket; the frames themselves come whole.
//
// D1  Who doesn't read fast enough is waited for: nothing is kept but what the exchange has sent.
// D2  Now and then the protocol itself is broken: reserved bits, or a length beyond any limit. That ends the connection.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Mutator } from './mutator.ts';

const HOST = '127.0.0.1';
const HEAD_END = '\r\n\r\n';
const TEXT = 0x81;
/** Snapshots are left alone: a copy of one is a megabyte. */
const GREATEST_COPIED_BYTES = 8_192;
const BREAK_EVERY = 20_000;
const BREAKS = [Buffer.from([0xf1, 2, 0x7b, 0x7d]), Buffer.from([TEXT, 127, 0, 0, 0, 1, 0, 0, 0, 0])];

export type FloodOptions = { readonly port: number; readonly seed: number; readonly frames: number; readonly copies: number };

export class Flood {
  /** Mutated frames that were sent. */
  sent = 0;
  breaks = 0;
  readonly #options: FloodOptions;
  readonly #mutator: Mutator;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async open(options: FloodOptions): Promise<Flood> {
    const flood = new Flood(options);
    flood.#server.listen(0, HOST);
    await once(flood.#server, 'listening');
    return flood;
  }

  private constructor(options: FloodOptions) {
    this.#options = options;
    this.#mutator = new Mutator(options.seed);
    this.#server = createServer({ noDelay: true }, (client) => this.#join(client));
  }

  get wsUrl(): string {
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return `ws://${HOST}:${String(address.port)}/ws`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(client: Socket): void {
    const exchange = connect({ host: HOST, port: this.#options.port, noDelay: true });
    for (const [one, other] of [[client, exchange], [exchange, client]] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.pipe(exchange);
    this.#pass(exchange, client).catch(() => client.destroy());
  }

  async #pass(exchange: Socket, client: Socket): Promise<void> {
    let bytes = Buffer.alloc(0);
    let isOpen = false;
    for await (const chunk of exchange) {
      assert.ok(Buffer.isBuffer(chunk));
      bytes = Buffer.concat([bytes, chunk]);
      if (!isOpen) {
        const end = bytes.indexOf(HEAD_END);
        if (end < 0) continue;
        isOpen = true;
        await write(client, bytes.subarray(0, end + HEAD_END.length));
        bytes = bytes.subarray(end + HEAD_END.length);
      }
      for (let frame = firstFrame(bytes); frame !== null; frame = firstFrame(bytes)) {
        bytes = bytes.subarray(frame.whole.length);
        if (frame.whole[0] === TEXT && frame.payload.length <= GREATEST_COPIED_BYTES) await this.#copies(client, frame.payload.toString('utf8'));
        await write(client, frame.whole);
      }
    }
    client.end();
  }

  async #copies(client: Socket, text: string): Promise<void> {
    const { frames, copies } = this.#options;
    for (let copy = 0; copy < copies && this.sent < frames && !client.destroyed; copy += 1) {
      this.sent += 1;
      await write(client, frameOf(this.#mutator.mutated(text)));
      if (this.sent % BREAK_EVERY === 0) await write(client, this.#break());
    }
  }

  #break(): Buffer {
    this.breaks += 1;
    return BREAKS[this.breaks % BREAKS.length] ?? Buffer.alloc(0);
  }
}

/** The first frame of a server, whole; null while it isn't there. */
function firstFrame(bytes: Buffer): { readonly whole: Buffer; readonly payload: Buffer } | null {
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < start) return null;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < start + length) return null;
  return { whole: bytes.subarray(0, start + length), payload: bytes.subarray(start, start + length) };
}

/** A text frame; a text beyond 64 KiB is cut. */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text.toWellFormed()).subarray(0, 0xffff);
  const head = payload.length < 126 ? Buffer.from([TEXT, payload.length]) : Buffer.from([TEXT, 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, payload]);
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed) throw new Error('the connection ended');
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
}
