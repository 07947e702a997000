// One direction of one connection: bytes leave in the order in which they came, when the conditions let them.
//
// F1  The end of one side, in order or not, waits behind the bytes before it: what a black hole keeps, nobody learns of.
// F2  At most QUEUE_BYTES wait here; beyond them the sender isn't read.
// F3  A piece that is held back holds back all behind it, as a server's answers come in order.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Conditions } from './conditions.ts';

const QUEUE_BYTES = 4 << 20;
/** At a limited rate bytes leave in shares of so many milliseconds. */
const SHARE_MS = 50;

/** Bytes, and what they wait for. */
export type Piece = { readonly bytes: Buffer; readonly held: Promise<void> | null };
/** What becomes of bytes on their way. Throws for what can't be passed on. */
export type Tap = (bytes: Buffer) => readonly Piece[];

type Item = { readonly at: number } & (
  | { readonly kind: 'bytes'; readonly piece: Piece }
  | { readonly kind: 'end' }
  | { readonly kind: 'reset' }
);

export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: Conditions;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  #isMoving = false;

  constructor(from: Socket, to: Socket, conditions: Conditions, tap: Tap | null) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    from.on('data', (bytes: Buffer) => {
      if (tap === null) this.#add({ bytes, held: null });
      else this.#tapped(tap, bytes);
    });
    from.on('end', () => this.#put({ kind: 'end', at: this.#due() }));
    from.on('error', () => this.#put({ kind: 'reset', at: this.#due() }));
  }

  #tapped(tap: Tap, bytes: Buffer): void {
    try {
      for (const piece of tap(bytes)) this.#add(piece);
    } catch {
      this.#put({ kind: 'reset', at: 0 }); // Told by the tap's owner.
    }
  }

  #add(piece: Piece): void {
    this.#queuedBytes += piece.bytes.length;
    if (this.#queuedBytes > QUEUE_BYTES) this.#from.pause(); // F2
    this.#put({ kind: 'bytes', piece, at: this.#due() });
  }

  #put(item: Item): void {
    this.#queue.push(item);
    if (!this.#isMoving) void this.#move();
  }

  #due(): number {
    return performance.now() + this.#conditions.delayMs;
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    for (let item = this.#queue[0]; item !== undefined; item = this.#queue[0]) {
      const wait = item.at - performance.now();
      if (wait > 0) await sleep(wait);
      if (item.kind === 'bytes' && item.piece.held !== null) await item.piece.held; // F3
      await this.#conditions.passable(); // F1
      if (!this.#to.destroyed) await this.#pass(item);
      this.#queue.shift();
    }
    this.#isMoving = false;
  }

  async #pass(item: Item): Promise<void> {
    if (item.kind === 'end') this.#to.end();
    else if (item.kind === 'reset') this.#to.resetAndDestroy();
    else await this.#write(item.piece.bytes);
  }

  async #write(bytes: Buffer): Promise<void> {
    let left = bytes;
    while (left.length > 0 && !this.#to.destroyed) {
      const rate = this.#conditions.bytesPerSecond;
      const share = Math.min(left.length, Math.max(1, Math.floor(rate * SHARE_MS / 1_000)));
      if (!this.#to.write(left.subarray(0, share))) await drained(this.#to);
      if (rate !== Infinity) await sleep(share / rate * 1_000);
      left = left.subarray(share);
    }
    this.#queuedBytes -= bytes.length;
    if (this.#queuedBytes <= QUEUE_BYTES / 2) this.#from.resume();
  }
}

/** Or closed: its error is met where it is read. */
async function drained(socket: Socket): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => undefined);
  over.abort();
}
