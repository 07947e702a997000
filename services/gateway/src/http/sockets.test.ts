// Clients that don't keep to HTTP: none of them brings the gateway down, keeps it from ending, or fills its memory.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { MemorySource, testAddress, testSignal } from '../feed/test-source.ts';
import { bearer, EventStream, portsOf, startWorld, until, type Client, type World } from './test-gateway.ts';

const KEY = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;
}

function upgrade(path: string, protocol = 'websocket'): string {
  return get(path, `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n${KEY}`);
}

/** A connection that sends just this, keeps its half open, and what it was told. `isOver`: the gateway has ended its half; `isGone`: both. */
type Raw = { readonly socket: Socket; readonly told: () => string; readonly isOver: () => boolean; readonly isGone: () => boolean };

function raw(world: World, text: string, { reads = true } = {}): Raw {
  const socket = connect({ port: Number(new URL(world.url).port), host: '127.0.0.1', allowHalfOpen: true });
  let told = '';
  let isOver = false;
  let isGone = false;
  socket.on('error', () => undefined).on('end', () => (isOver = true)).on('close', () => (isOver = isGone = true));
  if (reads) socket.setEncoding('latin1').on('data', (part: string) => (told += part));
  else socket.pause();
  socket.write(text);
  return {
    socket, told: () => told, isOver: () => isOver,
    isGone: () => {
      if (isOver && !isGone) socket.write('x'); // What the other side has closed is told only to who writes.
      return isGone;
    },
  };
}

async function isWell(world: World): Promise<void> {
  assert.equal((await world.get('/healthz')).status, 200);
  const client = await world.connect();
  client.send({ type: 'ping' });
  await client.next(({ type }) => type === 'pong');
  await client.close();
  assert.deepEqual(world.troubles, []);
}

/** A log that is read once `open` is called: nothing is ready until then. */
function gated(): { readonly ports: ReturnType<typeof portsOf>; readonly open: () => void } {
  const source = new MemorySource(1);
  source.append([testSignal()]);
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const waiting = Object.assign(Object.create(source) as MemorySource, {
    partitions: 1, identity: source.identity, bounds: async () => await source.bounds(), recordsAt: source.recordsAt.bind(source),
    async *follow(...args: Parameters<MemorySource['follow']>) {
      const [, stop] = args;
      await Promise.race([promise, once(stop, 'abort')]);
      if (!stop.aborted) yield* source.follow(...args);
    },
  });
  return { ports: portsOf(waiting), open: () => resolve(undefined) };
}

test('K1 a request before the answer to the last one cuts the connection, upgrades among them, and nothing else', async () => {
  await using world = await startWorld();
  await until(() => world.gateway.readiness().ok, 'ready');
  const texts = [
    get('/healthz') + upgrade('/v1/ws', 'x'), get('/healthz') + upgrade('/v1/ws'), get('/healthz') + get('/healthz'), get('/v1/stream') + get('/v1/status'), get('/healthz').repeat(500),
    upgrade('/v1/ws') + get('/healthz'), get('/healthz', 'Expect: much\r\n').repeat(2), `${get('/healthz')}\0\0`,
  ];
  for (const { text, ...pipelined } of texts.map((each) => ({ text: each, ...raw(world, each) }))) {
    await until(pipelined.isOver, `the end of ${text.slice(0, 200)}`);
    assert.doesNotMatch(pipelined.told().slice(1), /HTTP\/1.1 200/, 'one answer at most');
  }
  await isWell(world);
});

test('one after the other on the same connection is answered, and may become a WebSocket in the end', async () => {
  await using world = await startWorld();
  const { told, socket } = raw(world, get('/healthz'));
  for (let answers = 1; answers < 20; answers += 1) {
    await until(() => told().split('HTTP/1.1 200').length === answers + 1 && told().endsWith('}'), `answer ${String(answers)}`);
    socket.write(get('/healthz', answers % 2 === 0 ? 'Expect: much\r\n' : ''));
  }
  await until(() => told().split('HTTP/1.1 200').length === 21 && told().endsWith('}'), 'the last answer');
  socket.write(upgrade('/v1/ws'));
  await until(() => told().includes('HTTP/1.1 101'), 'an upgrade');
  socket.destroy();
  await isWell(world);
});

test('K3 a reset before, during or after an upgrade ends that connection alone', async () => {
  await using world = await startWorld();
  for (const text of [upgrade('/v1/ws'), upgrade('/nowhere'), upgrade('/v1/stream', 'foo'), upgrade('/v1/ws', 'h2c'), upgrade('/v1/ws').slice(0, -2), get('/healthz'), get('/v1/stream'), '\0']) {
    const cut = [() => undefined, () => new Promise(setImmediate), (told: () => string) => until(() => told() !== '' || text.endsWith('==\r\n'), 'an answer')];
    for (const moment of cut) {
      const { socket, told } = raw(world, text);
      await once(socket, 'connect');
      await moment(told);
      socket.resetAndDestroy();
    }
  }
  await isWell(world);
  await until(() => world.audit.filter(({ kind }) => kind === 'connected').length === world.audit.filter(({ kind }) => kind === 'disconnected').length, 'nobody is left');
});

