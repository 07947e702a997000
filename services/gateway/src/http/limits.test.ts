// Whoever goes beyond a limit is refused, and the others get what they came for.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { MemorySource, testAddress, testSignal } from '../feed/test-source.ts';
import { bearer, EventStream, startWorld, until, type Client, type World } from './test-gateway.ts';

/** Signals come, and this client gets every one of them, whatever the others do. */
async function goesOn(world: World, client: Client, meanwhile: () => Promise<void>): Promise<void> {
  const before = client.signals.length;
  let sent = 0;
  const send = (): void => {
    world.source.append([testSignal({ address: testAddress(1) })]);
    sent += 1;
  };
  send();
  const timer = setInterval(send, 20);
  await meanwhile();
  clearInterval(timer);
  send();
  await until(() => client.signals.length - before === sent, `all of ${String(sent)} signals`);
  assert.equal(client.closed, null);
}

async function quiet(world: World, options: Parameters<World['connect']>[0] = {}): Promise<Client> {
  const client = await world.connect(options);
  await client.subscribe('a', { addresses: [testAddress(1)] });
  await client.live('a');
  return client;
}

test('ten times over the limit of connections of an IP and of a token: refused, and those that are there go on', async () => {
  await using world = await startWorld({ guarded: true, limits: { connectionsPerIp: 20, connectionsPerToken: 5 } });
  const [mine, others] = [world.token(), world.token()];
  const other = await quiet(world, { token: others.text });
  await goesOn(world, other, async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, async () => await world.connect({ token: mine.text })));
    await until(() => clients.filter(({ closed }) => closed !== null).length === 45, '45 of 50 are refused');
    for (const { closed, messages } of clients.filter((each) => each.closed !== null)) {
      assert.deepEqual([closed?.code, messages[0]?.type === 'error' && messages[0].code, messages[0]?.type === 'error' && typeof messages[0].retryAfterMs], [4_029, 'too-many', 'number']);
    }
    assert.equal((await EventStream.open(`${world.url}/v1/stream`, bearer(mine.text))).status, 429);
    await clients.find(({ closed }) => closed === null)?.close();
    await until(() => world.audit.some(({ kind }) => kind === 'disconnected'), 'a place is free');
    await (await world.connect({ token: mine.text })).subscribe('a');
    const more = await Promise.all(Array.from({ length: 200 }, async () => await world.connect({ token: world.token().text })));
    await until(() => more.filter(({ closed }) => closed?.code === 4_029).length === 200 - 14, 'all but 20 in all of an IP');
  });
  assert.equal(world.audit.filter((entry) => entry.kind === 'refused' && entry.tokenId === mine.id).length, 2); // One of each route, not one of each refusal.
});

test('ten times over the limit of subscriptions of a connection: refused one by one', async () => {
  await using world = await startWorld({ limits: { subscriptionsPerConnection: 5 } });
  const [other, client] = [await quiet(world), await world.connect()];
  await goesOn(world, other, async () => {
    for (let each = 0; each < 50; each += 1) client.send({ type: 'subscribe', id: String(each) });
    await until(() => client.messages.filter(({ type }) => type === 'error').length === 45, '45 of 50 are refused');
    client.send({ type: 'unsubscribe', id: '0' });
    assert.equal((await client.subscribe('another')).type, 'subscribed');
  });
  assert.equal(world.gateway.feed.counts.subscriptions, 6);
});

test('ten times over the limit of messages a minute: refused, then closed, by token and by IP', async () => {
  for (const guarded of [true, false]) {
    await using world = await startWorld({ guarded, limits: { messagesPerMinute: 100 } });
    const tokenOf = (): { token?: string } => (guarded ? { token: world.token().text } : {});
    const [other, client] = [await quiet(world, tokenOf()), await world.connect(tokenOf())];
    await goesOn(world, other, async () => {
      for (let each = 0; each < 1_000; each += 1) client.send({ type: 'ping' });
      assert.equal(await client.end(), 4_029);
    });
    const count = (type: string): number => client.messages.filter((message) => message.type === type).length;
    assert.ok(count('pong') <= 100, String(count('pong')));
    assert.equal(count('error'), 100);
    assert.ok(client.messages.every((message) => message.type !== 'error' || (message.code === 'too-many' && (message.retryAfterMs ?? 0) > 0)));
  }
});

