// Who came, who was refused, and which token was used: by its id, never the token, and by route, never the URL.

import type { End } from './connections.ts';
import type { RefusalReason } from './errors.ts';

/** `at` in milliseconds since the epoch; `route` is a pattern such as `/v1/orders/:address/:oid`, null where no route was met. */
export type AuditEntry = { readonly at: number; readonly ip: string; readonly tokenId: string | null; readonly route: string | null } & (
  | { readonly kind: 'connected'; readonly connection: number; readonly transport: Transport }
  | { readonly kind: 'disconnected'; readonly connection: number; readonly transport: Transport; readonly end: End }
  /** Of requests and messages beyond a limit, the first of each minute. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason }
  /** A request that a token was good for. */
  | { readonly kind: 'used' }
);

export type Transport = 'ws' | 'sse';
