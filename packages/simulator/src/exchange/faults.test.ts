import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Random } from '../random.ts';
import type { FakeExchangeOptions, FaultKind } from './fake-exchange.ts';
import { FakeExchange } from './fake-exchange.ts';
import { FAULT_KINDS, Faults } from './faults.ts';
import { info, TestClient } from './test-client.ts';

const open = new Set<FakeExchange>();
after(async () => {
  for (const exchange of open) await exchange.close();
});

const START = 1_780_000_000_000;

async function started(options: Partial<FakeExchangeOptions> = {}): Promise<FakeExchange> {
  const exchange = await FakeExchange.start({
    seed: 3, addresses: 2, drive: 'manual', now: () => START, ordersPerSecond: 50, trustForwardedFor: true, lifetimeMs: null, ...options,
  });
  open.add(exchange);
  return exchange;
}

/** A client that listens to the fills of `user`, by default of the first address. */
async function listening(exchange: FakeExchange, user = exchange.addresses[0] ?? ''): Promise<TestClient> {
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', user);
  await client.settled();
  return client;
}

const tidsOf = (fills: readonly { readonly tid: number }[]): readonly number[] => fills.map(({ tid }) => tid);
const ledgerOf = (exchange: FakeExchange, user = exchange.addresses[0]): readonly number[] => tidsOf(exchange.ledger.fills(user).map(({ data }) => data));

test('a cut ends the connection without a close frame, and what happens then is in REST and the ledger alone', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.advance(5_000);
  await client.settled();
  const before = client.fills().length;
  assert.equal(exchange.fault('cut').hits, 1);
  exchange.advance(5_000);
  assert.equal((await client.closed).code, 1006);
  assert.equal(client.fills().length, before);
  assert.ok(before > 0 && ledgerOf(exchange).length > before);
  const { body } = await info(exchange, { type: 'userFillsByTime', user: exchange.addresses[0], startTime: 0 });
  assert.deepEqual(tidsOf(body), ledgerOf(exchange));
});

test('a cut by an orderly end looks the same to the client', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.fault('cut', { how: 'end' });
  assert.equal((await client.closed).code, 1006);
});

test('a fault strikes the connection, the address or the IP that it names, and no other', async () => {
  const exchange = await started({ addresses: 3 });
  const [a, b, c] = await Promise.all(exchange.addresses.map((user) => listening(exchange, user)));
  const d = await TestClient.connect(exchange, '10.0.0.9');
  assert.ok(a && b && c);
  const idOf = (user: string | undefined): number =>
    exchange.connections.find(({ subscriptions }) => subscriptions.some((known) => known.user === user))?.id ?? 0;
  assert.equal(exchange.fault('cut', { address: exchange.addresses[0]?.toUpperCase() }).hits, 1);
  await a.closed;
  assert.equal(exchange.fault('cut', { connection: idOf(exchange.addresses[1]) }).hits, 1);
  await b.closed;
  assert.equal(exchange.fault('cut', { ip: '10.0.0.9' }).hits, 1);
  await d.closed;
  await c.settled();
  assert.deepEqual(exchange.connections.map(({ id }) => id), [idOf(exchange.addresses[2])]);
});

test('a half-open connection stays, answers nothing, sends nothing, and is given up when it has been idle', async () => {
  const exchange = await started({ scale: 40 });
  const client = await listening(exchange);
  const texts = client.texts.length;
  exchange.fault('half-open');
  client.send({ method: 'ping' });
  client.socket.ping();
  let pongs = 0;
  client.socket.on('pong', () => {
    pongs += 1;
  });
  exchange.advance(10_000);
  assert.equal(exchange.connections.length, 1);
  assert.equal((await client.closed).code, 1006);
  assert.deepEqual([client.texts.length, pongs], [texts, 0]);
  assert.ok(ledgerOf(exchange).length > 0);
});

test('the exchange notices when the client of a half-open connection gives up', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  const other = await TestClient.connect(exchange);
  exchange.fault('half-open', { address: exchange.addresses[0] });
  client.socket.terminate();
  await other.until(() => exchange.connections.length === 1);
});

test('a slow connection gets everything, late', async () => {
  const exchange = await started();
  const [slow, quick] = [await listening(exchange), await listening(exchange)];
  exchange.fault('slow', { connection: exchange.connections[0]?.id, bytesPerSecond: 5_000 });
  exchange.advance(10_000);
  exchange.halt();
  await quick.settled();
  assert.deepEqual(tidsOf(quick.fills()), ledgerOf(exchange));
  assert.ok(slow.fills().length < quick.fills().length);
  exchange.fault('slow', { connection: exchange.connections[0]?.id, bytesPerSecond: 1e9 });
  await slow.settled();
  assert.deepEqual(slow.fills(), quick.fills());
});

