// WebSocket and event streams: what is asked for is handed out, once, and gone on with where a client left off.

import type { ServerMessage, Signal } from '@fillstream/client';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemorySource, testAddress, testSignal } from '../feed/test-source.ts';
import { Client, EventStream, startWorld, until } from './test-gateway.ts';

const ONE = testAddress(1);
const TWO = testAddress(2);

function signals(count: number, part: Partial<Signal> = {}): Signal[] {
  return Array.from({ length: count }, () => testSignal(part));
}

function keyOf({ id, revision }: Signal): string {
  return `${id} ${String(revision)}`;
}

function codeOf(message: ServerMessage): string {
  return message.type === 'error' ? message.code : message.type;
}

test('a subscription is acknowledged before its first signal, then has what there is, then what comes', async () => {
  await using world = await startWorld();
  const [before, after] = [signals(20), signals(20)];
  world.source.append(before);
  const client = await world.connect();
  assert.equal((await client.subscribe('a', undefined, 'earliest')).type, 'subscribed');
  await client.live('a');
  world.source.append(after);
  await until(() => client.signals.length >= 40, 'all signals');
  assert.deepEqual(client.signals.map(({ signal }) => keyOf(signal)).sort(), [...before, ...after].map(keyOf).sort());
  assert.equal(client.messages.findIndex(({ type }) => type === 'subscribed'), 0);
  assert.equal(client.ws.protocol, 'fillstream.v1');
});

test('subscriptions of one connection are apart, each with its filter, and end one by one', async () => {
  await using world = await startWorld();
  const client = await world.connect();
  await client.subscribe('one', { addresses: [ONE] });
  await client.subscribe('large', { minNotional: '100000' });
  await client.subscribe('any "quoted" \u2028 id');
  for (const id of ['one', 'large', 'any "quoted" \u2028 id']) await client.live(id);
  const of = (id: string): Signal[] => client.signals.filter((message) => message.id === id).map(({ signal }) => signal);
  world.source.append([testSignal({ address: ONE }), testSignal({ address: TWO, notional: '100000' }), testSignal({ address: TWO })]);
  await until(() => of('any "quoted" \u2028 id').length === 3 && of('one').length === 1 && of('large').length === 1, 'each its own');
  client.send({ type: 'unsubscribe', id: 'one' });
  await client.next(({ type }) => type === 'unsubscribed');
  world.source.append([testSignal({ address: ONE, notional: '100000' })]);
  await until(() => of('large').length === 2, 'the last one');
  assert.deepEqual([of('one').length, world.gateway.feed.counts.subscriptions], [1, 2]);
  assert.equal((await client.subscribe('one')).type, 'subscribed');
});

test('where to begin: from now on, from a time, a snapshot of the latest revisions', async () => {
  await using world = await startWorld();
  world.source.append([
    testSignal({ address: ONE, oid: 1, lastFillAt: 1_600_000_000_000 }), testSignal({ address: ONE, oid: 1, revision: 2, lastFillAt: 1_600_000_001_000 }),
    testSignal({ address: ONE, oid: 2, lastFillAt: 1_600_000_002_000 }),
  ]);
  await until(() => world.gateway.feed.next.reduce((sum, each) => sum + each, 0) === 3, 'read');
  const client = await world.connect();
  for (const [id, from, expected] of [['now', 'latest', []], ['time', { since: 1_600_000_001_000 }, ['1 2', '2 1']], ['snapshot', 'snapshot', ['1 2', '2 1']], ['all', 'earliest', ['1 1', '1 2', '2 1']]] as const) {
    await client.subscribe(id, {}, from);
    await client.live(id);
    assert.deepEqual(client.signals.filter((message) => message.id === id).map(({ signal: { oid, revision } }) => `${String(oid)} ${String(revision)}`), expected, id);
  }
});

test('a client that is cut again and again and resumes by cursor has every signal once, by WebSocket', async () => {
  await using world = await startWorld();
  const met: string[] = [];
  const all: Signal[] = [];
  let cursor: string | null = null;
  for (let round = 0; round < 12; round += 1) {
    const client = await world.connect();
    const answer = await client.subscribe('a', { coins: ['BTC'] }, cursor === null ? 'earliest' : { cursor });
    assert.equal(answer.type, 'subscribed');
    const batch = signals(30);
    all.push(...batch);
    world.source.append(batch.slice(0, 15));
    await until(() => client.signals.length > round % 7, 'some signals');
    client.ws.terminate();
    world.source.append(batch.slice(15));
    met.push(...client.signals.map(({ signal }) => keyOf(signal)));
    cursor = client.signals.at(-1)?.cursor ?? cursor;
  }
  const last = await world.connect();
  await last.subscribe('a', {}, { cursor: cursor ?? '' });
  await last.live('a');
  met.push(...last.signals.map(({ signal }) => keyOf(signal)));
  assert.deepEqual(met.toSorted(), all.map(keyOf).toSorted());
});

