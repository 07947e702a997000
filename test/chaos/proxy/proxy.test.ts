// What the fault proxy does to bytes, and what it reads of Kafka's protocol.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../end-to-end/until.ts';
import { Frames, redirected } from './kafka-frames.ts';
import { KafkaWay } from './kafka-way.ts';
import { HOST, Link } from './link.ts';

/** Answers each frame by what `answer` makes of it. */
async function serverFor(t: TestContext, answer: (bytes: Buffer) => Buffer): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => socket.write(answer(bytes)));
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

async function clientOf(t: TestContext, port: number): Promise<Socket & { text: () => string }> {
  const socket = connect(port, HOST);
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  return Object.assign(socket, { text: () => text });
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

async function echo(t: TestContext): Promise<{ link: Link; client: Awaited<ReturnType<typeof clientOf>> }> {
  const link = await Link.open({ name: 'echo', to: { host: HOST, port: await serverFor(t, (bytes) => bytes) } });
  t.after(() => link.close());
  return { link, client: await clientOf(t, link.address.port) };
}

test('bytes pass as they came, millions of them', async (t) => {
  const { client } = await echo(t);
  const sent = Buffer.alloc(8 << 20, 'x');
  client.write(sent);
  await until('all has passed', () => client.text().length === sent.length);
});

test('a hole keeps what comes, and hands it on in order when it closes', async (t) => {
  const { link, client } = await echo(t);
  for (const fault of [{ up: { isHole: true } }, { down: { isHole: true } }]) {
    const before = client.text();
    const lift = link.impair(fault);
    client.write('a');
    await sleep(50);
    client.write('b');
    await sleep(50);
    assert.equal(client.text(), before);
    lift();
    await until('all has passed', () => client.text() === `${before}ab`);
  }
});

test('two impairments stand until each is lifted', async (t) => {
  const { link, client } = await echo(t);
  const lifts = [link.impair({ up: { isHole: true } }), link.impair({ up: { isHole: true, delayMs: 1 } })];
  client.write('a');
  lifts[0]?.();
  await sleep(50);
  assert.equal(client.text(), '');
  lifts[1]?.();
  await until('all has passed', () => client.text() === 'a');
});

test('a delay and a limit take their time', async (t) => {
  const { link, client } = await echo(t);
  link.impair({ up: { delayMs: 100 }, down: { bytesPerSecond: 10_000 } });
  const began = performance.now();
  client.write(Buffer.alloc(3_000, 'x'));
  await until('all has passed', () => client.text().length === 3_000);
  assert.ok(performance.now() - began >= 340, `${performance.now() - began} ms`);
});

test('a cut resets what is connected and whoever connects, until it is lifted', async (t) => {
  const { link, client } = await echo(t);
  const lift = link.impair({ isCut: true });
  await closed(client);
  const refused = connect(link.address.port, HOST);
  refused.on('error', () => undefined);
  await closed(refused);
  lift();
  const again = await clientOf(t, link.address.port);
  again.write('a');
  await until('all has passed', () => again.text() === 'a');
});

test('a link that leads elsewhere ends what led there before', async (t) => {
  const { link, client } = await echo(t);
  link.retarget({ host: HOST, port: await serverFor(t, () => Buffer.from('other')) });
  await closed(client);
  const again = await clientOf(t, link.address.port);
  again.write('a');
  await until('all has passed', () => again.text() === 'other');
});

test('the end of a side comes behind its bytes, also through a hole', async (t) => {
  const { link, client } = await echo(t);
  const lift = link.impair({ up: { isHole: true } });
  client.end('last');
  await sleep(50);
  assert.equal(client.text(), '');
  lift();
  await closed(client);
  assert.equal(client.text(), 'last');
});

// ---- Kafka

function frame(...parts: readonly (string | readonly ['i16' | 'i32', number])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => {
    if (typeof part === 'string') return Buffer.concat([Buffer.from([0, part.length]), Buffer.from(part)]);
    const bytes = Buffer.alloc(part[0] === 'i16' ? 2 : 4);
    if (part[0] === 'i16') bytes.writeInt16BE(part[1]);
    else bytes.writeInt32BE(part[1]);
    return bytes;
  }));
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

const I16 = (value: number) => ['i16', value] as const;
const I32 = (value: number) => ['i32', value] as const;

test('frames come whole, however the bytes are cut', () => {
  const sent = [frame(I32(1)), frame(I32(2), 'text'), frame(I32(3))];
  const all = Buffer.concat(sent);
  for (let cut = 1; cut < all.length; cut += 1) {
    const frames = new Frames();
    const got = [...frames.push(all.subarray(0, cut)), ...frames.push(all.subarray(cut))];
    assert.deepEqual(got.map((each) => each.toString('hex')), sent.map((each) => each.toString('hex')));
  }
});

test('every answer that names brokers names the links instead', () => {
  const route = (id: number) => ({ host: 'link', port: 1_000 + id });
  const metadata = (...head: readonly ReturnType<typeof I32>[]) => (host: string, port: number) => (
    frame(I32(7), ...head, I32(2), I32(1), host, I32(port + 1), I16(-1), I32(2), host, I32(port + 2), 'rack', 'cluster')
  );
  for (const [version, make] of [[1, metadata()], [6, metadata(I32(0))]] as const) {
    assert.deepEqual(redirected(make('a-long-name', 90), { api: 3, version, correlation: 7 }, route), make('link', 1_000));
  }
  const coordinator = (host: string, port: number) => frame(I32(7), I32(0), I16(0), I16(-1), I32(2), host, I32(port));
  assert.deepEqual(redirected(coordinator('a', 9), { api: 10, version: 2, correlation: 7 }, route), coordinator('link', 1_002));
  const none = frame(I32(7), I32(0), I16(15), I16(-1), I32(-1), '', I32(-1));
  assert.deepEqual(redirected(none, { api: 10, version: 1, correlation: 7 }, route), none);
  assert.throws(() => redirected(none, { api: 3, version: 9, correlation: 7 }, route), /expected Metadata up to version 8/);
});

test('a hold holds the answers that it names, so many of them, and what is behind them', async (t) => {
  const answered = (request: Buffer): Buffer => frame(I32(request.readInt32BE(8)));
  const port = await serverFor(t, (bytes) => Buffer.concat(new Frames().push(bytes).map(answered)));
  const way = await KafkaWay.open('client', [{ id: 1, port }], (text) => assert.fail(text));
  t.after(() => way.close());
  const client = await clientOf(t, Number(way.bootstrap.split(':')[1]));
  const ask = (api: number, correlation: number) => client.write(frame(I16(api), I16(1), I32(correlation), 'me'));
  const hold = way.hold({ api: 'EndTxn', side: 'answer', forMs: null, times: 1 });
  ask(0, 1);
  await until('all has passed', () => client.text().length === 8);
  ask(26, 2);
  await until('all has passed', () => hold.hits === 1);
  ask(0, 3);
  await sleep(50);
  assert.equal(client.text().length, 8);
  hold.lift();
  await until('all has passed', () => client.text().length === 24);
  ask(26, 4);
  await until('all has passed', () => client.text().length === 32);
  assert.equal(hold.hits, 1);
});
