// Under which names the gateway answers, and which pages may talk to it: against DNS rebinding and cross-site WebSockets.
//
// The Host is read as it came, never from what a proxy says of it: a page can set such headers, but not its own Host.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { Refusal } from './errors.ts';

export type AllowedNames = {
  /** Host names beside loopback ones, the address listened on and the one that was connected to; without port. */
  readonly hosts: readonly string[];
  /** Origins beside the gateway's own and loopback ones, such as `https://app.example`. */
  readonly origins: readonly string[];
};

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/;
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Throws Refusal. Gives `Host`, and the origin when it's another's that is allowed. */
export function checkNames(request: IncomingMessage, allowed: AllowedNames): { readonly host: string; readonly crossOrigin: string | null } {
  const host = (request.headers.host ?? '').toLowerCase();
  const name = HOST.exec(host)?.[1];
  if (name === undefined || !isAllowedHost(name, request, allowed)) {
    throw new Refusal('forbidden', 'this host isn\'t served here', { reason: 'host' });
  }
  const { origin } = request.headers;
  if (origin === undefined ? isOthers(request) : !isOwn(origin, host) && !isAllowedOrigin(origin, allowed)) {
    throw new Refusal('forbidden', 'pages of this origin aren\'t allowed', { reason: 'origin' });
  }
  if (origin === undefined || isOwn(origin, host)) return { host, crossOrigin: null };
  return { host, crossOrigin: origin };
}

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.includes(':') && !host.startsWith('[') ? `[${host}]` : host.toLowerCase());
}

/** An address, or a network of it such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [, address = '', bits = '1'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const most = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return Number(bits) >= 1 && Number(bits) <= most;
}

function isOwn(origin: string, host: string): boolean {
  return hostOf(origin) === host;
}

/** What a page of elsewhere takes in, as an image or a script: it has no origin then. To follow a link is no such thing. */
function isOthers({ headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode } }: IncomingMessage): boolean {
  return (site === 'cross-site' || site === 'same-site') && mode !== 'navigate';
}

function isAllowedHost(name: string, { socket: { localAddress = '' } }: IncomingMessage, { hosts }: AllowedNames): boolean {
  const own = localAddress.replace(/^::ffff:(?=\d+\.)/, '');
  return LOOPBACK.test(name) || name === own || name === `[${own}]` || hosts.includes(name);
}

function isAllowedOrigin(origin: string, { origins }: AllowedNames): boolean {
  const host = hostOf(origin);
  return origins.includes(origin) || (host !== null && LOOPBACK.test(host.replace(/:\d+$/, '')));
}

/** With the port where it isn't the scheme's own; null for an opaque origin. */
function hostOf(origin: string): string | null {
  const url = URL.parse(origin);
  return url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') ? null : url.host;
}
