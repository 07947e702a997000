// What is served over real HTTP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessorMetrics } from './processor-metrics.ts';
import { serve, type Served } from './server.ts';

async function served(t: { after: (done: () => Promise<void>) => void }, ok: { value: boolean }, metrics = new ProcessorMetrics({ topics: ['fills', 'order-updates'] })): Promise<Served> {
  const server = await serve({
    registry: metrics.registry, health: () => ({ ok: ok.value, detail: { partitions: [] } }), readiness: () => ({ ok: !ok.value, detail: 'standing by' }),
  }, { host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await server.close();
  });
  return server;
}

test('health and readiness answer with what they are made of, and 503 when they are not given', async (t) => {
  const ok = { value: true };
  const { url } = await served(t, ok);
  const [healthy, unready] = await Promise.all([fetch(`${url}/healthz`), fetch(`${url}/readyz`)]);
  assert.deepEqual([healthy.status, await healthy.json(), unready.status, await unready.json()], [200, { partitions: [] }, 503, 'standing by']);
  ok.value = false;
  assert.equal((await fetch(`${url}/healthz`)).status, 503);
});

test('nothing else is answered', async (t) => {
  const { url } = await served(t, { value: true });
  assert.equal((await fetch(`${url}/`)).status, 404);
  assert.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 404);
});

test('a port that is taken is an error', async (t) => {
  const { url } = await served(t, { value: true });
  const port = Number(new URL(url).port);
  await assert.rejects(serve({ registry: new ProcessorMetrics({ topics: [] }).registry, health: () => ({ ok: true, detail: null }), readiness: () => ({ ok: true, detail: null }) }, { host: '127.0.0.1', port }), /EADDRINUSE/);
});
