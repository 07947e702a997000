// The HTTP server as the routes know it: parameters are judged by zod schemas, which give them their types.

import { fastify, type FastifyBaseLogger, type FastifyInstance, type FastifyTypeProvider, type RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { bodyOf, Refusal } from './errors.ts';
import { endedByError, endSoon, type Sockets } from './sockets.ts';

export interface ZodProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
}

export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodProvider>;

/** PEM. */
export type Tls = { readonly cert: string; readonly key: string };

export type AppOptions = {
  readonly tls: Tls | null;
  /** Addresses and networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly sockets: Sockets;
};

/** Of a request's line and headers; so a URL can't be longer. */
const MOST_HEADER_BYTES = 16_384;
const LEAST_TLS = 'TLSv1.2';
/** A client that takes longer to say what it wants is cut. */
const HEADERS_MS = 15_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 75_000;
const CHECK_MS = 5_000;

/** Throws what TLS says of a certificate that is none. */
export function newApp({ tls, trustedProxies, sockets }: AppOptions): App {
  const options = {
    maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_MS,
  };
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false, // The server says it itself, in its own form.
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    serverFactory: (handler) => {
      const server = tls === null ? createServer(options) : createTlsServer({ ...options, ...tls, minVersion: LEAST_TLS });
      sockets.serve(server, handler);
      return server;
    },
    clientErrorHandler: (error, socket) => {
      if (sockets.isBusy(socket)) socket.destroy(); // What is written now would stand in the middle of an answer.
      else refuseUnread(socket, statusOfUnread(error));
    },
    frameworkErrors: (_, __, { raw }) => {
      raw.writeHead(400, { 'content-type': JSON_TYPE }).end(JSON.stringify(bodyOf(UNREADABLE[400].refusal)));
    },
  }).withTypeProvider<ZodProvider>();
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => (data: unknown) => judged(schema, data, httpPart ?? 'request'));
  // Answers are typed where they are made; what they are checked against is in the tests.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  return app;
}

const JSON_TYPE = 'application/json; charset=utf-8';

function judged(schema: z.ZodType, data: unknown, part: string): { readonly value: unknown } | { readonly error: Error } {
  const parsed = schema.safeParse(data);
  return parsed.success ? { value: parsed.data } : { error: new Refusal('bad-request', `${part}: ${sentenceOf(parsed.error)}`) };
}

/** The first fault: where, and what was expected. */
export function sentenceOf({ issues: [issue] }: z.ZodError): string {
  if (issue === undefined) return 'not as expected';
  return issue.path.length === 0 ? issue.message : `${issue.path.map(String).join('.')}: ${issue.message}`;
}

type Unreadable = keyof typeof UNREADABLE;
const UNREADABLE = {
  400: { line: '400 Bad Request', refusal: new Refusal('bad-request', 'the request can\'t be read') },
  404: { line: '404 Not Found', refusal: new Refusal('not-found', 'WebSockets are at /v1/ws') },
  408: { line: '408 Request Timeout', refusal: new Refusal('bad-request', 'the request took too long') },
  431: { line: '431 Request Header Fields Too Large', refusal: new Refusal('too-large', 'the request is too large') },
};

/** What isn't HTTP, or too much of it: there is no request to answer. */
function statusOfUnread({ code }: { readonly code?: string }): Unreadable {
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

export function refuseUnread(socket: Duplex, status: Unreadable): void {
  endedByError(socket);
  const { line, refusal } = UNREADABLE[status];
  const body = JSON.stringify(bodyOf(refusal));
  const head = [`HTTP/1.1 ${line}`, `content-type: ${JSON_TYPE}`, `content-length: ${String(Buffer.byteLength(body))}`, 'connection: close'];
  endSoon(socket, `${head.join('\r\n')}\r\n\r\n${body}`);
}