test('a slow connection is quick again after its time', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.fault('slow', { bytesPerSecond: 1_000, forMs: 50 });
  exchange.advance(20_000);
  exchange.halt();
  await client.settled();
  assert.deepEqual(tidsOf(client.fills()), ledgerOf(exchange));
});

test('a connection whose client is too slow is cut', async () => {
  const exchange = await started({ unsentBytes: 10_000 });
  const client = await listening(exchange);
  exchange.fault('slow', { bytesPerSecond: 100 });
  exchange.advance(20_000);
  assert.equal((await client.closed).code, 1006);
});

test('an expired connection is closed cleanly', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.fault('expire');
  assert.deepEqual(await client.closed, { code: 1000, reason: 'Expired' });
});

test('a snapshot is repeated, with what has happened meanwhile', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  const known = ledgerOf(exchange).length;
  exchange.advance(5_000);
  exchange.fault('repeat-snapshot');
  await client.settled();
  const snapshots = client.of('userFills').filter(({ data }) => data.isSnapshot === true);
  assert.deepEqual(snapshots.map(({ data }) => data.fills.length), [known, ledgerOf(exchange).length]);
  assert.ok(ledgerOf(exchange).length > known);
});

test('reordered frames change places and none is lost', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.fault('reorder', { times: 5, forMs: 10 });
  exchange.advance(10_000);
  exchange.halt();
  await client.until(() => client.fills().length === ledgerOf(exchange).length);
  const tids = tidsOf(client.fills());
  assert.notDeepEqual(tids, ledgerOf(exchange));
  assert.deepEqual([...tids].sort(), [...ledgerOf(exchange)].sort());
});

test('a frame held back goes out alone when no other comes', async () => {
  const exchange = await started({ addresses: 1, ordersPerSecond: 1 });
  const client = await listening(exchange);
  const fault = exchange.fault('reorder', { forMs: 20 });
  while (fault.hits === 0) exchange.emit(1);
  await client.until(() => client.fills().length > 0);
});

test('duplicated frames come twice', async () => {
  const exchange = await started();
  const [client, other] = [await listening(exchange), await listening(exchange)];
  const fault = exchange.fault('duplicate', { probability: 1, connection: exchange.connections[0]?.id });
  exchange.advance(5_000);
  fault.clear();
  exchange.advance(5_000);
  exchange.halt();
  await client.settled();
  await other.settled();
  assert.ok(fault.hits > 0 && fault.hits < other.of('userFills').length);
  assert.equal(client.of('userFills').length, other.of('userFills').length + fault.hits);
  assert.deepEqual([...new Set(tidsOf(client.fills()))], ledgerOf(exchange));
  assert.deepEqual(tidsOf(other.fills()), ledgerOf(exchange));
});

test('lost frames of a channel never come, those of the others do', async () => {
  const exchange = await started();
  const [client, other] = [await listening(exchange), await listening(exchange)];
  const fault = exchange.fault('lose', { how: 'userFills', times: 3, connection: exchange.connections[0]?.id });
  exchange.advance(10_000);
  exchange.halt();
  await client.settled();
  await other.settled();
  assert.equal(fault.hits, 3);
  assert.equal(client.of('userFills').length, other.of('userFills').length - 3);
  assert.equal(client.of('orderUpdates').length, other.of('orderUpdates').length);
});

test('a truncated frame is half a text, and its fills come no more', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.fault('truncate', { address: exchange.addresses[0] });
  exchange.advance(10_000);
  exchange.halt();
  await client.settled();
  const broken = client.texts.slice(1).filter((text) => !client.frames.some((frame) => JSON.stringify(frame) === text));
  assert.equal(broken.length, 1);
  assert.match(broken[0] ?? '', /^\{"channel":"userFills"/);
  assert.ok(client.fills().length < ledgerOf(exchange).length);
});

test('a frame can break off in its first fragment', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  const texts = client.texts.length;
  exchange.fault('truncate', { how: 'fragment' });
  exchange.advance(10_000);
  assert.equal((await client.closed).code, 1006);
  assert.equal(client.texts.length, texts);
});

