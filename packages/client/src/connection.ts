// One WebSocket to a gateway: opened, heard and watched.
//
// C1  `onEnd` is called once, whatever ends it, and nothing is told after it; after `close` nothing is told at all.
// C2  A ping goes out after `pingMs` of silence. After `silenceMs` the connection is dead, and so is one that takes so long to
//     open.

import { SUBPROTOCOL, TOKEN_SUBPROTOCOL, type ClientMessage } from './protocol.ts';
import { webSocketOf } from './address.ts';

export type Heartbeat = { readonly pingMs: number; readonly silenceMs: number };

export type ConnectionOptions = {
  readonly url: string | URL;
  readonly token: string | undefined;
  readonly heartbeat: Heartbeat;
  readonly onOpen: () => void;
  /** A frame's data: a text, if the gateway keeps to the protocol. */
  readonly onFrame: (data: unknown) => void;
  /** 1006 where no close was heard. */
  readonly onEnd: (code: number, reason: string) => void;
};

const ABNORMAL = 1_006;
const NORMAL = 1_000;
/** An error is followed by a close at once; where it isn't (Node 22), it was the end. */
const AFTER_ERROR_MS = 100;
const FAILED = 'the connection failed';

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  readonly #watch: ReturnType<typeof setInterval>;
  #heardAt = performance.now();
  #pingedAt = 0;
  #isOver = false;

  /** Throws SyntaxError or a DOMException when the address or the token can't be used. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { url, token, heartbeat } = options;
    // A browser can set no header, so the token goes as a subprotocol: in no URL, and in no log of URLs.
    const offered = token === undefined ? [SUBPROTOCOL] : [SUBPROTOCOL, TOKEN_SUBPROTOCOL + token];
    this.#socket = new WebSocket(webSocketOf(url), offered);
    this.#socket.addEventListener('open', () => this.#tell(options.onOpen));
    this.#socket.addEventListener('message', ({ data }) => this.#tell(() => options.onFrame(data)));
    this.#socket.addEventListener('close', ({ code, reason }) => {
      this.#end(code, reason === '' && code === ABNORMAL ? FAILED : reason);
    });
    this.#socket.addEventListener('error', () => this.#tell(() => setTimeout(() => this.#end(ABNORMAL, FAILED), AFTER_ERROR_MS)));
    this.#watch = setInterval(() => this.#look(), Math.max(1, Math.min(heartbeat.pingMs, heartbeat.silenceMs) / 3));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Is lost when the connection isn't open: it ends then, and whoever sent it is told. */
  send(message: ClientMessage): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#isOver = true;
    clearInterval(this.#watch);
    this.#socket.close(NORMAL);
  }

  #look(): void {
    const { pingMs, silenceMs } = this.#options.heartbeat;
    const now = performance.now();
    if (now - this.#heardAt >= silenceMs) {
      this.#end(ABNORMAL, `nothing was heard for ${String(silenceMs)} ms`);
    } else if (now - Math.max(this.#heardAt, this.#pingedAt) >= pingMs) {
      this.#pingedAt = now;
      this.send({ type: 'ping' });
    }
  }

  #tell(what: () => void): void {
    if (this.#isOver) return;
    this.#heardAt = performance.now();
    what();
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#options.onEnd(code, reason);
  }
}
