// Where a gateway's routes are, and filters as it wants them.

import type { Filter } from './protocol.ts';

/** A route below the gateway's address, which may have a path of its own (behind a proxy). */
export function routeOf(gateway: string | URL, path: string): URL {
  const base = new URL(gateway);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  base.search = '';
  base.hash = '';
  return new URL(path, base);
}

/** `http` and `https` become `ws` and `wss`, and the other way round. */
export function webSocketOf(gateway: string | URL): URL {
  const url = routeOf(gateway, 'v1/ws');
  url.protocol = url.protocol.replace(/^http/, 'ws');
  return url;
}

export function httpOf(gateway: string | URL, path: string): URL {
  const url = routeOf(gateway, path);
  url.protocol = url.protocol.replace(/^ws/, 'http');
  return url;
}

/** Addresses with capitals (a checksum's) are the same addresses. */
export function normalFilter(filter: Filter): Filter {
  const { addresses } = filter;
  return addresses === undefined ? filter : { ...filter, addresses: addresses.map((address) => address.toLowerCase()) };
}
