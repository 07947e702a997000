// The twin of the package `ws`: the class WebSocket on a simulated wire, as far as the product uses it, both ends.
//
//   connecting ──accepted──▶ open ──close()──▶ closing ──answered | fin | timer──▶ closed
//       └──refused | timer | terminate()──▶ closed   └──fin | reset | terminate()──▶ closed
//
// S1  `close` is emitted once, and nothing after it. Its code is the other side's word, 1006 without one.
// S2  What happens is emitted in the process that has the end, never within a call to it.

import { EventEmitter } from 'node:events';
import type { SimProcess } from '../process.ts';
import type { Frame, Pipe, Wire } from './network.ts';
import { processNow, worldNow } from './world.ts';

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];
const ABNORMAL = 1006;
const NO_CODE = 1005;
/** As `ws` has it: after that the end of a closing handshake isn't waited for. */
const CLOSE_TIMEOUT_MS = 30_000;
/** Without an answer a connect is given up by the system. */
const CONNECT_TIMEOUT_MS = 130_000;

type Options = { readonly handshakeTimeout?: number };
type SendOptions = { readonly binary?: boolean; readonly fin?: boolean };
type Sent = (error?: Error) => void;

export class WebSocket extends EventEmitter {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly OPEN = OPEN;
  readonly #process: SimProcess;
  #readyState: number = CONNECTING;
  #wire: Wire | null = null;
  #out: Pipe | null = null;
  #in: Pipe | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isPaused = false;
  #closing: { readonly code: number; readonly reason: string } | null = null;

  /** Connects; or, with `accepted`, is the server's end of a wire. */
  constructor(url: string | URL, given: readonly string[] | Options = {}, accepted: Wire | null = null) {
    super();
    this.#process = accepted === null ? processNow() : accepted.server;
    if (accepted === null) {
      const { handshakeTimeout = CONNECT_TIMEOUT_MS }: Options = 'length' in given ? {} : given;
      this.#timer = setTimeout(() => this.#fail('Opening handshake has timed out'), handshakeTimeout);
      this.#connect(new URL(url));
    } else {
      this.#readyState = OPEN;
      this.#use(accepted, accepted.down, accepted.up);
      accepted.down.send({ kind: 'accepted' }, 200);
    }
  }

  get readyState(): number {
    return this.#readyState;
  }

  get bufferedAmount(): number {
    return this.#out?.bufferedBytes ?? 0;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  send(data: string | Buffer, given?: SendOptions | Sent, then?: Sent): void {
    const [options, onSent] = typeof given === 'function' ? [{}, given] : [given ?? {}, then];
    if (this.#readyState === CONNECTING) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)');
    if (this.#readyState !== OPEN) {
      if (onSent !== undefined) queueMicrotask(() => onSent(new Error(`WebSocket is not open: readyState ${this.#readyState}`)));
      return;
    }
    const { binary = typeof data !== 'string', fin = true }: SendOptions = options;
    const frame: Frame = fin ? { kind: 'data', data, isBinary: binary } : { kind: 'part' };
    this.#out?.send(frame, data.length, onSent === undefined ? null : () => onSent());
  }

  ping(): void {
    if (this.#readyState === OPEN) this.#out?.send({ kind: 'ping' });
  }

  close(code: number = NO_CODE, reason = ''): void {
    if (this.#readyState === CONNECTING) this.#fail('WebSocket was closed before the connection was established');
    if (this.#readyState !== OPEN) return;
    this.#readyState = CLOSING;
    this.#out?.send({ kind: 'close', code, reason });
    this.#setTimer(() => this.terminate(), CLOSE_TIMEOUT_MS);
  }

  terminate(): void {
    if (this.#readyState === CONNECTING) this.#fail('WebSocket was closed before the connection was established');
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSING;
    this.#out?.end('fin');
    this.#endSoon(this.#closing ?? { code: ABNORMAL, reason: '' });
  }

  pause(): void {
    if (this.#isPaused || this.#readyState === CONNECTING || this.#readyState === CLOSED) return;
    this.#isPaused = true;
    this.#in?.stall();
  }

  resume(): void {
    if (!this.#isPaused || this.#readyState === CLOSED) return;
    this.#isPaused = false;
    this.#in?.flow();
  }

  #connect({ hostname, pathname }: URL): void {
    const { network } = worldNow();
    const listener = network.routeTo(hostname, this.#process);
    if (listener === 'silent') return;
    if (listener === 'refused') {
      this.#process.deliver(worldNow().simulation.travel(), () => this.#fail(`connect ECONNREFUSED ${hostname}`));
      return;
    }
    const wire = network.connect(this.#process, listener.process);
    this.#use(wire, wire.up, wire.down);
    listener.process.deliver(worldNow().simulation.travel(), () => listener.onKnock({ wire, path: pathname }));
  }

  #use(wire: Wire, out: Pipe, into: Pipe): void {
    [this.#wire, this.#out, this.#in] = [wire, out, into];
    into.onFrame((frame) => this.#take(frame));
  }

  #take(frame: Frame): void {
    if (this.#readyState === CLOSED) return;
    switch (frame.kind) {
      case 'accepted':
        this.#open();
        return;
      case 'refused':
        this.#fail(`Unexpected server response: ${frame.status}`);
        return;
      case 'data':
        if (this.#readyState === OPEN) this.emit('message', typeof frame.data === 'string' ? Buffer.from(frame.data) : frame.data, frame.isBinary);
        return;
      case 'ping':
        if (this.#readyState === OPEN) this.#out?.send({ kind: 'pong' });
        this.emit('ping');
        return;
      case 'pong':
        this.emit('pong');
        return;
      case 'part':
        return;
      case 'close':
        this.#answerClose(frame.code, frame.reason);
        return;
      case 'fin':
      case 'reset':
        this.#broken(frame.kind);
    }
  }

  #open(): void {
    if (this.#readyState !== CONNECTING) return;
    this.#clearTimer();
    this.#readyState = OPEN;
    this.emit('open');
  }

  #answerClose(code: number, reason: string): void {
    this.#closing = { code, reason };
    if (this.#readyState === OPEN) this.#out?.send({ kind: 'close', code, reason });
    this.#readyState = CLOSING;
    this.#out?.end('fin');
    this.#end(this.#closing);
  }

  #broken(how: 'fin' | 'reset'): void {
    if (this.#readyState === CONNECTING) {
      this.#fail(how === 'fin' ? 'socket hang up' : 'read ECONNRESET');
      return;
    }
    this.#out?.end('fin'); // Once it is open `ws` tells of a reset by its close alone.
    this.#end(this.#closing ?? { code: ABNORMAL, reason: '' });
  }

  /** No connection was made. */
  #fail(message: string): void {
    if (this.#readyState !== CONNECTING) return;
    this.#readyState = CLOSING;
    this.#out?.end('fin');
    this.#process.deliver(0, () => {
      this.emit('error', new Error(message));
      this.#end({ code: ABNORMAL, reason: '' });
    });
  }

  #endSoon(end: { readonly code: number; readonly reason: string }): void {
    this.#process.deliver(0, () => this.#end(end));
  }

  #end({ code, reason }: { readonly code: number; readonly reason: string }): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#clearTimer();
    this.#in?.drop();
    if (this.#wire?.client === this.#process) worldNow().network.forget(this.#wire);
    this.emit('close', code, Buffer.from(reason));
  }

  #setTimer(act: () => void, ms: number): void {
    this.#clearTimer();
    this.#timer = setTimeout(act, ms);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
