// What the events of a loop, and how a processor stands, become as metrics.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS, parseDecimal, type Address, type Input, type Oid } from '@fillstream/core';
import { MemoryLog, MemoryStore, PartitionLoop, PortError } from '@fillstream/runtime';
import { ProcessorMetrics } from './processor-metrics.ts';
import type { ProcessorStanding } from './processor-gauges.ts';

const ADDRESS = `0x${'ab'.repeat(20)}` as Address;
const TOPICS = ['fills', 'order-updates'];

function fillAt(oid: number, at: number, tid = oid): Input {
  const fill = {
    coin: 'BTC', px: parseDecimal('100'), sz: parseDecimal('1'), side: 'B', time: at - 100, startPosition: parseDecimal('0'), dir: 'Open Long', oid: oid as Oid,
    closedPnl: parseDecimal('0'), fee: parseDecimal('0'), feeToken: 'USDC', tid, hash: null, cloid: null, twapId: null, liquidatedUser: null,
  } as const;
  return { kind: 'fill', address: ADDRESS, receivedAt: at, symbol: 'BTC', fill };
}

function filledAt(oid: number, at: number): Input {
  const update = { oid: oid as Oid, status: 'filled', statusTimestamp: at - 100, sz: parseDecimal('0'), origSz: parseDecimal('1'), reduceOnly: false };
  return { kind: 'orderUpdate', address: ADDRESS, receivedAt: at, update };
}

/** A loop over these records of one topic, from its take-over to their end. */
async function folded(metrics: ProcessorMetrics, inputs: readonly Input[]): Promise<void> {
  const log = new MemoryLog({ inputs: [{ name: 'fills', clock: 0 }], bounded: true });
  for (const input of inputs) log.append(0, 0, input, '');
  const loop = new PartitionLoop({
    partition: 0, log, store: new MemoryStore(), settings: DEFAULT_SETTINGS, tallies: true, onEvent: (event) => metrics.note(event),
  });
  await loop.run();
}

async function assertHas(metrics: ProcessorMetrics, lines: readonly string[]): Promise<void> {
  const text = await metrics.registry.metrics();
  for (const line of lines) assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
}

test('what a loop commits is counted by its kind, and by what it changed', async () => {
  const metrics = new ProcessorMetrics({ topics: TOPICS });
  const now = Date.now();
  await folded(metrics, [
    fillAt(1, now), fillAt(1, now), filledAt(1, now), filledAt(1, now), fillAt(2, now),
    { kind: 'tick', receivedAt: now }, { kind: 'unusable', reason: 'malformed', receivedAt: null, record: null },
    { kind: 'unusable', reason: 'bad-address', receivedAt: now, record: 'fill' },
  ]);
  await assertHas(metrics, [
    'fillstream_records_total{topic="fills",kind="fill"} 4', 'fillstream_records_total{topic="fills",kind="order_update"} 2',
    'fillstream_records_total{topic="fills",kind="tick"} 1', 'fillstream_records_total{topic="fills",kind="raw"} 1', 'fillstream_records_total{topic="order-updates",kind="fill"} 0',
    'fillstream_ignored_records_total{why="duplicates"} 1', 'fillstream_ignored_records_total{why="duplicateUpdates"} 1', 'fillstream_ignored_records_total{why="stale"} 0',
    'fillstream_quarantined_total{reason="malformed"} 1', 'fillstream_quarantined_total{reason="bad-address"} 1', 'fillstream_quarantined_total{reason="late"} 0',
    'fillstream_signals_total{trigger="complete"} 1', 'fillstream_signals_total{trigger="timeout"} 1', 'fillstream_revisions_total 0',
    'fillstream_take_overs_total{how="rebuilt"} 1', 'fillstream_take_over_duration_seconds_count{how="rebuilt"} 1', 'fillstream_state_losses_total{why="missing"} 0',
    'fillstream_latency_seconds_count{stage="exchange_to_ingest"} 5', 'fillstream_latency_seconds_bucket{le="0.1",stage="exchange_to_ingest"} 5',
    'fillstream_latency_seconds_count{stage="exchange_to_signal"} 1', 'fillstream_latency_not_live_total{stage="exchange_to_signal"} 0',
    'fillstream_commit_duration_seconds_count{phase="checkpoint"} 1',
  ]);
});

