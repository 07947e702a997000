// Who asks, and what they may see.
//
// A1  A token stands in a header, or in an offered subprotocol; never in a URL.
// A2  What is asked for lies within the token's addresses: what names others is refused, what names none is narrowed.

import { SUBPROTOCOL, TOKEN_SUBPROTOCOL, type Filter } from '@fillstream/client';
import type { IncomingHttpHeaders } from 'node:http';
import type { Action, Authority, Grant } from '../tokens/authority.ts';
import { Refusal } from './errors.ts';

export type { Action, Authority, Grant } from '../tokens/authority.ts';

/** `anyone`: no token is needed here. */
export type Caller = { readonly kind: 'anyone' } | { readonly kind: 'token'; readonly token: string; readonly grant: Grant };

const ANYONE: Caller = { kind: 'anyone' };
const TOKEN = /^fst_[A-Za-z0-9_-]{43}$/;
const BEARER = /^bearer +(\S+)$/i;

/** Throws Refusal `unauthorized`. `subprotocols`: whether those may have the token too. */
export function authenticated(authority: Authority | null, headers: IncomingHttpHeaders, subprotocols: boolean): Caller {
  if (authority === null) return ANYONE;
  const token = tokenOf(headers, subprotocols);
  if (token === null) throw new Refusal('unauthorized', 'expected a token: Authorization: Bearer fst_…');
  const grant = TOKEN.test(token) ? authority.grantOf(token) : null;
  if (grant === null) throw noGoodToken();
  return { kind: 'token', token, grant };
}

/** Which of these it is, is nobody's business. */
function noGoodToken(): Refusal {
  return new Refusal('unauthorized', 'the token is unknown, expired or revoked');
}

function tokenOf({ authorization, 'sec-websocket-protocol': offered }: IncomingHttpHeaders, subprotocols: boolean): string | null {
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1] ?? null;
  if (!subprotocols || offered === undefined) return null;
  return subprotocolsOf(offered).find((each) => each.startsWith(TOKEN_SUBPROTOCOL))?.slice(TOKEN_SUBPROTOCOL.length) ?? null;
}

export function subprotocolsOf(header: string): readonly string[] {
  return header.split(',').map((each) => each.trim());
}

/** The one to answer with; null: none was offered, which is good too. Throws Refusal. */
export function subprotocolFor(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (!subprotocolsOf(header).includes(SUBPROTOCOL)) throw new Refusal('bad-request', `expected the subprotocol ${SUBPROTOCOL}`);
  return SUBPROTOCOL;
}

/** Throws Refusal `unauthorized` when the token has ended meanwhile, or isn't good for the same any more. */
export function checkStillGood(authority: Authority | null, caller: Caller): void {
  if (caller.kind === 'anyone' || authority === null) return;
  const grant = authority.grantOf(caller.token);
  if (grant === null) throw noGoodToken();
  if (rightsOf(grant) !== rightsOf(caller.grant)) throw new Refusal('unauthorized', 'the token\'s rights have changed');
}

function rightsOf({ tokenId, actions, addresses }: Grant): string {
  return JSON.stringify([tokenId, actions, addresses]);
}

/** Throws Refusal `forbidden`. */
export function checkAction(caller: Caller, action: Action): void {
  if (caller.kind === 'token' && !caller.grant.actions.includes(action)) throw new Refusal('forbidden', `the token isn't good for ${action}`);
}

/** Throws Refusal `forbidden`. */
export function checkAddress(caller: Caller, address: string): void {
  const allowed = addressesOf(caller);
  if (allowed !== '*' && !allowed.includes(address)) throw new Refusal('forbidden', 'the token isn\'t good for this address');
}

/** A2. Throws Refusal `forbidden`. */
export function narrowed(caller: Caller, filter: Filter): Filter {
  const allowed = addressesOf(caller);
  if (allowed === '*') return filter;
  if (allowed.length === 0) throw new Refusal('forbidden', 'the token is good for no address');
  for (const address of filter.addresses ?? []) checkAddress(caller, address);
  return { ...filter, addresses: filter.addresses ?? allowed };
}

export function addressesOf(caller: Caller): '*' | readonly string[] {
  return caller.kind === 'anyone' ? '*' : caller.grant.addresses;
}

/** null: nobody's. */
export function tokenIdOf(caller: Caller): string | null {
  return caller.kind === 'token' ? caller.grant.tokenId : null;
}
