// What earlier versions left behind is gone on with, and comes out as it did from them; what a later version left is refused.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';
import { readTopic } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { decodeSignal } from '@fillstream/schemas';
import { stopped } from '../chaos/world.ts';
import { Installation, startServers, type Servers } from '../end-to-end/cluster.ts';
import { ROOT, assertRefused, fillstream, folderFor } from '../end-to-end/command.ts';
import { dumpOffsets, dumpRedis, restoreOffsets, restoreRedis, restoreSchemas, restoreTopics, type OffsetsDump } from './cluster-dump.ts';
import { dumpSqlite, restoreSqlite } from './dump.ts';
import { fixtureVersions, fixturesOf, saidOn, type Fixtures } from './fixture.ts';

const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** A state folder's file, byte for byte. */
function fingerprint(folder: string): string {
  return createHash('sha256').update(readFileSync(join(folder, 'fillstream.db'))).digest('hex');
}

function changeDatabase(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, 'fillstream.db'));
  database.exec(`${sql}; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
}

/** A run of a version in the middle, its journal grown to the whole one. */
function restoredRun(version: string, t: TestContext): { readonly folder: string; readonly args: readonly string[]; readonly fixtures: Fixtures } {
  const folder = folderFor(t);
  const fixtures = fixturesOf(version, folder);
  const { run, journal } = fixtures;
  restoreSqlite(join(folder, 'state'), run.state);
  writeFileSync(join(folder, run.journal), journal.journal);
  writeFileSync(join(folder, run.signals.name), run.signals.text);
  const args = ['--journal', join(folder, run.journal), '--out', join(folder, run.signals.name), '--state', join(folder, 'state')];
  return { folder, fixtures, args: ['run', ...args] };
}

/** Shows the first line that differs. */
function assertSameLines(lines: readonly string[], expected: readonly string[]): void {
  const place = expected.findIndex((line, index) => line !== lines[index]);
  assert.equal(lines[place], expected[place], `line ${String(place + 1)}`);
  assert.equal(lines.length, expected.length);
}

function linesIn(text: string): string[] {
  return text.split('\n').filter((line) => line !== '').sort();
}

test('this version has fixtures of its own', () => {
  assert.ok(fixtureVersions().includes(MANIFEST.version), `run test/compat/make-fixture.ts: there is no fixture of ${String(MANIFEST.version)}`);
  const names = fixtureVersions().map((version) => readdirSync(join(import.meta.dirname, 'fixtures', version)).length);
  assert.ok(names.every((count) => count === 4));
});

for (const version of fixtureVersions()) describe(`what ${version} left`, () => {
  test('a journal gives the same bytes', async (t) => {
    const folder = folderFor(t);
    const { journal } = fixturesOf(version, folder);
    writeFileSync(join(folder, 'journal.ndjson'), journal.journal);
    const { code, stdout, stderr } = await fillstream(['run', '--journal', join(folder, 'journal.ndjson')]);
    assert.equal(code, 0, stderr);
    assertSameLines(stdout.split('\n'), journal.signals.split('\n'));
  });

  test('the state of a run is gone on with, to the same bytes', async (t) => {
    const { folder, args, fixtures: { run, journal } } = restoredRun(version, t);
    assert.ok(run.signals.text !== '' && run.signals.text.length < journal.signals.length);
    const { code, stderr } = await fillstream(args);
    assert.equal(code, 0, stderr);
    assertSameLines(readFileSync(join(folder, run.signals.name), 'utf8').split('\n'), journal.signals.split('\n'));
    assert.ok(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '').records > 0);
  });

  test('the log and the state of `start` are gone on with; without the state they are made again from the log', async (t) => {
    const folder = folderFor(t);
    const { start, journal } = fixturesOf(version, folder);
    writeFileSync(join(folder, start.journal), journal.journal);
    for (const data of ['kept', 'rebuilt']) {
      restoreSqlite(join(folder, data), start.data);
      if (data === 'rebuilt') changeDatabase(join(folder, data), 'DELETE FROM orders; DELETE FROM address_parts; DELETE FROM partitions');
      const { code, stdout, stderr } = await fillstream(['start', '--no-gateway', '--journal', join(folder, start.journal), '--data', join(folder, data)]);
      assert.equal(code, 0, stderr);
      assertSameLines(linesIn(stdout), linesIn(start.signals));
    }
  });

  test('a state folder of a later format is refused by both formats, and stays as it is', async (t) => {
    const { folder, args } = restoredRun(version, t);
    const state = join(folder, 'state');
    const kept = join(folder, 'kept');
    cpSync(state, kept, { recursive: true });
    changeDatabase(state, 'PRAGMA user_version = 99');
    const before = fingerprint(state);
    assertRefused(await fillstream(args), 1, /has format 99, expected 1/);
    assertRefused(await fillstream(['explain', `0x${'0'.repeat(40)}/1`, '--data', state]), 1, /has format 99, expected 1/);
    assert.equal(fingerprint(state), before);
    cpSync(kept, state, { recursive: true });
    changeDatabase(state, 'UPDATE orders SET body = json_set(body, \'$.v\', 99)');
    const { partitions: _, ...held } = dumpSqlite(state).tables;
    assertRefused(await fillstream(args), 1, /state of format 99, expected 1/);
    const { partitions: __, ...left } = dumpSqlite(state).tables;
    assert.deepEqual(left, held);
  });
});

for (const version of fixtureVersions()) describe(`an installation of ${version}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-fixtures-'));
  const { cluster } = fixturesOf(version, folder);
  const metas = cluster.redis.filter(({ key }) => key.endsWith(':meta')).map(({ key }) => key);
  const nextOffsets = (dump: OffsetsDump): string[][] => dump.map(({ partitions }) => partitions.map(({ offset }) => offset));
  let site: { readonly servers: Servers; readonly installation: Installation; readonly redis: RedisConnection } | null = null;

  before(async () => {
    const servers = await startServers();
    const installation = new Installation(servers, cluster.namespace);
    site = { servers, installation, redis: await RedisConnection.open({ nodes: [`127.0.0.1:${String(servers.redis.port)}`] }) };
    await restoreSchemas(installation.registry, cluster.schemas);
    await installation.createTopics(cluster.partitions);
    await restoreTopics(installation.kafka, cluster.topics);
    await restoreOffsets(installation.kafka, cluster.offsets);
    await restoreRedis(site.redis, cluster.redis);
  });

  after(async () => {
    site?.redis.close();
    await site?.servers.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('what no processor reads is read as it was', async () => {
    assert.ok(site !== null);
    assert.deepEqual(await saidOn(site.installation), cluster.said);
  });

  test('with a state of a later format it is refused, and the state stays as it is', async () => {
    assert.ok(site !== null);
    const { installation, redis } = site;
    const held = async (): Promise<object[]> => (await dumpRedis(redis, cluster.namespace)).map(({ key, value }) => ({ key, value }));
    for (const key of metas) await redis.client.hset(key, 'format', '99');
    const before = await held();
    const { code, stderr } = await installation.processor().ended;
    assert.deepEqual([code, /has format 99, expected 1/.test(stderr)], [1, true], stderr);
    assert.deepEqual(await held(), before);
    for (const key of metas) await redis.client.hset(key, 'format', '1');
  });

  test('with committed offsets of a later format it is refused, and nothing is committed', async () => {
    assert.ok(site !== null);
    const { kafka } = site.installation;
    await restoreOffsets(kafka, cluster.offsets.map(({ topic, partitions }) => (
      { topic, partitions: partitions.map((each) => ({ ...each, metadata: each.metadata.replace(/^\d+/, '99') })) }
    )));
    const { code, stderr } = await site.installation.processor().ended;
    assert.deepEqual([code, /committed offsets have format 99, expected 1/.test(stderr)], [1, true], stderr);
    assert.deepEqual(nextOffsets(await dumpOffsets(kafka)), nextOffsets(cluster.offsets));
    assert.equal((await readTopic(kafka, 'signals')).length, cluster.topics['signals']?.length);
    await restoreOffsets(kafka, cluster.offsets);
  });

  test('it is gone on with, to the same bytes', async () => {
    assert.ok(site !== null);
    const { installation } = site;
    const running = installation.processor();
    await installation.drained(running);
    await stopped(running);
    const { stderr } = await running.ended;
    for (let partition = 0; partition < cluster.partitions; partition += 1) {
      assert.match(stderr, new RegExp(`partition ${String(partition)} caught-up, [1-9]`));
    }
    assertSameLines(await signalLines(installation), linesOfBodies(cluster));
  });
});

/** By partition, in the order of the log. */
async function signalLines(installation: Installation): Promise<string[]> {
  const records = await readTopic(installation.kafka, 'signals');
  return records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ partition, value }) => legible(partition, value?.toString('latin1') ?? ''));
}

function linesOfBodies({ signals }: Fixtures['cluster']): string[] {
  return signals.map(({ partition, body }) => legible(partition, body));
}

/** The bytes, and before them what they say, for who reads of a difference. */
function legible(partition: number, text: string): string {
  const body = Buffer.from(text, 'latin1');
  return `${String(partition)} ${JSON.stringify(decodeSignal(body.subarray(5)))} ${body.toString('hex')}`;
}