test('an upgrade that is no WebSocket\'s at /v1/ws is refused before any route, and its connection ends', async () => {
  await using world = await startWorld();
  await until(() => world.gateway.readiness().ok, 'ready');
  const refused = [['/v1/stream', 'foo', 400], ['/v1/signals', 'foo', 400], ['/healthz', 'h2c', 400], ['/v1/ws', 'foo', 400], ['/v1/stream', 'websocket', 404], ['/nowhere', 'websocket', 404]] as const;
  const all = refused.map(([path, protocol, status]) => ({ path, status, ...raw(world, upgrade(path, protocol)) }));
  for (const { path, status, told, isGone } of all) {
    await until(isGone, `the end of the connection, though the client keeps its half: ${path}`);
    assert.ok(told().startsWith(`HTTP/1.1 ${String(status)} `) && told().includes('"error":{'), told());
  }
  assert.deepEqual(world.audit, []);
  await isWell(world);
});

test('K4 a stop ends in time whoever keeps a half open, says nothing, or never reads', async () => {
  for (const guarded of [false, true]) {
    const world = await startWorld({ stopMs: 200, guarded });
    const kept = [raw(world, upgrade('/nowhere')), raw(world, upgrade('/v1/ws'), { reads: false }), raw(world, get('/v1/stream'), { reads: false }), raw(world, get('/healthz').slice(0, -2)), raw(world, ''), raw(world, '\0')];
    for (const { socket } of kept) if (socket.connecting) await once(socket, 'connect');
    await until(() => kept[0]?.told() !== '', 'a refusal');
    await world[Symbol.asyncDispose]();
    for (const { socket } of kept) socket.destroy();
  }
});

test('K2 answers that nobody reads are given up after drainMs, and no client has more of them than its share', async () => {
  const large = { type: 'text/plain', body: Buffer.alloc(32 * 2 ** 20), etag: '"1"', immutable: false }; // More than the sockets' own buffers hold.
  await using world = await startWorld({ limits: { drainMs: 1_000, requestsAtOncePerIp: 8 }, assets: new Map([['/large', large]]) });
  const idle = Array.from({ length: 8 }, () => raw(world, get('/large'), { reads: false }));
  await until(async () => (await world.get('/v1/status')).status === 429, 'the next one is refused');
  await until(async () => (await world.get('/v1/status')).status === 200, 'they are given up');
  for (const { socket } of idle) socket.resume();
  await until(() => idle.every(({ isOver }) => isOver()), 'the ends of their connections');
});

test('there are twice as many connections as streams allowed, and no more', async () => {
  await using world = await startWorld({ limits: { connections: 2 } });
  const held = Array.from({ length: 4 }, () => raw(world, ''));
  for (const { socket } of held) if (socket.connecting) await once(socket, 'connect');
  const beyond = raw(world, get('/healthz'));
  await until(beyond.isOver, 'the end of the fifth');
  assert.equal(beyond.told(), '');
  held[0]?.socket.write(get('/healthz'));
  await until(() => held[0]?.told().startsWith('HTTP/1.1 200') === true, 'an answer to the first');
  for (const { socket } of held) socket.destroy();
});

test('K5 an address has a tenth of the connections, though they say nothing; what is beyond is counted, and a proxy has more', async () => {
  for (const trustedProxies of [[], ['127.0.0.0/8']]) {
    await using world = await startWorld({ limits: { connections: 20, connectionsPerIp: 1 }, trustedProxies });
    const held = Array.from({ length: 4 }, () => raw(world, ''));
    for (const { socket } of held) if (socket.connecting) await once(socket, 'connect');
    const fifth = raw(world, get('/healthz'));
    const isCut = trustedProxies.length === 0;
    if (isCut) await until(fifth.isOver, 'the end of the fifth');
    else await until(() => fifth.told().startsWith('HTTP/1.1 200'), 'an answer to the fifth');
    assert.deepEqual(world.audit.flatMap((entry) => (entry.kind === 'refused' ? [[entry.reason, entry.route]] : [])), isCut ? [['too-many', null]] : []);
    held[0]?.socket.destroy();
    if (isCut) await until(async () => (await world.get('/healthz').catch(() => ({ status: 0 }))).status === 200, 'a place is free again');
    for (const { socket } of [...held, fifth]) socket.destroy();
  }
});

