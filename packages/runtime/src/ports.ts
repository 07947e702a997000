// The two ports of the partition loop, EventLog and StateStore: the log decides, the store remembers.
//
// Each has a memory twin beside it and a contract suite in contract/, which every adapter passes.

import type { Address, Counts, Input, Lack, Oid, RefusalReason, Signal } from '@fillstream/core';
import type { HistoryPoint, Position, Run } from './history.ts';

/** An operational failure of a port. `retryable`: taking over anew may mend it. */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly code: 'fenced' | 'unknown-outcome' | 'unknown-position' | 'log-broken' | 'log-full' | 'store-broken' | 'in-use' | 'mismatch';
  readonly retryable: boolean;

  constructor(code: PortError['code'], message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

// ---- EventLog

/** One topic that the loop reads. Topics of the same clock share one greatest receivedAt. */
export type InputTopic = { readonly name: string; readonly clock: number };

/** One record of an input topic. */
export type LogRecord = {
  /** Index into `EventLog.inputs`. */
  readonly topic: number;
  readonly offset: number;
  /** The topic's position once this record is behind. */
  readonly next: number;
  readonly input: Input;
  /** The record as it came, for the quarantine: text, a body of its topic, or bytes that are no body. */
  readonly original: string | Uint8Array | { readonly bytes: Uint8Array };
};

/** A record for the quarantine topic. */
export type Refused = { readonly reason: RefusalReason; readonly record: LogRecord };

/** What one commit to the log holds: it becomes visible as a whole, or not at all. */
export type Commit = {
  readonly from: HistoryPoint;
  readonly to: HistoryPoint;
  /** The order in which the topics' records were applied. */
  readonly merge: readonly Run[];
  /** The greatest receivedAt of each clock, as far as it has been moved. */
  readonly clocks: readonly number[];
  readonly signals: readonly Signal[];
  readonly refused: readonly Refused[];
  /** What an ingestor may look for. */
  readonly lacks: readonly Lack[];
  /** Past the end of a bounded log: visible, but no part of history; the next start does it again. */
  readonly afterEnd: boolean;
};

export type Taken =
  | { readonly kind: 'records'; readonly records: readonly LogRecord[] }
  /** Nothing came for a while. */
  | { readonly kind: 'idle' }
  /** A bounded log has no more. */
  | { readonly kind: 'ended' };

/** A committed stretch of history, as it was decided: its records in the recorded merge. */
export type Replayed = { readonly records: readonly LogRecord[]; readonly commit: Pick<Commit, 'to' | 'clocks'> };

export interface EventLog {
  readonly inputs: readonly InputTopic[];
  /**
   * Resolves when this process is the one that should have the partition: at once where nobody else can have it, else when
   * the group has said so since the last take-over. Throws PortError `fenced` when it went to another.
   */
  assigned(partition: number): Promise<void>;
  /**
   * Takes over a partition: fences whoever had it, then reads what is committed.
   * Throws PortError.
   */
  open(partition: number): Promise<PartitionLog>;
}

export interface PartitionLog {
  /** Where history begins. */
  readonly start: HistoryPoint;
  /** Where committed history ended when this was opened; `start` when nothing was committed. */
  readonly committed: HistoryPoint;
  /** The next records after `committed`, at most `limit`, in the order in which they are to be applied. */
  take(limit: number): Promise<Taken>;
  /** Resolves when the commit is decided. Any PortError leaves the outcome unknown: open anew. */
  commit(commit: Commit): Promise<void>;
  /**
   * Committed history from the end of one of its commits, or from the start, to `committed`: commit by commit.
   * Throws PortError, `unknown-position` when no commit ends at `from`.
   */
  replay(from: Position): AsyncIterable<Replayed>;
  close(): Promise<void>;
}

// ---- StateStore

/** Who may write a partition's state. A later claim makes an earlier owner's calls refused. */
export type Owner = { readonly partition: number; readonly token: string };

/** Why a store didn't do what it was asked; nothing was changed. */
export type Refusal = {
  readonly kind: 'refused';
  /** `gone`: something that should be on record isn't, and the store can't be trusted. */
  readonly why: 'another owner' | 'another checkpoint' | 'gone';
};

export type OrderKey = { readonly address: Address; readonly oid: Oid };

/** What a checkpoint says of the whole partition. */
export type CheckpointHead = {
  readonly at: HistoryPoint;
  readonly clocks: readonly number[];
  readonly counts: Counts;
};

export type StoredState =
  | { readonly kind: 'missing' }
  /** A rebuild began and didn't end, or the store's own audit failed. */
  | { readonly kind: 'void'; readonly why: string }
  | {
      readonly kind: 'checkpoint';
      readonly head: CheckpointHead;
      readonly orders: readonly (OrderKey & { readonly deadline: number })[];
    };

/** One part of what is kept of an address: 0 its profile, the others chunks of its memory. */
export type AddressPart = { readonly address: Address; readonly part: number; readonly body: string };

export type Fetched = {
  readonly kind: 'fetched';
  readonly orders: readonly (OrderKey & { readonly body: string })[];
  readonly parts: readonly AddressPart[];
};

export type Checkpoint = {
  readonly head: CheckpointHead;
  /** Orders changed since the checkpoint before; without a body: no longer on record. `deadline`: see Order. */
  readonly orders: readonly (OrderKey & { readonly deadline: number; readonly body: string | null })[];
  readonly parts: readonly (Omit<AddressPart, 'body'> & { readonly body: string | null })[];
};

export interface StateStore {
  /** Makes the caller the owner. Throws PortError. */
  claim(partition: number): Promise<Owner>;
  /** What is remembered, audited. */
  read(owner: Owner): Promise<StoredState | Refusal>;
  /** Reads orders and whole addresses of the checkpoint `at`; refused when the owner or the checkpoint is another, or an order is gone. */
  prefetch(owner: Owner, at: HistoryPoint, orders: readonly OrderKey[], addresses: readonly Address[]): Promise<Fetched | Refusal>;
  /** Replaces checkpoint `before` by the next; repeating a call that was carried out changes nothing. */
  checkpoint(owner: Owner, before: HistoryPoint, next: Checkpoint): Promise<{ readonly kind: 'written' } | Refusal>;
  /** Forgets all, in a way that a crash in between is noticed, and sets an empty checkpoint at `start`. */
  reset(owner: Owner, start: CheckpointHead): Promise<{ readonly kind: 'reset' } | Refusal>;
}
