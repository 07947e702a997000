// The WebSocket's handshake. It goes through the router, so that one guard judges it like any request.
//
// A browser can't read why a handshake failed. So who may come but not have what it wants is let in, told, and closed.

import { CLOSE, type ErrorCode } from '@fillstream/client';
import type { FastifyRequest } from 'fastify';
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { checkStillGood, subprotocolFor, type Caller } from './access.ts';
import { refuseUnread, type App } from './app.ts';
import type { Edge } from './edge.ts';
import { detailOf, Refusal, refusalOf } from './errors.ts';
import type { Guard } from './guard.ts';
import { MinuteCounter } from './limits.ts';
import { noQuery } from './query.ts';
import { endedByError, endSoon } from './sockets.ts';
import { CODES as END_CODES, goodbye, WsStream } from './ws-stream.ts';

type Upgrade = { readonly socket: Duplex; readonly head: Buffer };

const CODES: Partial<Record<ErrorCode, number>> = {
  'unauthorized': CLOSE.unauthorized, 'forbidden': CLOSE.forbidden, 'too-many': CLOSE.tooMany,
  'internal': END_CODES.failed,
};
const ROUTE = '/v1/ws';

export function addWebSocket(app: App, edge: Edge, guard: Guard): void {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();
  const server = new WebSocketServer({
    noServer: true, clientTracking: false, maxPayload: edge.limits.payloadBytes, perMessageDeflate: false,
    handleProtocols: (_, { headers }) => subprotocolFor(headers['sec-websocket-protocol']) ?? false,
  });
  const messages = { ofIp: new MinuteCounter(edge.limits.messagesPerMinute), ofToken: new MinuteCounter(edge.limits.messagesPerMinute) };
  server.on('wsClientError', (_, socket) => refuseUnread(socket, 400));
  app.server.on('upgrade', (request, socket, head) => {
    endedByError(socket); // Node has taken its own listener off.
    const status = statusFor(request);
    if (edge.sockets.isBusy(socket)) {
      socket.destroy(); // An answer is under way on it: nothing can be written, and nothing more will be read.
    } else if (status === null) {
      route(request, socket, head);
    } else {
      edge.metrics.noteRefusal(status === 404 ? 'not-found' : 'bad-request');
      refuseUnread(socket, status);
    }
  });

  app.get(ROUTE, { config: { needs: 'handshake' }, schema: { querystring: noQuery, hide: true } }, async (request, reply) => {
    const upgrade = upgrades.get(request.raw);
    if (upgrade === undefined) throw new Refusal('bad-request', 'expected the handshake of a WebSocket');
    subprotocolFor(request.headers['sec-websocket-protocol']);
    const asked = await guard.authenticate(request, 'signals', true).catch((error: unknown) => toldInside(error));
    reply.hijack();
    reply.raw.detachSocket(request.raw.socket);
    server.handleUpgrade(request.raw, upgrade.socket, upgrade.head, (ws) => {
      if (asked instanceof Refusal) turnAway(ws, asked, request);
      else enter(ws, asked, request);
    });
  });

  function route(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    upgrades.set(request, { socket, head });
    const response = new ServerResponse(request);
    edge.sockets.take(socket, response);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.on('finish', () => endSoon(socket));
    try {
      app.routing(request, response);
    } catch (error) {
      edge.onTrouble(`a handshake failed: ${detailOf(error)}`);
      socket.destroy();
    }
  }

  function enter(ws: WebSocket, caller: Caller, request: FastifyRequest): void {
    const visitor = guard.visitorOf(request);
    try {
      checkStillGood(edge.authority, caller);
      const place = edge.connections.admit({ ...visitor, transport: 'ws', route: ROUTE });
      new WsStream({ edge, messages, ws, caller, visitor, place });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.code === 'internal') edge.onTrouble(`a handshake failed: ${detailOf(error)}`);
      turnAway(ws, refusal, request);
    }
  }

  function turnAway(ws: WebSocket, refusal: Refusal, request: FastifyRequest): void {
    const { code, message, retryAfterMs } = refusal;
    edge.refusals.note(refusal, guard.visitorOf(request));
    ws.on('error', () => ws.terminate());
    ws.send(JSON.stringify({ type: 'error', code, message, ...(retryAfterMs === null ? {} : { retryAfterMs }) }));
    goodbye(ws, CODES[code] ?? CLOSE.badRequest, code);
  }
}

/** What an upgrade is refused with before any route sees it; null: it's ours. Every route would be reached by one otherwise. */
function statusFor({ url = '', headers: { upgrade = '' } }: IncomingMessage): 400 | 404 | null {
  if (upgrade.toLowerCase() !== 'websocket') return 400;
  return url.split('?', 1)[0] === ROUTE ? null : 404;
}

/** What a browser has to know; throws the rest. */
function toldInside(error: unknown): Refusal {
  const refusal = refusalOf(error);
  if (CODES[refusal.code] === undefined || refusal.code === 'internal') throw error;
  return refusal;
}
