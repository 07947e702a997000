import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FakeExchangeOptions, LimitName, Usage } from './fake-exchange.ts';
import { FakeExchange } from './fake-exchange.ts';
import { DEFAULT_LIMITS, Gauge } from './limits.ts';
import { info, TestClient } from './test-client.ts';

const open = new Set<FakeExchange>();
after(async () => {
  for (const exchange of open) await exchange.close();
});

const START = 1_780_000_000_000;

async function started(options: Partial<FakeExchangeOptions> = {}): Promise<FakeExchange> {
  const exchange = await FakeExchange.start({ seed: 2, addresses: 12, drive: 'manual', now: () => START, trustForwardedFor: true, ...options });
  open.add(exchange);
  return exchange;
}

function usageOf(exchange: FakeExchange, ip: string): Usage {
  const usage = exchange.violations.find((known) => known.ip === ip);
  assert.ok(usage);
  return usage;
}

/** Only this limit was violated, so often, and so much was asked for. */
function assertOver(exchange: FakeExchange, ip: string, name: LimitName, times: number, greatest: number): void {
  const { over, greatest: most } = usageOf(exchange, ip);
  const none = { connections: 0, connectsPerMinute: 0, subscriptions: 0, users: 0, messagesPerMinute: 0, weightPerMinute: 0 };
  assert.deepEqual(over, { ...none, [name]: times });
  assert.equal(most[name], greatest);
}

test('an eleventh connection of an IP is refused, until one has gone', async () => {
  const exchange = await started();
  const clients = [];
  for (let count = 0; count < 10; count += 1) clients.push(await TestClient.connect(exchange, '10.0.0.1'));
  await assert.rejects(TestClient.connect(exchange, '10.0.0.1'), /429/);
  await TestClient.connect(exchange, '10.0.0.2');
  clients[0]?.socket.close();
  await clients[0]?.closed;
  await clients[1]?.until(() => exchange.connections.length === 10);
  await TestClient.connect(exchange, '10.0.0.1');
  assertOver(exchange, '10.0.0.1', 'connections', 1, 11);
  assert.equal(usageOf(exchange, '10.0.0.2').greatest.connections, 1);
});

test('a thirty-first new connection within a minute is refused', async () => {
  const exchange = await started();
  const other = await TestClient.connect(exchange, '10.0.0.2');
  for (let count = 0; count < 30; count += 1) {
    const client = await TestClient.connect(exchange, '10.0.0.1');
    client.socket.terminate();
    await other.until(() => exchange.connections.length === 1);
  }
  await assert.rejects(TestClient.connect(exchange, '10.0.0.1'), /429/);
  assertOver(exchange, '10.0.0.1', 'connectsPerMinute', 1, 31);
});

test('an eleventh user over all connections of an IP is refused without an echo, and a further channel of a known one is not', async () => {
  const exchange = await started();
  const [one, other] = [await TestClient.connect(exchange, '10.0.0.1'), await TestClient.connect(exchange, '10.0.0.1')];
  await one.subscribed('userFills', ...exchange.addresses.slice(0, 5));
  await other.subscribed('orderUpdates', ...exchange.addresses.slice(5, 10));
  const eleventh = exchange.addresses[10] ?? '';
  other.subscribe('userFills', eleventh);
  await other.until(() => other.of('error').length === 1);
  assert.deepEqual(other.of('error')[0], { channel: 'error', data: 'Cannot track more than 10 total users.' });
  await other.subscribed('webData2', exchange.addresses[0] ?? '');
  await (await TestClient.connect(exchange, '10.0.0.2')).subscribed('userFills', eleventh);
  other.send({ method: 'unsubscribe', subscription: { type: 'orderUpdates', user: exchange.addresses[9] } });
  await other.settled();
  await other.subscribed('userFills', eleventh);
  assertOver(exchange, '10.0.0.1', 'users', 1, 11);
});

test('users leave with their connection', async () => {
  const exchange = await started();
  const one = await TestClient.connect(exchange);
  await one.subscribed('userFills', ...exchange.addresses.slice(0, 10));
  one.socket.terminate();
  const other = await TestClient.connect(exchange);
  await other.until(() => exchange.connections.length === 1);
  await other.subscribed('userFills', ...exchange.addresses.slice(2, 12));
  assert.equal(usageOf(exchange, '127.0.0.1').over.users, 0);
});

