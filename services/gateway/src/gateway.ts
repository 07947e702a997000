// The gateway put together: a feed that follows the log, and a server in front of it.
//
// Y1  Without an authority it listens on a loopback address, or its user said that it may be open.
// Y2  It ends in this order: no new requests, streams are told, the feed stops. No client can put that off beyond STOP_MS.

import { compile } from '@fastify/proxy-addr';
import { newRegistry } from '@fillstream/observe';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { SignalFeed } from './feed/feed.ts';
import type { Authority } from './http/access.ts';
import type { App, Tls } from './http/app.ts';
import type { Assets } from './http/assets.ts';
import type { AuditEntry } from './http/audit.ts';
import { Connections } from './http/connections.ts';
import { Refusals, type Edge } from './http/edge.ts';
import { DEFAULT_LIMITS, ipKeyOf, type Limits } from './http/limits.ts';
import { GatewayMetrics } from './http/metrics.ts';
import { isLoopback, isNetwork } from './http/origins.ts';
import { buildServer } from './http/server.ts';
import { Sockets } from './http/sockets.ts';
import { Standing, type Verdict } from './http/standing.ts';
import type { GatewayPorts } from './ports.ts';

export type GatewayOptions = {
  readonly ports: GatewayPorts;
  /** Of the read model; `:memory:` keeps none. */
  readonly feedFile: string;
  /** `port` 0: any. */
  readonly listen: { readonly host: string; readonly port: number };
  /** null: no tokens, everybody may do everything. */
  readonly authority: Authority | null;
  /** That may be so on other than loopback addresses too. */
  readonly open: boolean;
  /** See AllowedNames. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** The others are as in DEFAULT_LIMITS. */
  readonly limits?: Partial<Limits>;
  /** Addresses and networks (`10.0.0.0/8`) whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[];
  /** PEM. */
  readonly tls?: Tls | null;
  /** One that another service of the process has too. */
  readonly registry?: Registry;
  /** After so long a stop cuts what is still under way; 8 s. */
  readonly stopMs?: number;
  readonly onAudit: (entry: AuditEntry) => void;
  readonly onTrouble: (text: string) => void;
  /** Of the dashboard; without it there is none. */
  readonly assets?: Assets;
};

/** It can't be started like this. */
export class GatewayRefused extends Error {
  override readonly name = 'GatewayRefused';
  readonly code: 'not-loopback' | 'bad-tls' | 'bad-proxy';
  readonly retryable = false;

  constructor(code: GatewayRefused['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const STOP_MS = 8_000;

type Parts = { readonly feed: SignalFeed; readonly edge: Edge; readonly app: App; readonly url: string; readonly stopMs: number };

export class Gateway {
  readonly feed: SignalFeed;
  readonly url: string;
  readonly #app: App;
  readonly #edge: Edge;
  readonly #stopMs: number;
  readonly #stop = new AbortController();
  readonly #stopEnds: () => void;
  #running: Promise<void> | null = null;
  #shutting: Promise<void> | null = null;

  /** Listens; requests are answered once `run` has caught up. Throws GatewayRefused, PortError, or what the system says of the address. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const { authority, open, listen: { host }, trustedProxies = [] } = options;
    if (authority === null && !open && !isLoopback(host)) {
      throw new GatewayRefused('not-loopback', `without tokens the gateway listens on a loopback address, not on ${host}`);
    }
    const stranger = trustedProxies.find((proxy) => !isNetwork(proxy));
    if (stranger !== undefined) {
      throw new GatewayRefused('bad-proxy', `a trusted proxy is an address or a network such as 10.0.0.0/8, not ${JSON.stringify(stranger)}`);
    }
    const feed = await SignalFeed.open({ source: options.ports.source, file: options.feedFile, onTrouble: options.onTrouble });
    try {
      const edge = edgeOf(feed, options);
      const app = await appOf(edge, options);
      await app.listen(options.listen);
      return new Gateway({ feed, edge, app, url: urlOf(app, options), stopMs: options.stopMs ?? STOP_MS });
    } catch (error) {
      feed.close();
      throw error;
    }
  }

  private constructor({ feed, edge, app, url, stopMs }: Parts) {
    this.feed = feed;
    this.url = url;
    this.#edge = edge;
    this.#app = app;
    this.#stopMs = stopMs;
    this.#stopEnds = edge.authority?.onEnd((tokenId) => edge.connections.endToken(tokenId)) ?? ((): void => undefined);
  }

  /** Follows the log until `stop`; once. Rejects with PortError, and has stopped then. */
  async run(): Promise<void> {
    this.#running ??= this.#follow();
    await this.#running;
  }

  /** Y2. Streams have some seconds to be told and to go. */
  async stop(): Promise<void> {
    await this.#shut();
    this.#stop.abort();
    await this.run().catch(() => undefined); // Whoever runs it is told.
  }

  /** Whether it makes progress. */
  health(): Verdict {
    return this.#edge.standing.health;
  }

  /** Whether it has caught up. */
  readiness(): Verdict {
    return this.#edge.standing.readiness;
  }

  async #follow(): Promise<void> {
    this.#edge.standing.begin();
    try {
      await this.feed.run(this.#stop.signal);
    } finally {
      this.#edge.standing.end();
      await this.#shut();
    }
  }

  async #shut(): Promise<void> {
    this.#shutting ??= this.#close();
    await this.#shutting;
  }

  async #close(): Promise<void> {
    this.#stopEnds();
    const cut = setTimeout(() => this.#edge.sockets.cutAll(), this.#stopMs);
    const closed = this.#app.close();
    this.#edge.connections.endAll();
    await closed;
    clearTimeout(cut);
  }
}

function edgeOf(feed: SignalFeed, options: GatewayOptions): Edge {
  const { ports, authority, onAudit, onTrouble, allowedHosts, allowedOrigins, trustedProxies = [], listen, registry = newRegistry() } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const metrics = new GatewayMetrics(registry);
  const connections = new Connections(limits, { onAudit, onEnd: (why) => metrics.noteEnd(why) });
  metrics.show({ feed, connections });
  const refusals = new Refusals(metrics, onAudit);
  const isProxy = compile([...trustedProxies]);
  const sockets = new Sockets({
    limits, isProxy: (ip) => isProxy(ip, 0), onTooMany: (ip) => refusals.note({ reason: 'too-many' }, { ip, ipKey: ipKeyOf(ip), tokenId: null, route: null }),
  });
  return {
    feed, ports, authority, limits, connections, metrics, onAudit, onTrouble, sockets, refusals,
    names: { hosts: [listen.host, ...allowedHosts].map((host) => host.toLowerCase()), origins: allowedOrigins },
    standing: new Standing(feed, ports, onTrouble),
  };
}

async function appOf(edge: Edge, { tls = null, trustedProxies = [], assets = new Map() }: GatewayOptions): Promise<App> {
  try {
    return await buildServer(edge, { tls, trustedProxies, assets });
  } catch (error) {
    throw tls === null ? error : new GatewayRefused('bad-tls', 'the certificate or its key can\'t be used', error);
  }
}

function urlOf({ server }: App, { listen: { host }, tls }: GatewayOptions): string {
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `${tls === undefined || tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
