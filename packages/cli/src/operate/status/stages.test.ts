// Processors are real HTTP servers here; only what a name's addresses are is made up.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { stagesOf, urlOf } from './stages.ts';

const STAGE = { partition: 3, stage: 'replaying', replayed: 7 };

/** How often it was asked, and where. */
async function processor(t: TestContext, body: object): Promise<{ readonly port: string; readonly hosts: string[] }> {
  const hosts: string[] = [];
  const server = createServer(({ headers }, response) => {
    hosts.push(headers.host ?? '');
    response.writeHead(503).end(JSON.stringify(body));
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port: String(port), hosts };
}

test('a name with several addresses is asked at each of them, and one that fails is told of by its name', async (t) => {
  const { port, hosts } = await processor(t, { partitions: [STAGE] });
  const addresses = ['127.0.0.1', '127.0.0.1', '0.0.0.1'].map((address) => ({ address, family: 4 }));
  const { stages, unknown } = await stagesOf(`http://processors.example:${port}`, async () => await Promise.resolve([{ address: '::1', family: 6 }, ...addresses]));
  assert.deepEqual([stages, hosts], [[STAGE, STAGE], [`127.0.0.1:${port}`, `127.0.0.1:${port}`]]);
  assert.deepEqual([unknown.length, unknown[0]?.startsWith(`rebuild progress: http://processors.example:${port}: `)], [1, true]);
});

test('a name with one address of each kind is asked by its name', async (t) => {
  const { port, hosts } = await processor(t, { partitions: [STAGE] });
  const both = [{ address: '::1', family: 6 }, { address: '0.0.0.1', family: 4 }];
  assert.deepEqual(await stagesOf(`http://localhost:${port}`, async () => await Promise.resolve(both)), { stages: [STAGE], unknown: [] });
  assert.deepEqual(hosts, [`localhost:${port}`]);
});

test('who isn\'t a processor, and a name that nobody knows, are told of', async (t) => {
  const { port } = await processor(t, { ok: true });
  assert.deepEqual((await stagesOf(`http://127.0.0.1:${port}`)).unknown, [`rebuild progress: http://127.0.0.1:${port}/readyz is no processor's`]);
  const failing = async (): Promise<never> => await Promise.reject(new Error('getaddrinfo ENOTFOUND nobody\nat once'));
  assert.deepEqual((await stagesOf('http://nobody:1', failing)).unknown, ['rebuild progress: http://nobody:1: getaddrinfo ENOTFOUND nobody']);
});

test('host:port and URLs are taken, anything else is refused by the flag\'s name', () => {
  assert.deepEqual(['a:1', 'http://a:1/', 'https://a/b/', '[::1]:1'].map((text) => urlOf('--http', text)), ['http://a:1', 'http://a:1', 'https://a/b', 'http://[::1]:1']);
  for (const text of ['', 'me:secret@a', 'http://', 'a b']) assert.throws(() => urlOf('--processor', text), /^UsageError: --processor: expected host:port/);
});
