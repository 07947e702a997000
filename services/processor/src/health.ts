// Whether a processor is well: what it has makes progress, and is brought to the committed point.

import type { Standing } from '@fillstream/runtime';

/** A loop gets on several times a second, unless it waits for Kafka or Redis; where records wait, it commits as often. */
const STUCK_MS = 60_000;

export type ProcessorHealth = {
  /** No partition has stood still for a minute: its loop gets on, and where records wait some are committed. */
  readonly healthy: boolean;
  /** It is a member of the group, and works on all that it has; without partitions it stands by. */
  readonly ready: boolean;
  /** Since the group last answered; null before it did. */
  readonly sinceGroupMs: number | null;
  readonly partitions: readonly PartitionHealth[];
};

export type PartitionHealth = Omit<Standing, 'progressAt'> & {
  readonly partition: number;
  readonly sinceProgressMs: number;
  /** For how long records have waited without a commit; 0 when none wait, or none are known to. */
  readonly stalledMs: number;
};

/** Times are `performance.now()`. */
export type HealthFacts = {
  /** When the group last answered; null before it did. */
  readonly answeredAt: number | null;
  /** For how long it may be silent: then it has given its partitions to others. */
  readonly silentMs: number;
  readonly standings: ReadonlyMap<number, Standing>;
  /** By partition; those that aren't named make no one wait. */
  readonly stalledMs: ReadonlyMap<number, number>;
};

/** `now` is `performance.now()`. */
export function healthOf({ answeredAt, silentMs, standings, stalledMs }: HealthFacts, now: number): ProcessorHealth {
  const partitions = Array.from(standings, ([partition, { stage, progressAt, replayed }]) => ({
    partition, stage, sinceProgressMs: Math.round(now - progressAt), stalledMs: stage === 'working' ? Math.round(stalledMs.get(partition) ?? 0) : 0, replayed,
  }));
  const sinceGroupMs = answeredAt === null ? null : Math.round(now - answeredAt);
  return {
    healthy: partitions.every((each) => each.sinceProgressMs < STUCK_MS && each.stalledMs < STUCK_MS),
    ready: sinceGroupMs !== null && sinceGroupMs < silentMs && partitions.every(({ stage }) => stage === 'working'),
    sinceGroupMs,
    partitions,
  };
}
