// The settings of contract §7 with their defaults; periods are in milliseconds.

export type Settings = {
  readonly graceMs: number;
  readonly quietMs: number;
  readonly timeoutMs: number;
  readonly statusMs: number;
  readonly finishedMs: number;
  readonly quietFinishedMs: number;
  readonly unfinishedMs: number;
  readonly memory: number;
  readonly startBehindMs: number;
  readonly lateFills: 'revise' | 'drop';
  readonly smallBelow: number | string;
  readonly mediumBelow: number | string;
};

export const DEFAULTS: Settings = {
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
  smallBelow: 10_000,
  mediumBelow: 100_000,
};
