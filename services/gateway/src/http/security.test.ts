// Strangers stay out: without a token, with another's rights, from another page, under another name.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { CursorCodec } from '../feed/cursor.ts';
import { testAddress, testSignal } from '../feed/test-source.ts';
import { bearer, EventStream, startWorld, until, type ClientOptions, type Json, type World } from './test-gateway.ts';

const ONE = testAddress(1);
const TWO = testAddress(2);
const GUARDED = [
  '/v1/signals', `/v1/signals/${ONE}/1/open-long`, `/v1/orders/${ONE}/1`, `/v1/orders/${ONE}/1/life`, '/v1/addresses', `/v1/addresses/${ONE}/positions`, `/v1/addresses/${ONE}/pnl`,
  '/v1/stream', '/v1/status', '/v1/quarantine', '/metrics',
];

async function guarded(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  const world = await startWorld({ guarded: true, ...options });
  world.source.append([testSignal({ address: ONE, oid: 1 }), testSignal({ address: TWO, oid: 2 })]);
  await until(() => world.gateway.feed.next.reduce((sum, each) => sum + each, 0) === 2, 'ready');
  return world;
}

/** With headers that `fetch` doesn't let one set. */
async function rawStatus(world: World, path: string, headers: Record<string, string>): Promise<number> {
  const { hostname, port } = new URL(world.url);
  return await new Promise((resolve, reject) => {
    request({ hostname, port, path, headers }, (response) => {
      text(response).then(() => resolve(response.statusCode ?? 0), reject);
    }).on('error', reject).end();
  });
}

/** What a connection is told, and how it ends. */
async function turnedAway(world: World, options: ClientOptions): Promise<string> {
  const client = await world.connect(options);
  const code = await client.end();
  const [message] = client.messages;
  assert.deepEqual([client.messages.length, message?.type], [1, 'error']);
  return `${message?.type === 'error' ? message.code : ''} ${String(code)}`;
}

test('without a good token nothing is told: none, unknown, malformed, expired, revoked', async () => {
  await using world = await guarded();
  const revoked = world.token();
  revoked.revoke();
  const headers = [{}, { authorization: `Bearer fst_${'A'.repeat(43)}` }, { authorization: 'Bearer x' }, { authorization: 'Basic Zm9vOmJhcg==' },
    { authorization: `Bearer ${world.token({ expiresAt: Date.now() - 1 }).text}` }, { authorization: `Bearer ${revoked.text}` }];
  for (const path of GUARDED) {
    for (const each of headers) {
      const { status, body, headers: answered } = await world.get(path, { headers: each });
      assert.deepEqual([status, body?.error?.code, answered.get('www-authenticate')], [401, 'unauthorized', 'Bearer'], path);
    }
  }
  for (const token of [undefined, `fst_${'A'.repeat(43)}`, revoked.text]) {
    for (const asSubprotocol of [false, true]) assert.equal(await turnedAway(world, { ...(token === undefined ? {} : { token }), asSubprotocol }), 'unauthorized 4001');
  }
  for (const path of ['/healthz', '/readyz', '/openapi.json', '/asyncapi.json']) assert.equal((await world.get(path)).status, 200);
});

test('a good token is taken from the header, and from a subprotocol for a WebSocket alone', async () => {
  await using world = await guarded();
  const { text: token } = world.token();
  for (const path of GUARDED.filter((each) => each !== '/v1/stream')) assert.equal((await world.get(path, bearer(token))).status, 200, path);
  for (const asSubprotocol of [false, true]) {
    const client = await world.connect({ token, asSubprotocol });
    assert.equal(client.ws.protocol, 'fillstream.v1');
    assert.equal((await client.subscribe('a')).type, 'subscribed');
    await client.close();
  }
  assert.equal((await world.get('/v1/signals', { headers: { 'sec-websocket-protocol': `fillstream.v1, fillstream.token.${token}` } })).status, 401);
  assert.equal((await world.get(`/v1/signals?token=${token}`)).status, 401);
  assert.equal((await world.get(`/v1/signals?access_token=${token}`, bearer(token))).status, 400);
  await assert.rejects(world.connect({ token, path: `/v1/ws?token=${token}` }), /^Error: 400/);
});

