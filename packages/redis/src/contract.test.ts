// StateStore on a real Redis: the contract suite.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { stateStoreContract } from '@fillstream/runtime/contract';
import { startRedis, type Redis } from '@fillstream/stack';
import { RedisConnection, RedisStore } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-'));
let server: Redis | null = null;
let namespaces = 0;

before(async () => {
  server = await startRedis({ folder });
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

stateStoreContract('RedisStore', async () => {
  assert.ok(server !== null);
  const node = `127.0.0.1:${String(server.port)}`;
  namespaces += 1;
  const namespace = `n${String(namespaces)}`;
  let connection = await RedisConnection.open({ nodes: [node] });
  return {
    store: new RedisStore({ connection, namespace }),
    reopen: async () => {
      connection.close();
      connection = await RedisConnection.open({ nodes: [node] });
      return new RedisStore({ connection, namespace });
    },
    close: async () => {
      await connection.client.flushall();
      connection.close();
    },
  };
});
