import type { Address, Oid } from './input.ts';
import type { FinishedMemory } from './memory.ts';
import type { Order, Wait } from './order.ts';
import type { Decimal } from './decimal.ts';

/** On record, but not in memory: a store has it. */
export type Absent = { readonly kind: 'absent' };
/** No longer on record. */
export type Gone = { readonly kind: 'gone' };

export const ABSENT: Absent = { kind: 'absent' };
export const GONE: Gone = { kind: 'gone' };

/** The place of one order in its partition. */
export type Slot = {
  readonly address: Address;
  readonly oid: Oid;
  order: Order | Absent | Gone;
  /** The deadline of its valid timer entry; Infinity without one (see Timers). */
  queuedAt: number;
  /** Changed since the changes were last taken. */
  changed: boolean;
  /** What it was counted as; `absent` while only a store knows. */
  wait: Wait | 'absent';
};

/** What is kept of an address for ever (contract §7). */
export type Profile = {
  /** Times at or before it are history for an unknown order; null before the first record. */
  horizon: number | null;
  /** The snapshot of the greatest time. */
  account: { readonly time: number; readonly value: Decimal } | null;
  readonly memory: FinishedMemory;
  changed: boolean;
};

/** One address of a partition; `profile` is null while only a store has it. */
export type Account = {
  readonly address: Address;
  profile: Profile | null;
  readonly orders: Map<Oid, Slot>;
};
