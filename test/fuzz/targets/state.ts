// What a store gives back: bodies of orders and addresses, the file of the embedded pair, the notes beside Kafka's offsets.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DEFAULT_SETTINGS } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import { INPUT_TOPICS } from '@fillstream/topics';
import { MemoryLog, MemoryStore, PartitionLoop, PortError, decodeOrder, decodeProfile, encodeOrder, type AddressPart, type Checkpoint } from '@fillstream/runtime';
import { SchemaError, encodeRecord } from '@fillstream/schemas';
import { Database, LogReader, SqliteLog, SqliteStore } from '@fillstream/sqlite';
import { parseNote } from '@fillstream/gateway/webhooks/progress';
import { claimOf } from '../../../packages/kafka/src/assigner.ts';
import { committedPointOf } from '../../../packages/kafka/src/committed-offsets.ts';
import { saidBy } from '../../../packages/kafka/src/work-group.ts';
import { journal } from '../../oracle/journals.ts';
import { anyBytes, damaged, damagedText } from '../damage.ts';
import { bytesTarget, jsonOf, only, onlyLater, textTarget } from '../target.ts';

const RECORDS = 400;
const inputs = journal(7, RECORDS).lines.flatMap((line) => jsonOf(line) ?? []).map((json) => ({ json, input: readRecord(json) }));

/** Keeps what checkpoints wrote. */
class Watched extends MemoryStore {
  readonly orders: string[] = [];
  readonly parts: AddressPart[] = [];

  override checkpoint(owner: Parameters<MemoryStore['checkpoint']>[0], before: Parameters<MemoryStore['checkpoint']>[1], next: Checkpoint): ReturnType<MemoryStore['checkpoint']> {
    this.orders.push(...next.orders.flatMap(({ body }) => body ?? []));
    this.parts.push(...next.parts.flatMap(({ address, part, body }) => (body === null ? [] : [{ address, part, body }])));
    return super.checkpoint(owner, before, next);
  }
}

async function storedBodies(): Promise<Watched> {
  const log = new MemoryLog({ inputs: [{ name: 'fills', clock: 0 }], bounded: true });
  for (const { input } of inputs) log.append(0, 0, input);
  const store = new Watched();
  await new PartitionLoop({ partition: 0, log, store, settings: DEFAULT_SETTINGS, limits: { batchRecords: 50, checkpointRecords: 1 }, onEvent: () => undefined }).run();
  return store;
}

const stored = await storedBodies();

const orders = textTarget({
  name: 'order-body', law: 'a stored order is read and written the same, or refused as a broken store',
  cases: damagedText(fc.constantFrom(...stored.orders)),
  check: (text) => {
    const order = only([PortError], () => decodeOrder(text));
    if (order === undefined) return;
    const again = only([PortError], () => decodeOrder(encodeOrder(order)));
    if (again !== undefined) assert.deepEqual(encodeOrder(again), encodeOrder(order));
  },
});

const parts = textTarget({
  name: 'address-part', law: 'what is stored of an address is read, or refused as a broken store', share: 500,
  cases: damagedText(fc.constantFrom(...stored.parts.map(({ body }) => body))),
  check: (body) => {
    const [whole] = stored.parts;
    assert.ok(whole !== undefined);
    for (const part of [0, 1]) only([PortError], () => decodeProfile(part === 0 ? [{ ...whole, part, body }] : [whole, { ...whole, part, body }]));
  },
});

const note = fc.constantFrom('1 0123456789abcdef 0 0,0 12:1760000000000:77,-', '1 0123456789abcdef 3 5 -', '1 1760000000000 wh_1:5,wh_2:17', '1 0 ', '2 x', '');

const notes = textTarget({
  name: 'offset-note', law: 'what stands beside a committed offset is ours, with safe numbers, or somebody else\'s', share: 2_000,
  cases: damagedText(note),
  check: (text) => {
    const point = only([PortError], () => committedPointOf([{ offset: '5', metadata: text }, { offset: '6', metadata: text }]));
    if (point !== null && point !== undefined) assert.ok([point.point.position.fired, ...point.start].every(Number.isSafeInteger), text);
    const standing = parseNote(text);
    if (standing !== null) assert.ok([standing.asOf, ...standing.behind.values()].every(Number.isSafeInteger), text);
  },
});

const claims = bytesTarget({
  name: 'member', law: 'what a member of a group says of itself is a claim, or passed over', share: 50,
  cases: anyBytes(fc.constantFrom('[0,2]', '{"owned":[1]}', '["host","{}"]', 'null').map((text) => (
    Buffer.concat([Buffer.from([0, 1, 0, 0, 0, 1, 0, 1, 0x61, 0, 0, 0, text.length]), Buffer.from(text)])
  ))),
  check: (bytes) => {
    assert.ok(claimOf(Buffer.from(bytes)).every((partition) => typeof partition === 'number'));
    const said = saidBy(Buffer.from(bytes));
    assert.ok(said === null || (typeof said[0] === 'string' && typeof said[1] === 'string'));
  },
});

const folder = mkdtempSync(join(tmpdir(), 'fillstream-fuzz-'));
const [origin, copy] = [join(folder, 'whole'), join(folder, 'copy')];

async function madeOnce(): Promise<Buffer> {
  const database = Database.open(origin);
  const log = new SqliteLog({ database, partitions: 1, limitBytes: 1e9 });
  log.append(inputs.slice(0, 100).map(({ json }) => encodeRecord(json)));
  const ended = new AbortController();
  const loop = new PartitionLoop({
    partition: 0, log, store: new SqliteStore(database), settings: DEFAULT_SETTINGS, limits: { batchRecords: 30, checkpointRecords: 10 },
    onEvent: (event) => {
      if (event.kind === 'committed' && (event.commit.to.position.offsets[0] ?? 0) + (event.commit.to.position.offsets[1] ?? 0) >= 100) ended.abort();
    },
  });
  ended.signal.addEventListener('abort', () => loop.stop());
  await loop.run();
  database.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  return readFileSync(join(origin, 'fillstream.db'));
}

const whole = await madeOnce();

/** Reads all that there is, as a start, a gateway and a page of an order do. */
async function readAll(): Promise<void> {
  const database = Database.open(copy);
  try {
    const log = new SqliteLog({ database, partitions: 1, limitBytes: 1e9 });
    const store = new SqliteStore(database);
    const owner = await store.claim(0);
    const state = await store.read(owner);
    if (state.kind === 'checkpoint') await store.prefetch(owner, state.head.at, state.orders, []);
    const opened = await log.open(0);
    for await (const replayed of opened.replay(opened.start.position)) assert.ok(replayed.records.length >= 0);
    log.readSignals(0, 0, 1_000);
  } finally {
    database.close();
  }
  const reader = LogReader.open(copy);
  try {
    for (const topic of [...INPUT_TOPICS, 'signals', 'commits']) reader.read(topic, 0, 0, 10_000);
  } finally {
    reader.close();
  }
}

const files = bytesTarget({
  name: 'embedded', law: 'a damaged file of the embedded pair is read as far as it is whole, or refused by name', share: 50,
  cases: damaged(fc.constant(whole)),
  check: async (bytes) => {
    rmSync(copy, { recursive: true, force: true });
    cpSync(origin, copy, { recursive: true });
    writeFileSync(join(copy, 'fillstream.db'), bytes);
    await onlyLater([PortError, SchemaError], readAll);
  },
  close: async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.resolve();
  },
});

export const STATE_TARGETS = [orders, parts, notes, claims, files];
