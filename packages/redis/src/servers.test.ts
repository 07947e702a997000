// Servers with logins, with TLS, and as a Cluster (C1, C2).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { PortError } from '@fillstream/runtime';
import { freePorts, type Redis as RedisServer } from '@fillstream/stack';
import { Redis } from 'ioredis';
import { RedisConnection, agreeOn, checkRedis } from './index.ts';
import {
  checkpointAt, connect, goRound, keep, makeCertificates, newFolder, newServer, nodeOf, order, orderKey, pointAt, textOf,
  type Ending,
} from './test-servers.ts';

/**
 * All that the adapter needs. `info` is for ioredis, which waits for a server that loads; a Cluster needs `cluster|slots` and
 * `cluster|info` too. Without `config|get`, `checkRedis` can only warn.
 */
const NEEDED = [
  'evalsha', 'eval', 'hscan', 'info', 'ping', 'hget', 'hmget', 'hset', 'hsetnx', 'hdel', 'hlen', 'hgetall',
  'get', 'set', 'del', 'exists', 'unlink',
];

function isBroken(error: unknown, retryable: boolean, pattern: RegExp): boolean {
  assert.ok(error instanceof PortError, inspect(error));
  assert.equal(error.code, 'store-broken');
  assert.equal(error.retryable, retryable, error.message);
  assert.match(error.message, pattern);
  return true;
}

