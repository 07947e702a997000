// The laws of network, sockets, HTTP and disks in a simulation.

import assert from 'node:assert/strict';
import { SpillFile } from '../../../services/ingestor/src/live/spill-file.ts';
import type { SimProcess } from '../process.ts';
import type { Wire } from './network.ts';
import { inRun, over, pass, type Run } from './test-run.ts';
import type { Laws } from './test-thread.ts';
import { WebSocket } from './ws.ts';

type Pair = { readonly client: WebSocket; readonly server: WebSocket; readonly wire: Wire; readonly told: string[]; readonly heard: string[]; readonly processes: readonly [SimProcess, SimProcess] };

function noted(socket: WebSocket, into: string[]): void {
  socket.on('open', () => into.push('open'));
  socket.on('message', (data: Buffer) => into.push(data.toString('utf8')));
  socket.on('error', (error: Error) => into.push(`error ${error.message}`));
  socket.on('close', (code: number, reason: Buffer) => into.push(`close ${code} ${reason.toString('utf8')}`.trim()));
}

/** `told` is what the client hears, `heard` what the server does. */
async function connected(run: Run): Promise<Pair> {
  const [near, far] = [run.simulation.process('client'), run.simulation.process('server')];
  const [told, heard]: [string[], string[]] = [[], []];
  const met = Promise.withResolvers<{ readonly server: WebSocket; readonly wire: Wire }>();
  run.world.network.listen('host', () => ({
    process: far,
    onKnock: ({ wire }) => {
      const server = new WebSocket('ws://host/', [], wire);
      noted(server, heard);
      met.resolve({ server, wire });
    },
  }));
  const client = near.enter(() => new WebSocket('ws://host/ws'));
  noted(client, told);
  const { server, wire } = await over(run, met.promise);
  await pass(run, 1_000);
  assert.deepEqual(told.splice(0), ['open']);
  return { client, server, wire, told, heard, processes: [near, far] };
}

const numbers = Array.from({ length: 20 }, (_, number) => String(number));

export const LAWS: Laws = {
  'what is sent arrives in order, over a slow line, a stall and a pause': async () => inRun({ seed: 1 }, async (run) => {
    const { client, server, wire, told } = await connected(run);
    wire.slowDown(100);
    for (const number of numbers) server.send(number);
    await pass(run, 50);
    assert.ok(told.length < numbers.length);
    client.pause();
    const before = told.length;
    wire.slowDown(Infinity);
    await pass(run, 1_000);
    assert.equal(told.length, before);
    wire.stall();
    client.resume();
    await pass(run, 1_000);
    assert.equal(told.length, before);
    wire.flow();
    await pass(run, 1_000);
    assert.deepEqual(told, numbers);
  }),
  'a close is answered in its own words': async () => inRun({ seed: 2 }, async (run) => {
    const { client, server, told, heard } = await connected(run);
    server.send('last');
    server.close(1001, 'going away');
    await pass(run, 1_000);
    assert.deepEqual([told, heard], [['last', 'close 1001 going away'], ['close 1001 going away']]);
    assert.deepEqual([client.readyState, server.readyState], [3, 3]);
  }),
  'a process that ends is missed at once, behind what it had sent': async () => inRun({ seed: 3 }, async (run) => {
    const { server, told, processes: [, far] } = await connected(run);
    server.send('last');
    far.crash();
    await pass(run, 1_000);
    assert.deepEqual(told, ['last', 'close 1006']);
  }),
  'one that loses power is not missed': async () => inRun({ seed: 4 }, async (run) => {
    const { client, told, processes: [, far] } = await connected(run);
    run.world.network.powerOff(far);
    far.crash();
    client.send('who is there?');
    await pass(run, 60_000);
    assert.deepEqual([told, client.readyState], [[], 1]);
    client.terminate();
    await pass(run, 1);
    assert.deepEqual(told, ['close 1006']);
  }),
  'a reset loses what was on its way': async () => inRun({ seed: 5 }, async (run) => {
    const { server, wire, told, heard } = await connected(run);
    server.send('lost');
    wire.cut('reset');
    await pass(run, 1_000);
    assert.deepEqual([told, heard], [['close 1006'], ['close 1006']]);
  }),
  'a closing handshake that nobody answers ends after a while': async () => inRun({ seed: 6 }, async (run) => {
    const { client, wire, told } = await connected(run);
    wire.die();
    client.close(1000);
    await pass(run, 29_000);
    assert.deepEqual(told, []);
    await pass(run, 2_000);
    assert.deepEqual(told, ['close 1006']);
  }),
  'who reads nothing makes the other side wait': async () => inRun({ seed: 7 }, async (run) => {
    const { client, server, told } = await connected(run);
    client.pause();
    let sent = 0;
    for (let count = 0; count < 10; count += 1) server.send('x'.repeat(4_000), () => (sent += 1));
    await pass(run, 1_000);
    assert.ok(server.bufferedAmount > 20_000 && sent < 10);
    client.resume();
    await pass(run, 1_000);
    assert.deepEqual([server.bufferedAmount, sent, told.length], [0, 10, 10]);
  }),
  'a connection is refused, or not answered': async () => inRun({ seed: 8 }, async (run) => {
    const near = run.simulation.process('client');
    const told: string[] = [];
    near.enter(() => noted(new WebSocket('ws://nobody/'), told));
    await pass(run, 1_000);
    assert.deepEqual(told.splice(0), ['error connect ECONNREFUSED nobody', 'close 1006']);
    run.world.network.listen('mute', () => ({ process: run.simulation.process('mute'), onKnock: () => undefined }));
    near.enter(() => noted(new WebSocket('ws://mute/', { handshakeTimeout: 5_000 }), told));
    await pass(run, 6_000);
    assert.deepEqual(told, ['error Opening handshake has timed out', 'close 1006']);
  }),
  'a request is answered, cut or aborted': async () => inRun({ seed: 9 }, async (run) => {
    const [near, far] = [run.simulation.process('client'), run.simulation.process('server')];
    run.world.network.listen('host', () => ({
      process: far, onKnock: () => undefined,
      onRequest: ({ body, respond }) => {
        if (body !== 'nothing') respond({ status: 200, text: `heard ${body}`, isCut: body === 'half' });
        return () => undefined;
      },
    }));
    const ask = async (body: string, signal?: AbortSignal): Promise<string> => await near.enter(async () => {
      const response = await fetch('http://host/info', { method: 'POST', body, ...(signal === undefined ? {} : { signal }) });
      const chunks = [];
      for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString('utf8');
    });
    assert.equal(await over(run, ask('all')), 'heard all');
    await assert.rejects(over(run, ask('half')), /fetch failed/);
    await assert.rejects(over(run, ask('nothing', AbortSignal.timeout(100))), /timeout/);
  }),
  'a torn write ends its process, and the next start finds whole lines alone': async () => inRun({ seed: 10 }, async (run) => {
    const process = run.simulation.process('writer');
    const path = '/simulated/writer/spill';
    process.enter(() => {
      const file = new SpillFile(path);
      file.append([{ number: 1 }, { number: 2 }]);
      run.world.disk.tear('/simulated/writer/');
      assert.throws(() => file.append([{ number: 3 }, { number: 4 }, { number: 5 }]));
      assert.throws(() => file.append([{ number: 6 }]));
    });
    assert.equal(process.life, 'gone');
    const { entries } = run.simulation.process('writer').enter(() => new SpillFile(path).first());
    assert.deepEqual(entries, [{ number: 1 }, { number: 2 }, { number: 3 }]);
    await Promise.resolve();
  }),
};
