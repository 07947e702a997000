// The points at which `crash-points.ts` can end a processor, in the order of a take-over and of a commit.

export const CRASH_POINTS = [
  'claimed', 'fence begun', 'fenced', 'offsets read', 'resetting', 'reset', 'inside a replay', 'inside a rebuild',
  'prefetched', 'transaction begun', 'sending', 'sent', 'all sent', 'sending offsets', 'offsets sent', 'committing', 'committed',
  'writing a checkpoint', 'checkpoint written',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What a process says before it ends at a point. */
export const CRASHED = 'crashed at:';
