// One client's way to all brokers of a cluster: a link to each, and every answer that names brokers names the links instead.
//
// W1  The client never learns a broker's own address: an answer that can't be read ends its connection, and is told.
// W2  Held back is what a hold names, as often as it says; all behind it on its connection waits too.
// W3  Every request is one that is answered: what is written without acknowledgement isn't ours.

import { Frames, correlationOf, redirected, requestOf, API, type ApiName, type Request } from './kafka-frames.ts';
import { HOST, Link, type Taps } from './link.ts';
import type { Piece } from './flow.ts';

export type KafkaBroker = { readonly id: number; readonly port: number };

/** Of the brokers' addresses, in their order: the local stack's have the ids 1, 2, 3. */
export function brokersOf(addresses: readonly string[]): readonly KafkaBroker[] {
  return addresses.map((address, place) => ({ id: place + 1, port: Number(address.split(':')[1]) }));
}

export type HoldOptions = {
  readonly api: ApiName;
  /** The request is late at the broker, or the answer at the client. */
  readonly side: 'request' | 'answer';
  /** null: for ever, or until it is lifted. */
  readonly forMs: number | null;
  /** So many of them; default all. */
  readonly times?: number;
};

/** Of what passes a client's way. */
export class Hold {
  readonly #options: HoldOptions;
  readonly #lifted = Promise.withResolvers<void>();
  #hits = 0;
  #isLifted = false;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  get hits(): number {
    return this.#hits;
  }

  /** What was held goes on, and nothing more is held. */
  lift(): void {
    this.#isLifted = true;
    this.#lifted.resolve();
  }

  /** What it waits for, if it does. */
  take({ api }: Pick<Request, 'api'>, side: HoldOptions['side']): Promise<void> | null {
    const { api: wanted, side: at, forMs, times = Infinity } = this.#options;
    if (this.#isLifted || api !== API[wanted] || side !== at || this.#hits >= times) return null;
    this.#hits += 1;
    if (forMs === null) return this.#lifted.promise;
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(() => over.resolve(), forMs);
    return Promise.race([over.promise, this.#lifted.promise]).then(() => clearTimeout(timer));
  }
}

export class KafkaWay {
  readonly name: string;
  /** By the brokers' numbers. */
  readonly links: ReadonlyMap<number, Link>;
  readonly #holds = new Set<Hold>();
  readonly #onTrouble: (text: string) => void;

  /** `onTrouble` is told of what can't be passed on (W1). */
  static async open(name: string, brokers: readonly KafkaBroker[], onTrouble: (text: string) => void): Promise<KafkaWay> {
    const links = new Map<number, Link>();
    const way = new KafkaWay(name, links, onTrouble);
    for (const { id, port } of brokers) {
      links.set(id, await Link.open({ name: `${name} → broker ${id}`, to: { host: HOST, port }, taps: () => way.#taps() }));
    }
    return way;
  }

  private constructor(name: string, links: ReadonlyMap<number, Link>, onTrouble: (text: string) => void) {
    this.name = name;
    this.links = links;
    this.#onTrouble = onTrouble;
  }

  /** Where the client begins. */
  get bootstrap(): string {
    return Array.from(this.links.values(), ({ address: { host, port } }) => `${host}:${port}`).join(',');
  }

  hold(options: HoldOptions): Hold {
    const hold = new Hold(options);
    this.#holds.add(hold);
    return hold;
  }

  async close(): Promise<void> {
    for (const hold of this.#holds) hold.lift();
    await Promise.all(Array.from(this.links.values(), async (link) => await link.close()));
  }

  /** Of one connection: what was asked, in order, is what is answered. */
  #taps(): Taps {
    const asked = new Map<number, Request>();
    const [requests, answers] = [new Frames(), new Frames()];
    return {
      up: (bytes) => requests.push(bytes).map((frame) => {
        const request = requestOf(frame);
        asked.set(request.correlation, request);
        return { bytes: frame, held: this.#held(request, 'request') };
      }),
      down: (bytes) => answers.push(bytes).map((frame) => this.#answered(frame, asked)),
    };
  }

  #answered(frame: Buffer, asked: Map<number, Request>): Piece {
    const correlation = correlationOf(frame);
    const request = asked.get(correlation);
    asked.delete(correlation);
    try {
      if (request === undefined) throw new RangeError(`an answer to nothing that was asked: ${correlation}`);
      return { bytes: redirected(frame, request, (id) => this.#route(id)), held: this.#held(request, 'answer') };
    } catch (error) {
      this.#onTrouble(`${this.name}: ${error instanceof Error ? error.message : String(error)}`); // W1
      throw error;
    }
  }

  #route(id: number): { readonly host: string; readonly port: number } {
    const link = this.links.get(id);
    if (link === undefined) throw new RangeError(`no link to broker ${id}`);
    return link.address;
  }

  #held(request: Request, side: HoldOptions['side']): Promise<void> | null {
    for (const hold of this.#holds) {
      const held = hold.take(request, side);
      if (held !== null) return held; // W2
    }
    return null;
  }
}
