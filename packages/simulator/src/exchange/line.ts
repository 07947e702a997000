// The bytes of one connection, between the socket and the WebSocket library: where a line goes dead or slow.
//
// B1  A dead line passes nothing in either direction, and notices when the other side gives up.
// B2  A slow line loses nothing and keeps the order; who waits for it sees its buffer grow.

import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A slow line passes pieces of at most so much of a second. */
const SLICES_PER_SECOND = 20;

type Done = (error?: Error | null) => void;

export class Line extends Duplex {
  readonly #socket: Duplex;
  #isDead = false;
  #bytesPerSecond = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      if (!this.#isDead && !this.push(bytes)) socket.pause();
    });
    socket.on('end', () => {
      if (this.#isDead) this.destroy();
      else this.push(null);
    });
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  die(): void {
    this.#isDead = true;
    this.#socket.resume();
  }

  /** Infinity makes it quick again. */
  slowDown(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Ends the TCP connection without a word, by a reset or an orderly end. */
  cut(how: 'reset' | 'end'): void {
    if (how === 'reset' && this.#socket instanceof Socket) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.destroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#isDead || this.#socket.destroyed) done();
    else if (this.#bytesPerSecond === Infinity) this.#socket.write(bytes, done);
    else this.#trickle(bytes, done);
  }

  override _final(done: Done): void {
    if (!this.#isDead) this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    done(error);
  }

  #trickle(bytes: Buffer, done: Done): void {
    if (bytes.length === 0 || this.#isDead || this.#socket.destroyed) {
      done();
      return;
    }
    const size = Math.ceil(Math.min(bytes.length, this.#bytesPerSecond / SLICES_PER_SECOND));
    this.#socket.write(bytes.subarray(0, size));
    this.#timer = setTimeout(() => this.#trickle(bytes.subarray(size), done), (size / this.#bytesPerSecond) * 1_000);
  }
}
