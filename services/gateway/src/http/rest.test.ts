// Every route answers what the read model has, and refuses what it can't read, always in one form.

import type { Signal } from '@fillstream/client';
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { PortError } from '@fillstream/runtime';
import { MemorySource, testAddress, testSignal } from '../feed/test-source.ts';
import { LIFE, portsOf, startWorld, until, type World } from './test-gateway.ts';

const ONE = testAddress(1);
const TWO = testAddress(2);
const NOBODY = testAddress(9_999);

/** Three orders of two addresses; one has two legs, one a revision. */
const SIGNALS: readonly Signal[] = [
  testSignal({ address: ONE, oid: 1, coin: 'BTC', symbol: 'BTC', notional: '900', lastFillAt: 1_700_000_001_000 }),
  testSignal({ address: ONE, oid: 2, direction: 'close', side: 'SHORT', coin: '@107', symbol: 'HYPE/USDC', assetType: 'spot', notional: '1000', closedPnl: '5', positionAfter: '-2', lastFillAt: 1_700_000_002_000 }),
  testSignal({ address: ONE, oid: 2, direction: 'open', side: 'LONG', notional: '1000.5', cause: 'liquidation', trigger: 'quiet', lastFillAt: 1_700_000_003_000 }),
  testSignal({ address: TWO, oid: 3, notional: '20000', revision: 1, lastFillAt: 1_700_000_004_000 }),
  testSignal({ address: TWO, oid: 3, notional: '30000', revision: 2, trigger: 'grace', lastFillAt: 1_700_000_005_000 }),
];

async function filled(): Promise<World> {
  const source = new MemorySource(3);
  source.append(SIGNALS);
  const world = await startWorld({ source });
  await until(() => world.gateway.readiness().ok, 'caught up');
  return world;
}

function keys(signals: readonly { readonly signal: Signal }[]): string[] {
  return signals.map(({ signal }) => `${String(signal.oid)} ${signal.direction} ${String(signal.revision)}`).sort();
}

test('each filter of a query picks the signals that it says', async () => {
  await using world = await filled();
  const all = ['1 open 1', '2 close 1', '2 open 1', '3 open 1', '3 open 2'];
  for (const [query, expected] of [
    ['', all], [`addresses=${ONE}`, all.slice(0, 3)], [`addresses=${ONE.toUpperCase().replace('0X', '0x')},${NOBODY}`, all.slice(0, 3)], [`addresses=${ONE}&addresses=${TWO}`, all],
    ['coins=HYPE/USDC', ['2 close 1']], ['coins=@107,ETH', ['2 close 1']], ['directions=close', ['2 close 1']], ['sides=SHORT', ['2 close 1']],
    ['assetTypes=spot', ['2 close 1']], ['assetTypes=spot,futures', all], ['minNotional=1000.5', ['2 open 1', '3 open 1', '3 open 2']],
    ['causes=liquidation,adl', ['2 open 1']], ['triggers=grace', ['3 open 2']], ['revisions=first', all.slice(0, 4)], ['revisions=all', all],
    [`since=${String(1_700_000_005_000)}&addresses=${TWO}`, ['3 open 2']], ['coins=NONE', []],
  ] as const) {
    const { status, body } = await world.get(`/v1/signals?${query}`);
    assert.equal(status, 200, query);
    assert.deepEqual(keys(body.signals), [...expected], query);
  }
});

test('pages in both directions give every signal once', async () => {
  await using world = await filled();
  for (const [order, parameter] of [['asc', 'after'], ['desc', 'before']] as const) {
    const met: { signal: Signal }[] = [];
    let next = '';
    for (let page = 0; page < 10; page += 1) {
      const { body } = await world.get(`/v1/signals?order=${order}&limit=2${next === '' ? '' : `&${parameter}=${next}`}`);
      met.push(...body.signals);
      next = body.next;
      if (body.more === false) break;
    }
    assert.deepEqual(keys(met), ['1 open 1', '2 close 1', '2 open 1', '3 open 1', '3 open 2'], order);
  }
});

