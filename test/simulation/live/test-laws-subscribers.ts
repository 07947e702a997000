// The laws of a simulation's own gateways and clients.

import assert from 'node:assert/strict';
import { subscribe } from '@fillstream/client';
import { CursorCodec } from '@fillstream/gateway/feed/cursor';
import { SimClient } from './client.ts';
import { SimGateway } from './gateway.ts';
import { LOG_IDENTITY } from './signal-source.ts';
import { appendSignals, inRun, pass, type Run } from './test-run.ts';
import type { Laws } from './test-thread.ts';

const WORK_MS = 400;

/** Up, and read to the end of an empty log. */
async function gatewayOf(run: Run): Promise<SimGateway> {
  const gateway = new SimGateway({ world: run.world, name: 'gateway-0', file: ':memory:', limits: {} });
  run.world.network.listen('gateway', () => gateway.listener);
  gateway.start();
  await pass(run, 1_000);
  assert.notEqual(gateway.listener, null);
  return gateway;
}

export const LAWS: Laws = {
  'a client has got no further than what it has kept': async () => inRun({ seed: 1, partitions: 1 }, async (run) => {
    await gatewayOf(run);
    const client = new SimClient({ world: run.world, name: 'client-0', filter: {}, begin: 'earliest', workMs: () => WORK_MS, maxBuffered: 10 });
    client.start();
    await pass(run, 1_000);
    assert.notEqual(client.cursor, null);
    appendSignals(run, 1, 0);
    await pass(run, WORK_MS / 2);
    assert.deepEqual([client.received.length, client.cursor], [0, null]);
    await pass(run, WORK_MS);
    assert.equal(client.received.length, 1);
    assert.notEqual(client.cursor, null);
  }),
  'a client that begins with the latest has begun before the first signal that comes, also when it comes before it is live': async () => (
    inRun({ seed: 1, partitions: 1 }, async (run) => {
      const gateway = await gatewayOf(run);
      let early = 0;
      for (let ms = 3; ms < 18; ms += 0.5) {
        const client = new SimClient({ world: run.world, name: 'client-0', filter: {}, begin: 'latest', workMs: () => WORK_MS, maxBuffered: 10 });
        client.start();
        await pass(run, ms);
        gateway.process?.freeze(200); // It wakes with a subscription and a signal at once.
        appendSignals(run, 1, 20);
        await pass(run, 2_000);
        client.end();
        const { began, received: [received] } = client;
        assert.ok(began !== null);
        if (began.first === null) continue; // It was live before, or began behind the signal.
        assert.equal(began.first, received);
        early += 1;
      }
      assert.notEqual(early, 0);
    })
  ),
  'a gateway that is gone fails nothing that was asked of it': async () => inRun({ seed: 1, partitions: 1 }, async (run) => {
    const { simulation } = run;
    const gateway = await gatewayOf(run);
    // It stays behind, so it has to ask how far the log goes when somebody has been further.
    gateway.process?.arm({ call: 'gateway follow', fate: { kind: 'request lost' } });
    appendSignals(run, 2, 0);
    await pass(run, 100);
    gateway.process?.arm({ call: 'gateway bounds', fate: { kind: 'crash after' } });
    const cursor = new CursorCodec(LOG_IDENTITY, 1).encode([simulation.broker.end('signals', 0)]);
    const client = simulation.process('client-0');
    const subscription = client.enter(() => subscribe({ url: 'http://gateway', from: { cursor } }));
    const first = client.enter(async () => await subscription[Symbol.asyncIterator]().next());
    await pass(run, 300);
    assert.equal(simulation.counts.get('call: crash after'), 1);
    assert.equal(gateway.process, null);
    assert.deepEqual(simulation.problems, []);
    client.enter(() => subscription.close());
    assert.equal((await first).done, true);
  }),
};
