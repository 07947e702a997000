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
import { Refusal, refusalOf } from './errors.ts';
import type { Guard } from './guard.ts';
import { MinuteCounter } from './limits.ts';
import { noQuery } from './query.ts';
import { goodbye, WsStream } from './ws-stream.ts';

type Upgrade = { readonly socket: Duplex; readonly head: Buffer };

const CODES: Partial<Record<ErrorCode, number>> = {
  'unauthorized': CLOSE.unauthorized, 'forbidden': CLOSE.forbidden, 'too-many': CLOSE.tooMany,
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
    upgrades.set(request, { socket, head });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.on('finish', () => socket.end());
    app.routing(request, response);
  });
  app.addHook('onRequest', async ({ raw, routeOptions: { url } }) => {
    if (raw.headers.upgrade?.toLowerCase() === 'websocket' && url !== ROUTE) throw new Refusal('not-found', `WebSockets are at ${ROUTE}`);
    await Promise.resolve();
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

  function enter(ws: WebSocket, caller: Caller, request: FastifyRequest): void {
    const visitor = guard.visitorOf(request);
    try {
      checkStillGood(edge.authority, caller);
      const place = edge.connections.admit({ ...visitor, transport: 'ws', route: ROUTE });
      new WsStream({ edge, messages, ws, caller, visitor, place });
    } catch (error) {
      turnAway(ws, toldInside(error), request);
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

/** What a browser has to know; throws the rest. */
function toldInside(error: unknown): Refusal {
  const refusal = refusalOf(error);
  if (CODES[refusal.code] === undefined) throw error;
  return refusal;
}
