// Who may ask for what. A token is random text that its owner alone has; here are only hashes.
//
// A1  A token that is unknown, expired or revoked is good for nothing, and which of these it is isn't told.
// A2  How long an answer takes doesn't depend on how much of a token is right: hashes are compared, in constant time.
// A3  Whoever listens is told once of each token that is good no longer, or no longer for the same: revoked, expired, changed, gone.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Token } from '@fillstream/schemas';

export const ACTIONS = ['signals', 'orders', 'status'] as const;
export type Action = (typeof ACTIONS)[number];

/** Times are milliseconds since the epoch. */
export type Grant = {
  readonly tokenId: string;
  readonly name: string;
  readonly actions: readonly Action[];
  readonly addresses: '*' | readonly string[];
  readonly expiresAt: number | null;
};

export type Authority = {
  /** null: unknown, expired or revoked. Constant-time. */
  grantOf(token: string): Grant | null;
  /** Told the ids of tokens that are good no longer; returns how to stop. Expiry is told too. */
  onEnd(listener: (tokenId: string) => void): () => void;
  close(): Promise<void>;
};

const TOKEN_BYTES = 32;
const ID_BYTES = 6;
const TOKEN = /^fst_[A-Za-z0-9_-]{43}$/;
const NOBODY = hashOf('nobody');
/** The greatest delay of a timer. */
const GREATEST_DELAY_MS = 2 ** 31 - 1;

type Held = { readonly record: Token; readonly hash: Buffer; readonly grant: Grant };

export type NewToken = Pick<Token, 'name' | 'addresses' | 'expiresAt'> & { readonly actions: readonly Action[] };

/** A token's text, which nobody sees again, and what is kept of it. */
export function newToken({ name, actions, addresses, expiresAt }: NewToken, now: number): { readonly text: string; readonly record: Token } {
  const text = `fst_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  const id = `tok_${randomBytes(ID_BYTES).toString('hex')}`;
  return { text, record: { id, name, hash: hashOf(text).toString('hex'), actions, addresses, createdAt: now, expiresAt, revokedAt: null } };
}

/** The tokens that there are, however they are kept. */
export class TokenBook {
  readonly #byId = new Map<string, Held>();
  /** By the hash as text; of records with equal hashes the later one counts. */
  readonly #byHash = new Map<string, Held>();
  readonly #listeners = new Set<(tokenId: string) => void>();
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Also those that are good no longer. */
  get all(): readonly Token[] {
    return Array.from(this.#byId.values(), ({ record }) => record).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  /** The last word on a token's id. */
  put(record: Token): void {
    const held = heldOf(record);
    const before = this.#byId.get(record.id);
    this.#forget(before);
    this.#byId.set(record.id, held);
    if (record.revokedAt === null) this.#byHash.set(record.hash, held);
    if (before !== undefined && this.#isGood(before) && !isSame(before, held)) this.#tell(record.id);
    this.#wakeAtNextExpiry();
  }

  /** It was never there. */
  delete(id: string): void {
    const before = this.#byId.get(id);
    if (before === undefined) return;
    this.#forget(before);
    this.#byId.delete(id);
    if (this.#isGood(before)) this.#tell(id);
    this.#wakeAtNextExpiry();
  }

  /** A1, A2. */
  grantOf(token: string): Grant | null {
    if (!TOKEN.test(token)) return null;
    const hash = hashOf(token);
    const held = this.#byHash.get(hash.toString('hex'));
    const isEqual = timingSafeEqual(held?.hash ?? NOBODY, hash);
    return held !== undefined && isEqual && this.#isGood(held) ? held.grant : null;
  }

  onEnd(listener: (tokenId: string) => void): () => void {
    const own = (tokenId: string): void => listener(tokenId); // The same listener may listen twice.
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #isGood({ record: { revokedAt, expiresAt } }: Held): boolean {
    return revokedAt === null && (expiresAt === null || expiresAt > this.#now());
  }

  #forget(held: Held | undefined): void {
    if (held !== undefined && this.#byHash.get(held.record.hash) === held) this.#byHash.delete(held.record.hash);
  }

  #tell(tokenId: string): void {
    for (const listener of [...this.#listeners]) listener(tokenId);
  }

  #wakeAtNextExpiry(): void {
    clearTimeout(this.#timer);
    const soonest = this.#byHash.values().reduce((least, { record }) => Math.min(least, record.expiresAt ?? Infinity), Infinity);
    if (soonest === Infinity) return;
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.max(0, soonest - this.#now()), GREATEST_DELAY_MS));
    this.#timer.unref();
  }

  #expire(): void {
    for (const held of [...this.#byHash.values()]) {
      if (this.#isGood(held)) continue;
      this.#forget(held);
      this.#tell(held.record.id);
    }
    this.#wakeAtNextExpiry();
  }
}

function heldOf(record: Token): Held {
  const { id: tokenId, name, hash, actions, addresses, expiresAt } = record;
  const known = ACTIONS.filter((action) => actions.includes(action));
  return { record, hash: bytesOf(hash), grant: { tokenId, name, actions: known, addresses: addresses ?? '*', expiresAt } };
}

/** What is no SHA-256 is nobody's. */
function bytesOf(hash: string): Buffer {
  const bytes = Buffer.from(hash, 'hex');
  return bytes.length === NOBODY.length ? bytes : NOBODY;
}

/** Whether a grant is good for just what it was. */
function isSame({ record, grant }: Held, { record: next, grant: nextGrant }: Held): boolean {
  return next.revokedAt === null && record.hash === next.hash && record.expiresAt === next.expiresAt
    && grant.actions.join() === nextGrant.actions.join() && String(grant.addresses) === String(nextGrant.addresses);
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
