// The twin of the global WebSocket, on that of `ws`.

import { WebSocket } from './ws.ts';

type Listeners = {
  open: () => void;
  message: (event: { readonly data: string | Buffer }) => void;
  close: (event: { readonly code: number; readonly reason: string }) => void;
  error: () => void;
};

export class BrowserSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly #socket: WebSocket;

  constructor(url: string | URL, protocols: readonly string[] = []) {
    this.#socket = new WebSocket(url, protocols);
    this.#socket.on('error', () => undefined); // Whoever listens adds its own.
  }

  get readyState(): number {
    return this.#socket.readyState;
  }

  addEventListener<K extends keyof Listeners>(type: K, listener: Listeners[K]): void {
    const on: { [E in keyof Listeners]: (listener: Listeners[E]) => unknown } = {
      open: (told) => this.#socket.on('open', told),
      error: (told) => this.#socket.on('error', told),
      message: (told) => this.#socket.on('message', (data: Buffer, isBinary: boolean) => told({ data: isBinary ? data : data.toString('utf8') })),
      close: (told) => this.#socket.on('close', (code: number, reason: Buffer) => told({ code, reason: reason.toString('utf8') })),
    };
    on[type](listener);
  }

  send(data: string): void {
    this.#socket.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }
}