test('a flood of pings of the protocol counts as messages', async () => {
  await using world = await startWorld({ limits: { messagesPerMinute: 100 } });
  const client = await world.connect();
  let pongs = 0;
  client.ws.on('pong', () => (pongs += 1));
  for (let each = 1; client.closed === null; each += 1) {
    client.ws.ping();
    await until(() => pongs === each || client.closed !== null, 'an answer');
  }
  assert.deepEqual([await client.end(), pongs], [4_029, 200]);
});

test('ten times over the limit of requests a minute: refused by IP and by token, and streams go on', async () => {
  await using world = await startWorld({ guarded: true, limits: { requestsPerMinute: 60 } });
  const [mine, others] = [world.token(), world.token()];
  const other = await quiet(world, { token: others.text });
  await goesOn(world, other, async () => {
    const answers = await Promise.all(Array.from({ length: 600 }, async () => await world.get('/v1/signals', bearer(mine.text))));
    const refused = answers.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 540, String(refused.length));
    assert.ok(refused.every(({ body, headers }) => body.error.code === 'too-many' && body.error.retryAfterMs > 0 && Number(headers.get('retry-after')) > 0));
    await assert.rejects(world.connect({ token: mine.text }), /^Error: 429/);
  });
  await using byToken = await startWorld({ guarded: true, limits: { requestsPerMinute: 60 }, trustedProxies: ['127.0.0.1'] });
  const one = byToken.token();
  const from = async (ip: string, token: string): Promise<number> => (await byToken.get('/v1/addresses', { headers: { 'authorization': `Bearer ${token}`, 'x-forwarded-for': ip } })).status;
  await until(() => byToken.gateway.readiness().ok, 'ready');
  const statuses = await Promise.all(Array.from({ length: 120 }, async (_, place) => await from(`10.0.0.${String(place)}`, one.text)));
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 429).length], [60, 60]);
  assert.equal(await from('10.0.0.1', byToken.token().text), 200);
  const network = await Promise.all(Array.from({ length: 61 }, async (_, place) => await from(`2001:db8::${String(place)}`, byToken.token().text)));
  assert.equal(network.filter((status) => status === 429).length, 1); // A network of 64 bits is one client.
});

test('a message above 64 KiB closes the connection with 1009, one at it does not, and others go on', async () => {
  await using world = await startWorld();
  const [other, client, large] = [await quiet(world), await world.connect(), await world.connect()];
  await goesOn(world, other, async () => {
    client.ws.send(JSON.stringify({ type: 'ping' }).padEnd(65_536));
    await client.next(({ type }) => type === 'pong');
    large.ws.send('x'.repeat(655_360));
    assert.equal(await large.end(), 1_009);
  });
  await until(() => world.audit.some((entry) => entry.kind === 'disconnected' && entry.end === 'too-large'), 'told as too large');
});

test('few lives of orders are folded at a time, and the next is told to come again', async () => {
  const source = new MemorySource(1);
  const gates: (() => void)[] = [];
  await using world = await startWorld({ limits: { livesAtOnce: 2 }, ports: {
    source, status: async () => await Promise.resolve({ partitions: [], pending: null, quarantined: null }), quarantine: async () => await Promise.resolve({ records: [] }),
    life: async () => await new Promise((resolve) => gates.push(() => resolve(null))),
  } });
  await until(() => world.gateway.readiness().ok, 'ready');
  const path = `/v1/orders/${testAddress(1)}/1/life`;
  const slow = [world.get(path), world.get(path)];
  await until(() => gates.length === 2, 'two are being read');
  const { status, body } = await world.get(path);
  assert.deepEqual([status, body.error.code], [429, 'too-many']);
  for (const open of gates) open();
  assert.deepEqual((await Promise.all(slow)).map((answer) => answer.status), [404, 404]);
});

/** So that what isn't read is soon more than the sockets' own buffers hold. */
const LONG = 'X'.repeat(4_000);
const BATCH = 250;
const MOST = 8_000;

