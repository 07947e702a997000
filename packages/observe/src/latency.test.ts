// What is live has a latency, what is old is counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { LIVE_MS, Latency } from './latency.ts';

const NOW = 1_760_000_000_000;

test('a stage is observed in seconds while it is live, counted when it is old, left out without a time, and never negative', async () => {
  const registry = new Registry();
  const latency = new Latency(registry, ['log_to_signal', 'exchange_to_signal']);
  const other = new Latency(registry, ['ingest_to_log']);
  latency.note('log_to_signal', NOW - 40, NOW, NOW);
  latency.note('log_to_signal', NOW - LIVE_MS, NOW, NOW);
  latency.note('log_to_signal', NOW + 5_000, NOW, NOW);
  latency.note('log_to_signal', NOW - LIVE_MS - 1, NOW, NOW);
  latency.note('exchange_to_signal', NaN, NOW, NOW);
  other.note('ingest_to_log', NOW - 2_000, NOW, NOW);
  const lines = (await registry.metrics()).split('\n');
  for (const line of [
    'fillstream_latency_seconds_bucket{le="0.005",stage="log_to_signal"} 1', 'fillstream_latency_seconds_bucket{le="0.05",stage="log_to_signal"} 2',
    'fillstream_latency_seconds_bucket{le="300",stage="log_to_signal"} 3', 'fillstream_latency_seconds_count{stage="log_to_signal"} 3',
    'fillstream_latency_seconds_sum{stage="log_to_signal"} 300.04', 'fillstream_latency_not_live_total{stage="log_to_signal"} 1',
    'fillstream_latency_seconds_count{stage="exchange_to_signal"} 0', 'fillstream_latency_not_live_total{stage="exchange_to_signal"} 0',
    'fillstream_latency_seconds_sum{stage="ingest_to_log"} 2',
  ]) assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`);
});
