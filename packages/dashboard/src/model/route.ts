// The pages, and the addresses that lead to them.

export type Route =
  | { readonly kind: 'live' }
  | { readonly kind: 'addresses' }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'order'; readonly address: string; readonly oid: number }
  | { readonly kind: 'health' }
  | { readonly kind: 'quarantine' }
  | { readonly kind: 'unknown'; readonly path: string };

const ADDRESS = /^0x[0-9a-f]{40}$/i;

export function routeOf(path: string): Route {
  const [first = '', second = '', third = '', ...rest] = path.split('/').slice(1).filter((part) => part !== '');
  const unknown: Route = { kind: 'unknown', path };
  if (rest.length > 0) return unknown;
  switch (first) {
    case '': return { kind: 'live' };
    case 'health': case 'quarantine': case 'addresses': return second === '' ? { kind: first } : unknown;
    case 'address': return ADDRESS.test(second) && third === '' ? { kind: 'address', address: second.toLowerCase() } : unknown;
    case 'order': {
      const oid = /^\d{1,16}$/.test(third) ? Number(third) : NaN;
      return ADDRESS.test(second) && Number.isSafeInteger(oid) ? { kind: 'order', address: second.toLowerCase(), oid } : unknown;
    }
    default: return unknown;
  }
}

export function pathOf(route: Route): string {
  switch (route.kind) {
    case 'live': return '/';
    case 'address': return `/address/${route.address}`;
    case 'order': return `/order/${route.address}/${String(route.oid)}`;
    case 'unknown': return route.path;
    case 'addresses': case 'health': case 'quarantine': return `/${route.kind}`;
  }
}

/** What somebody typed or pasted to go to: an address, an order as `address/oid`, or a signal's id. */
export function typedRoute(text: string): Route | null {
  const [address = '', oid = ''] = text.trim().toLowerCase().split(/[/\s:]+/);
  const route = routeOf(oid === '' ? `/address/${address}` : `/order/${address}/${oid}`);
  return route.kind === 'unknown' ? null : route;
}

/** `0x1234…cdef`: enough to tell addresses apart at a glance; the whole one is always near. */
export function shortAddress(address: string): string {
  return address.length > 12 ? `${address.slice(0, 6)}…${address.slice(-4)}` : address;
}
