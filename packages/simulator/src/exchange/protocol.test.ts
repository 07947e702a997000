import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FakeExchangeOptions } from './fake-exchange.ts';
import { FakeExchange } from './fake-exchange.ts';
import type { Json } from './test-client.ts';
import { TestClient } from './test-client.ts';

const open = new Set<FakeExchange>();
after(async () => {
  for (const exchange of open) await exchange.close();
});

const START = 1_780_000_000_000;

/** Its time stands still until it is advanced. */
async function started(options: Partial<FakeExchangeOptions> = {}): Promise<FakeExchange> {
  const exchange = await FakeExchange.start({
    seed: 11, addresses: 4, drive: 'manual', now: () => START, ordersPerSecond: 50, lifetimeMs: null, ...options,
  });
  open.add(exchange);
  return exchange;
}

const first = (exchange: FakeExchange): string => exchange.addresses[0] ?? '';
const fillsOf = (exchange: FakeExchange, user: string): readonly unknown[] => exchange.ledger.fills(user).map(({ data }) => data);

test('a connection is greeted by a text that is no JSON, and a ping is answered', async () => {
  const client = await TestClient.connect(await started());
  assert.deepEqual(client.texts, ['Websocket connection established.']);
  client.send({ method: 'ping' });
  await client.until(() => client.texts.length === 2);
  assert.equal(client.texts[1], '{"channel":"pong"}');
});

test('userFills is acknowledged by an echo with more fields, then come the last 2,000 fills, newest first', async () => {
  const exchange = await started({ addresses: 1, pastOrders: 1_500 });
  const user = first(exchange);
  const client = await TestClient.connect(exchange);
  client.subscribe('userFills', user.toUpperCase().replace('0X', '0x'));
  await client.until(() => client.frames.length === 2);
  const [ack, snapshot] = client.frames;
  assert.deepEqual(ack, {
    channel: 'subscriptionResponse',
    data: { method: 'subscribe', subscription: { type: 'userFills', user, aggregateByTime: false } },
  });
  assert.equal(snapshot?.channel, 'userFills');
  assert.deepEqual(Object.keys(snapshot.data), ['isSnapshot', 'user', 'fills']);
  assert.ok(fillsOf(exchange, user).length > 2_000);
  assert.deepEqual(snapshot.data.fills, fillsOf(exchange, user).slice(-2_000).reverse());
});

test('a snapshot comes oldest first when that was asked for', async () => {
  const exchange = await started({ pastOrders: 100, snapshotOrder: 'oldest-first' });
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', first(exchange));
  await client.settled();
  assert.deepEqual(client.of('userFills')[0]?.data.fills, fillsOf(exchange, first(exchange)));
});

test('who subscribes before anything happens sees every fill and update of the ledger, once and in order', async () => {
  const exchange = await started({ shares: { open: 1, statusMissing: 0, forced: 0, twap: 0.05 } });
  const clients = await Promise.all(exchange.addresses.map(async (user) => {
    const client = await TestClient.connect(exchange);
    await client.subscribed('userFills', user);
    await client.subscribed('orderUpdates', user);
    return { user, client };
  }));
  exchange.emit(8_000);
  exchange.halt();
  for (const { user, client } of clients) {
    await client.settled();
    const updates = exchange.ledger.records.filter((record) => record.kind === 'orderUpdate' && record.address === user);
    assert.ok(client.fills().length > 500 && updates.length > 200);
    assert.deepEqual(client.fills(), fillsOf(exchange, user));
    assert.deepEqual(client.updates(), updates.map((record) => record.kind === 'orderUpdate' && record.data));
    assert.ok(client.of('orderUpdates').every(({ data }) => Array.isArray(data)));
  }
  assert.deepEqual(exchange.violations.map(({ over }) => Object.values(over)), [[0, 0, 0, 0, 0, 0]]);
});

test('the ledger adds up to the fills that were seen', async () => {
  const exchange = await started();
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', ...exchange.addresses);
  exchange.advance(30_000);
  exchange.halt();
  await client.settled();
  const counts = exchange.ledger.totals.counts();
  assert.equal(client.fills().length, counts.fills);
  assert.equal(counts.duplicates, 0);
  const legs = exchange.ledger.totals.orders().flatMap((order) => Object.values(order.legs));
  assert.equal(legs.reduce((sum, leg) => sum + leg.fillCount, 0), counts.fills + counts.reversals);
});

