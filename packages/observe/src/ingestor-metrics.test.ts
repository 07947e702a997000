// What an ingestor's events and its standing become as metrics.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngestorMetrics, type IngestStanding } from './ingestor-metrics.ts';

const STANDING: IngestStanding = {
  addresses: [{ state: 'live', held: 0, queued: 3 }, { state: 'live', held: 0, queued: 4 }, { state: 'holding', held: 9, queued: 0 }],
  isSpilling: true, spillBytes: 700, spillLimitBytes: 9_000, isLeader: true, withoutRoom: 2, ticks: 5, sinceTickMs: 1_500,
  connections: { used: 3, limit: 10 }, connects: { used: 15, limit: 30 }, messages: { used: 0, limit: 2_000 }, weight: { used: 1_200, limit: 1_200 },
};

function linesOf(text: string): string[] {
  return text.split('\n');
}

test('events are counted by what has few values, and others not at all', async () => {
  const metrics = new IngestorMetrics({ standing: () => null });
  const address = '0xab';
  const events = [
    { kind: 'records', address, source: 'ws', records: 7 }, { kind: 'records', address, source: 'repair', records: 2 },
    { kind: 'connected', address }, { kind: 'disconnected', address, end: 'silent', detail: 'x' }, { kind: 'connected', address },
    { kind: 'disconnected', address, end: 'rotated', detail: 'x' }, { kind: 'connected', address },
    { kind: 'gap', address, from: 1, to: 2, cause: 'history', reason: 'x' }, { kind: 'gap', address, from: 1, to: 2, cause: 'crowded', reason: 'x' },
    { kind: 'repaired', address, reason: 'audit', records: 0, ms: 2_500 }, { kind: 'statusesUnasked', address, orders: 12 }, { kind: 'whatever' },
  ];
  for (const event of events) metrics.note(event);
  metrics.noteTick();
  const text = await metrics.registry.metrics();
  for (const line of [
    'fillstream_ingestor_records_total{source="ws"} 7', 'fillstream_ingestor_records_total{source="repair"} 2', 'fillstream_ingestor_records_total{source="snapshot"} 0',
    'fillstream_ingestor_disconnects_total{end="silent"} 1', 'fillstream_ingestor_reconnects_total 1', 'fillstream_ingestor_events_total{kind="gap"} 2',
    'fillstream_ingestor_gaps_total{reason="history"} 1', 'fillstream_ingestor_gaps_total{reason="crowded"} 1', 'fillstream_ingestor_gaps_total{reason="behind"} 0',
    'fillstream_ingestor_repairs_total{reason="audit"} 1', 'fillstream_ingestor_repair_duration_seconds_sum{reason="audit"} 2.5',
    'fillstream_ingestor_statuses_unasked_total 12', 'fillstream_ingestor_ticks_total 1',
    'fillstream_ingestor_events_total{kind="sinkFailed"} 0', 'fillstream_ingestor_queued_records 0',
  ]) assert.ok(linesOf(text).includes(line), `${line} in\n${text}`);
  assert.doesNotMatch(text, /0xab|whatever/);
});

test('records that became durable have a latency by stage, and what was not understood is counted', async () => {
  const metrics = new IngestorMetrics({ standing: () => null });
  const now = Date.now();
  metrics.noteDurable([
    { kind: 'fill', receivedAt: now, exchangeAt: now - 200 }, { kind: 'account', receivedAt: now, exchangeAt: NaN }, { kind: 'raw', receivedAt: now, exchangeAt: NaN },
    { kind: 'fill', receivedAt: now, exchangeAt: now - 3_600_000 },
  ]);
  const text = await metrics.registry.metrics();
  for (const line of [
    'fillstream_ingestor_raw_records_total 1', 'fillstream_latency_seconds_count{stage="ingest_to_log"} 4', 'fillstream_latency_seconds_sum{stage="exchange_to_ingest"} 0.2',
    'fillstream_latency_seconds_count{stage="exchange_to_ingest"} 1', 'fillstream_latency_not_live_total{stage="exchange_to_ingest"} 1',
  ]) assert.ok(linesOf(text).includes(line), `${line} in\n${text}`);
});

test('how it stands is asked at each scrape', async () => {
  let standing: IngestStanding | null = null;
  const metrics = new IngestorMetrics({ standing: () => standing });
  assert.ok(linesOf(await metrics.registry.metrics()).includes('fillstream_ingestor_addresses{state="live"} 0'));
  standing = STANDING;
  const text = await metrics.registry.metrics();
  for (const line of [
    'fillstream_ingestor_addresses{state="live"} 2', 'fillstream_ingestor_addresses{state="holding"} 1', 'fillstream_ingestor_queued_records 7',
    'fillstream_ingestor_held_records 9', 'fillstream_ingestor_spilling 1', 'fillstream_ingestor_leader 1', 'fillstream_ingestor_addresses_without_room 2',
    'fillstream_ingestor_tick_partitions 5', 'fillstream_ingestor_tick_age_seconds 1.5', 'fillstream_ingestor_spill_bytes 700', 'fillstream_ingestor_spill_limit_bytes 9000', 'fillstream_ingestor_limit_used_ratio{limit="connects"} 0.5', 'fillstream_ingestor_limit_used_ratio{limit="weight"} 1',
  ]) assert.ok(linesOf(text).includes(line), `${line} in\n${text}`);
});
