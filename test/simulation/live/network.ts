// The network's twin: connections between simulated processes, with ways that take time, stall, go dead or break.
//
// N1  What is sent on a wire arrives in order, or not at all once it is cut or dead: nothing is lost in between.
// N2  A process that ends closes its wires: the other side is told behind what was sent. One that loses power doesn't.
// N3  Whoever is frozen reads nothing: what was sent waits, and is waited for.

import type { Simulation } from '../simulation.ts';
import type { SimProcess } from '../process.ts';
import type { SimEvent } from '../time.ts';

/** What passes over a wire. `part`: the beginning of a message that never ends. */
export type Frame =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'data'; readonly data: string | Buffer; readonly isBinary: boolean }
  | { readonly kind: 'part' | 'ping' | 'pong' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** The connection ends: in order, or broken. */
  | { readonly kind: 'fin' | 'reset' };

type Sent = { readonly frame: Frame; readonly bytes: number; readonly readyAt: number; readonly onSent: (() => void) | null };

/** A system keeps so much of what waits out of the process's sight. */
const KERNEL_BYTES = 16_384;

/** One direction of a wire. */
export class Pipe {
  readonly #simulation: Simulation;
  readonly #to: SimProcess;
  #queue: Sent[] = [];
  #pending: SimEvent | null = null;
  #receive: ((frame: Frame) => void) | null = null;
  #bytesPerSecond = Infinity;
  #stalls = 0;
  #isEnded = false;
  #waiting = 0;

  constructor(simulation: Simulation, to: SimProcess) {
    this.#simulation = simulation;
    this.#to = to;
  }

  /** Bytes that the sender's system didn't take. */
  get bufferedBytes(): number {
    return Math.max(0, this.#waiting - KERNEL_BYTES);
  }

  onFrame(receive: (frame: Frame) => void): void {
    this.#receive = receive;
    this.#pump();
  }

  /** `onSent` is called when the system has taken it, which may be at once. */
  send(frame: Frame, bytes = 2, onSent: (() => void) | null = null): void {
    if (this.#isEnded) return;
    this.#waiting += bytes;
    const isTaken = this.bufferedBytes === 0;
    this.#queue.push({ frame, bytes, readyAt: this.#simulation.time.now + this.#simulation.travel(), onSent: isTaken ? null : onSent });
    if (isTaken && onSent !== null) queueMicrotask(onSent);
    this.#pump();
  }

  /** The last frame. */
  end(kind: 'fin' | 'reset'): void {
    if (kind === 'reset') this.drop();
    this.send({ kind });
    this.#isEnded = true;
  }

  /** What is under way is lost. */
  drop(): void {
    this.#pending?.cancel();
    this.#pending = null;
    this.#queue = [];
    this.#waiting = 0;
  }

  slowDown(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
    this.#again();
  }

  /** Nothing arrives until as many `flow`. */
  stall(): void {
    this.#stalls += 1;
    this.#again();
  }

  flow(): void {
    this.#stalls -= 1;
    this.#pump();
  }

  #again(): void {
    this.#pending?.cancel();
    this.#pending = null;
    this.#pump();
  }

  #pump(): void {
    const [head] = this.#queue;
    if (head === undefined || this.#pending !== null || this.#stalls > 0 || this.#receive === null) return;
    const { time } = this.#simulation;
    const bytesMs = this.#bytesPerSecond === Infinity ? 0 : (head.bytes * 1_000) / this.#bytesPerSecond;
    const event = this.#to.deliver(Math.max(head.readyAt - time.now, bytesMs), () => {
      if (this.#pending !== event) return;
      this.#pending = null;
      this.#queue.shift();
      this.#waiting -= head.bytes;
      head.onSent?.();
      this.#receive?.(head.frame);
      this.#pump();
    });
    this.#pending = event;
  }
}

/** A connection: what the client sends goes up. */
export class Wire {
  readonly client: SimProcess;
  readonly server: SimProcess;
  readonly up: Pipe;
  readonly down: Pipe;
  #isDead = false;

  constructor(simulation: Simulation, client: SimProcess, server: SimProcess) {
    this.client = client;
    this.server = server;
    this.up = new Pipe(simulation, server);
    this.down = new Pipe(simulation, client);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Half-open: nothing passes any more, and nobody is told. */
  die(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.stall();
  }

  /** Breaks between both. */
  cut(how: 'reset' | 'fin'): void {
    if (this.#isDead) return;
    this.up.end(how);
    this.down.end(how);
  }

  slowDown(bytesPerSecond: number): void {
    this.up.slowDown(bytesPerSecond);
    this.down.slowDown(bytesPerSecond);
  }

  stall(): void {
    this.up.stall();
    this.down.stall();
  }

  flow(): void {
    this.up.flow();
    this.down.flow();
  }
}

/** A client at a door: `path` is the URL's. */
export type Knock = { readonly wire: Wire; readonly path: string };

/** What is answered to a request: a text; or half of it, and the connection breaks. */
export type HttpReply = { readonly status: number; readonly text: string; readonly isCut: boolean };
export type HttpRequest = { readonly path: string; readonly body: string; readonly from: SimProcess; readonly respond: (reply: HttpReply) => void };

export type Listener = {
  readonly process: SimProcess;
  readonly onKnock: (knock: Knock) => void;
  /** Gives what to call when the client has gone. */
  readonly onRequest?: (request: HttpRequest) => () => void;
};

type Block = { readonly a: string; readonly b: string; readonly how: 'silent' | 'reset' };

export class Network {
  readonly #simulation: Simulation;
  readonly #listeners = new Map<string, () => Listener | null>();
  readonly #wires = new Set<Wire>();
  readonly #blocks = new Set<Block>();
  readonly #powerless = new Set<SimProcess>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** Of a host's name; null while nobody listens there. */
  listen(host: string, find: () => Listener | null): void {
    this.#listeners.set(host, find);
  }

  /** How connecting goes: on, or not, at once or never. */
  routeTo(host: string, from: SimProcess): Listener | 'refused' | 'silent' {
    const listener = this.#listeners.get(host)?.() ?? null;
    if (listener === null) return 'refused';
    const block = [...this.#blocks].find((each) => isBetween(each, from.name, listener.process.name));
    return block === undefined ? listener : block.how === 'reset' ? 'refused' : 'silent';
  }

  connect(client: SimProcess, server: SimProcess): Wire {
    const wire = new Wire(this.#simulation, client, server);
    this.#wires.add(wire);
    client.onEnd(() => this.#hangUp(wire, client, wire.up));
    server.onEnd(() => this.#hangUp(wire, server, wire.down));
    return wire;
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  wiresOf(process: SimProcess): readonly Wire[] {
    return [...this.#wires].filter(({ client, server }) => client === process || server === process);
  }

  /** Nothing passes between two names: `silent` is late, `reset` is broken. Gives what ends it. */
  block(a: string, b: string, how: 'silent' | 'reset'): () => void {
    const block = { a, b, how };
    const wires = [...this.#wires].filter(({ client, server }) => isBetween(block, client.name, server.name));
    this.#blocks.add(block);
    for (const wire of wires) {
      if (how === 'silent') wire.stall();
      else wire.cut('reset');
    }
    return () => {
      if (!this.#blocks.delete(block) || how === 'reset') return;
      for (const wire of wires) wire.flow();
    };
  }

  /** N2. Before it crashes. */
  powerOff(process: SimProcess): void {
    this.#powerless.add(process);
  }

  #hangUp(wire: Wire, process: SimProcess, pipe: Pipe): void {
    if (this.#powerless.has(process)) wire.die();
    else if (this.#wires.has(wire)) pipe.end('fin');
    this.#wires.delete(wire);
  }
}

function isBetween({ a, b }: Block, one: string, other: string): boolean {
  return (a === one && b === other) || (a === other && b === one);
}
