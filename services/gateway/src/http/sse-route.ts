// Signals as Server-Sent Events. The id of each is a cursor, so a browser's `Last-Event-ID` resumes.

import type { ErrorBody } from '@fillstream/client';
import type { FastifyReply } from 'fastify';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Subscription } from '../feed/feed.ts';
import { checkStillGood, narrowed, type Caller } from './access.ts';
import type { App } from './app.ts';
import type { End, Place, Stream } from './connections.ts';
import { TEXT_SCHEMA } from './documents.ts';
import type { Edge } from './edge.ts';
import { bodyOf, goingAway, notReady, Refusal, refusalOf } from './errors.ts';
import type { Guard } from './guard.ts';
import { Outlet } from './outlet.ts';
import { filterOf, fromOf, streamQuery } from './query.ts';
import { GOODBYE_MS } from './sockets.ts';

const ROUTE = '/v1/stream';
const READY_MS = 30_000;
const RETRY_MS = 1_000;
const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
const ABOUT = `
\`id\`: a cursor; \`event\`: signal (data: Signal), live, behind, progress (data: \`{cursor}\`), error (data: as in ErrorBody).
\`Last-Event-ID\` stands before \`from\`.`.trim();

export function addEventStream(app: App, edge: Edge, guard: Guard): void {
  app.get(ROUTE, {
    config: { needs: 'signals' },
    schema: {
      operationId: 'stream', tags: ['signals'], summary: 'Signals as Server-Sent Events',
      description: ABOUT,
      querystring: streamQuery, produces: ['text/event-stream'], response: { 200: TEXT_SCHEMA },
    },
  }, async (request, reply) => {
    const caller = guard.callerOf(request);
    const lastId = request.headers['last-event-id'];
    const filter = narrowed(caller, filterOf(request.query));
    const from = fromOf(typeof lastId === 'string' && lastId !== '' ? lastId : request.query.from);
    const { ip, ipKey, tokenId } = guard.visitorOf(request);
    const place = edge.connections.admit({ transport: 'sse', route: ROUTE, ip, ipKey, tokenId });
    const stream = new SseStream({ edge, caller, place, response: reply.raw });
    try {
      const isReady = await edge.standing.whenReady(READY_MS, stream.over);
      if (stream.refusal !== null || !isReady) throw stream.refusal ?? notReady();
      checkStillGood(edge.authority, caller); // It may have been a long wait.
      const subscription = await edge.feed.subscribe({ filter, from, sink: stream });
      stream.begin(subscription, reply);
    } catch (error) {
      stream.end(endFor(refusalOf(error)));
      if (!reply.raw.destroyed) throw error;
      reply.hijack(); // It went; there is nobody to tell.
    }
  });
}

type SseOptions = { readonly edge: Edge; readonly caller: Caller; readonly place: Place; readonly response: ServerResponse };

class SseStream implements Stream {
  readonly #options: SseOptions;
  readonly #outlet: Outlet;
  #heartbeat: NodeJS.Timeout | undefined;
  readonly #over = new AbortController();
  #subscription: Subscription | null = null;
  #end: End | null = null;

  constructor(options: SseOptions) {
    const { response, place, edge: { limits } } = options;
    this.#options = options;
    this.#outlet = new Outlet({
      limits,
      write: (text, onFlushed) => void response.write(text, onFlushed),
      bufferedBytes: () => response.writableLength,
      onDrained: () => this.#subscription?.resume(),
      onTooSlow: () => this.end('too-slow'),
    });
    response.on('close', () => this.end('client'));
    response.on('error', () => this.end('lost'));
    place.attach(this);
    if (response.destroyed) this.end('client'); // It went before it was here.
  }

  get bufferedBytes(): number {
    return this.#outlet.bufferedBytes;
  }

  /** Aborted by `end`. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** What it is told that ended before it began. */
  get refusal(): Refusal | null {
    return this.#end === null ? null : this.#end === 'revoked' ? tokenEnded() : goingAway();
  }

  /** From here on the answer is a stream. */
  begin(subscription: Subscription, reply: FastifyReply): void {
    const { edge, caller, response } = this.#options;
    this.#subscription = subscription;
    if (this.#end !== null) { // It went while it was being subscribed.
      subscription.close();
      if (!response.destroyed) throw this.refusal ?? goingAway();
    }
    reply.hijack();
    if (this.#end !== null) return;
    response.writeHead(200, { ...headersOf(reply), ...STREAM_HEADERS });
    response.socket?.setKeepAlive(true, edge.limits.heartbeatMs);
    this.#outlet.answer(`retry: ${String(RETRY_MS)}\n\n`);
    this.progress(subscription.cursor);
    this.#heartbeat = setInterval(() => {
      if (!this.#outlet.isWaiting) this.#outlet.answer(':\n\n');
    }, edge.limits.heartbeatMs);
    try {
      checkStillGood(edge.authority, caller);
    } catch {
      this.end('revoked'); // Between its being judged and its being here.
    }
  }

  signal(cursor: string, signalJson: string): boolean {
    this.#options.edge.metrics.noteDelivery('sse');
    return this.#outlet.offer(eventOf('signal', cursor, signalJson));
  }

  live(cursor: string): void {
    this.#outlet.answer(eventOf('live', cursor, JSON.stringify({ cursor })));
  }

  behind(cursor: string): void {
    this.#options.edge.metrics.noteBehind();
    this.#outlet.answer(eventOf('behind', cursor, JSON.stringify({ cursor })));
  }

  progress(cursor: string): void {
    this.#outlet.answer(eventOf('progress', cursor, JSON.stringify({ cursor })));
  }

  end(why: End): void {
    const { response, place } = this.#options;
    if (this.#end !== null) return;
    this.#end = why;
    this.#over.abort();
    clearInterval(this.#heartbeat);
    this.#outlet.close();
    this.#subscription?.close();
    place.left(why);
    const last = farewell(why);
    if (!response.headersSent || response.destroyed) return;
    if (last !== null) response.write(`event: error\ndata: ${JSON.stringify(last)}\n\n`);
    response.end();
    void wait(GOODBYE_MS, null, { ref: false }).then(() => response.destroy());
  }
}

function eventOf(name: string, cursor: string, data: string): string {
  return `id: ${cursor}\nevent: ${name}\ndata: ${data}\n\n`;
}

function tokenEnded(): Refusal {
  return new Refusal('unauthorized', 'the token is expired or revoked, or its rights have changed');
}

/** Why one that didn't begin has ended. */
function endFor({ code }: Refusal): End {
  return code === 'unauthorized' ? 'revoked' : code === 'bad-cursor' || code === 'bad-request' ? 'bad-request' : 'failed';
}

/** Without an id: what was last is what to go on from. */
function farewell(why: End): ErrorBody['error'] | null {
  switch (why) {
    case 'revoked': return bodyOf(tokenEnded()).error;
    case 'too-slow': return bodyOf(new Refusal('unavailable', 'read too slowly', { retryAfterMs: RETRY_MS })).error;
    case 'going-away': return bodyOf(goingAway()).error;
    case 'client': case 'lost': case 'too-many': case 'too-large': case 'bad-request': case 'failed': return null;
  }
}

function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}
