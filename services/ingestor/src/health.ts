// Whether an ingestor is well: what it takes becomes durable, and it watches what it was given.

import type { FeedStatus } from '@fillstream/hyperliquid/live';
import type { RosterStatus } from './roster.ts';

/** Records become durable several times a second while any come. */
const STUCK_MS = 60_000;
/** The group answers about once a second. */
const SILENT_MS = 15_000;
/** Time is told once a second, unless records wait. */
const TICK_MS = 30_000;

export type IngestorHealth = {
  /** No record has waited for a minute without any being written. */
  readonly healthy: boolean;
  /** The group answers, all that it gave is watched, and its partitions are told the time; without addresses it stands by. */
  readonly ready: boolean;
  readonly isSpilling: boolean;
  readonly isLeader: boolean;
  readonly sinceGroupMs: number | null;
  /** 0 when it has no partition to tell the time. */
  readonly sinceTickMs: number;
  readonly addresses: readonly { readonly address: string; readonly state: string; readonly queued: number }[];
};

/** `durableAt` and `now` are `performance.now()`. */
export function healthOf(
  status: FeedStatus & RosterStatus & { readonly isSpilling: boolean; readonly sinceTickMs: number }, durableAt: number, now: number,
): IngestorHealth {
  const addresses = status.addresses.map(({ address, state, queued }) => ({ address, state, queued }));
  const sinceGroupMs = status.answeredAt === null ? null : Math.round(now - status.answeredAt);
  return {
    healthy: addresses.every(({ queued }) => queued === 0) || now - durableAt < STUCK_MS,
    ready: sinceGroupMs !== null && sinceGroupMs < SILENT_MS && status.sinceTickMs < TICK_MS && !status.isSpilling && addresses.every(({ state }) => state === 'live'),
    isSpilling: status.isSpilling,
    isLeader: status.isLeader,
    sinceGroupMs,
    sinceTickMs: status.sinceTickMs,
    addresses,
  };
}
