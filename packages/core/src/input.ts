// What the fold takes in: records whose shape has been checked (contract §1, §2). Made by a parser at the edge.
//
// N1  Addresses are lower-case `0x` + 40 hex digits. Times are milliseconds since the epoch, 1e12 to 1e13.
// N2  Whatever can't be read is an input too: it moves time, is counted and refused, and never disappears.

import type { Decimal } from './decimal.ts';

declare const brand: unique symbol;
/** A checked address (N1). */
export type Address = string & { readonly [brand]: 'Address' };
/** An order id: a safe integer >= 0. */
export type Oid = number & { readonly [brand]: 'Oid' };

/** B buys, A sells. */
export type Side = 'B' | 'A';

/** One fill as the exchange reported it. Amounts in the coin's units, `px` in USD a unit, `fee` in `feeToken`. */
export type Fill = {
  readonly coin: string;
  readonly px: Decimal;
  readonly sz: Decimal;
  readonly side: Side;
  readonly time: number;
  readonly startPosition: Decimal;
  readonly dir: string;
  readonly oid: Oid;
  readonly closedPnl: Decimal;
  readonly fee: Decimal;
  readonly feeToken: string;
  /** 0 when the exchange gave none. */
  readonly tid: number;
  readonly hash: string | null;
  readonly cloid: string | null;
  readonly twapId: number | null;
  /** Lower-cased; null when the fill carries no liquidation object. */
  readonly liquidatedUser: string | null;
};

/** One order update as the exchange reported it, reduced to what decides about fills. */
export type OrderUpdate = {
  readonly oid: Oid;
  readonly status: string;
  readonly statusTimestamp: number;
  readonly sz: Decimal;
  readonly origSz: Decimal;
  readonly reduceOnly: boolean;
};

/** Why a record is refused, in the order in which it is checked (contract §2). */
export const REFUSAL_REASONS = ['malformed', 'bad-address', 'unknown-dir', 'dir-contradiction', 'conflict', 'late'] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The kinds of records of a journal (contract §1). */
export type RecordKind = 'fill' | 'orderUpdate' | 'account' | 'tick';

export type Input =
  | {
      readonly kind: 'fill';
      readonly address: Address;
      readonly receivedAt: number;
      /** The display name; the coin when the ingestor knew none. */
      readonly symbol: string;
      readonly fill: Fill;
    }
  | { readonly kind: 'orderUpdate'; readonly address: Address; readonly receivedAt: number; readonly update: OrderUpdate }
  | {
      readonly kind: 'account';
      readonly address: Address;
      readonly receivedAt: number;
      readonly time: number;
      /** USD. */
      readonly accountValue: Decimal;
    }
  | { readonly kind: 'tick'; readonly receivedAt: number }
  /** A fill that is no trade (contract §3): nothing of it but its address was looked at. */
  | { readonly kind: 'noTrade'; readonly address: Address; readonly receivedAt: number }
  | {
      readonly kind: 'unusable';
      readonly reason: 'malformed' | 'bad-address';
      /** null when no usable time could be read. */
      readonly receivedAt: number | null;
      /** The record's kind when it was readable (not malformed), else null. */
      readonly record: RecordKind | null;
    };
