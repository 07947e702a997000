// Makes the fixtures of this version: what it leaves behind in each of its formats, in the middle of a small seeded journal, and
// what it makes of the rest. Later versions go on from there (fixtures.test.ts).
//
//   node infra/bootstrap/run.mjs test/compat/make-fixture.ts      once, when a version is released; a fixture is never changed

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_SETTINGS } from '@fillstream/core';
import { readTopic } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { PartitionLoop } from '@fillstream/runtime';
import { encodeGap, encodeIngestProgress, encodeInput, type EncodedInput } from '@fillstream/schemas';
import { Database, SqliteLog, SqliteStore } from '@fillstream/sqlite';
import { INPUT_TOPICS } from '@fillstream/topics';
import { stopped } from '../chaos/world.ts';
import { Installation, startServers, type Servers } from '../end-to-end/cluster.ts';
import { ROOT, fillstream } from '../end-to-end/command.ts';
import { START_AT, marketLines, poisoned } from '../end-to-end/journals.ts';
import { dumpOffsets, dumpRedis, dumpSchemas, dumpTopics } from './cluster-dump.ts';
import { dumpSqlite, writeDump } from './dump.ts';
import { saidOn, type ClusterFixture, type EmbeddedFixture, type JournalFixture, type RunFixture } from './fixture.ts';

const SEED = 20_260_101;
/** Hours of few orders, so that some are finished and remembered in the middle, with all that may be odd about one. */
const MARKET = {
  seed: SEED, records: 800, addresses: 6, ordersPerSecond: 0.04, tickEveryMs: 60_000, accountEveryMs: 600_000,
  shares: { twap: 0.06, forced: 0.02, reversals: 0.05, statusMissing: 0.06, lateFills: 0.03 },
};
/** One line in so many can't be used. */
const POISON_EVERY = 70;
const PARTITIONS = 3;
const EMBEDDED_PARTITIONS = 4;
const POLL_MS = 20;

const folder = mkdtempSync(join(tmpdir(), 'fillstream-fixture-'));
const market = poisoned(marketLines(MARKET), POISON_EVERY);
/** Where the first and the second part of the journal end. */
const CUTS = [0.4, 0.7].map((share) => Math.round(market.length * share));
const lines = withParked(market, CUTS[0] ?? 0);
const textOf = (from: number, to: number): string => lines.slice(from, to).map((line) => `${line}\n`).join('');

/** An order that was called over before the first cut, and whose fill comes after it. */
function withParked(all: readonly string[], cut: number): readonly string[] {
  const at = Number(/"receivedAt":(\d+)/.exec(all[cut - 1] ?? '')?.[1]);
  const base = { address: `0x${'c'.repeat(40)}`, receivedAt: at };
  const order = { coin: 'BTC', side: 'B', sz: '0.0', oid: 7, origSz: '1' };
  const data = { coin: 'BTC', px: '100000', sz: '1', side: 'B', time: at, startPosition: '0.0', dir: 'Open Long', oid: 7, tid: 77, fee: '1' };
  const [early, late] = [{ kind: 'orderUpdate', ...base, data: { order, status: 'filled', statusTimestamp: at } }, { kind: 'fill', ...base, data }];
  return [...all.slice(0, cut - 1), JSON.stringify(early), ...all.slice(cut - 1, cut + 1), JSON.stringify(late), ...all.slice(cut + 1)];
}

async function command(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await fillstream(args, { cwd: folder });
  assert.equal(code, 0, stderr);
  return stdout;
}

async function makeJournal(): Promise<JournalFixture> {
  const path = join(folder, 'journal.ndjson');
  writeFileSync(path, textOf(0, lines.length));
  return { journal: textOf(0, lines.length), signals: await command(['run', '--journal', path]) };
}

/** `run --state` at the end of a journal that will grow. */
async function makeRun(): Promise<RunFixture> {
  const place = { journal: join(folder, 'run.ndjson'), signals: join(folder, 'run.signals.ndjson'), state: join(folder, 'run-state') };
  writeFileSync(place.journal, textOf(0, CUTS[0] ?? 0));
  await command(['run', '--journal', place.journal, '--out', place.signals, '--state', place.state]);
  const signals = { name: 'run.signals.ndjson', text: readFileSync(place.signals, 'utf8') };
  return { journal: 'run.ndjson', signals, state: dumpSqlite(place.state) };
}