test('rubbish comes as bytes, as texts, as other shapes and deep, and the connection stays', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  const texts = client.texts.length;
  for (const how of ['binary', 'text', 'text', 'shape', 'shape', 'deep', 'deep', 'empty']) exchange.fault('rubbish', { how });
  for (let turn = 0; turn < 17; turn += 1) exchange.fault('rubbish', { how: 'shape' });
  await client.settled();
  assert.equal(client.binaries.length, 1);
  assert.equal(client.texts.length, texts + 7 + 17 + 1);
  assert.ok(client.texts.some((text) => text.startsWith('['.repeat(1_000))));
  assert.ok(client.texts.includes('null') && client.texts.includes(''));
});

test('a text frame that is no UTF-8 makes the client\'s own library close', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  exchange.fault('rubbish', { how: 'utf8' });
  await client.closed;
  assert.match(String(client.error), /UTF-8/);
});

test('rubbish of any kind comes in turn', async () => {
  const exchange = await started();
  const client = await listening(exchange);
  const texts = client.texts.length;
  for (let turn = 0; turn < 5; turn += 1) exchange.fault('rubbish');
  await client.settled();
  assert.deepEqual([client.binaries.length, client.texts.length - texts], [1, 5]);
});

test('a subscription can be answered by an error, by a refusal without an echo, or not at all', async () => {
  const exchange = await started();
  const user = exchange.addresses[0] ?? '';
  const client = await TestClient.connect(exchange);
  for (const kind of ['error-reply', 'limit-refusal', 'missing-ack'] as const) {
    exchange.fault(kind);
    client.subscribe('userFills', user);
    await client.settled();
  }
  assert.deepEqual(client.of('error').map(({ data }) => data), [
    `Invalid subscription {"type":"userFills","user":"${user}"}`, 'Cannot track more than 10 total users.',
  ]);
  assert.equal(client.frames.length, 5);
  await client.subscribed('userFills', user);
  assert.deepEqual(exchange.violations.map(({ over }) => over.users), [0]);
});

test('a subscription can be taken without an acknowledgement', async () => {
  const exchange = await started();
  const client = await TestClient.connect(exchange);
  exchange.fault('missing-ack', { how: 'unanswered' });
  client.subscribe('userFills', exchange.addresses[0] ?? '');
  exchange.advance(10_000);
  await client.settled();
  exchange.advance(10_000);
  await client.settled();
  assert.equal(client.of('subscriptionResponse').length, 0);
  assert.ok(client.fills().length > 0);
});

test('connects are refused by 503, or left without an answer, or by the system', async () => {
  const exchange = await started();
  const standing = await listening(exchange);
  exchange.fault('refuse-connect', { times: 2 });
  await assert.rejects(TestClient.connect(exchange), /503/);
  await assert.rejects(TestClient.connect(exchange), /503/);
  const hung = exchange.fault('refuse-connect', { how: 'hang' });
  const waiting = TestClient.connect(exchange);
  await standing.until(() => hung.hits === 1);
  const fault = exchange.fault('refuse-connect', { how: 'tcp' });
  await assert.rejects(TestClient.connect(exchange), { code: 'ECONNREFUSED' });
  await assert.rejects(info(exchange, { type: 'meta' }), /fetch failed/);
  await standing.settled();
  fault.clear();
  await TestClient.connect(exchange);
  assert.equal((await info(exchange, { type: 'meta' })).status, 200);
  await exchange.close();
  await assert.rejects(waiting);
});

test('a listener that is away comes back by itself', async () => {
  const exchange = await started();
  exchange.fault('refuse-connect', { how: 'tcp', forMs: 200 });
  await assert.rejects(TestClient.connect(exchange), { code: 'ECONNREFUSED' });
  for (;;) {
    const client = await TestClient.connect(exchange).catch(() => null);
    if (client !== null) break;
  }
  assert.deepEqual(exchange.faults, []);
});

