// A client of the exchange that does nothing but note when each frame came to it: the moment from which latencies are measured.
//
// L1  It has an IP of its own, so it takes nothing of the limits of who is measured.
// L2  Times are wall-clock milliseconds with fractions, of one machine's clock for all.

import { once } from 'node:events';

const IP = '10.9.9.9';

/** The machine's clock, finer than Date.now. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

export class Observer {
  /** By order, when the last frame about it came. */
  readonly lastOf = new Map<number, number>();
  /** By order and trade, when the fill came. */
  readonly fillAt = new Map<string, number>();
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data), clock()));
  }

  /** Resolves when it listens to all of them. */
  static async listen(url: string, addresses: readonly string[]): Promise<Observer> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { 'x-forwarded-for': IP } });
    const observer = new Observer(socket);
    await once(socket, 'open');
    for (const user of addresses) {
      for (const type of ['userFills', 'orderUpdates']) socket.send(JSON.stringify({ method: 'subscribe', subscription: { type, user } }));
    }
    return observer;
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #take(text: string, now: number): void {
    if (!text.startsWith('{')) return; // The greeting.
    const { channel, data } = frameOf(text);
    if (channel === 'userFills' && data.isSnapshot !== true) {
      for (const { oid, tid } of data.fills ?? []) {
        this.lastOf.set(oid, now);
        this.fillAt.set(fillKey(oid, tid), now);
      }
    } else if (channel === 'orderUpdates') {
      for (const { order: { oid } } of data) this.lastOf.set(oid, now);
    }
  }
}

export function fillKey(oid: number, tid: number): string {
  return `${String(oid)}/${String(tid)}`;
}

type Fills = { readonly isSnapshot?: boolean; readonly fills?: readonly { readonly oid: number; readonly tid: number }[] };
type Frame =
  | { readonly channel: 'userFills'; readonly data: Fills }
  | { readonly channel: 'orderUpdates'; readonly data: readonly { readonly order: { readonly oid: number } }[] }
  | { readonly channel: 'pong' | 'error' | 'subscriptionResponse'; readonly data: unknown };

/* Written by the simulator. */
function frameOf(text: string): Frame {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as Frame;
}
