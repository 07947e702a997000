// What is served over real HTTP, and what events become as metrics.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, Oid } from '@fillstream/core';
import type { LoopEvent } from '@fillstream/runtime';
import { ProcessorMetrics } from './processor-metrics.ts';
import { serve, type Served } from './server.ts';

async function served(t: { after: (done: () => Promise<void>) => void }, ok: { value: boolean }, metrics = new ProcessorMetrics(['fills', 'order-updates'])): Promise<Served> {
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
  await assert.rejects(serve({ registry: new ProcessorMetrics([]).registry, health: () => ({ ok: true, detail: null }), readiness: () => ({ ok: true, detail: null }) }, { host: '127.0.0.1', port }), /EADDRINUSE/);
});

test('events are counted', async (t) => {
  const metrics = new ProcessorMetrics(['fills', 'order-updates']);
  const point = { position: { offsets: [0, 0], fired: 0 }, id: '0000000000000000' };
  const committed: LoopEvent = {
    kind: 'committed', partition: 3, streamTime: 1_760_000_000_500,
    commit: { from: point, to: point, merge: [{ topic: 0, count: 5 }, { topic: 1, count: 2 }, { topic: 0, count: 1 }], clocks: [], signals: [], refused: [], lacks: [{ address: '0x1' as Address, oid: 7 as Oid, missing: 'fills' }], afterEnd: false },
  };
  for (const event of [committed, committed, { kind: 'takenOver', partition: 3, how: 'rebuilt', replayed: 40, at: point } as const]) metrics.note(event);
  const { url } = await served(t, { value: true }, metrics);
  const text = await (await fetch(`${url}/metrics`)).text();
  for (const line of [
    'fillstream_records_total{topic="fills"} 12', 'fillstream_records_total{topic="order-updates"} 4', 'fillstream_commits_total 2', 'fillstream_repairs_asked_total{missing="fills"} 2',
    'fillstream_take_overs_total{how="rebuilt"} 1', 'fillstream_replayed_records_total 40', 'fillstream_stream_time_seconds{partition="3"} 1760000000.5',
  ]) assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
});
