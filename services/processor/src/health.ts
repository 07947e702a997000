// Whether a processor is well: what it has makes progress, and is brought to the committed point.

import type { Standing } from '@fillstream/runtime';

/** A loop gets on several times a second, unless it waits for Kafka or Redis. */
const STUCK_MS = 60_000;

export type ProcessorHealth = {
  /** No partition has stood still for a minute. */
  readonly healthy: boolean;
  /** It is a member of the group, and works on all that it has; without partitions it stands by. */
  readonly ready: boolean;
  readonly partitions: readonly (Omit<Standing, 'progressAt'> & { readonly partition: number; readonly sinceProgressMs: number })[];
};

/** `now` is `performance.now()`. */
export function healthOf(joined: boolean, standings: ReadonlyMap<number, Standing>, now: number): ProcessorHealth {
  const partitions = Array.from(standings, ([partition, { stage, progressAt, replayed }]) => (
    { partition, stage, sinceProgressMs: Math.round(now - progressAt), replayed }
  ));
  return {
    healthy: partitions.every(({ sinceProgressMs }) => sinceProgressMs < STUCK_MS),
    ready: joined && partitions.every(({ stage }) => stage === 'working'),
    partitions,
  };
}
