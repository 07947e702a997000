// State that Redis lost, calls that came late or twice, and what is left behind (S1 to S3, G1).

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis, type Redis as RedisServer } from '@fillstream/stack';
import { RedisStore, type RedisConnection } from './index.ts';
import { RESET } from './scripts.ts';
import {
  ALICE, BOB, checkpointAt, connect, headAt, keep, keyLike, keysLike, newServer, order, orderKey, part, pointAt, type Kept,
} from './test-servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-'));
let server: RedisServer | null = null;
let namespaces = 0;

before(async () => {
  server = await startRedis({ folder });
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function kept(t: TestContext): Promise<Kept & { readonly connection: RedisConnection }> {
  assert.ok(server !== null);
  const connection = await connect(t, server);
  namespaces += 1;
  return { connection, ...await keep(connection, `loss${String(namespaces)}`) };
}

test('what an address lost is not written over: the checkpoint that adds a part is refused (S3)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  await connection.client.del(await keyLike(connection, `${namespace}:*:a:${BOB}`));
  const next = checkpointAt(2, { orders: [order(1, 'newer')], parts: [part(0, 'profile again', BOB)] });
  assert.deepEqual(await store.checkpoint(owner, pointAt(1), next), { kind: 'refused', why: 'gone' });
  assert.equal((await store.read(owner)).kind, 'void');
  assert.deepEqual(await keysLike(connection, `${namespace}:*:a:${BOB}`), [], 'nothing was written before it was refused');
});

test('a part that an address lost is noticed by a prefetch and by a checkpoint (S3)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  await connection.client.hdel(await keyLike(connection, `${namespace}:*:a:${BOB}`), '3');
  assert.deepEqual(await store.prefetch(owner, pointAt(1), [], [BOB]), { kind: 'refused', why: 'gone' });
  assert.equal((await store.prefetch(owner, pointAt(1), [], [ALICE])).kind, 'fetched');
  const next = checkpointAt(2, { parts: [part(5, 'chunk', BOB)] });
  assert.deepEqual(await store.checkpoint(owner, pointAt(1), next), { kind: 'refused', why: 'gone' });
});

test('a list of addresses that lost one together with its parts, or all, is noticed by every call (S3)', async (t) => {
  for (const lose of ['entry', 'list'] as const) {
    const { connection, store, owner, namespace } = await kept(t);
    const list = await keyLike(connection, `${namespace}:*:addresses`);
    await (lose === 'entry' ? connection.client.hdel(list, BOB) : connection.client.del(list));
    await connection.client.del(await keyLike(connection, `${namespace}:*:a:${BOB}`));
    assert.equal((await store.read(owner)).kind, 'void');
    assert.deepEqual(await store.prefetch(owner, pointAt(1), [], [BOB]), { kind: 'refused', why: 'gone' });
    assert.deepEqual(await store.checkpoint(owner, pointAt(1), checkpointAt(2)), { kind: 'refused', why: 'gone' });
  }
});

test('an index that lost an order together with its key is noticed by every call (S3)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  await connection.client.hdel(await keyLike(connection, `${namespace}:*:index`), `${ALICE}/2`);
  await connection.client.del(await keyLike(connection, `${namespace}:*:o:*:2`));
  assert.equal((await store.read(owner)).kind, 'void');
  assert.deepEqual(await store.prefetch(owner, pointAt(1), [orderKey(1)], []), { kind: 'refused', why: 'gone' });
  assert.deepEqual(await store.checkpoint(owner, pointAt(1), checkpointAt(2)), { kind: 'refused', why: 'gone' });
});

test('a meta that was deleted, or rolled back to another generation, refuses every call (S1)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  const meta = `${namespace}:{0}:meta`;
  const older = await connection.client.dumpBuffer(meta);
  await store.reset(owner, headAt(0));
  await store.checkpoint(owner, pointAt(0), checkpointAt(1));
  await connection.client.restore(meta, 0, older ?? '', 'REPLACE');
  const calls = [
    () => store.read(owner), () => store.prefetch(owner, pointAt(1), [], []), () => store.reset(owner, headAt(0)),
    () => store.checkpoint(owner, pointAt(1), checkpointAt(2)),
  ];
  for (const call of calls) assert.deepEqual(await call(), { kind: 'refused', why: 'another checkpoint' });
  assert.equal((await store.read(await store.claim(0))).kind, 'void', 'its orders were deleted');
  await connection.client.del(meta);
  for (const call of calls) assert.deepEqual(await call(), { kind: 'refused', why: 'another owner' });
});