test('a token is good for its actions alone', async () => {
  await using world = await guarded();
  const allowed = { signals: GUARDED.filter((path) => !/life|status|quarantine|metrics/.test(path)), orders: [`/v1/orders/${ONE}/1/life`], status: ['/v1/status', '/v1/quarantine', '/metrics'] } as const;
  for (const action of ['signals', 'orders', 'status'] as const) {
    const { text: token } = world.token({ actions: [action] });
    for (const path of GUARDED.filter((each) => each !== '/v1/stream')) {
      const isAllowed = new Set<string>(allowed[action]).has(path);
      assert.equal((await world.get(path, bearer(token))).status, isAllowed ? 200 : 403, `${action} ${path}`);
    }
    const stream = await EventStream.open(`${world.url}/v1/stream`, bearer(token));
    assert.equal(stream.status, action === 'signals' ? 200 : 403);
    stream.close();
    if (action !== 'signals') assert.equal(await turnedAway(world, { token }), 'forbidden 4003');
  }
});

test('a token is good for its addresses alone: others are refused, and what names none is narrowed', async () => {
  await using world = await guarded();
  const { text: token } = world.token({ addresses: [ONE] });
  for (const path of [
    `/v1/signals?addresses=${TWO}`, `/v1/signals?addresses=${ONE},${TWO}`, `/v1/signals/${TWO}/2/open-long`, `/v1/orders/${TWO}/2`, `/v1/orders/${TWO}/2/life`, `/v1/addresses/${TWO}/positions`, `/v1/addresses/${TWO}/pnl`,
    `/v1/stream?addresses=${TWO}`,
  ]) {
    const { status, body } = await world.get(path, bearer(token));
    assert.deepEqual([status, body?.error?.code], [403, 'forbidden'], path);
  }
  assert.deepEqual((await world.get('/v1/signals', bearer(token))).body.signals.map(({ signal }: Json) => signal.address), [ONE]);
  assert.deepEqual((await world.get('/v1/addresses', bearer(token))).body.addresses.map(({ address }: Json) => address), [ONE]);
  assert.deepEqual((await world.get('/v1/quarantine', bearer(token))).body.records.map(({ address }: Json) => address), [ONE]);
  const client = await world.connect({ token });
  for (const [id, addresses, type] of [['other', [TWO], 'error'], ['both', [ONE, TWO], 'error'], ['upper', [TWO.replace('0x', '0X')], 'error'], ['own', [ONE], 'subscribed']] as const) {
    assert.equal((await client.subscribe(id, { addresses }, 'earliest')).type, type, id);
  }
  await client.subscribe('any', {}, 'earliest');
  await client.live('any');
  const stream = await EventStream.open(`${world.url}/v1/stream?from=earliest`, bearer(token));
  await until(() => stream.events.some(({ event }) => event === 'live'), 'live');
  assert.deepEqual([...client.signals.map(({ signal }) => signal.address), ...stream.signals.map(({ data }) => data.address)], [ONE, ONE, ONE]);
  stream.close();
  assert.equal((await world.get('/v1/signals', bearer(world.token({ addresses: [] }).text))).status, 403);
});

test('streams of a token that is revoked, or expires, end within two seconds, and others don\'t', async () => {
  await using world = await guarded();
  const [revoked, expiring, other] = [world.token(), world.token({ expiresAt: Date.now() + 700 }), world.token()];
  const clients = [await world.connect({ token: revoked.text }), await world.connect({ token: expiring.text }), await world.connect({ token: other.text })] as const;
  for (const client of clients) await client.subscribe('a');
  const stream = await EventStream.open(`${world.url}/v1/stream`, bearer(revoked.text));
  revoked.revoke();
  const since = Date.now();
  assert.equal(await clients[0].end(), 4_009);
  await until(() => stream.isOver, 'the end of the stream');
  assert.ok(Date.now() - since < 2_000);
  assert.deepEqual([stream.events.at(-1)?.event, stream.events.at(-1)?.data.code], ['error', 'unauthorized']);
  assert.equal(await clients[1].end(), 4_009);
  assert.equal(clients[2].closed, null);
  assert.equal((await world.get('/v1/signals', bearer(revoked.text))).status, 401);
  assert.equal((await world.get('/v1/signals', bearer(other.text))).status, 200);
});