test('a stream that waits for the gateway to be ready has a place already, and gives it back when it goes', async () => {
  const { ports, open } = gated();
  await using world = await startWorld({ ports, limits: { connectionsPerIp: 3 } });
  const waiting = Array.from({ length: 3 }, () => raw(world, get('/v1/stream')));
  await until(() => world.audit.length === 3, 'three places are taken');
  assert.equal((await world.get('/v1/stream')).status, 429);
  waiting[0]?.socket.destroy();
  await until(() => world.audit.some(({ kind }) => kind === 'disconnected'), 'a place is free');
  const next = raw(world, get('/v1/stream'));
  await until(() => world.audit.filter(({ kind }) => kind === 'connected').length === 4, 'it is taken');
  open();
  for (const each of [waiting[1], waiting[2], next]) await until(() => each?.told().includes('event: live') === true, 'live');
  assert.deepEqual(world.troubles, []);
  for (const { socket } of [...waiting, next]) socket.destroy();
});

test('a token that was revoked, or whose rights were changed, while its stream waited has none', async () => {
  const { ports, open } = gated();
  await using world = await startWorld({ ports, guarded: true });
  const [revoked, narrowed, well] = [world.token(), world.token(), world.token()];
  const asked = [revoked, narrowed].map(async ({ text }) => await world.get('/v1/stream', bearer(text)));
  const stream = EventStream.open(`${world.url}/v1/stream`, bearer(well.text));
  await until(() => world.audit.filter(({ kind }) => kind === 'connected').length === 3, 'three are waiting');
  const record = world.tokens.all.find(({ id }) => id === narrowed.id);
  assert.ok(record !== undefined);
  revoked.revoke();
  world.tokens.put({ ...record, addresses: [testAddress(1)] });
  assert.deepEqual((await Promise.all(asked)).map(({ status, body }) => [status, body.error.code]), [[401, 'unauthorized'], [401, 'unauthorized']]); // At once, ready or not.
  open();
  assert.equal((await stream).status, 200);
  (await stream).close();
  const ends = world.audit.flatMap((entry) => (entry.kind === 'disconnected' && entry.tokenId !== well.id ? [entry.end] : []));
  assert.deepEqual(ends, ['revoked', 'revoked']);
});

test('a stop doesn\'t wait for streams that wait for the log', async () => {
  const world = await startWorld({ ports: gated().ports, stopMs: 60_000 });
  const asked = world.get('/v1/stream');
  await until(() => world.audit.length === 1, 'it is waiting');
  await world[Symbol.asyncDispose]();
  assert.equal((await asked).status, 503);
});

/** Past the client's own checks. */
function socketOf({ ws }: Client): Socket {
  return (ws as unknown as { readonly _socket: Socket })._socket;
}

test('W2 an error of a subscription that was ended says nothing of the next one with the same id', async () => {
  await using world = await startWorld();
  await until(() => world.gateway.readiness().ok, 'ready');
  const client = await world.connect();
  for (let round = 1; round <= 10; round += 1) {
    socketOf(client).cork();
    client.send({ type: 'subscribe', id: 'a', from: { cursor: '1.forged' } });
    client.send({ type: 'unsubscribe', id: 'a' });
    client.send({ type: 'subscribe', id: 'a' });
    socketOf(client).uncork();
    await until(() => client.messages.filter(({ type }) => type === 'subscribed').length === round, 'subscribed');
    client.send({ type: 'unsubscribe', id: 'a' });
    await until(() => client.messages.filter(({ type }) => type === 'unsubscribed').length === 2 * round, 'unsubscribed');
  }
  assert.deepEqual(client.messages.filter(({ type }) => type === 'error'), []);
});

test('frames that break the protocol close the connection with the protocol\'s own codes', async () => {
  await using world = await startWorld();
  const mask = [0, 0, 0, 0];
  const codes: Record<number, Buffer> = {
    1002: Buffer.from([0xf1, 0x80, ...mask]),
    1007: Buffer.from([0x81, 0x82, ...mask, 0xc3, 0x28]),
    1008: Buffer.concat([Buffer.from([0x01, 0x80, ...mask]), ...Array.from({ length: 20_000 }, () => Buffer.from([0x00, 0x80, ...mask]))]),
    1009: Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, ...mask]),
  };
  for (const [code, frames] of Object.entries(codes)) {
    const client = await world.connect();
    socketOf(client).write(frames);
    assert.equal(await client.end(), Number(code));
  }
  await isWell(world);
});

test('a client is the same one whatever port a trusted proxy adds to its address', async () => {
  await using world = await startWorld({ limits: { requestsPerMinute: 5 }, trustedProxies: ['127.0.0.1', '10.0.0.0/8', '::1'] });
  for (const addresses of [(port: number) => `5.5.5.5:${String(port)}`, (port: number) => `[2001:db8::1]:${String(port)}`]) {
    const statuses = [];
    for (let port = 1; port <= 6; port += 1) statuses.push((await world.get('/healthz', { headers: { 'x-forwarded-for': addresses(port) } })).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  }
  for (const [address, status] of [['5.5.5.5', 429], ['5.5.5.6', 200], ['[2001:db8::2]', 429], ['2001:db8:0:1::1', 200]] as const) {
    assert.equal((await world.get('/healthz', { headers: { 'x-forwarded-for': address } })).status, status, address);
  }
  assert.deepEqual(world.audit.map(({ ip }) => ip), ['5.5.5.5', '2001:db8::1']);
});
