// What the services say of themselves while real records go through real servers: it has to be what happened.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCounts, noCounts, type Counts } from '@fillstream/core';
import { connectionOf } from '@fillstream/kafka';
import { RedisConnection, inspectPartition } from '@fillstream/redis';
import { encodeInput } from '@fillstream/schemas';
import { Installation, joinServers, type JoinedServers } from './cluster.ts';
import { folderFor, start, type Running } from './command.ts';
import { Ingestors } from './ingestor.ts';
import { SEED, marketLines, poisoned, writeLines } from './journals.ts';
import { addressOf, scraped, scrapedWhen, type Scrape } from './metrics.ts';

const PARTITIONS = 2;
const ADDRESS = `0x${'ab'.repeat(20)}`;
const WITH_HTTP = ['--http', '127.0.0.1:0'];

type World = { readonly servers: JoinedServers; readonly installation: Installation; readonly connection: RedisConnection; /** Without ticks. */ readonly imported: number };
let held: World | null = null;
let running: Running | null = null;

/** A market with poison between, on the topics. */
before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-metrics-'));
  try {
    const servers = await joinServers();
    const installation = new Installation(servers, 'metrics');
    const journal = join(folder, 'day.ndjson');
    const lines = poisoned(marketLines({ seed: SEED, addresses: 6, records: 1_500, shares: { statusMissing: 0.05, lateFills: 0.05 } }), 400);
    writeLines(journal, lines);
    await installation.createTopics(PARTITIONS);
    await installation.import([journal]);
    const connection = await RedisConnection.open({ nodes: [`127.0.0.1:${String(servers.redis.port)}`] });
    held = { servers, installation, connection, imported: lines.filter((line) => !line.startsWith('{"kind":"tick"')).length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

after(async () => {
  running?.kill('SIGKILL');
  await running?.ended;
  held?.connection.close();
  await held?.servers.close();
});

function world(): World {
  assert.ok(held !== null);
  return held;
}

/** Another processor in the place of the one that is at work, if any; resolves when all that is there is processed. */
async function restarted(...more: readonly string[]): Promise<string> {
  await ended();
  running = world().installation.processor(...WITH_HTTP, ...more);
  const url = await addressOf(running);
  await world().installation.drained(running);
  return url;
}

async function ended(): Promise<void> {
  running?.kill('SIGTERM');
  await running?.ended;
  running = null;
}

function zeros<T extends Record<string, number>>(counts: T): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** What the state says was counted, over all partitions, once a checkpoint has all of it. */
async function storedCounts(records: number): Promise<Counts> {
  const { connection, installation } = world();
  for (;;) {
    const sum = noCounts();
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const stored = await inspectPartition(connection, installation.namespace, partition);
      if (stored.kind === 'stored') addCounts(sum, stored.counts);
    }
    if (sum.records === records) return sum;
    await sleep(50);
  }
}

test('a journal through the topics is counted as the state counts it, and leaves no lag and no latency', async () => {
  const { installation, imported } = world();
  const url = await restarted();
  const isRead = (each: Scrape): boolean => each.sum('fillstream_records_total') - each.sum('fillstream_records_total', 'kind="tick"') === imported;
  const scrape = await scrapedWhen(url, 'all is committed, and the lag known', (each) => each.sum('fillstream_consumer_lag_records') === 0 && isRead(each));
  const { tick = 0, ...kinds } = scrape.by('fillstream_records_total', 'kind');
  const counts = await storedCounts(imported + tick);
  assert.deepEqual([kinds['fill'], kinds['order_update'], kinds['account'], tick], [counts.fills, counts.orderUpdates, counts.accounts, counts.ticks]);
  assert.deepEqual(scrape.by('fillstream_quarantined_total', 'reason'), zeros(counts.quarantined));
  const { duplicates, stale, duplicateUpdates, staleUpdates, ignored, unknownStatuses, droppedStatuses, expiredStatuses } = counts;
  assert.deepEqual(scrape.by('fillstream_ignored_records_total', 'why'), zeros({ duplicates, stale, duplicateUpdates, staleUpdates, ignored, unknownStatuses, droppedStatuses, expiredStatuses }));
  assert.ok(ignored > 0, 'there was something to ignore');
  for (const [name, count] of [['orphaned_statuses', counts.orphaned], ['late_fills', counts.lateFills], ['finished_orders', counts.finished], ['revisions', counts.revisions]] as const) {
    assert.equal(scrape.sum(`fillstream_${name}_total`), count, name);
  }
  const signals = (await installation.signals()).map((line) => JSON.parse(line) as { readonly trigger: string });
  assert.deepEqual(scrape.by('fillstream_signals_total', 'trigger'), zeros(counts.triggers));
  assert.equal(scrape.sum('fillstream_signals_total'), signals.length);
  assert.equal(scrape.sum('fillstream_latency_seconds_count'), 0, 'a journal of long ago has no latency');
  assert.equal(scrape.sum('fillstream_latency_not_live_total', 'stage="log_to_signal"'), signals.length);
  assertWorking(scrape);
});

/** Of a processor that has all partitions and nothing left to do. */
function assertWorking(scrape: Scrape): void {
  assert.equal(scrape.sum('fillstream_assigned_partitions'), PARTITIONS);
  assert.equal(scrape.sum('fillstream_topic_partitions'), PARTITIONS);
  assert.equal(scrape.sum('fillstream_rebuilding_partitions'), 0);
  assert.equal(scrape.sum('fillstream_consumer_lag_seconds'), 0);
  assert.equal(scrape.sum('fillstream_topic_retention_seconds', 'topic="fills"'), Infinity);
  assert.ok(scrape.sum('fillstream_commits_total') > 0);
  for (const phase of ['decide', 'commit', 'send', 'offsets', 'end']) {
    assert.equal(scrape.sum('fillstream_commit_duration_seconds_count', `phase="${phase}"`), scrape.sum('fillstream_commits_total'), phase);
  }
  assert.equal(scrape.sum('fillstream_take_over_duration_seconds_count'), scrape.sum('fillstream_take_overs_total'));
  assert.ok(scrape.sum('fillstream_rebalances_total') > 0);
  assert.equal(scrape.sum('fillstream_rebalance_duration_seconds_count'), scrape.sum('fillstream_rebalances_total'));
  assert.ok(scrape.sum('fillstream_redis_memory_bytes') > 0);
  assert.equal(scrape.sum('fillstream_redis_evicted_keys'), 0);
  assert.ok(scrape.sum('fillstream_nodejs_eventloop_lag_p99_seconds') > 0);
}

function fillAt(oid: number, at: number): object {
  const data = {
    coin: 'BTC', px: '100000', sz: '1', side: 'B', time: at - 200, startPosition: '0.0', dir: 'Open Long', closedPnl: '0.0', hash: `0x${'0'.repeat(64)}`,
    oid, crossed: true, fee: '1', tid: oid, feeToken: 'USDC', twapId: null,
  };
  return { kind: 'fill', address: ADDRESS, receivedAt: at, data };
}

function statusAt(oid: number, at: number, status: string): object {
  const order = { coin: 'BTC', side: 'B', limitPx: '100000', sz: '0.0', oid, timestamp: at - 300, origSz: '1' };
  return { kind: 'orderUpdate', address: ADDRESS, receivedAt: at, data: { order, status, statusTimestamp: at - 200 } };
}

test('live records have a latency, waiting orders are counted by what they wait for, a bad record is one more in the quarantine', async () => {
  const url = await restarted();
  assert.equal((await scraped(url)).sum('fillstream_quarantined_total'), 0);
  const writer = await world().installation.writer();
  const now = Date.now();
  await writer.append([encodeInput(JSON.stringify({ kind: 'tick', receivedAt: now - 1 }))]); // Both clocks are where the records are.
  const records = [fillAt(1, now), statusAt(1, now, 'filled'), fillAt(2, now), statusAt(3, now, 'filled')];
  await writer.append([...records.map((record) => encodeInput(JSON.stringify(record))), encodeInput('{"kind":"fill","oid":1')]);
  await writer.close();
  const scrape = await scrapedWhen(url, 'all is committed', (each) => each.sum('fillstream_records_total') === 5 + 2 * PARTITIONS && each.sum('fillstream_consumer_lag_records') === 0);
  assert.deepEqual(scrape.by('fillstream_quarantined_total', 'reason'), { malformed: 1 });
  assert.deepEqual(scrape.by('fillstream_records_total', 'kind'), { fill: 2, order_update: 2, raw: 1, tick: 2 * PARTITIONS });
  assert.deepEqual(scrape.by('fillstream_signals_total', 'trigger'), { complete: 1 });
  assert.deepEqual(scrape.by('fillstream_latency_seconds_count', 'stage'), { exchange_to_ingest: 4, log_to_signal: 1, exchange_to_signal: 1 });
  assert.ok(Math.abs(scrape.sum('fillstream_latency_seconds_sum', 'stage="exchange_to_ingest"') - 0.8) < 1e-9, 'each took 200 ms');
  assert.ok(scrape.sum('fillstream_latency_seconds_sum', 'stage="exchange_to_signal"') >= 0.2);
  assert.deepEqual(scrape.by('fillstream_pending_orders', 'state'), { reported: 1, timeout: 1, parked: 1 });
  assert.ok(scrape.sum('fillstream_oldest_deadline_seconds') > now / 1_000);
  assert.ok(scrape.sum('fillstream_stream_time_delay_seconds') >= 0);
  const [health, readiness] = await Promise.all(['healthz', 'readyz'].map(async (path) => (await fetch(`${url}/${path}`)).status));
  assert.deepEqual([health, readiness], [200, 200]);
});

test('a take-over is told with how long it took, and state that Redis lost as a loss', async () => {
  const hasAll = (scrape: Scrape): boolean => scrape.sum('fillstream_take_overs_total') === PARTITIONS;
  const resumed = await scrapedWhen(await restarted(), 'both are taken over', hasAll);
  assert.deepEqual(resumed.by('fillstream_take_overs_total', 'how'), { resumed: PARTITIONS });
  assert.deepEqual(resumed.by('fillstream_state_losses_total', 'why'), {});
  assert.deepEqual(resumed.by('fillstream_pending_orders', 'state'), { absent: 3 }, 'Redis alone knows what they wait for');
  await ended();
  await world().connection.client.flushall();
  const rebuilt = await scrapedWhen(await restarted(), 'both are rebuilt', hasAll);
  assert.deepEqual(rebuilt.by('fillstream_take_overs_total', 'how'), { rebuilt: PARTITIONS });
  assert.deepEqual(rebuilt.by('fillstream_take_over_duration_seconds_count', 'how'), { rebuilt: PARTITIONS });
  assert.deepEqual(rebuilt.by('fillstream_state_losses_total', 'why'), { missing: PARTITIONS });
  assert.ok(rebuilt.sum('fillstream_replayed_records_total') > world().imported);
  assert.deepEqual(rebuilt.by('fillstream_pending_orders', 'state'), { reported: 1, timeout: 1, parked: 1 });
});

test('a transaction that hangs on a topic keeps its last stable offset back, and what it left is no lag', async () => {
  const { installation } = world();
  const url = await restarted();
  const producer = connectionOf(installation.kafka).producer({ transactionalId: 'hangs', idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  const { body } = encodeInput(JSON.stringify(fillAt(9, Date.now())));
  await transaction.send({ topic: installation.nameOf('fills'), messages: [{ partition: 1, value: body }] });
  const series = ['topic="fills"', 'partition="1"'];
  await scrapedWhen(url, 'it is told', (each) => each.sum('fillstream_last_stable_offset_lag_records', ...series) === 1);
  await transaction.abort();
  await producer.disconnect();
  const clear = await scrapedWhen(url, 'it is over, and what was aborted is no lag', (each) => (
    each.sum('fillstream_last_stable_offset_lag_records', ...series) === 0 && each.sum('fillstream_consumer_lag_records', ...series) === 0
  ));
  assert.equal(clear.sum('fillstream_last_stable_offset_lag_records', 'topic="signals"'), 0);
});

test('an ingestor tells its records, repairs, reconnects, ticks and latency', async (t) => {
  await ended();
  const place = await Ingestors.start(t, world().servers, 'metrics-live', 2);
  const ingestor = place.ingestor('--spill', join(folderFor(t), 'spill'));
  await place.untilWatched(2, ingestor);
  const url = await addressOf(ingestor);
  const before = await scrapedWhen(url, 'records are durable', (each) => each.sum('fillstream_latency_seconds_count', 'stage="ingest_to_log"') > 20 && each.sum('fillstream_ingestor_ticks_total') > 1);
  assert.equal(before.sum('fillstream_ingestor_repairs_total', 'reason="connected"'), 2);
  assert.equal(before.sum('fillstream_ingestor_repair_duration_seconds_count', 'reason="connected"'), 2);
  assert.ok(before.sum('fillstream_latency_seconds_count', 'stage="exchange_to_ingest"') > 0);
  assert.equal(before.sum('fillstream_ingestor_reconnects_total'), 0);
  assert.ok(before.sum('fillstream_ingestor_spill_limit_bytes') > 1e9);
  assert.equal(before.sum('fillstream_ingestor_spill_bytes'), 0);
  assert.ok(before.sum('fillstream_ingestor_tick_age_seconds') < 30);
  assert.equal(before.sum('fillstream_ingestor_gaps_total'), 0);
  place.exchange.fault('cut');
  const later = await scrapedWhen(url, 'both have reconnected', (each) => each.sum('fillstream_ingestor_reconnects_total') === 2);
  assert.ok(later.sum('fillstream_ingestor_disconnects_total', 'end="cut"') >= 2);
});

test('one process that is both services serves both, and one latency from the exchange to the signal', async (t) => {
  const both = start(['start', '--data', join(folderFor(t), 'data'), '--set', 'partitions=2', '--http', '127.0.0.1:0', '--rate', '100', '--seed', String(1 + SEED % 1_000_000)]);
  t.after(async () => {
    both.kill('SIGINT');
    assert.equal((await both.ended).code, 0);
  });
  const url = await addressOf(both);
  const scrape = await scrapedWhen(url, 'signals went out', (each) => each.sum('fillstream_signals_total') > 0 && each.sum('fillstream_ingestor_ticks_total') > 0);
  assert.deepEqual([scrape.sum('fillstream_assigned_partitions'), scrape.sum('fillstream_ingestor_tick_partitions')], [2, 2]);
  for (const stage of ['exchange_to_ingest', 'ingest_to_log', 'log_to_signal']) assert.ok(scrape.sum('fillstream_latency_seconds_count', `stage="${stage}"`) > 0, stage);
  assert.ok(scrape.sum('fillstream_consumer_lag_records') >= 0);
  await scrapedWhen(url, 'all addresses are live', (each) => each.sum('fillstream_ingestor_addresses', 'state="live"') > 0 && each.sum('fillstream_ingestor_addresses', 'state="live"') === each.sum('fillstream_ingestor_addresses'));
  const [health, readiness] = await Promise.all(['healthz', 'readyz'].map(async (path) => (await fetch(`${url}/${path}`)).status));
  assert.deepEqual([health, readiness], [200, 200]);
});