test('a forged cursor is refused: altered, of another log, of other partitions, beyond the end', async () => {
  await using world = await startWorld();
  world.source.append([testSignal(), testSignal()]);
  await until(() => world.gateway.feed.next.some((next) => next > 0), 'read');
  const { next } = (await world.get('/v1/signals')).body;
  const forged = [
    `${next.slice(0, -2)}${next.endsWith('AA') ? 'BB' : 'AA'}`, new CursorCodec('another', 3).encode([0, 0, 0]), new CursorCodec('memory', 2).encode([0, 0]), '1.', '2.AAAA', `1.${'A'.repeat(30_000)}`, '../../etc/passwd', '1.%00',
  ];
  const beyond = new CursorCodec('memory', 3).encode([9, 9, 9]);
  const client = await world.connect();
  for (const [place, cursor] of [...forged, beyond].entries()) {
    const answer = await client.subscribe(String(place), {}, { cursor });
    assert.equal(answer.type === 'error' ? answer.code : '', 'bad-cursor', cursor);
    if (cursor.length > 1_000) continue; // A URL can't be so long.
    for (const path of ['/v1/signals?after=', '/v1/signals?order=desc&before=', '/v1/stream?from=']) {
      const { status, body } = await world.get(path + encodeURIComponent(cursor));
      assert.deepEqual([status, body.error.code], [400, 'bad-cursor'], path + cursor);
    }
    if (!cursor.includes('%')) assert.equal((await world.get('/v1/stream', { headers: { 'last-event-id': cursor } })).status, 400);
  }
});

test('a page of another origin is refused, by WebSocket and by request, and one that is allowed may read', async () => {
  await using world = await startWorld({ allowedOrigins: ['https://app.example'] });
  await until(() => world.gateway.readiness().ok, 'ready');
  const { port } = new URL(world.url);
  for (const origin of ['https://evil.example', 'null', `http://evil.example:${port}`, 'https://app.example.evil', 'https://app.example:8443', 'http://app.example', 'file://', `http://127.0.0.1.evil.example:${port}`, 'http://localhost.evil.example']) {
    await assert.rejects(world.connect({ headers: { origin } }), /^Error: 403 .*"forbidden"/, origin);
    const { status, headers } = await world.get('/v1/signals', { headers: { origin } });
    assert.deepEqual([status, headers.get('access-control-allow-origin')], [403, null], origin);
  }
  for (const origin of ['https://app.example', world.url, 'http://localhost:5173', 'http://[::1]:3000']) {
    const client = await world.connect({ headers: { origin } });
    assert.equal((await client.subscribe('a')).type, 'subscribed', origin);
    await client.close();
  }
  for (const [site, mode, status] of [['cross-site', 'no-cors', 403], ['same-site', 'no-cors', 403], ['cross-site', 'navigate', 200], ['same-origin', 'no-cors', 200], ['none', 'navigate', 200]] as const) {
    assert.equal((await rawStatus(world, '/v1/signals', { 'sec-fetch-site': site, 'sec-fetch-mode': mode })), status, `${site} ${mode}`);
  }
  const preflight = await world.get('/v1/signals', { method: 'OPTIONS', headers: { 'origin': 'https://app.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } });
  assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin'), preflight.headers.get('access-control-allow-headers')], [204, 'https://app.example', 'authorization, last-event-id']);
  assert.equal((await world.get('/v1/signals', { headers: { origin: 'https://app.example' } })).headers.get('vary'), 'origin');
  assert.equal((await world.get('/v1/signals')).headers.get('access-control-allow-origin'), null);
});

test('it answers to its own names alone, whatever a header of a proxy says', async () => {
  await using world = await startWorld({ allowedHosts: ['signals.example'], trustedProxies: ['127.0.0.1'] });
  await until(() => world.gateway.readiness().ok, 'ready');
  const { port } = new URL(world.url);
  const statusOf = async (host: string, headers: Record<string, string> = {}): Promise<number> => await rawStatus(world, '/v1/signals', { host, ...headers });
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1', 'signals.example.evil', 'signals.example@evil', 'a b', '[::2]', 'localhost;script-src *']) assert.equal(await statusOf(host), 403, host);
  for (const host of ['signals.example', 'SIGNALS.example:443', 'localhost', `127.0.0.1:${port}`, '[::1]:80']) assert.equal(await statusOf(host), 200, host);
  assert.equal(await statusOf('evil.example', { 'x-forwarded-host': 'localhost' }), 403);
  assert.equal(await statusOf('localhost', { 'x-forwarded-host': 'evil.example' }), 200);
  await assert.rejects(world.connect({ headers: { host: 'evil.example', origin: 'http://evil.example' } }), /^Error: 403/);
});

test('handshakes that aren\'t ours are refused: other paths, other subprotocols, other versions', async () => {
  await using world = await startWorld();
  for (const path of ['/', '/v1/stream', '/v1/ws/', '/v1/signals', '/healthz', '/nope', '//v1/ws', '/v1/ws%00', '/x/..%2fv1/ws']) await assert.rejects(world.connect({ path }), /^Error: (404|400) .*"code":"(not-found|bad-request)"/, path);
  const { hostname, port } = new URL(world.url);
  const upgrade = { 'connection': 'upgrade', 'upgrade': 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const answer = async (headers: Record<string, string>): Promise<number> => await new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path: '/v1/ws', headers: { ...upgrade, ...headers } }, (response) => {
      text(response).then(() => resolve(response.statusCode ?? 0), reject);
    });
    asked.on('upgrade', (_, socket) => {
      socket.destroy();
      resolve(101);
    }).on('error', reject).end();
  });
  assert.equal(await answer({ 'sec-websocket-protocol': 'graphql-ws' }), 400);
  assert.equal(await answer({ 'sec-websocket-key': 'short' }), 400);
  assert.equal(await answer({ 'sec-websocket-version': '7' }), 400);
  assert.equal(await answer({ upgrade: 'h2c' }), 400);
  assert.equal(await answer({}), 101);
  await until(() => world.audit.filter(({ kind }) => kind === 'connected').length === world.audit.filter(({ kind }) => kind === 'disconnected').length, 'nobody is left');
});

