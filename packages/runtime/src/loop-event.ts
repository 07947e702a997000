// What a loop tells of itself: events as they come, and where it is when it is asked.

import type { Counts, Waits } from '@fillstream/core';
import type { HistoryPoint } from './history.ts';
import type { Commit } from './ports.ts';
import type { Owned } from './take-over.ts';
import type { Tally } from './tally.ts';

export type LoopEvent =
  | {
      readonly kind: 'takenOver';
      readonly partition: number;
      readonly how: Owned['how'];
      readonly replayed: number;
      readonly lost: Owned['lost'];
      readonly at: HistoryPoint;
      /** What had been counted in it. */
      readonly counts: Counts;
      readonly ms: number;
    }
  | {
      readonly kind: 'committed';
      readonly partition: number;
      readonly commit: Commit;
      readonly streamTime: number;
      /** null unless asked for, and of what fires past the end of a bounded log. */
      readonly tally: Tally | null;
      /** Milliseconds of the steps that led to it. */
      readonly took: { readonly prefetch: number; readonly decide: number; readonly commit: number };
    }
  | { readonly kind: 'checkpointed'; readonly partition: number; readonly ms: number }
  | { readonly kind: 'interrupted'; readonly partition: number; readonly error: Error };

/** What a loop holds. Times are stream time; -Infinity before the first record, Infinity: there is none. */
export type Holdings = { readonly streamTime: number; readonly soonestDeadline: number; readonly waits: Readonly<Waits> };

/** Where a loop is. */
export type Standing = {
  /** `taking over` until memory is at the committed point, and again after a failure. */
  readonly stage: 'taking over' | 'working';
  /** When it last got on, by `performance.now()`: a turn without records counts, as nothing is held up. */
  readonly progressAt: number;
  /** Records replayed by the take-over, so far. */
  readonly replayed: number;
};
