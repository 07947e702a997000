import type { Decimal } from './decimal.ts';

/** The settings of the fold, by the names and with the defaults of contract §7. Periods are milliseconds of stream time. */
export type Settings = {
  /** From the last change of an order whose quantity doesn't fit to its signal. */
  readonly graceMs: number;
  /** From the last fill of an order of quiet fills to its signal. */
  readonly quietMs: number;
  /** From the first unreported fill to the signal of an order without a terminal status. */
  readonly timeoutMs: number;
  /** How long a terminal status waits for the first fill. */
  readonly statusMs: number;
  /** From the last change to the end of a complete order. */
  readonly finishedMs: number;
  /** The same for an order of quiet fills without a terminal status. */
  readonly quietFinishedMs: number;
  /** The same for every other order. */
  readonly unfinishedMs: number;
  /** How many finished orders an address remembers. */
  readonly memory: number;
  /** How far before its first record an address's history still is news. */
  readonly startBehindMs: number;
  /** Whether a fill after its leg's signal makes a revision. */
  readonly lateFills: 'revise' | 'drop';
  /** USD: a notional below it is `small`. */
  readonly smallBelow: Decimal;
  /** USD: a notional below it is `medium`, else `large`. */
  readonly mediumBelow: Decimal;
};

export const DEFAULT_SETTINGS: Settings = {
  graceMs: 5_000,
  quietMs: 2_000,
  timeoutMs: 300_000,
  statusMs: 600_000,
  finishedMs: 600_000,
  quietFinishedMs: 3_600_000,
  unfinishedMs: 2_592_000_000,
  memory: 2_048,
  startBehindMs: 300_000,
  lateFills: 'revise',
  smallBelow: { units: 10_000n, scale: 0 },
  mediumBelow: { units: 100_000n, scale: 0 },
};
