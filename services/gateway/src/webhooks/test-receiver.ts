// For tests: a receiver of webhooks, which answers as it is told and remembers what it was sent.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export type Received = {
  readonly id: string;
  readonly revision: number;
  readonly webhook: string;
  readonly timestamp: string;
  readonly signature: string;
  readonly method: string;
  readonly contentType: string;
  readonly body: string;
  /** `performance.now()`. */
  readonly at: number;
};

/** A status, with headers if there are any; `silent` never answers. */
export type Reply = number | { readonly status: number; readonly headers: Readonly<Record<string, string>> } | 'silent';

export class Receiver {
  readonly received: Received[] = [];
  /** Posts whose answer isn't sent yet, now and at most. */
  open = 0;
  greatestOpen = 0;
  readonly #server: Server;
  #reply: (post: Received) => Reply | Promise<Reply>;

  static async start(t: TestContext, reply: (post: Received) => Reply | Promise<Reply> = () => 204): Promise<Receiver> {
    const receiver = new Receiver(reply);
    t.after(async () => await receiver.close());
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  private constructor(reply: (post: Received) => Reply | Promise<Reply>) {
    this.#reply = reply;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/hook`;
  }

  /** Each, by id and revision, as often as it came. */
  get keys(): readonly string[] {
    return this.received.map(({ id, revision }) => `${id} ${String(revision)}`);
  }

  answer(reply: (post: Received) => Reply | Promise<Reply>): void {
    this.#reply = reply;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const header = (name: string): string => String(request.headers[name] ?? '');
    const post: Received = {
      id: header('fillstream-id'), revision: Number(header('fillstream-revision')), webhook: header('fillstream-webhook'),
      timestamp: header('fillstream-timestamp'), signature: header('fillstream-signature'), method: request.method ?? '',
      contentType: header('content-type'), body: Buffer.concat(chunks).toString('utf8'), at: performance.now(),
    };
    this.received.push(post);
    this.open += 1;
    this.greatestOpen = Math.max(this.greatestOpen, this.open);
    response.on('close', () => (this.open -= 1));
    const reply = await this.#reply(post);
    if (reply === 'silent') return;
    const { status, headers } = typeof reply === 'number' ? { status: reply, headers: {} } : reply;
    response.writeHead(status, headers).end('an answer that nobody reads');
  }
}