test('every answer carries the headers that keep a browser from doing else', async () => {
  const html = { type: 'text/html; charset=utf-8', body: Buffer.from('<!doctype html>'), etag: '"1"', immutable: false };
  await using world = await startWorld({ assets: new Map([['/', html]]) });
  for (const path of ['/', '/address/0x1', '/v1/signals?x', '/healthz', '/nope.js']) {
    const { headers } = await world.get(path, { headers: { accept: 'text/html' } });
    const policy = headers.get('content-security-policy') ?? '';
    for (const part of ['default-src \'none\'', 'script-src \'self\'', 'style-src \'self\'', `connect-src 'self' ws://${new URL(world.url).host}`, 'frame-ancestors \'none\'', 'base-uri \'none\'']) assert.ok(policy.includes(part), `${path}: ${policy}`);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    for (const [name, value] of [['x-content-type-options', 'nosniff'], ['referrer-policy', 'no-referrer'], ['x-frame-options', 'DENY'], ['cross-origin-resource-policy', 'same-origin']] as const) assert.equal(headers.get(name), value, path);
    assert.equal(headers.get('strict-transport-security'), null);
    assert.equal(headers.get('server') ?? headers.get('x-powered-by'), null);
  }
});

test('the audit has connections, refusals and uses of tokens by id, and never a token', async () => {
  await using world = await guarded();
  const { text: token, id } = world.token({ actions: ['signals'] });
  const other = `fst_${'B'.repeat(43)}`;
  await world.get('/v1/signals', bearer(token));
  await world.get('/v1/status', bearer(token));
  await world.get('/v1/signals', bearer(other));
  await world.get('/v1/signals', { headers: { origin: 'https://evil.example' } });
  const client = await world.connect({ token, asSubprotocol: true });
  await client.subscribe('a', {}, { cursor: 'forged' });
  await client.close();
  await turnedAway(world, { token: other, asSubprotocol: true });
  await until(() => world.audit.some(({ kind }) => kind === 'disconnected'), 'told of its end');
  const told = world.audit.map((entry) => [entry.kind, entry.route, entry.tokenId, 'reason' in entry ? entry.reason : 'end' in entry ? entry.end : '', entry.ip].join(' '));
  for (const line of [
    `used /v1/signals ${id}  127.0.0.1`, `refused /v1/status ${id} forbidden 127.0.0.1`, 'refused /v1/signals  unauthorized 127.0.0.1', 'refused /v1/signals  origin 127.0.0.1', `used /v1/ws ${id}  127.0.0.1`,
    `connected /v1/ws ${id}  127.0.0.1`, `refused /v1/ws ${id} bad-cursor 127.0.0.1`, `disconnected /v1/ws ${id} client 127.0.0.1`, 'refused /v1/ws  unauthorized 127.0.0.1',
  ]) assert.ok(told.includes(line), `${line} in\n${told.join('\n')}`);
  assert.doesNotMatch(JSON.stringify([world.audit, world.troubles]), /fst_/);
  assert.doesNotMatch(await world.registry.metrics(), /fst_|0x0/);
});
