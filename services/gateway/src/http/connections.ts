// The streams that are open: how many there may be, and who ends them when a token ends or the gateway does.

import type { AuditEntry, Transport } from './audit.ts';
import { Refusal } from './errors.ts';
import type { Limits } from './limits.ts';

/** Why a stream ended. `lost`: it gave no sign of life, or was cut. */
export const ENDS = ['client', 'lost', 'going-away', 'revoked', 'too-slow', 'too-many', 'too-large', 'bad-request', 'failed'] as const;
export type End = (typeof ENDS)[number];

export type Stream = {
  end(why: End): void;
  readonly bufferedBytes: number;
};

/** `ipKey`: addresses that one client may have count as one. */
export type Visitor = {
  readonly transport: Transport;
  readonly tokenId: string | null;
  readonly ip: string;
  readonly ipKey: string;
  readonly route: string;
};

/** A stream's place among them; given back once, by `left`. */
export type Place = { readonly attach: (stream: Stream) => void; readonly left: (why: End) => void };

type Held = { readonly visitor: Visitor; stream: Stream | null };

const RETRY_MS = 5_000;

export class Connections {
  readonly #limits: Limits;
  readonly #onAudit: (entry: AuditEntry) => void;
  readonly #onEnd: (why: End) => void;
  readonly #held = new Map<number, Held>();
  readonly #used = new Map<string, number>();
  #last = 0;

  constructor(limits: Limits, hooks: { readonly onAudit: (entry: AuditEntry) => void; readonly onEnd: (why: End) => void }) {
    this.#limits = limits;
    this.#onAudit = hooks.onAudit;
    this.#onEnd = hooks.onEnd;
  }

  /** Throws Refusal `too-many`. */
  admit(visitor: Visitor): Place {
    const keys = keysOf(visitor);
    this.#check(visitor, keys);
    for (const key of keys) this.#used.set(key, this.#usedBy(key) + 1);
    const connection = (this.#last += 1);
    const held: Held = { visitor, stream: null };
    this.#held.set(connection, held);
    this.#onAudit({ ...aboutOf(visitor), kind: 'connected', connection });
    return {
      attach: (stream) => (held.stream = stream),
      left: (why) => {
        if (!this.#held.delete(connection)) return;
        for (const key of keys) this.#giveBack(key);
        this.#onEnd(why);
        this.#onAudit({ ...aboutOf(visitor), kind: 'disconnected', connection, end: why });
      },
    };
  }

  get most(): number {
    return this.#limits.connections;
  }

  count(transport: Transport): number {
    return this.#heldBy(({ transport: each }) => each === transport).length;
  }

  get bufferedBytes(): number {
    return this.#heldBy(() => true).reduce((sum, { stream }) => sum + (stream?.bufferedBytes ?? 0), 0);
  }

  endToken(tokenId: string): void {
    for (const { stream } of this.#heldBy((visitor) => visitor.tokenId === tokenId)) stream?.end('revoked');
  }

  endAll(): void {
    for (const { stream } of this.#heldBy(() => true)) stream?.end('going-away');
  }

  #heldBy(isMeant: (visitor: Visitor) => boolean): readonly Held[] {
    return Array.from(this.#held.values()).filter(({ visitor }) => isMeant(visitor));
  }

  #check({ tokenId, ipKey }: Visitor, keys: readonly string[]): void {
    const { connections, connectionsPerIp, connectionsPerToken } = this.#limits;
    const most = [connections, connectionsPerIp, connectionsPerToken];
    const over = keys.findIndex((key, place) => this.#usedBy(key) >= (most[place] ?? 0));
    if (over === -1) return;
    const whose = ['of this gateway', `of ${ipKey}`, `of token ${String(tokenId)}`][over] ?? '';
    throw new Refusal('too-many', `all ${String(most[over])} connections ${whose} are in use`, { retryAfterMs: RETRY_MS });
  }

  #usedBy(key: string): number {
    return this.#used.get(key) ?? 0;
  }

  #giveBack(key: string): void {
    const left = this.#usedBy(key) - 1;
    if (left > 0) this.#used.set(key, left);
    else this.#used.delete(key);
  }
}

function aboutOf({ ip, tokenId, route, transport }: Visitor): Pick<AuditEntry, 'at' | 'ip' | 'tokenId' | 'route'> & { readonly transport: Transport } {
  return { at: Date.now(), ip, tokenId, route, transport };
}

/** All, its IP, and its token where it has one, in the order of their limits. */
function keysOf({ tokenId, ipKey }: Visitor): readonly string[] {
  return tokenId === null ? ['all', `ip ${ipKey}`] : ['all', `ip ${ipKey}`, `token ${tokenId}`];
}