test('a subscription beyond the limit is refused without an echo', async () => {
  const exchange = await started({ limits: { subscriptions: 3 } });
  const client = await TestClient.connect(exchange, '10.0.0.1');
  await client.subscribed('userFills', ...exchange.addresses.slice(0, 3));
  client.subscribe('orderUpdates', exchange.addresses[0] ?? '');
  await client.until(() => client.of('error').length === 1);
  assert.equal(client.of('error')[0]?.data, 'Cannot subscribe to more than 3 channels.');
  assertOver(exchange, '10.0.0.1', 'subscriptions', 1, 4);
  assert.equal(DEFAULT_LIMITS.subscriptions, 1_000);
});

test('message 2,001 of a minute over all connections is refused', async () => {
  const exchange = await started();
  const [one, other] = [await TestClient.connect(exchange, '10.0.0.1'), await TestClient.connect(exchange, '10.0.0.1')];
  for (let count = 0; count < 1_000; count += 1) {
    one.send({ method: 'ping' });
    other.send({ method: 'ping' });
  }
  await one.until(() => one.of('pong').length + other.of('pong').length === 2_000);
  one.subscribe('userFills', exchange.addresses[0] ?? '');
  await one.until(() => one.of('error').length === 1);
  assert.equal(one.of('error')[0]?.data, 'Cannot send more than 2000 messages per minute.');
  assertOver(exchange, '10.0.0.1', 'messagesPerMinute', 1, 2_001);
});

test('a request whose weight goes beyond 1,200 a minute is 429', async () => {
  const exchange = await started();
  for (let count = 0; count < 59; count += 1) assert.equal((await info(exchange, { type: 'meta' }, '10.0.0.1')).status, 200);
  const user = exchange.addresses[0];
  for (let count = 0; count < 9; count += 1) assert.equal((await info(exchange, { type: 'clearinghouseState', user }, '10.0.0.1')).status, 200);
  assert.equal((await info(exchange, { type: 'meta' }, '10.0.0.1')).status, 429);
  assert.equal((await info(exchange, { type: 'orderStatus', user, oid: 1 }, '10.0.0.1')).status, 200);
  assert.equal((await info(exchange, { type: 'meta' }, '10.0.0.2')).status, 200);
  assertOver(exchange, '10.0.0.1', 'weightPerMinute', 1, 1_218);
});

test('rows weigh: a page of 2,000 fills is 120', async () => {
  const exchange = await started({ addresses: 1, pastOrders: 1_500 });
  await info(exchange, { type: 'userFills', user: exchange.addresses[0] }, '10.0.0.1');
  assert.equal(usageOf(exchange, '10.0.0.1').greatest.weightPerMinute, 120);
});

test('an answer that a fault has emptied weighs what it says, and no more', async () => {
  const exchange = await started({ addresses: 1, pastOrders: 1_500 });
  exchange.fault('rest-empty');
  await info(exchange, { type: 'userFills', user: exchange.addresses[0] }, '10.0.0.1');
  assert.equal(usageOf(exchange, '10.0.0.1').greatest.weightPerMinute, 20);
});

test('without trust in it a forwarded address changes nothing', async () => {
  const exchange = await started({ trustForwardedFor: false });
  await info(exchange, { type: 'meta' }, '10.0.0.1');
  assert.deepEqual(exchange.violations.map(({ ip }) => ip), ['127.0.0.1']);
});

test('a minute slides, and is shorter by the scale', async () => {
  let now = 0;
  const gauge = new Gauge('ip', { ...DEFAULT_LIMITS, messagesPerMinute: 3, weightPerMinute: 100 }, 600, () => now);
  const at = (time: number): boolean => {
    now = time;
    return gauge.message();
  };
  assert.deepEqual([0, 100, 200, 599, 600, 650, 700, 800, 801].map(at), [true, true, true, false, true, false, true, true, false]);
  assert.deepEqual([gauge.usage.over.messagesPerMinute, gauge.usage.greatest.messagesPerMinute], [3, 4]);
  const exchange = await started({ scale: 200, limits: { weightPerMinute: 20 } });
  const statuses = [(await info(exchange, { type: 'meta' })).status];
  while (statuses.at(-1) !== 429) statuses.push((await info(exchange, { type: 'meta' })).status);
  while (statuses.at(-1) !== 200) statuses.push((await info(exchange, { type: 'meta' })).status);
  assert.equal(statuses[0], 200);
});
