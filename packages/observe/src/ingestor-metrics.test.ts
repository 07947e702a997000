// What an ingestor's events and its standing become as metrics.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngestorMetrics, type IngestStanding } from './ingestor-metrics.ts';

const STANDING: IngestStanding = {
  addresses: [{ state: 'live', held: 0, queued: 3 }, { state: 'live', held: 0, queued: 4 }, { state: 'holding', held: 9, queued: 0 }],
  isSpilling: true, isLeader: true, withoutRoom: 2, ticks: 5,
  connections: { used: 3, limit: 10 }, connects: { used: 15, limit: 30 }, messages: { used: 0, limit: 2_000 }, weight: { used: 1_200, limit: 1_200 },
};

function linesOf(text: string): string[] {
  return text.split('\n');
}

test('events are counted by what has few values, and others not at all', async () => {
  const metrics = new IngestorMetrics(() => null);
  const events = [
    { kind: 'records', address: '0xab', source: 'ws', records: 7 }, { kind: 'records', address: '0xab', source: 'repair', records: 2 },
    { kind: 'disconnected', address: '0xab', end: 'silent', detail: 'x' }, { kind: 'gap', address: '0xab', from: 1, to: 2, reason: 'x' }, { kind: 'whatever' },
  ];
  for (const event of events) metrics.note(event);
  const text = await metrics.registry.metrics();
  for (const line of [
    'fillstream_ingestor_records_total{source="ws"} 7', 'fillstream_ingestor_records_total{source="repair"} 2',
    'fillstream_ingestor_disconnects_total{end="silent"} 1', 'fillstream_ingestor_events_total{kind="gap"} 1',
    'fillstream_ingestor_events_total{kind="sinkFailed"} 0', 'fillstream_ingestor_queued_records 0',
  ]) assert.ok(linesOf(text).includes(line), `${line} in\n${text}`);
  assert.doesNotMatch(text, /0xab|whatever/);
});

test('how it stands is asked at each scrape', async () => {
  let standing: IngestStanding | null = null;
  const metrics = new IngestorMetrics(() => standing);
  assert.ok(linesOf(await metrics.registry.metrics()).includes('fillstream_ingestor_addresses{state="live"} 0'));
  standing = STANDING;
  const text = await metrics.registry.metrics();
  for (const line of [
    'fillstream_ingestor_addresses{state="live"} 2', 'fillstream_ingestor_addresses{state="holding"} 1', 'fillstream_ingestor_queued_records 7',
    'fillstream_ingestor_held_records 9', 'fillstream_ingestor_spilling 1', 'fillstream_ingestor_leader 1', 'fillstream_ingestor_addresses_without_room 2',
    'fillstream_ingestor_tick_partitions 5', 'fillstream_ingestor_limit_used_ratio{limit="connects"} 0.5', 'fillstream_ingestor_limit_used_ratio{limit="weight"} 1',
  ]) assert.ok(linesOf(text).includes(line), `${line} in\n${text}`);
});