test('a signal has its latest revision, or all of them; an order its legs; an address its positions and its sums', async () => {
  await using world = await filled();
  const revisions = async (query: string): Promise<number[]> => (await world.get(`/v1/signals/${TWO}/3/open-long${query}`)).body.signals.map(({ revision }: Signal) => revision);
  assert.deepEqual(await revisions(''), [2]);
  assert.deepEqual(await revisions('?revisions=all'), [2, 1]);
  const order = (await world.get(`/v1/orders/${ONE}/2`)).body;
  assert.deepEqual([order.address, order.oid, order.legs.map(({ direction }: Signal) => direction).sort()], [ONE, 2, ['close', 'open']]);
  const { body: { addresses, next } } = await world.get('/v1/addresses?limit=1');
  assert.deepEqual([addresses.length, addresses[0].address, addresses[0].signals, addresses[0].orders, next], [1, ONE, 3, 2, ONE]);
  assert.deepEqual((await world.get(`/v1/addresses?after=${ONE}`)).body.addresses.map(({ address }: Signal) => address), [TWO]);
  const { body: positions } = await world.get(`/v1/addresses/${ONE}/positions`);
  assert.deepEqual(positions.positions.map(({ coin, size }: { coin: string; size: string }) => `${coin} ${size}`).sort(), ['@107 -2', 'BTC 0.5']);
  const { body: pnl } = await world.get(`/v1/addresses/${ONE}/pnl`);
  assert.deepEqual([pnl.address, pnl.points.at(-1).closedPnl, pnl.points.at(-1).fees, pnl.points.at(-1).net], [ONE, '5', '3.75', '1.25']);
  assert.deepEqual((await world.get(`/v1/addresses/${NOBODY}/positions`)).body, { address: NOBODY, positions: [] });
  assert.deepEqual((await world.get(`/v1/orders/${LIFE.address}/1/life`)).body, LIFE);
});

test('the status has what the others tell, this gateway\'s own figures, and the lag at each point', async () => {
  await using world = await filled();
  await until(async () => (await world.get('/v1/status')).body.history.some(({ lag }: { lag: number | null }) => lag === 7), 'a point with the lag');
  const { body } = await world.get('/v1/status');
  assert.deepEqual([body.pending, body.quarantined, body.gateway.ready, body.gateway.connections], [1, null, true, 0]);
  assert.equal(body.partitions.length, 2);
  assert.equal(body.partitions.reduce((sum: number, { signals }: { signals: number }) => sum + signals, 0) <= 5, true);
  assert.equal((await world.get('/v1/quarantine?limit=1')).body.records.length, 1);
});

test('what can\'t be read, isn\'t foreseen or isn\'t there is refused with a code and a sentence', async () => {
  await using world = await filled();
  for (const [path, status, code] of [
    ['/v1/signals?token=fst_x', 400, 'bad-request'], ['/v1/signals?limit=0', 400, 'bad-request'], ['/v1/signals?limit=1001', 400, 'bad-request'], ['/v1/signals?limit=1e2', 400, 'bad-request'],
    ['/v1/signals?limit=1&limit=2', 400, 'bad-request'], ['/v1/signals?addresses=0x12', 400, 'bad-request'], ['/v1/signals?addresses=', 400, 'bad-request'], ['/v1/signals?sides=up', 400, 'bad-request'],
    ['/v1/signals?minNotional=much', 400, 'bad-request'], ['/v1/signals?order=up', 400, 'bad-request'], ['/v1/signals?before=1.x', 400, 'bad-request'], ['/v1/signals?order=desc&after=1.x', 400, 'bad-request'],
    ['/v1/signals?after=1.AAAA', 400, 'bad-cursor'], ['/v1/signals?after=x', 400, 'bad-cursor'], ['/v1/stream?from=nonsense', 400, 'bad-cursor'], ['/v1/stream?form=latest', 400, 'bad-request'],
    [`/v1/signals/${ONE}/1/up`, 400, 'bad-request'], [`/v1/signals/${ONE}/-1/buy`, 400, 'bad-request'], [`/v1/signals/${ONE}/9007199254740993/buy`, 400, 'bad-request'], [`/v1/signals/${ONE}/77/buy`, 404, 'not-found'],
    [`/v1/orders/${ONE}/77`, 404, 'not-found'], [`/v1/orders/${ONE}/77/life`, 404, 'not-found'], ['/v1/orders/me/1', 400, 'bad-request'], ['/v1/addresses?limit=many', 400, 'bad-request'],
    ['/v1/status?verbose=1', 400, 'bad-request'], ['/healthz?x', 400, 'bad-request'], ['/v2', 404, 'not-found'], ['/v1', 404, 'not-found'], ['/v1/ws', 400, 'bad-request'], ['/', 404, 'not-found'],
  ] as const) {
    const { status: got, body, headers } = await world.get(path);
    assert.deepEqual([got, body?.error?.code, typeof body?.error?.message, headers.get('content-type')], [status, code, 'string', 'application/json; charset=utf-8'], path);
  }
  assert.equal((await world.get('/v1/signals', { method: 'POST', body: 'x'.repeat(100_000) })).status, 404);
  assert.doesNotMatch((await world.get('/v1/signals?addresses=%3Cscript%3E')).text, /script/);
});