test('a user with the needed commands, on the keys of its namespace, can do all; and elsewhere nothing', async (t) => {
  const server = await newServer(t);
  const admin = await connect(t, server);
  await admin.client.call('ACL', ['SETUSER', 'keeper', 'on', '>right', '~mine:*', ...NEEDED.map((name) => `+${name}`)]);
  const connection = await connect(t, server, { username: 'keeper', password: 'right' });
  await goRound(connection, 'mine');
  await agreeOn(connection, 'mine', { partitions: '8' });
  assert.equal(await checkRedis(connection), null);
  await admin.client.call('ACL', ['SETUSER', 'keeper', '-info']);
  assert.match(await checkRedis(connection) ?? '', /maxmemory-policy couldn't be read.*noeviction/);
  await assert.rejects(goRound(connection, 'theirs'), (error) => isBroken(error, false, /permission/i));
});

test('a wrong password is in no error, however deep one looks (C2)', async (t) => {
  const server = await newServer(t, ['--requirepass', 'right']);
  await assert.rejects(connect(t, server, { password: 'hunter2' }), (error) => {
    assert.ok(!inspect(error, { depth: 20, showHidden: true }).includes('hunter2'));
    return isBroken(error, false, /redis at 127\.0\.0\.1:\d+: WRONGPASS/);
  });
  await assert.rejects(connect(t, server), (error) => isBroken(error, false, /NOAUTH/));
  await goRound(await connect(t, server, { password: 'right' }), 'behind-a-password');
});

test('an error of a checkpoint has nothing of what was written (C2)', async (t) => {
  const server = await newServer(t);
  const connection = await connect(t, server);
  const { store, owner } = await keep(connection, 'quiet');
  await connection.client.set('quiet:{0}:meta', 'of another type');
  const next = checkpointAt(2, { orders: [order(3, 'a secret body')] });
  await assert.rejects(store.checkpoint(owner, pointAt(1), next), (error) => {
    assert.ok(!inspect(error, { depth: 20, showHidden: true }).includes('a secret body'));
    return isBroken(error, false, /WRONGTYPE/);
  });
});

test('a server that is not there is said so, with its address', async () => {
  const [port = 0] = await freePorts(1);
  const nodes = [nodeOf({ port })];
  const told = [/redis at 127\.0\.0\.1:\d+: connect ECONNREFUSED/, /redis at 127\.0\.0\.1:\d+: Connection is closed/] as const;
  await assert.rejects(RedisConnection.open({ nodes }), (error) => isBroken(error, true, told[0]));
  await assert.rejects(RedisConnection.open({ nodes, cluster: true }), (error) => isBroken(error, true, told[1]));
});

test('several addresses are refused unless they are of a Cluster', async () => {
  const opened = RedisConnection.open({ nodes: ['a:1', 'b:2'] });
  await assert.rejects(opened, /expected one host:port, or several of a Cluster, got a:1, b:2/);
});

test('by TLS a server is believed by its own authority only', async (t) => {
  const folder = newFolder(t);
  const [port = 0] = await freePorts(1);
  const { ca, cert, key } = makeCertificates(folder);
  const tls = ['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca];
  await newServer(t, [...tls, '--tls-auth-clients', 'yes'], folder);
  const nodes = [nodeOf({ port })];
  const own = { cert: textOf(cert), key: textOf(key) };
  const connection = await RedisConnection.open({ nodes, tls: { ca: textOf(ca), ...own } });
  t.after(() => { connection.close(); });
  await goRound(connection, 'sealed');
  const other = makeCertificates(newFolder(t));
  for (const trusted of [{ ca: textOf(other.ca) }, {}]) {
    const opened = RedisConnection.open({ nodes, tls: { ...trusted, ...own } });
    await assert.rejects(opened, (error) => isBroken(error, false, /certificate/));
  }
});

/** Three masters without replicas that share the slots. */
async function newCluster(t: Ending): Promise<readonly RedisServer[]> {
  const node = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '2000'];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always']; // Else it acknowledges what a busy disk lets it write later.
  const servers = await Promise.all([0, 1, 2].map(async () => await newServer(t, [...node, ...durable])));
  const admins = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  for (const [place, admin] of admins.entries()) {
    await admin.call('CLUSTER', ['ADDSLOTSRANGE', Math.ceil(place * 16_384 / 3), Math.ceil((place + 1) * 16_384 / 3) - 1]);
    await admin.call('CLUSTER', ['SET-CONFIG-EPOCH', place + 1]);
    await admin.call('CLUSTER', ['MEET', '127.0.0.1', servers[0]?.port ?? 0]);
  }
  for (const admin of admins) {
    const info = async (): Promise<string> => String(await admin.call('CLUSTER', ['INFO']));
    for (let left = 200; !/cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(await info()); left -= 1) {
      assert.ok(left > 0, 'the cluster does not come up');
      await sleep(50);
    }
    admin.disconnect();
  }
  return servers;
}

test('a Cluster keeps each partition on one node, and a node that comes back is waited for', { timeout: 60_000 }, async (t) => {
  const servers = await newCluster(t);
  const told: string[] = [];
  const onTrouble = (message: string): void => { told.push(message); };
  const nodes = servers.map(nodeOf);
  const connection = await RedisConnection.open({ cluster: true, nodes, commandTimeoutMs: 1_000, onTrouble });
  t.after(() => { connection.close(); });
  assert.equal(await checkRedis(connection), null);
  const partitions = [0, 1, 2, 3, 4, 5, 6, 7];
  for (const partition of partitions) await goRound(connection, 'spread', partition);
  await agreeOn(connection, 'spread', { partitions: '8' });
  const kept = await Promise.all(partitions.map(async (partition) => await keep(connection, 'kept', partition)));
  await servers[1]?.process.kill();
  const written = kept.map(({ store, owner }) => store.checkpoint(owner, pointAt(1), checkpointAt(2)));
  await sleep(1_000);
  await servers[1]?.process.start();
  for (const answer of await Promise.all(written)) assert.deepEqual(answer, { kind: 'written' });
  for (const { store, owner } of kept) assert.equal((await store.prefetch(owner, pointAt(2), [orderKey(1)], [])).kind, 'fetched');
  assert.ok(told.length >= 2, told.join('\n'));
});

test('every node of a Cluster is asked whether it evicts, and a wrong password fails at once', { timeout: 60_000 }, async (t) => {
  const servers = await newCluster(t);
  const nodes = [nodeOf(servers[0] ?? { port: 0 })];
  const connection = await RedisConnection.open({ cluster: true, nodes });
  t.after(() => { connection.close(); });
  const admins = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  await admins[2]?.config('SET', 'maxmemory-policy', 'volatile-ttl');
  await assert.rejects(checkRedis(connection), /maxmemory-policy=volatile-ttl, expected noeviction/);
  for (const admin of admins) {
    await admin.config('SET', 'requirepass', 'right');
    admin.disconnect();
  }
  const refused = RedisConnection.open({ cluster: true, nodes, password: 'hunter2' });
  await assert.rejects(refused, (error) => isBroken(error, false, /WRONGPASS/));
  const allowed = await RedisConnection.open({ cluster: true, nodes, password: 'right' });
  t.after(() => { allowed.close(); });
  await goRound(allowed, 'behind-a-password');
});