test('frames hold one or several fills or updates, and a terminal status comes before, between or after its fills', async () => {
  const exchange = await started({ addresses: 1 });
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', first(exchange));
  await client.subscribed('orderUpdates', first(exchange));
  exchange.advance(60_000);
  exchange.halt();
  await client.settled();
  const sizes = (channel: string, of: (data: Json) => unknown[]): ReadonlySet<number> =>
    new Set(client.of(channel).map(({ data }) => of(data).length));
  assert.ok(sizes('userFills', (data) => data.fills).has(1) && sizes('userFills', (data) => data.fills).has(3));
  assert.ok(sizes('orderUpdates', (data) => data).has(1) && sizes('orderUpdates', (data) => data).has(2));
  const places = new Map<number, string>();
  for (const { channel, data } of client.frames) {
    if (channel === 'userFills') for (const { oid } of data.fills) places.set(oid, `${places.get(oid) ?? ''}f`);
    if (channel === 'orderUpdates') {
      for (const { order, status } of data) if (status === 'filled') places.set(order.oid, `${places.get(order.oid) ?? ''}s`);
    }
  }
  const shapes = [...places.values()];
  for (const shape of [/^sf/, /fsf/, /fs$/]) assert.ok(shapes.some((text) => shape.test(text)), String(shape));
});

test('slices of a TWAP come on userFills and, with their id, on userTwapSliceFills', async () => {
  const exchange = await started({ shares: { twap: 0.3 }, pastOrders: 2_000 });
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', first(exchange));
  await client.subscribed('userTwapSliceFills', first(exchange));
  exchange.advance(90_000);
  exchange.halt();
  await client.settled();
  const slices = client.fills().filter((fill) => fill.twapId !== null);
  const [snapshot, ...live] = client.of('userTwapSliceFills');
  assert.equal(snapshot?.data.isSnapshot, true);
  assert.ok(snapshot.data.twapSliceFills.length > 0 && slices.length > 0);
  assert.deepEqual(live.flatMap(({ data }) => data.twapSliceFills), slices.map((fill) => ({ fill, twapId: fill.twapId })));
});

test('webData2 says the account value and the time at once, and again with every new one', async () => {
  const exchange = await started();
  const client = await TestClient.connect(exchange);
  await client.subscribed('webData2', first(exchange));
  exchange.advance(31_000);
  exchange.halt();
  await client.settled();
  const values = exchange.ledger.records.filter((record) => record.kind === 'account' && record.address === first(exchange));
  const told = client.of('webData2').map(({ data }) => data.clearinghouseState.marginSummary.accountValue);
  assert.ok(values.length >= 3);
  assert.deepEqual(told.slice(-values.length), values.map((record) => record.kind === 'account' && record.data.accountValue));
  assert.equal(client.of('webData2')[0]?.data.serverTime, START);
});

