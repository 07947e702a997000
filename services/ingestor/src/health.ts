// Whether an ingestor is well: what it takes becomes durable, and it watches what it was given.

import type { FeedStatus } from '@fillstream/hyperliquid/live';
import type { RosterStatus } from './roster.ts';

/** Records become durable several times a second while any come. */
const STUCK_MS = 60_000;
/** The group answers about once a second. */
const SILENT_MS = 15_000;

export type IngestorHealth = {
  /** No record has waited for a minute without any being written. */
  readonly healthy: boolean;
  /** The group answers, and all that it gave is watched; without addresses it stands by. */
  readonly ready: boolean;
  readonly isSpilling: boolean;
  readonly isLeader: boolean;
  readonly sinceGroupMs: number | null;
  readonly addresses: readonly { readonly address: string; readonly state: string; readonly queued: number }[];
};

/** `durableAt` and `now` are `performance.now()`. */
export function healthOf(status: FeedStatus & RosterStatus & { readonly isSpilling: boolean }, durableAt: number, now: number): IngestorHealth {
  const addresses = status.addresses.map(({ address, state, queued }) => ({ address, state, queued }));
  const sinceGroupMs = status.answeredAt === null ? null : Math.round(now - status.answeredAt);
  return {
    healthy: addresses.every(({ queued }) => queued === 0) || now - durableAt < STUCK_MS,
    ready: sinceGroupMs !== null && sinceGroupMs < SILENT_MS && !status.isSpilling && addresses.every(({ state }) => state === 'live'),
    isSpilling: status.isSpilling,
    isLeader: status.isLeader,
    sinceGroupMs,
    addresses,
  };
}