test('path tricks reach nothing', async () => {
  const page = { type: 'text/html; charset=utf-8', body: Buffer.from('<!doctype html>'), etag: '"1"', immutable: false };
  await using world = await startWorld({ assets: new Map([['/', page], ['/app.js', { ...page, type: 'text/javascript', immutable: true }]]) });
  const raw = async (path: string): Promise<{ status: number; body: string }> => await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(world.url);
    request({ hostname, port, path, headers: { accept: 'text/html' } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    }).on('error', reject).end();
  });
  for (const path of [
    '/..%2fetc%2fpasswd', '/../../etc/passwd', '/app.js/../../package.json', '/%2e%2e/%2e%2e/etc/passwd', '/..\\..\\etc', '//etc/passwd', '//app.js', '/app.js%00.html', '/%00', '/a%2fb', '/.env', '/.git/config',
    '/__proto__.js', '/v1/../app.js', '/V1/signals', '/v1//signals', '/v1/signals/', `/v1/orders/${ONE}/1%00`, `/v1/orders/..%2f..%2f/1`,
  ]) {
    const { status, body } = await raw(path);
    assert.ok(status === 404 || status === 400, `${path} ${String(status)}`);
    assert.match(body, /"code":"(not-found|bad-request)"/, path);
  }
  for (const [path, expected] of [['/', 200], ['/app.js', 200], ['/address/0x1', 200], ['/order/0x1/2', 200]] as const) assert.equal((await raw(path)).status, expected, path);
  const long = await raw(`/${'a'.repeat(20_000)}`);
  assert.deepEqual([long.status, JSON.parse(long.body).error.code], [431, 'too-large']);
  assert.equal((await world.get('/app.js', { headers: { 'if-none-match': '"1"' } })).status, 304);
  assert.match((await world.get('/app.js')).headers.get('cache-control') ?? '', /immutable/);
});

test('what is no HTTP is answered in the same form', async () => {
  await using world = await startWorld();
  const { hostname, port } = new URL(world.url);
  const socket = connect(Number(port), hostname);
  socket.write('\x16\x03\x01 hello\r\n\r\n');
  assert.match(await text(socket), /^HTTP\/1.1 400 .*"code":"bad-request"/s);
});

test('until it has caught up nothing is told of the read model, and it isn\'t ready', async () => {
  const source = new MemorySource(3);
  source.append(SIGNALS);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = Object.assign(Object.create(source) as MemorySource, {
    partitions: source.partitions, identity: source.identity, bounds: async () => await source.bounds(), recordsAt: source.recordsAt.bind(source),
    async *follow(from: readonly number[], stop: AbortSignal) {
      await promise;
      yield* source.follow(from, stop);
    },
  });
  await using world = await startWorld({ ports: portsOf(slow) });
  for (const path of ['/v1/signals', `/v1/orders/${ONE}/1`, '/v1/addresses']) {
    const { status, body, headers } = await world.get(path);
    assert.deepEqual([status, body.error.code, headers.get('retry-after')], [503, 'not-ready', '1'], path);
  }
  assert.deepEqual([(await world.get('/readyz')).status, (await world.get('/healthz')).status], [503, 200]);
  resolve();
  await until(async () => (await world.get('/readyz')).status === 200, 'ready');
  assert.equal((await world.get('/v1/signals')).body.signals.length, 5);
});

test('a log that doesn\'t answer is told as such, and the operator why', async () => {
  const source = new MemorySource(1);
  const fails = async (): Promise<never> => await Promise.reject(new PortError('log-broken', 'broker 3 is away', { retryable: true }));
  await using world = await startWorld({ ports: { ...portsOf(source), life: fails, quarantine: fails, status: fails } });
  for (const path of [`/v1/orders/${ONE}/1/life`, '/v1/quarantine', '/v1/status']) {
    await until(() => world.gateway.readiness().ok, 'ready');
    const { status, body, text: told } = await world.get(path);
    assert.deepEqual([status, body.error.code], [503, 'unavailable'], path);
    assert.doesNotMatch(told, /broker/);
  }
  assert.ok(world.troubles.some((trouble) => trouble.includes('broker 3')));
});