test('bad requests are answered by an error, and the connection stays', async () => {
  const exchange = await started();
  const user = first(exchange);
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', user);
  const bad = [
    'nonsense', '[]', '{"method":"shout"}', '{"method":"subscribe"}',
    { method: 'subscribe', subscription: { type: 'weather', user } },
    { method: 'subscribe', subscription: { type: 'userFills', user: '0x12' } },
    { method: 'subscribe', subscription: { type: 'userFills', user } },
    { method: 'unsubscribe', subscription: { type: 'orderUpdates', user } },
  ];
  for (const request of bad) client.send(request);
  await client.settled();
  const errors = client.of('error').map(({ data }) => String(data).replace(/[:{].*/s, ''));
  assert.deepEqual(errors, [...Array<string>(6).fill('Error parsing JSON into valid websocket request'), 'Already subscribed', 'Already unsubscribed']);
});

test('after an unsubscription no frame of it comes', async () => {
  const exchange = await started({ addresses: 1 });
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', first(exchange));
  exchange.advance(10_000);
  client.send({ method: 'unsubscribe', subscription: { type: 'userFills', user: first(exchange) } });
  await client.settled();
  const seen = client.fills().length;
  exchange.advance(10_000);
  await client.settled();
  assert.ok(seen > 0 && exchange.ledger.fills().length > seen);
  assert.equal(client.fills().length, seen);
  assert.deepEqual(exchange.connections[0]?.subscriptions, []);
});

test('a connection on which nothing was sent is closed, and one with traffic is not', async () => {
  const exchange = await started({ scale: 40, limits: { messagesPerMinute: 1e6 } });
  const quiet = await TestClient.connect(exchange);
  const busy = await TestClient.connect(exchange);
  let isClosed = false;
  void quiet.closed.then(() => {
    isClosed = true;
  });
  await busy.until(() => {
    busy.send({ method: 'ping' });
    return isClosed;
  });
  assert.deepEqual(await quiet.closed, { code: 1000, reason: 'Inactive' });
  await busy.settled();
  assert.equal(busy.socket.readyState, busy.socket.OPEN);
});

test('a connection expires at its age with a clean close', async () => {
  const exchange = await started({ lifetimeMs: [10_000, 20_000], scale: 100 });
  const client = await TestClient.connect(exchange);
  assert.deepEqual(await client.closed, { code: 1000, reason: 'Expired' });
});

test('driven by the wall clock, frames come by themselves and fills bear the time of day', async () => {
  const exchange = await started({ drive: 'wall', now: Date.now, ordersPerSecond: 500, addresses: 2 });
  const from = Date.now();
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', ...exchange.addresses);
  await client.until(() => client.fills().length > 100);
  for (const fill of client.fills()) assert.ok(fill.time >= from - 5_000 && fill.time <= Date.now());
});

test('the market goes on while nobody listens', async () => {
  const exchange = await started();
  const before = await TestClient.connect(exchange);
  await before.subscribed('userFills', first(exchange));
  before.socket.close();
  await before.closed;
  exchange.advance(20_000);
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', first(exchange));
  await client.settled();
  assert.ok(fillsOf(exchange, first(exchange)).length > 10);
  assert.deepEqual(client.of('userFills')[0]?.data.fills, [...fillsOf(exchange, first(exchange))].reverse());
});

test('the same seed gives the same ledger and the same frames, in whatever steps time is moved', async () => {
  const run = async (seed: number, steps: number): Promise<readonly [string, readonly string[]]> => {
    const exchange = await started({ seed });
    const client = await TestClient.connect(exchange);
    await client.subscribed('userFills', ...exchange.addresses);
    await client.subscribed('orderUpdates', ...exchange.addresses);
    for (let step = 0; step < steps; step += 1) exchange.advance(20_000 / steps);
    exchange.halt();
    await client.settled();
    return [[...exchange.ledger.journal()].join(''), client.texts.filter((text) => /"channel":"(userFills|orderUpdates)"/.test(text))];
  };
  const [ledger, frames] = await run(7, 1);
  assert.ok(frames.length > 500);
  assert.deepEqual(await run(7, 400), [ledger, frames]);
  assert.notEqual((await run(8, 1))[0], ledger);
});

test('after a halt nothing happens any more, and all that had happened has been sent', async () => {
  const exchange = await started({ shares: { lateFills: 0.5 } });
  const client = await TestClient.connect(exchange);
  await client.subscribed('userFills', ...exchange.addresses);
  exchange.advance(20_000);
  await client.settled();
  const early = client.fills().length;
  exchange.halt();
  await client.settled();
  const ledger = exchange.ledger.fills();
  assert.ok(early < ledger.length);
  assert.deepEqual(new Set(client.fills().map(({ tid }) => tid)), new Set(ledger.map(({ data }) => data.tid)));
  exchange.advance(60_000);
  exchange.emit(100);
  assert.equal(exchange.ledger.fills().length, ledger.length);
});

test('a wrong option is refused by name', async () => {
  await assert.rejects(started({ scale: 0 }), /expected scale/);
  await assert.rejects(started({ pastOrders: -1 }), /expected pastOrders/);
  await assert.rejects(started({ ordersPerSecond: 0 }), /expected ordersPerSecond/);
});
