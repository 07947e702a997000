// What every route stands on.

import type { SignalFeed } from '../feed/feed.ts';
import type { GatewayPorts } from '../ports.ts';
import type { Authority } from './access.ts';
import type { AuditEntry } from './audit.ts';
import type { Connections } from './connections.ts';
import type { Refusal, RefusalReason } from './errors.ts';
import { MinuteCounter, type Limits } from './limits.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { AllowedNames } from './origins.ts';
import type { Sockets } from './sockets.ts';
import type { Standing } from './standing.ts';

export type Edge = {
  readonly feed: SignalFeed;
  readonly ports: GatewayPorts;
  /** null: everybody may do everything. */
  readonly authority: Authority | null;
  readonly limits: Limits;
  readonly names: AllowedNames;
  readonly connections: Connections;
  readonly sockets: Sockets;
  readonly standing: Standing;
  readonly metrics: GatewayMetrics;
  readonly refusals: Refusals;
  readonly onAudit: (entry: AuditEntry) => void;
  readonly onTrouble: (text: string) => void;
};

export type Refused = { readonly ip: string; readonly ipKey: string; readonly tokenId: string | null; readonly route: string | null };

/** Nobody is refused anything by these: they don't have it, or it isn't there yet. */
const NOT_AUDITED: ReadonlySet<RefusalReason> = new Set(['bad-request', 'not-found', 'not-ready', 'unavailable', 'internal']);

/** Counts every refusal, and tells the audit of those that keep somebody out. */
export class Refusals {
  readonly #metrics: GatewayMetrics;
  readonly #onAudit: (entry: AuditEntry) => void;
  /** So that a flood of requests makes no flood of entries. */
  readonly #told = new MinuteCounter(1);

  constructor(metrics: GatewayMetrics, onAudit: (entry: AuditEntry) => void) {
    this.#metrics = metrics;
    this.#onAudit = onAudit;
  }

  note({ reason }: Pick<Refusal, 'reason'>, { ip, ipKey, tokenId, route }: Refused): void {
    this.#metrics.noteRefusal(reason);
    const at = Date.now();
    if (NOT_AUDITED.has(reason)) return;
    if (reason === 'too-many' && this.#told.take(`${ipKey} ${String(tokenId)} ${String(route)}`, at).kind === 'refused') return;
    this.#onAudit({ kind: 'refused', at, ip, tokenId, route, reason });
  }
}
