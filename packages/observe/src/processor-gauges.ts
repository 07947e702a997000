// How a processor stands, as gauges that are asked at each scrape.

import type { Holdings, Standing } from '@fillstream/runtime';
import type { Registry } from 'prom-client';
import { asked, type Told } from './registry.ts';

/** As far as it is shown here. */
export type ProcessorStanding = {
  /** Of each topic. */
  readonly partitionCount: number;
  readonly partitions: readonly PartitionStanding[];
  readonly lags: readonly TopicLag[];
  /** By topic (ms); null: for good. */
  readonly retention: ReadonlyMap<string, number | null>;
  /** null as long as it isn't known. */
  readonly redis: { readonly memoryBytes: number; readonly limitBytes: number | null; readonly evictedKeys: number } | null;
};

export type PartitionStanding = {
  readonly partition: number;
  readonly stage: Standing['stage'];
  readonly sinceProgressMs: number;
  /** null while it isn't at the committed point. */
  readonly holdings: Holdings | null;
};

/** null: not known, or not to be had of this topic. */
export type TopicLag = {
  readonly topic: string;
  readonly partition: number;
  readonly records: number | null;
  readonly ageMs: number | null;
  readonly unstable: number | null;
};

const MS = 1_000;
/** As a metric's label: what an order waits for. */
const STATES = ['parked', 'grace', 'quiet', 'timeout', 'reported', 'absent'] as const satisfies readonly (keyof Holdings['waits'])[];

export function addProcessorGauges(registry: Registry, standing: () => ProcessorStanding | null): void {
  addWork(registry, standing);
  addTime(registry, standing);
  addLag(registry, standing);
  addRedis(registry, standing);
}

type Ask = () => ProcessorStanding | null;

function addWork(registry: Registry, standing: Ask): void {
  const partitions = (): readonly PartitionStanding[] => standing()?.partitions ?? [];
  asked(registry, 'fillstream_topic_partitions', 'Partitions of each topic.', [], () => one(standing()?.partitionCount ?? null));
  asked(registry, 'fillstream_assigned_partitions', 'Partitions that this process has.', [], () => one(partitions().length));
  asked(registry, 'fillstream_rebuilding_partitions', 'Of them, those that are being taken over.', [], () => one(partitions().filter(({ stage }) => stage === 'taking over').length));
  asked(registry, 'fillstream_partition_progress_age_seconds', 'Since the loop of a partition last got on.', ['partition'], () => (
    partitions().map(({ partition, sinceProgressMs }) => ({ labels: [partition], value: sinceProgressMs / MS }))
  ));
  asked(registry, 'fillstream_pending_orders', 'Orders on record, by what they wait for.', ['state'], () => STATES.map((state) => (
    { labels: [state], value: partitions().reduce((sum, { holdings }) => sum + (holdings?.waits[state] ?? 0), 0) }
  )));
}

function addTime(registry: Registry, standing: Ask): void {
  const each = (value: (holdings: Holdings) => number) => (): Told[] => (standing()?.partitions ?? []).flatMap(({ partition, holdings }) => {
    const told = holdings === null ? NaN : value(holdings);
    return Number.isFinite(told) ? [{ labels: [partition], value: told / MS }] : [];
  });
  asked(registry, 'fillstream_stream_time_seconds', 'Stream time of a partition, since the epoch.', ['partition'], each(({ streamTime }) => streamTime));
  asked(registry, 'fillstream_stream_time_delay_seconds', 'How far stream time is behind the clock.', ['partition'], each(({ streamTime }) => Date.now() - streamTime));
  asked(registry, 'fillstream_oldest_deadline_seconds', 'The stream time at which the next order of a partition has its say, at the earliest.', ['partition'], each(({ soonestDeadline }) => soonestDeadline));
}

function addLag(registry: Registry, standing: Ask): void {
  const each = (value: (lag: TopicLag) => number | null) => (): Told[] => (standing()?.lags ?? []).flatMap((lag) => {
    const told = value(lag);
    return told === null ? [] : [{ labels: [lag.topic, lag.partition], value: told }];
  });
  const labels = ['topic', 'partition'];
  asked(registry, 'fillstream_consumer_lag_records', 'Input records that are not committed.', labels, each(({ records }) => records));
  asked(registry, 'fillstream_consumer_lag_seconds', 'How old the oldest of them is; 0 when there is none.', labels, each(({ ageMs }) => (ageMs === null ? null : ageMs / MS)));
  asked(registry, 'fillstream_last_stable_offset_lag_records', 'What stands behind the first open transaction.', labels, each(({ unstable }) => unstable));
  asked(registry, 'fillstream_topic_retention_seconds', 'How long a topic keeps its records; +Inf: for good.', ['topic'], () => (
    Array.from(standing()?.retention ?? [], ([topic, ms]) => ({ labels: [topic], value: ms === null ? Infinity : ms / MS }))
  ));
}

function addRedis(registry: Registry, standing: Ask): void {
  asked(registry, 'fillstream_redis_evicted_keys', 'Keys that Redis has dropped since it was started; each was state.', [], () => one(standing()?.redis?.evictedKeys ?? null));
  asked(registry, 'fillstream_redis_memory_bytes', 'Memory of the Redis that has the state.', [], () => one(standing()?.redis?.memoryBytes ?? null));
  asked(registry, 'fillstream_redis_memory_max_bytes', 'Its limit; 0: none.', [], () => {
    const redis = standing()?.redis ?? null;
    return one(redis === null ? null : redis.limitBytes ?? 0);
  });
}

function one(value: number | null): Told[] {
  return value === null ? [] : [{ value }];
}
