// What the feed tells of itself, as values: who listens makes lines and metrics of them.

import type { GapCause } from './history.ts';
import type { Source } from './ports.ts';

/** Why an address is repaired. */
export type RepairReason = 'connected' | 'bad-frame' | 'held-overflow' | 'asked' | 'audit';

export type ConnectionEnd =
  /** A clean close by the exchange, 1000 "Expired" for one. */
  | 'closed'
  | 'cut'
  /** Half-open: nothing heard for `silenceMs`. */
  | 'silent'
  | 'unreachable'
  /** A subscription was refused, or not acknowledged in time. */
  | 'not-subscribed'
  | 'bad-frames'
  | 'rotated'
  | 'stopped';

export type SinkCall = 'append' | 'saveProgress' | 'gap' | 'progress';

export type LiveEvent =
  | { readonly kind: 'connected'; readonly address: string }
  | { readonly kind: 'disconnected'; readonly address: string; readonly end: ConnectionEnd; readonly detail: string }
  | { readonly kind: 'repairStarted'; readonly address: string; readonly reason: RepairReason }
  | { readonly kind: 'repaired'; readonly address: string; readonly reason: RepairReason; readonly records: number; readonly ms: number }
  /** It is done again after a while. */
  | { readonly kind: 'repairFailed'; readonly address: string; readonly reason: RepairReason; readonly detail: string }
  | { readonly kind: 'gap'; readonly address: string; readonly from: number; readonly to: number; readonly cause: GapCause; readonly reason: string }
  /** Orders of a repair whose status was not asked for: they were too many. */
  | { readonly kind: 'statusesUnasked'; readonly address: string; readonly orders: number }
  | { readonly kind: 'badFrame'; readonly address: string; readonly detail: string }
  /** A channel, or a row, that isn't known; handed over raw. */
  | { readonly kind: 'unknownFrame'; readonly address: string; readonly detail: string }
  | { readonly kind: 'errorFrame'; readonly address: string; readonly detail: string }
  | { readonly kind: 'unknownCoin'; readonly coin: string }
  | { readonly kind: 'requestFailed'; readonly request: string; readonly detail: string; readonly attempt: number }
  | { readonly kind: 'throttled'; readonly request: string }
  | { readonly kind: 'overCapacity'; readonly address: string; readonly capacity: number }
  | { readonly kind: 'repairRefused'; readonly address: string; readonly oid: number; readonly why: 'not-watched' | 'too-many' }
  | { readonly kind: 'paused' | 'resumed'; readonly address: string }
  | { readonly kind: 'sinkFailed'; readonly address: string; readonly call: SinkCall; readonly detail: string }
  | { readonly kind: 'records'; readonly address: string; readonly source: Source; readonly records: number }
  /** Left out: rejections without a fill, or what is known to be on its way to the sink already. */
  | { readonly kind: 'leftOut'; readonly address: string; readonly why: 'rejection' | 'repeated'; readonly records: number };

export type OnEvent = (event: LiveEvent) => void;

/** An error's message in one line; what a request holds is never part of it. */
export function detailOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').slice(0, 300);
}