test('REST can answer 429, 500, no JSON, half a JSON, other shapes or nothing, and then all is well again', async () => {
  const exchange = await started({ pastOrders: 200 });
  const request = { type: 'userFills', user: exchange.addresses[0] };
  const whole = await info(exchange, request);
  const kinds: readonly (readonly [FaultKind, string | undefined, number, RegExp])[] = [
    ['rest-429', undefined, 429, /^null$/], ['rest-500', undefined, 500, /Internal/],
    ['rest-truncated', 'text', 200, /^\[\{"coin".*[^\]]$/], ['rest-invalid', 'html', 200, /^<html>/],
    ['rest-invalid', 'shape', 200, /^\{"fills":null/], ['rest-empty', undefined, 200, /^\[\]$/],
  ];
  for (const [kind, how, status, text] of kinds) {
    exchange.fault(kind, { how, request: 'userFills' });
    assert.equal((await info(exchange, { type: 'meta' })).status, 200);
    const response = await fetch(`${exchange.url}/info`, { method: 'POST', body: JSON.stringify(request) });
    assert.equal(response.status, status, kind);
    assert.match(await response.text(), text, kind);
  }
  exchange.fault('rest-truncated', { how: 'socket' });
  await assert.rejects(info(exchange, request));
  assert.deepEqual(await info(exchange, request), whole);
  assert.deepEqual(exchange.violations.map(({ over }) => over.weightPerMinute), [0]);
});

test('REST can leave a request without an answer, or answer late', async () => {
  const exchange = await started();
  const fault = exchange.fault('rest-hang', { address: exchange.addresses[1] });
  assert.equal((await info(exchange, { type: 'userFills', user: exchange.addresses[0] })).status, 200);
  const stop = new AbortController();
  const hanging = fetch(`${exchange.url}/info`, {
    method: 'POST', body: JSON.stringify({ type: 'userFills', user: exchange.addresses[1] }), signal: stop.signal,
  });
  while (fault.hits === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  await assert.rejects(hanging, { name: 'AbortError' });
  exchange.fault('rest-hang', { forMs: 50 });
  assert.equal((await info(exchange, { type: 'meta' })).status, 200);
});

test('with chance, faults strike frames until they are cleared', async () => {
  const exchange = await started({ limits: { connectsPerMinute: 1_000 } });
  const fault = exchange.fault('cut', { probability: 0.2 });
  for (let round = 0; round < 10; round += 1) {
    const client = await listening(exchange).catch(() => null);
    exchange.advance(5_000);
    await client?.closed;
  }
  assert.ok(fault.hits >= 10);
  exchange.clearFaults();
  const client = await listening(exchange);
  exchange.advance(5_000);
  await client.settled();
  assert.equal(client.socket.readyState, client.socket.OPEN);
  assert.ok(client.fills().length > 0);
});

test('whatever goes wrong, the market and its ledger are those of an undisturbed exchange', async () => {
  const journals = [];
  for (const isDisturbed of [true, false]) {
    const exchange = await started({ limits: { connectsPerMinute: 1_000, connections: 1_000 } });
    const kinds: readonly FaultKind[] = ['cut', 'expire', 'duplicate', 'reorder', 'truncate', 'rubbish', 'repeat-snapshot', 'half-open', 'slow'];
    if (isDisturbed) for (const kind of kinds) exchange.fault(kind, { probability: 0.05, ...(kind === 'slow' ? { forMs: 10 } : {}) });
    for (let step = 0; step < 20; step += 1) {
      if (isDisturbed) await listening(exchange).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 5));
      exchange.advance(1_000);
    }
    if (isDisturbed) assert.ok(exchange.faults.some(({ hits }) => hits > 0));
    journals.push([...exchange.ledger.journal()].join(''));
    await exchange.close();
  }
  assert.equal(journals[0], journals[1]);
});

test('of several faults that match the first asked for strikes, as often as it was asked for', () => {
  const faults = new Faults(new Random('x'), () => undefined);
  const first = faults.add('duplicate', { times: 2 });
  const second = faults.add('reorder', {});
  const event = { ip: 'ip', connection: 1, addresses: [] };
  const met = Array.from({ length: 4 }, () => faults.take(['connection', 'frame'], event)?.kind);
  assert.deepEqual(met, ['duplicate', 'duplicate', 'reorder', undefined]);
  assert.deepEqual([first.hits, second.hits], [2, 1]);
  assert.deepEqual(faults.standing, []);
});

test('a fault that makes no sense is refused, and every kind has a way to go wrong', () => {
  const faults = new Faults(new Random('x'), () => undefined);
  assert.throws(() => faults.add('earthquake', {}), /expected a fault of cut, /);
  assert.throws(() => faults.add('cut', { how: 'gently' }), /expected how of cut: reset, end/);
  assert.throws(() => faults.add('cut', { probability: 2 }), /expected probability/);
  assert.throws(() => faults.add('cut', { times: 0 }), /expected times/);
  assert.throws(() => faults.add('slow', { bytesPerSecond: 0 }), /expected bytesPerSecond/);
  assert.throws(() => faults.add('slow', { forMs: -1 }), /expected forMs/);
  for (const [kind, { how }] of FAULT_KINDS) for (const way of how) assert.equal(faults.add(kind, { how: way }).how, way);
});
