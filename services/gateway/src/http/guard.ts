// Before any route: the name it was called by, the page that calls, how often, and who.
//
// G1  A route says what it needs, or doesn't start; nothing is served that nobody judged.
// G2  What refuses a stranger costs little and comes first: name, origin, requests of the IP, then the token.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { authenticated, checkAction, tokenIdOf, type Action, type Caller } from './access.ts';
import type { App } from './app.ts';
import type { Edge, Refused } from './edge.ts';
import { Refusal } from './errors.ts';
import { AtOnce, ipKeyOf, MINUTE_MS } from './limits.ts';
import { checkNames } from './origins.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `nothing`: open to everybody. `handshake`: the route asks for itself, as its refusals are told in another way. */
    readonly needs?: Action | 'nothing' | 'handshake';
  }
}

type Check = ReturnType<App['createRateLimit']>;

const RETRY_MS = 1_000;
/** Their connections are counted, and they aren't answered within a time. */
export const STREAMS: ReadonlySet<string> = new Set(['/v1/ws', '/v1/stream']);
/** As some proxies write it: with a port, which is another for each connection of the same client. */
const ADDRESS = /^(?:\[(?<six>[^\]]+)\](?::\d+)?|(?<four>\d+\.\d+\.\d+\.\d+):\d+)$/;

export class Guard {
  readonly #edge: Edge;
  readonly #ofIp: Check;
  readonly #ofToken: Check;
  readonly #atOnce: AtOnce;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();
  readonly #hosts = new WeakMap<FastifyRequest, string>();

  /** `app` has the rate limit's plugin. */
  constructor(app: App, edge: Edge) {
    this.#edge = edge;
    const { requestsPerMinute: max, requestsAtOncePerIp } = edge.limits;
    this.#atOnce = new AtOnce(requestsAtOncePerIp);
    this.#ofIp = app.createRateLimit({ max, timeWindow: MINUTE_MS, keyGenerator: (request) => ipKeyOf(ipOf(request)) });
    this.#ofToken = app.createRateLimit({ max, timeWindow: MINUTE_MS, keyGenerator: (request) => tokenIdOf(this.callerOf(request)) ?? '' });
    app.addHook('onRoute', ({ config, url }) => {
      if (config?.needs === undefined) throw new Error(`route ${url} doesn't say what it needs`);
    });
    app.addHook('onRequest', async (request, reply) => await this.#judge(request, reply));
  }

  /** Of a route that needs a token, or asked by `authenticate`. */
  callerOf(request: FastifyRequest): Caller {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw new Error('nobody has asked who this is');
    return caller;
  }

  /** As it was called, port and all; judged. */
  hostOf(request: FastifyRequest): string {
    return this.#hosts.get(request) ?? 'localhost';
  }

  visitorOf(request: FastifyRequest): Refused {
    const caller = this.#callers.get(request);
    const tokenId = caller === undefined ? null : tokenIdOf(caller);
    const ip = ipOf(request);
    return { ip, ipKey: ipKeyOf(ip), tokenId, route: request.is404 ? null : request.routeOptions.url ?? null };
  }

  /** Throws Refusal. Tells the audit of a token that was good. */
  async authenticate(request: FastifyRequest, action: Action, subprotocols: boolean): Promise<Caller> {
    const caller = authenticated(this.#edge.authority, request.headers, subprotocols);
    this.#callers.set(request, caller);
    checkAction(caller, action);
    if (caller.kind === 'anyone') return caller;
    checkRate(await this.#ofToken(request), 'requests of this token');
    const { ip, route } = this.visitorOf(request);
    this.#edge.onAudit({ kind: 'used', at: Date.now(), ip, tokenId: caller.grant.tokenId, route });
    return caller;
  }

  async #judge(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { host, crossOrigin } = checkNames(request.raw, this.#edge.names);
    this.#hosts.set(request, host);
    if (crossOrigin !== null) allowOrigin(reply, crossOrigin);
    checkRate(await this.#ofIp(request), 'requests from here');
    this.#countAtOnce(request, reply);
    if (request.method === 'OPTIONS' && crossOrigin !== null) {
      await reply.code(204).send();
      return;
    }
    const { needs } = request.routeOptions.config;
    if (!request.is404 && needs !== undefined && needs !== 'nothing' && needs !== 'handshake') await this.authenticate(request, needs, false);
  }

  /** Until its answer has been read: so what waits for one client in memory is bounded, over however many connections. */
  #countAtOnce(request: FastifyRequest, { raw }: FastifyReply): void {
    if (STREAMS.has(request.routeOptions.url ?? '') || raw.destroyed) return;
    const leave = this.#atOnce.take(ipKeyOf(ipOf(request)));
    if (leave === null) throw new Refusal('too-many', 'too many requests from here at the same time', { retryAfterMs: RETRY_MS });
    raw.once('close', leave);
  }
}

function ipOf({ ip }: FastifyRequest): string {
  const { four, six } = ADDRESS.exec(ip)?.groups ?? {};
  return four ?? six ?? ip;
}

function checkRate(answer: Awaited<ReturnType<Check>>, what: string): void {
  if (answer.isAllowed || !answer.isExceeded) return;
  throw new Refusal('too-many', `too many ${what}: ${String(answer.max)} a minute are allowed`, { retryAfterMs: answer.ttl });
}

/** What a page of another origin may read, and send. */
function allowOrigin(reply: FastifyReply, origin: string): void {
  reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': 'authorization, last-event-id',
    'access-control-max-age': '600',
    'vary': 'origin',
  });
}