test('what is read long after it came has no latency', async () => {
  const metrics = new ProcessorMetrics({ topics: TOPICS });
  const then = Date.now() - 3_600_000;
  await folded(metrics, [fillAt(1, then), filledAt(1, then)]);
  await assertHas(metrics, [
    'fillstream_latency_seconds_count{stage="exchange_to_ingest"} 0', 'fillstream_latency_seconds_count{stage="log_to_signal"} 0',
    'fillstream_latency_not_live_total{stage="exchange_to_ingest"} 2', 'fillstream_latency_not_live_total{stage="log_to_signal"} 1',
  ]);
});

test('a failure is counted by its code', async () => {
  const metrics = new ProcessorMetrics({ topics: TOPICS, kafkaErrors: ['answer'], redisErrors: ['oom'] });
  metrics.note({ kind: 'interrupted', partition: 0, error: new PortError('fenced', 'x', { retryable: true }) });
  metrics.note({ kind: 'interrupted', partition: 0, error: new PortError('store-broken', 'x', { retryable: true }) });
  metrics.noteKafkaError('answer');
  metrics.noteRedisError('oom');
  metrics.noteJoined(1_500);
  await assertHas(metrics, [
    'fillstream_interruptions_total 2', 'fillstream_kafka_errors_total{kind="fenced"} 1', 'fillstream_kafka_errors_total{kind="answer"} 1', 'fillstream_redis_errors_total{kind="oom"} 1',
    'fillstream_rebalances_total 1', 'fillstream_rebalance_duration_seconds_sum 1.5',
  ]);
});

test('how it stands is asked at each scrape, and a partition that it has no more is gone', async () => {
  let standing: ProcessorStanding | null = {
    partitionCount: 12,
    partitions: [
      { partition: 3, stage: 'working', sinceProgressMs: 250, holdings: { streamTime: 1_760_000_000_500, soonestDeadline: 1_760_000_002_000, waits: { parked: 1, grace: 0, quiet: 0, timeout: 4, reported: 2, absent: 9 } } },
      { partition: 5, stage: 'taking over', sinceProgressMs: 70_000, holdings: null },
    ],
    lags: [{ topic: 'fills', partition: 3, records: 7, ageMs: 1_500, unstable: null }, { topic: 'signals', partition: 3, records: null, ageMs: null, unstable: 2 }],
    retention: new Map([['fills', null], ['signals', 86_400_000]]),
    redis: { memoryBytes: 5_000, limitBytes: null, evictedKeys: 3 },
  };
  const metrics = new ProcessorMetrics({ topics: TOPICS, standing: () => standing });
  await assertHas(metrics, [
    'fillstream_topic_partitions 12', 'fillstream_assigned_partitions 2', 'fillstream_rebuilding_partitions 1', 'fillstream_partition_progress_age_seconds{partition="5"} 70',
    'fillstream_pending_orders{state="timeout"} 4', 'fillstream_pending_orders{state="grace"} 0', 'fillstream_pending_orders{state="absent"} 9',
    'fillstream_stream_time_seconds{partition="3"} 1760000000.5', 'fillstream_oldest_deadline_seconds{partition="3"} 1760000002',
    'fillstream_consumer_lag_records{topic="fills",partition="3"} 7', 'fillstream_consumer_lag_seconds{topic="fills",partition="3"} 1.5',
    'fillstream_last_stable_offset_lag_records{topic="signals",partition="3"} 2', 'fillstream_topic_retention_seconds{topic="fills"} +Inf', 'fillstream_topic_retention_seconds{topic="signals"} 86400',
    'fillstream_redis_evicted_keys 3', 'fillstream_redis_memory_bytes 5000', 'fillstream_redis_memory_max_bytes 0',
  ]);
  const text = await metrics.registry.metrics();
  assert.doesNotMatch(text, /stream_time_seconds\{partition="5"\}|lag_records\{topic="signals",partition="3"\} 0/);
  standing = { ...standing, partitions: [], lags: [], redis: null };
  const after = await metrics.registry.metrics();
  assert.doesNotMatch(after, /partition="3"|redis_evicted_keys \d/);
  assert.ok(after.split('\n').includes('fillstream_assigned_partitions 0'));
});