/** What `start --journal` leaves when it is killed: a part of the journal processed, another only appended. */
async function makeEmbedded(settings: string): Promise<EmbeddedFixture> {
  const [journal, data] = [join(folder, 'start.ndjson'), join(folder, 'start-data')];
  const database = Database.open(data);
  database.setFact('settings', settings);
  const log = new SqliteLog({ database, partitions: EMBEDDED_PARTITIONS, limitBytes: 2 ** 30 });
  const append = (from: number, to: number): void => {
    const records: readonly EncodedInput[] = lines.slice(from, to).map((line) => encodeInput(line));
    const latest = Math.max(...records.map(({ timestamp }) => timestamp ?? 0));
    log.append(records, { name: `journal ${journal}`, value: JSON.stringify({ offset: Buffer.byteLength(textOf(0, to)), latest }) });
  };
  append(0, CUTS[0] ?? 0);
  await processed(database, log);
  append(CUTS[0] ?? 0, CUTS[1] ?? 0);
  database.close();
  const held = dumpSqlite(data);
  writeFileSync(journal, textOf(0, lines.length));
  return { journal: 'start.ndjson', data: held, signals: await command(['start', '--journal', journal, '--data', data]) };
}

async function processed(database: Database, log: SqliteLog): Promise<void> {
  const store = new SqliteStore(database);
  await Promise.all(Array.from({ length: log.partitions }, async (_, partition) => {
    const ends = INPUT_TOPICS.map((topic) => log.end(topic, partition));
    const loop: PartitionLoop = new PartitionLoop({
      log, store, settings: DEFAULT_SETTINGS, partition,
      onEvent: (event) => {
        const at = event.kind === 'takenOver' ? event.at : event.kind === 'committed' ? event.commit.to : null;
        if (at?.position.offsets.every((offset, topic) => offset >= (ends[topic] ?? 0)) === true) loop.stop();
      },
    });
    await loop.run();
  }));
}

/** Redis at the first cut, Kafka's history at the second, all of the input there. */
async function makeCluster(servers: Servers): Promise<ClusterFixture> {
  const installation = new Installation(servers, 'fixture');
  await installation.createTopics(PARTITIONS);
  const part = async (number: number, from: number, to: number, finish = false): Promise<void> => {
    const path = join(folder, `part-${String(number)}.ndjson`);
    writeFileSync(path, textOf(from, to));
    await installation.import([path], { finish });
  };
  const process = async (): Promise<void> => {
    const running = installation.processor();
    await installation.drained(running);
    await sleep(POLL_MS);
    await stopped(running);
  };
  const redis = await RedisConnection.open({ nodes: [`127.0.0.1:${String(servers.redis.port)}`] });
  await part(1, 0, CUTS[0] ?? 0);
  await process();
  const state = await dumpRedis(redis, 'fixture');
  redis.close();
  await part(2, CUTS[0] ?? 0, CUTS[1] ?? 0);
  await process();
  await part(3, CUTS[1] ?? 0, lines.length, true);
  await notes(installation);
  const schemas = await dumpSchemas(installation.registry, installation.kafka);
  const [topics, offsets] = [await dumpTopics(installation.kafka), await dumpOffsets(installation.kafka)];
  const said = await saidOn(installation);
  await process();
  const signals = (await readTopic(installation.kafka, 'signals')).toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ partition, value }) => ({ partition, body: value?.toString('latin1') ?? '' }));
  return { namespace: 'fixture', partitions: PARTITIONS, schemas, topics, offsets, redis: state, signals, said };
}

/** What an ingestor writes beside records. */
async function notes(installation: Installation): Promise<void> {
  const [address, removed] = [`0x${'a'.repeat(40)}`, `0x${'b'.repeat(40)}`];
  const flags = ['--kafka', installation.kafka.brokers.join(','), '--registry', installation.registry.url, '--namespace', installation.namespace];
  await command(['watch', 'add', address, removed, '--label', 'a whale', ...flags]);
  await command(['watch', 'remove', removed, ...flags]);
  const writer = await installation.writer();
  const progress = encodeIngestProgress({ address, lastFillAt: START_AT, tids: [1, 2] });
  const gap = encodeGap({ address, from: START_AT, to: START_AT + 1, reason: 'a gap' });
  await writer.note({ topic: 'ingest-progress', key: address, timestamp: START_AT, body: progress });
  await writer.note({ topic: 'gaps', key: address, timestamp: START_AT, body: gap });
  await writer.close();
}

async function main(): Promise<void> {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.ok(typeof manifest === 'object' && manifest !== null && 'version' in manifest);
  const target = join(import.meta.dirname, 'fixtures', String(manifest.version));
  if (existsSync(target)) throw new Error(`${target} is there: a fixture is never changed; delete it while its version isn't released`);
  const servers = await startServers();
  try {
    const run = await makeRun();
    const [, settings] = run.state.tables['facts']?.find(([name]) => name === 'settings') ?? [];
    assert.ok(typeof settings === 'string');
    const fixtures = { journal: await makeJournal(), run, start: await makeEmbedded(settings), cluster: await makeCluster(servers) };
    mkdirSync(target, { recursive: true });
    for (const [name, fixture] of Object.entries(fixtures)) {
      writeDump(join(target, `${name}.json.br`), fixture, folder);
      console.log(`${name} ${String(statSync(join(target, `${name}.json.br`)).size)} bytes`);
    }
  } finally {
    await servers.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