test('a reset that was carried out and arrives again, after a checkpoint too, changes nothing (P1)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  const meta = `${namespace}:{0}:meta`;
  const before = await connection.client.hget(meta, 'gen');
  await store.reset(owner, headAt(0));
  const now = await connection.client.hget(meta, 'gen');
  await store.checkpoint(owner, pointAt(0), checkpointAt(1, { orders: [order(7, 'seven')] }));
  const late = await connection.run(RESET, [meta], [owner.token, before ?? '', now ?? '', 'origin', '{}']);
  assert.equal(late[0], 'ok');
  const stored = await store.read(owner);
  assert.deepEqual(stored.kind === 'checkpoint' && stored.orders.map(({ oid }) => oid), [7]);
});

test('a reset that arrives after a later one is refused (S1)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  const meta = `${namespace}:{0}:meta`;
  const before = await connection.client.hget(meta, 'gen');
  await store.reset(owner, headAt(0));
  const late = await connection.run(RESET, [meta], [owner.token, before ?? '', 'elsewhere', 'origin', '{}']);
  assert.deepEqual(late, ['another checkpoint']);
});

test('what a reset that was cut short left of the old generation, the next claim deletes (G1)', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  const before = await connection.client.hget(`${namespace}:{0}:meta`, 'gen') ?? '';
  const head = JSON.stringify(headAt(0));
  await connection.run(RESET, [`${namespace}:{0}:meta`], [owner.token, before, 'next', 'origin', head]); // And then it crashed.
  assert.equal((await keysLike(connection, `${namespace}:*:${before}:*`)).length, 6);
  const again = await store.claim(0);
  assert.deepEqual(await keysLike(connection, `${namespace}:*`), [`${namespace}:{0}:meta`]);
  await store.reset(again, headAt(0));
  assert.equal(await connection.client.hget(`${namespace}:{0}:meta`, 'garbage'), '');
});

test('a state of another format is refused by its number, and not claimed', async (t) => {
  const { connection, store, owner, namespace } = await kept(t);
  await connection.client.hset(`${namespace}:{0}:meta`, 'format', '99');
  await assert.rejects(store.claim(0), { name: 'PortError', code: 'mismatch', message: /format 99, expected 1/ });
  assert.equal(await connection.client.hget(`${namespace}:{0}:meta`, 'owner'), owner.token);
});

test('more changes than a call takes arguments one by one are one checkpoint', { timeout: 60_000 }, async (t) => {
  const { store, owner } = await kept(t);
  const orders = Array.from({ length: 200_000 }, (_, oid) => order(oid, `{"oid":${String(oid)}}`));
  assert.deepEqual(await store.checkpoint(owner, pointAt(1), checkpointAt(2, { orders })), { kind: 'written' });
  const stored = await store.read(owner);
  assert.equal(stored.kind === 'checkpoint' && stored.orders.length, 200_000);
});

test('a server that comes back empty is noticed, and claimed anew', async (t) => {
  const own = await newServer(t);
  const connection = await connect(t, own, { commandTimeoutMs: 500 });
  const { store, owner } = await keep(connection, 'emptied');
  await own.process.kill();
  await own.process.start();
  assert.deepEqual(await store.prefetch(owner, pointAt(1), [], []), { kind: 'refused', why: 'another owner' });
  assert.deepEqual(await store.read(await store.claim(0)), { kind: 'missing' });
});

test('a connection that is closed leaves nobody waiting', async (t) => {
  const own = await newServer(t);
  const connection = await connect(t, own, { commandTimeoutMs: 200 });
  const { store, owner } = await keep(connection, 'closed');
  await own.process.kill();
  const waiting = store.read(owner);
  await sleep(100);
  connection.close();
  const before = performance.now();
  await assert.rejects(waiting, { name: 'PortError', retryable: false, message: /the connection was closed/ });
  assert.ok(performance.now() - before < 3_000);
});

test('trouble is told once for all the calls that meet it, and its end too (P3)', async (t) => {
  const own = await newServer(t);
  const told: string[] = [];
  const connection = await connect(t, own, { commandTimeoutMs: 300, onTrouble: (message) => told.push(message) });
  const stores = await Promise.all(Array.from({ length: 8 }, async (_, partition) => await keep(connection, 'told', partition)));
  await connection.client.call('REPLICAOF', ['127.0.0.1', '1']);
  const written = stores.map(({ store, owner }) => store.checkpoint(owner, pointAt(1), checkpointAt(2)));
  await sleep(300);
  const other = await connect(t, own);
  await other.client.call('REPLICAOF', ['NO', 'ONE']);
  for (const answer of await Promise.all(written)) assert.deepEqual(answer, { kind: 'written' });
  assert.equal(told.length, 2, told.join('\n'));
  assert.match(told[0] ?? '', /READONLY.*trying again$/);
  assert.equal(told[1], 'redis: answers again');
});

test('no store writes into another namespace', async (t) => {
  const { connection, store, owner } = await kept(t);
  const other = new RedisStore({ connection, namespace: 'loss-other' });
  assert.deepEqual(await other.read(await other.claim(0)), { kind: 'missing' });
  assert.equal((await store.read(owner)).kind, 'checkpoint');
});