/** Shakes hands and asks for everything, and never reads what comes. */
async function neverReads(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /v1/ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fillstream.v1\r\n\r\n`);
  const [head] = await once(socket, 'data');
  assert.match(String(head), /^HTTP\/1.1 101/);
  socket.pause();
  const body = Buffer.from(JSON.stringify({ type: 'subscribe', id: 'a', from: 'earliest' }));
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]));
  return socket;
}

function numberOf(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(metrics)?.[1] ?? NaN);
}

test('a client that never reads is bounded in memory, told, and closed in the end; others have every signal', async () => {
  const bufferBytes = 200_000;
  await using world = await startWorld({ limits: { bufferBytes, drainMs: 3_000, heartbeatMs: 60_000 } });
  const other = await world.connect();
  await other.subscribe('a', {}, 'earliest');
  await other.live('a');
  const idle = await neverReads(world.url);
  const stream = connect(Number(new URL(world.url).port), '127.0.0.1');
  stream.on('error', () => undefined);
  stream.write('GET /v1/stream?from=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n');
  stream.pause();
  await until(() => world.gateway.feed.counts.subscriptions === 3, 'three subscriptions');
  let most = 0;
  let sent = 0;
  for (; world.audit.filter(({ kind }) => kind === 'disconnected').length < 2; sent += BATCH) {
    world.source.append(Array.from({ length: sent < MOST ? BATCH : 0 }, () => testSignal({ coin: LONG })));
    await until(() => other.signals.length >= Math.min(sent, MOST), 'the other has what was sent so far');
    most = Math.max(most, numberOf(await world.registry.metrics(), 'fillstream_gateway_buffered_bytes'));
    if (sent > MOST) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(most > bufferBytes, 'something has waited');
  assert.ok(most < 3 * bufferBytes + 10_000, `${String(most)} bytes waited for two clients of ${String(bufferBytes)}`);
  const ends = world.audit.flatMap((entry) => (entry.kind === 'disconnected' ? [`${entry.transport} ${entry.end}`] : []));
  assert.deepEqual(ends.sort(), ['sse too-slow', 'ws too-slow']);
  const metrics = await world.registry.metrics();
  assert.ok(numberOf(metrics, 'fillstream_gateway_behind_total') >= 2);
  await until(() => other.signals.length === Math.min(sent, MOST), 'every signal');
  assert.equal(other.closed, null);
  for (const socket of [idle, stream]) socket.destroy();
});

test('a slow client that reads on is told behind, then live, and has every signal once', async () => {
  await using world = await startWorld({ limits: { bufferBytes: 50_000 } });
  const client = await world.connect();
  await client.subscribe('a', {}, 'earliest');
  await client.live('a');
  client.ws.pause();
  const all = Array.from({ length: 4_000 }, () => testSignal({ coin: LONG }));
  world.source.append(all);
  await until(async () => numberOf(await world.registry.metrics(), 'fillstream_gateway_behind_total') > 0, 'behind');
  client.ws.resume();
  await until(() => client.signals.length >= all.length, 'everything');
  await until(() => client.messages.at(-1)?.type === 'live', 'live again');
  assert.ok(client.messages.some(({ type }) => type === 'behind'));
  assert.deepEqual(client.signals.map(({ signal }) => signal.id).sort(), all.map(({ id }) => id).sort());
});

test('a client that asks on and on and never reads the answers is closed', async () => {
  await using world = await startWorld({ limits: { bufferBytes: 1_000, messagesPerMinute: 10_000_000, heartbeatMs: 60_000 } });
  const idle = await neverReads(world.url);
  idle.on('error', () => undefined);
  const ping = Buffer.from(JSON.stringify({ type: 'subscribe', id: 'a'.repeat(64) }));
  const frame = Buffer.concat([Buffer.from([0x81, 0x80 | ping.length, 0, 0, 0, 0]), ping]);
  const flood = Buffer.concat(Array.from({ length: 2_000 }, () => frame));
  for (let round = 0; round < 1_000 && !world.audit.some(({ kind }) => kind === 'disconnected'); round += 1) {
    idle.write(flood);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() => world.audit.some((entry) => entry.kind === 'disconnected' && entry.end === 'too-slow'), 'closed');
  idle.destroy();
});
