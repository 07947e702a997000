// The HTTP side put together: guard, headers, routes, and one form for everything that goes wrong.

import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { newApp, type App, type AppOptions } from './app.ts';
import { addAssets, type Assets } from './assets.ts';
import { OPENAPI } from './documents.ts';
import type { Edge } from './edge.ts';
import { bodyOf, detailOf, goingAway, notReady, refusalOf, statusOf } from './errors.ts';
import { Guard, STREAMS } from './guard.ts';
import { addAddresses, addOrders } from './rest-orders.ts';
import { addSignals } from './rest-signals.ts';
import { addDocuments, addStatus } from './rest-status.ts';
import { addEventStream } from './sse-route.ts';
import { addWebSocket } from './ws-route.ts';

export type ServerOptions = Omit<AppOptions, 'sockets'> & { readonly assets: Assets };

/** Answers what was made of the read model; until it has caught up, that would be half of it. */
const FROM_MODEL = /^\/v1\/(signals|orders|addresses)/;
const MS = 1_000;
const YEAR_S = 31_536_000;

/** Listens not yet. Throws what TLS says of a certificate that is none. */
export async function buildServer(edge: Edge, { assets, ...options }: ServerOptions): Promise<App> {
  const app = newApp({ ...options, sockets: edge.sockets });
  const routes = new Set<string>();
  app.addHook('onRoute', ({ url }) => void routes.add(url));
  await app.register(swagger, OPENAPI);
  await app.register(rateLimit, { global: false, cache: 10_000 });
  await app.register(helmet, headersOf(options.tls !== null));
  const guard = new Guard(app, edge);
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
    await Promise.resolve();
  });
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'cache-control': 'no-store', 'content-security-policy': policyFor(guard.hostOf(request)) });
    if (isClosing) throw goingAway();
    const { url = '' } = request.routeOptions;
    if (FROM_MODEL.test(url) && !edge.standing.isReady) throw notReady();
    await Promise.resolve();
  });
  app.addHook('onSend', async (_, reply) => {
    edge.sockets.expectRead(reply.raw);
    await Promise.resolve();
  });
  app.addHook('onResponse', async ({ routeOptions: { url }, is404 }, reply) => {
    if (url === undefined || !STREAMS.has(url)) edge.metrics.noteRequest(is404 ? null : url ?? null, reply.elapsedTime);
    await Promise.resolve();
  });
  app.setErrorHandler((error, request, reply) => refuse(edge, guard, error, request, reply));
  addAssets(app, assets);
  addSignals(app, edge, guard);
  addOrders(app, edge, guard);
  addAddresses(app, edge, guard);
  addStatus(app, edge, guard);
  addDocuments(app);
  addEventStream(app, edge, guard);
  addWebSocket(app, edge, guard);
  edge.metrics.measure(Array.from(routes).filter((url) => !STREAMS.has(url)));
  await app.ready();
  return app;
}

async function refuse(edge: Edge, guard: Guard, error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const refusal = refusalOf(error);
  edge.refusals.note(refusal, guard.visitorOf(request));
  if (refusal.code === 'internal' || refusal.code === 'unavailable') {
    edge.onTrouble(`${request.method} ${request.routeOptions.url ?? ''}: ${detailOf(error)}`);
  }
  if (refusal.code === 'unauthorized') void reply.header('www-authenticate', 'Bearer');
  if (refusal.retryAfterMs !== null) void reply.header('retry-after', String(Math.ceil(refusal.retryAfterMs / MS)));
  await reply.code(statusOf(refusal)).type('application/json; charset=utf-8').header('cache-control', 'no-store').send(bodyOf(refusal));
}

function headersOf(isTls: boolean): Parameters<typeof helmet>[1] {
  return {
    contentSecurityPolicy: false, // It names the host: see policyFor.
    strictTransportSecurity: isTls ? { maxAge: YEAR_S, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
  };
}

/** The dashboard's own files and its own gateway, nothing else. `host` was judged; older browsers don't count ws: as 'self'. */
function policyFor(host: string): string {
  return [
    'default-src \'none\'', 'script-src \'self\'', 'style-src \'self\'', 'font-src \'self\'', 'manifest-src \'self\'', 'img-src \'self\' data:',
    `connect-src 'self' ws://${host} wss://${host}`, 'base-uri \'none\'', 'form-action \'none\'', 'frame-ancestors \'none\'',
  ].join('; ');
}
