// What is the Redis adapter's own: lost keys, times to live, servers that don't answer, logins.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { noCounts, type Address, type Oid } from '@fillstream/core';
import { PortError, type CheckpointHead, type HistoryPoint, type Owner } from '@fillstream/runtime';
import { startRedis, type Redis } from '@fillstream/stack';
import { RedisConnection, RedisStore, checkRedis, type RedisOptions } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-'));
const NOW = 1_760_000_000_000;
const DAY_MS = 86_400_000;
const ADDRESS = addressOf('a1');
let server: Redis | null = null;
let namespaces = 0;

before(async () => {
  server = await startRedis({ folder });
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function addressOf(byte: string): Address {
  return `0x${byte.repeat(20)}` as Address;
}

function orderKey(oid: number): { readonly address: Address; readonly oid: Oid } {
  return { address: ADDRESS, oid: oid as Oid };
}

function pointAt(offset: number): HistoryPoint {
  return { id: offset.toString(16).padStart(16, '0'), position: { offsets: [offset, 0], fired: 0 } };
}

function headAt(offset: number): CheckpointHead {
  return { at: pointAt(offset), clocks: offset === 0 ? [] : [NOW, NOW], counts: noCounts() };
}

async function connect(t: TestContext, options: Partial<RedisOptions> = {}): Promise<RedisConnection> {
  assert.ok(server !== null);
  const connection = await RedisConnection.open({ nodes: [`127.0.0.1:${String(server.port)}`], ...options });
  t.after(() => connection.close());
  return connection;
}

type Kept = { readonly store: RedisStore; readonly owner: Owner; readonly namespace: string };

/** A checkpoint at offset 10 of two orders and a part of their address. */
async function keep(connection: RedisConnection): Promise<Kept> {
  namespaces += 1;
  const namespace = `own${String(namespaces)}`;
  const store = new RedisStore({ connection, namespace });
  const owner = await store.claim(0);
  assert.deepEqual(await store.reset(owner, headAt(0)), { kind: 'reset' });
  const orders = [1, 2].map((oid) => ({ ...orderKey(oid), deadline: NOW + oid * DAY_MS, body: `{"oid":${String(oid)}}` }));
  const parts = [{ address: ADDRESS, part: 0, body: '{"horizon":1}' }];
  assert.deepEqual(await store.checkpoint(owner, pointAt(0), { head: headAt(10), orders, parts }), { kind: 'written' });
  return { store, owner, namespace };
}

async function keysLike({ client }: RedisConnection, pattern: string): Promise<string[]> {
  return (await client.keys(pattern)).sort();
}

test('an order outlives its longest wait by the margin, an address and the meta live for good', async (t) => {
  const connection = await connect(t);
  const { namespace } = await keep(connection);
  const [first = '', second = ''] = await keysLike(connection, `${namespace}:*:o:*`);
  for (const [place, key] of [first, second].entries()) {
    const days = await connection.client.pttl(key) / DAY_MS;
    assert.ok(days > place + 7.99 && days <= place + 8, `${String(days)} days`);
  }
  for (const key of [...await keysLike(connection, `${namespace}:*:a:*`), `${namespace}:{0}:meta`]) assert.equal(await connection.client.pttl(key), -1);
});

test('an order that is gone is noticed by the prefetch and by the audit', async (t) => {
  const connection = await connect(t);
  const { store, owner, namespace } = await keep(connection);
  await connection.client.del((await keysLike(connection, `${namespace}:*:o:*:2`))[0] ?? '');
  assert.deepEqual(await store.prefetch(owner, pointAt(10), [orderKey(2)], []), { kind: 'refused', why: 'gone' });
  assert.equal((await store.prefetch(owner, pointAt(10), [orderKey(1)], [ADDRESS])).kind, 'fetched');
  assert.deepEqual(await store.read(owner), { kind: 'void', why: '1 orders that are indexed are gone' });
});

test("an address's memory that is gone is noticed by the prefetch and by the audit", async (t) => {
  const connection = await connect(t);
  const { store, owner, namespace } = await keep(connection);
  await connection.client.del((await keysLike(connection, `${namespace}:*:a:*`))[0] ?? '');
  assert.deepEqual(await store.prefetch(owner, pointAt(10), [], [ADDRESS]), { kind: 'refused', why: 'gone' });
  assert.deepEqual(await store.read(owner), { kind: 'void', why: `parts of ${ADDRESS} are gone` });
});

test('an index that lost an entry is noticed by the checkpoint', async (t) => {
  const connection = await connect(t);
  const { store, owner, namespace } = await keep(connection);
  const [index = ''] = await keysLike(connection, `${namespace}:*:index`);
  await connection.client.hdel(index, `${ADDRESS}/1`);
  assert.deepEqual(await store.checkpoint(owner, pointAt(10), { head: headAt(20), orders: [], parts: [] }), { kind: 'refused', why: 'gone' });
});

test('a server that was emptied, or whose meta is an older one, refuses', async (t) => {
  const connection = await connect(t);
  const { store, owner, namespace } = await keep(connection);
  const meta = `${namespace}:{0}:meta`;
  const older = await connection.client.dumpBuffer(meta);
  await store.checkpoint(owner, pointAt(10), { head: headAt(20), orders: [], parts: [] });
  await connection.client.restore(meta, 0, older ?? '', 'REPLACE');
  assert.deepEqual(await store.prefetch(owner, pointAt(20), [orderKey(1)], []), { kind: 'refused', why: 'another checkpoint' });
  await connection.client.flushall();
  assert.deepEqual(await store.prefetch(owner, pointAt(20), [], []), { kind: 'refused', why: 'another owner' });
  assert.deepEqual(await store.read(await store.claim(0)), { kind: 'missing' });
});

test('a reset leaves nothing of the generation before', async (t) => {
  const connection = await connect(t);
  const { store, owner, namespace } = await keep(connection);
  await store.reset(owner, headAt(0));
  assert.deepEqual(await store.prefetch(owner, pointAt(0), [orderKey(1)], []), { kind: 'refused', why: 'gone' });
  for (let left = 100; (await keysLike(connection, `${namespace}:*`)).length > 1; left -= 1) {
    assert.ok(left > 0, 'the old keys stay');
    await sleep(20);
  }
  assert.equal(await connection.client.hget(`${namespace}:{0}:meta`, 'garbage'), '');
});

test('a server that freezes delays a checkpoint, which is written once', async (t) => {
  assert.ok(server !== null);
  const told: string[] = [];
  const connection = await connect(t, { commandTimeoutMs: 200, onTrouble: (message) => told.push(message) });
  const { store, owner } = await keep(connection);
  process.kill(server.process.pid ?? 0, 'SIGSTOP');
  const written = store.checkpoint(owner, pointAt(10), { head: headAt(20), orders: [], parts: [] });
  await sleep(1_000);
  process.kill(server.process.pid ?? 0, 'SIGCONT');
  assert.deepEqual(await written, { kind: 'written' });
  assert.match(told[0] ?? '', /trying again/);
  assert.equal(told.at(-1), 'redis: answers again');
  const stored = await store.read(owner);
  assert.deepEqual(stored.kind === 'checkpoint' && stored.head.at, pointAt(20));
});

test('a full server and a read-only one are waited for', async (t) => {
  const connection = await connect(t);
  const { store, owner } = await keep(connection);
  await connection.client.config('SET', 'maxmemory', '1');
  const body = 'x'.repeat(1_000);
  const full = store.checkpoint(owner, pointAt(10), { head: headAt(20), orders: [{ ...orderKey(3), deadline: NOW, body }], parts: [] });
  await sleep(300);
  await connection.client.config('SET', 'maxmemory', '0');
  assert.deepEqual(await full, { kind: 'written' });
  await connection.client.call('REPLICAOF', '127.0.0.1', '1');
  const readOnly = store.checkpoint(owner, pointAt(20), { head: headAt(30), orders: [], parts: [] });
  await sleep(300);
  await connection.client.call('REPLICAOF', 'NO', 'ONE');
  assert.deepEqual(await readOnly, { kind: 'written' });
});

test('patience ends with an error that says so', async (t) => {
  assert.ok(server !== null);
  const connection = await connect(t, { commandTimeoutMs: 1_000, patienceMs: 3_000 });
  const { store, owner } = await keep(connection);
  process.kill(server.process.pid ?? 0, 'SIGSTOP');
  try {
    await assert.rejects(store.read(owner), (error) => error instanceof PortError && error.retryable && /gave no answer for 3000 ms/.test(error.message));
  } finally {
    process.kill(server.process.pid ?? 0, 'SIGCONT');
  }
});

test('a wrong password fails at once, and is not shown', async (t) => {
  const connection = await connect(t);
  await connection.client.call('ACL', 'SETUSER', 'keeper', 'on', '>right', '~secured:*', '+@read', '+@write', '+@scripting', '+@connection', '+ping', '+info');
  assert.ok(server !== null);
  const nodes = [`127.0.0.1:${String(server.port)}`];
  await assert.rejects(RedisConnection.open({ nodes, username: 'keeper', password: 'hunter2' }), (error) => (
    error instanceof PortError && !error.retryable && /WRONGPASS/.test(error.message) && !error.message.includes('hunter2')
  ));
  const limited = await RedisConnection.open({ nodes, username: 'keeper', password: 'right' });
  t.after(() => limited.close());
  const store = new RedisStore({ connection: limited, namespace: 'secured' });
  assert.deepEqual(await store.reset(await store.claim(0), headAt(0)), { kind: 'reset' });
  await assert.rejects(new RedisStore({ connection: limited, namespace: 'elsewhere' }).claim(0), (error) => error instanceof PortError && !error.retryable);
  assert.equal(await checkRedis(limited), null);
});

test('a server that evicts is refused by the name of the setting', async (t) => {
  const connection = await connect(t);
  assert.equal(await checkRedis(connection), null);
  await connection.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await assert.rejects(checkRedis(connection), /maxmemory-policy=allkeys-lru, expected noeviction/);
  await connection.client.config('SET', 'maxmemory-policy', 'noeviction');
});
