// Both ports on real files: the contract suites, and what is the adapter's own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import type { RefusalReason, Signal } from '@fillstream/core';
import { PortError, type Taken } from '@fillstream/runtime';
import { eventLogContract, stateStoreContract } from '@fillstream/runtime/contract';
import { decodeQuarantined, encodeCutLine, encodeInput, encodeRecord, encodeTick, type EncodedInput } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import { Database, SqliteLog, SqliteStore } from './index.ts';

const LIMIT = 2 ** 30;
const ADDRESS = `0x${'a1'.repeat(20)}`;
const NOW = 1_760_000_000_000;

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'fillstream-sqlite-'));
}

stateStoreContract('SqliteStore', () => {
  const folder = newFolder();
  let database = Database.open(folder);
  return Promise.resolve({
    store: new SqliteStore(database),
    reopen: () => {
      database.close();
      database = Database.open(folder);
      return Promise.resolve(new SqliteStore(database));
    },
    close: () => {
      database.close();
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  });
});

eventLogContract('SqliteLog', { partitions: 2, topics: 2, bounded: false }, () => {
  const folder = newFolder();
  let database = Database.open(folder);
  const make = (): SqliteLog => new SqliteLog({ database, partitions: 2, limitBytes: LIMIT });
  let log = make();
  return Promise.resolve({
    log,
    append: (records) => {
      log.append(records.map(({ json }) => encodeRecord(json)));
      return Promise.resolve();
    },
    outputs: (partition) => Promise.resolve({
      signals: log.readSignals(partition, 0, 1e6).map(({ signal }) => signal as Signal),
      refused: log.read('quarantine', partition, 0, 1e6).map(({ body }) => decodeQuarantined(body).reason as RefusalReason),
    }),
    reopen: () => {
      database.close();
      database = Database.open(folder);
      log = make();
      return Promise.resolve(log);
    },
    close: () => {
      database.close();
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  });
});

/** A database that goes away with the test. */
function openDatabase(context: TestContext): Database {
  const folder = newFolder();
  const database = Database.open(folder);
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return database;
}

function fill(data: object = {}): string {
  return JSON.stringify({
    kind: 'fill', address: ADDRESS, receivedAt: NOW,
    data: { coin: 'BTC', px: '1', sz: '1', side: 'B', time: NOW, startPosition: '0', dir: 'Open Long', oid: 1, tid: 1, ...data },
  });
}

async function recordsOf(log: SqliteLog, partition = 0): Promise<Extract<Taken, { kind: 'records' }>['records']> {
  const opened = await log.open(partition);
  const taken = await opened.take(100);
  return taken.kind === 'records' ? taken.records : [];
}

test('a second opening of a folder is refused while the first lasts, from another process too', async (context) => {
  const database = openDatabase(context);
  assert.throws(() => Database.open(database.folder), (error) => error instanceof PortError && error.code === 'in-use');
  const script = `import { Database } from ${JSON.stringify(import.meta.resolve('./index.ts'))};
    try { Database.open(${JSON.stringify(database.folder)}); } catch (error) { console.log(error.code); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  const [chunk] = await once(child.stdout, 'data') as [Buffer];
  assert.equal(chunk.toString().trim(), 'in-use');
});

test('a killed owner leaves no lock behind', async (context) => {
  const folder = newFolder();
  context.after(() => rmSync(folder, { recursive: true }));
  const script = `import { Database } from ${JSON.stringify(import.meta.resolve('./index.ts'))};
    globalThis.held = Database.open(${JSON.stringify(folder)}); console.log('open'); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  context.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.throws(() => Database.open(folder), { code: 'in-use' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  Database.open(folder).close();
});

test('a file of another format is refused by its number', (context) => {
  const folder = newFolder();
  context.after(() => rmSync(folder, { recursive: true }));
  Database.open(folder).close();
  const raw = new DatabaseSync(join(folder, 'fillstream.db'));
  raw.exec('PRAGMA user_version = 99');
  raw.close();
  assert.throws(() => Database.open(folder), /format 99, expected 1/);
});

test('the number of partitions is fixed when a log is made', (context) => {
  const database = openDatabase(context);
  new SqliteLog({ database, partitions: 2, limitBytes: LIMIT });
  assert.throws(() => new SqliteLog({ database, partitions: 3, limitBytes: LIMIT }), /has 2 partitions, expected 3/);
});

test('a log beyond its limit takes nothing more, and says which setting that is', (context) => {
  const log = new SqliteLog({ database: openDatabase(context), partitions: 1, limitBytes: 8_192 });
  assert.throws(() => {
    log.append([encodeInput(fill())]);
  }, (error) => error instanceof PortError && error.code === 'log-full' && /logLimitBytes.*--fresh/.test(error.message));
  assert.equal(log.end('fills', 0), 0);
});

test('a tick goes to every partition of both topics', (context) => {
  const log = new SqliteLog({ database: openDatabase(context), partitions: 3, limitBytes: LIMIT });
  log.append([{ kind: 'tick', topic: 'fills', key: null, timestamp: NOW, body: encodeTick(NOW) }]);
  const ends = INPUT_TOPICS.flatMap((topic) => [0, 1, 2].map((partition) => log.end(topic, partition)));
  assert.deepEqual(ends, [1, 1, 1, 1, 1, 1]);
});

test('records and the cursor of their source are written together, or neither', (context) => {
  const database = openDatabase(context);
  const log = new SqliteLog({ database, partitions: 1, limitBytes: LIMIT });
  log.append([encodeInput(fill())], { name: 'source', value: '1' });
  const broken = { ...encodeInput(fill()), body: undefined } as unknown as EncodedInput;
  assert.throws(() => log.append([encodeInput(fill()), broken], { name: 'source', value: '3' }));
  assert.equal(database.fact('source'), '1');
  assert.equal(log.end('fills', 0), 1);
  log.append([encodeInput(fill())]);
  assert.deepEqual(log.read('fills', 0, 0, 10).map(({ offset }) => offset), [0, 1]);
});

test('a line that could not be typed is judged as it would be in a journal', async (context) => {
  const log = new SqliteLog({ database: openDatabase(context), partitions: 1, limitBytes: LIMIT });
  const dust = fill({ dir: 'Spot Dust Conversion', px: 7 });
  const cut = encodeCutLine({ head: Buffer.from('{"kind"'), length: 9e6, sha256: 'ab', file: 'a.ndjson', position: 3 });
  log.append([encodeInput(dust), encodeInput('{"kind":'), encodeInput(fill({ oid: Number.MAX_SAFE_INTEGER })), cut]);
  const inputs = (await recordsOf(log)).map(({ input }) => input.kind);
  assert.deepEqual(inputs, ['noTrade', 'unusable', 'fill', 'unusable']);
});

test('the quarantine holds the line that a record was', async (context) => {
  const log = new SqliteLog({ database: openDatabase(context), partitions: 1, limitBytes: LIMIT });
  log.append([encodeInput('{"kind":'), encodeInput(fill({ dir: 'Teleport' }))]);
  const opened = await log.open(0);
  const taken = await opened.take(10);
  assert.equal(taken.kind, 'records');
  const refused = taken.records.map((record) => ({ reason: 'malformed' as const, record }));
  const to = { position: { offsets: [2, 0], fired: 0 }, id: '0123456789abcdef' };
  await opened.commit({ from: opened.start, to, merge: [{ topic: 0, count: 2 }], clocks: [NOW], signals: [], refused, lacks: [], afterEnd: false });
  const [first, second] = log.read('quarantine', 0, 0, 10).map(({ body }) => decodeQuarantined(body));
  assert.equal(first?.original.toString(), '{"kind":');
  assert.deepEqual(JSON.parse(second?.original.toString() ?? ''), JSON.parse(fill({ dir: 'Teleport' })));
  assert.deepEqual([second?.topic, second?.partition, second?.offset], ['fills', 0, 1]);
});