test('a stream of events resumes by Last-Event-ID, and by a cursor, with every signal once', async () => {
  await using world = await startWorld();
  const met: string[] = [];
  const all: Signal[] = [];
  let last: string | null = null;
  for (let round = 0; round < 10; round += 1) {
    const isHeader = round % 2 === 1;
    const stream: EventStream = last !== null && isHeader
      ? await EventStream.open(`${world.url}/v1/stream?from=latest`, { headers: { 'last-event-id': last } })
      : await EventStream.open(`${world.url}/v1/stream?from=${last ?? 'earliest'}`);
    assert.equal(stream.status, 200);
    const batch = signals(20);
    all.push(...batch);
    world.source.append(batch);
    await until(() => stream.signals.length > round % 5, 'some signals');
    stream.close();
    const seen = stream.events.slice();
    met.push(...seen.filter(({ event }) => event === 'signal').map(({ data }) => keyOf(data)));
    last = seen.at(-1)?.id ?? last;
  }
  const rest = await EventStream.open(`${world.url}/v1/stream?from=${last ?? ''}`);
  await until(() => rest.events.some(({ event }) => event === 'live'), 'live');
  met.push(...rest.signals.map(({ data }) => keyOf(data)));
  assert.deepEqual(met.toSorted(), all.map(keyOf).toSorted());
  await until(() => world.audit.filter(({ kind }) => kind === 'disconnected').length === 10, 'ten of them gone');
});

test('a stream has the filters of a query, and begins with a cursor to go on from', async () => {
  await using world = await startWorld();
  world.source.append([testSignal({ address: ONE }), testSignal({ address: TWO, side: 'SHORT' }), testSignal({ address: TWO, coin: 'ETH', symbol: 'ETH' })]);
  await until(() => world.gateway.readiness().ok, 'ready');
  const stream = await EventStream.open(`${world.url}/v1/stream?addresses=${TWO}&sides=LONG&from=0`);
  await until(() => stream.events.some(({ event }) => event === 'live'), 'live');
  assert.deepEqual(stream.signals.map(({ data }) => data.coin), ['ETH']);
  assert.deepEqual([stream.events[0]?.event, typeof stream.events[0]?.id], ['progress', 'string']);
  stream.close();
});

test('a bad subscription is refused by its id and the connection goes on; a frame of no known form ends it', async () => {
  await using world = await startWorld();
  const client = await world.connect();
  for (const [message, code] of [
    [{ type: 'subscribe', id: 'x', filter: { adresses: [ONE] } }, 'bad-request'], [{ type: 'subscribe', id: 'x', filter: { addresses: [] } }, 'bad-request'], [{ type: 'subscribe', id: 'x', from: 'now' }, 'bad-request'],
    [{ type: 'subscribe', id: 'x', from: { cursor: '1.AAAA' } }, 'bad-cursor'], [{ type: 'subscribe', id: 'x', extra: 1 }, 'bad-request'], [{ type: 'unsubscribe', id: 'x' }, 'not-found'],
  ] as const) {
    client.messages.length = 0;
    client.send(message);
    const answer = await client.next(({ type }) => type === 'error');
    assert.deepEqual([codeOf(answer), 'id' in answer ? answer.id : null], [code, 'x'], JSON.stringify(message));
  }
  await client.subscribe('x');
  client.messages.length = 0;
  assert.equal(codeOf(await client.subscribe('x')), 'bad-request');
  client.send({ type: 'subscribe', id: 'y'.repeat(65) });
  client.send({ type: 'ping' });
  await client.next(({ type }) => type === 'pong');
  for (const frame of ['not json', '[]', '"subscribe"', '{"type":"become"}', 'null', Buffer.from([1, 2, 3])]) {
    const other = await world.connect();
    other.ws.send(frame);
    assert.deepEqual([await other.end(), codeOf(other.messages[0]!)], [4_000, 'bad-request'], String(frame));
  }
  assert.equal(client.closed, null);
});

test('an unsubscribe that overtakes its subscription leaves nothing behind', async () => {
  await using world = await startWorld();
  const client = await world.connect();
  for (let time = 0; time < 20; time += 1) {
    client.send({ type: 'subscribe', id: 'a', from: 'earliest' });
    client.send({ type: 'unsubscribe', id: 'a' });
  }
  await until(() => client.messages.filter(({ type }) => type === 'unsubscribed').length === 20, 'all of them ended');
  world.source.append(signals(5));
  client.send({ type: 'ping' });
  await client.next(({ type }) => type === 'pong');
  assert.deepEqual([world.gateway.feed.counts.subscriptions, client.signals.length], [0, 0]);
});

test('a client that gives no sign of life is cut, one that does stays', async () => {
  await using world = await startWorld({ limits: { heartbeatMs: 100 } });
  const [silent, well] = [await world.connect(), await world.connect()];
  silent.ws.pong = () => undefined;
  (silent.ws as unknown as { _autoPong: boolean })._autoPong = false;
  assert.equal(await silent.end(), 1_006);
  await until(() => world.audit.some((entry) => entry.kind === 'disconnected' && entry.end === 'lost'), 'told as lost');
  assert.equal(well.closed, null);
});

test('a gateway that stops tells its streams so, and takes no more', async () => {
  const world = await startWorld({ source: new MemorySource(2) });
  const client = await world.connect();
  await client.subscribe('a');
  const stream = await EventStream.open(`${world.url}/v1/stream`);
  await until(() => stream.events.length > 0, 'begun');
  await world.gateway.stop();
  assert.equal(await client.end(), 1_001);
  await until(() => stream.isOver, 'the end of the stream');
  assert.deepEqual([stream.events.at(-1)?.event, stream.events.at(-1)?.data.code], ['error', 'unavailable']);
  await assert.rejects(Client.open(world.url));
  await assert.rejects(fetch(`${world.url}/healthz`));
  await world[Symbol.asyncDispose]();
});
