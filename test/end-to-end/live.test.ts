// The live feed before a fake exchange on real sockets: what goes wrong there, and what reaches the sink nevertheless.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { LiveEvent } from '@fillstream/hyperliquid/live';
import type { FaultKind, FaultOptions } from '@fillstream/simulator/exchange';
import {
  KeepingSink, assertUntouched, assertWithinLimits, keyOf, startFeed, startWorld, unendedOrders, untilComplete, untilLive, type World,
} from './live.ts';
import { until } from './until.ts';

function tradedMore({ exchange }: World, fills = 30): () => boolean {
  const before = exchange.ledger.fills().length;
  return () => exchange.ledger.fills().length >= before + fills;
}

function count({ events }: World, isIt: (event: LiveEvent) => boolean): number {
  return events.filter(isIt).length;
}

const repairs = (world: World): number => count(world, ({ kind }) => kind === 'repaired');

suite('without trouble', { concurrency: 4 }, () => {
  test('every fill reaches the sink once and untouched, every end of an order too, an account value before both', async (t) => {
    const world = await startWorld(t, { exchange: { pastOrders: 500 } });
    await untilLive(world);
    const since = world.exchange.now();
    await until('some trades', tradedMore(world, 100));
    await untilComplete(world);
    await until('no end is missing', () => missingEnds(world, since).length === 0);
    await world.feed.close();
    assertUntouched(world);
    assertWithinLimits(world.exchange);
    const keys = world.sink.fills().map(({ address, data }) => keyOf(address, data));
    assert.equal(new Set(keys).size, keys.length);
    for (const address of world.exchange.addresses) {
      const own = world.sink.records.filter((record) => record.address === address);
      assert.equal(own[0]?.kind, 'account');
      const [history, live] = [own.findIndex(({ source, kind }) => source !== 'ws' && kind === 'fill'), own.findIndex(({ source }) => source === 'ws')];
      assert.ok(history >= 0 && history < live);
      const last = world.exchange.ledger.fills(address).reduce((time, { data }) => Math.max(time, data.time), 0);
      assert.equal(world.sink.saved.get(address)?.lastFillAt, last);
    }
  });

  function missingEnds({ exchange, sink }: World, since: number): string[] {
    const known = new Set(sink.records.flatMap((record) => (record.kind === 'orderUpdate' ? [JSON.stringify(record.data)] : [])));
    return exchange.ledger.records
      .flatMap((record) => (record.kind === 'orderUpdate' && record.data.status !== 'open' && record.data.statusTimestamp > since ? [JSON.stringify(record.data)] : []))
      .filter((update) => !known.has(update));
  }

  test('display names are those of the pairs, by index and not by place; a perp has none', async (t) => {
    const world = await startWorld(t, { exchange: { shares: { spot: 0.5 }, ordersPerSecond: 80 } });
    await until('a fill of @107', () => world.sink.fills().some(({ data }) => data['coin'] === '@107'));
    await untilComplete(world);
    for (const { symbol, data } of world.sink.fills()) assert.equal(symbol, data['coin'] === '@107' ? 'HYPE/USDC' : undefined);
    assert.equal(world.feed.status().unknownCoins, 0);
  });

  test('slices of a TWAP come once, though two channels tell them', async (t) => {
    const world = await startWorld(t, { exchange: { shares: { twap: 0.5 }, ordersPerSecond: 300 }, settings: { twapSlices: true } });
    const slices = (): number => world.sink.fills().filter(({ data }) => (data['twapId'] ?? null) !== null).length;
    await until('some slices', () => slices() >= 3 && (world.feed.status().counts['leftOut.repeated'] ?? 0) >= 3);
    await untilComplete(world);
    const keys = world.sink.fills().map(({ address, data }) => keyOf(address, data));
    assert.equal(new Set(keys).size, keys.length);
    assertUntouched(world);
  });

  test('account values come at their pace', async (t) => {
    const world = await startWorld(t, { exchange: { ordersPerSecond: 1 }, periods: { accountMs: 200 } });
    const values = (): number => world.sink.records.filter(({ kind }) => kind === 'account').length;
    await until('twenty values', () => values() >= 20);
    assert.deepEqual(new Set(world.sink.records.filter(({ kind }) => kind === 'account').map(({ address }) => address)), new Set(world.exchange.addresses));
    assertWithinLimits(world.exchange);
  });
});

suite('trouble with the connection', { concurrency: 4 }, () => {
  type Trouble = readonly [name: string, kind: FaultKind, options: FaultOptions, seen: (event: LiveEvent) => boolean];
  const ended = (...ends: string[]) => (event: LiveEvent): boolean => event.kind === 'disconnected' && ends.includes(event.end);
  const troubles: readonly Trouble[] = [
    ['is reset', 'cut', {}, ended('cut')],
    ['ends without a word', 'cut', { how: 'end' }, ended('cut')],
    ['goes half-open', 'half-open', {}, ended('silent')],
    ['expires', 'expire', {}, ended('closed')],
    ['breaks off in the middle of a frame', 'truncate', { how: 'fragment' }, ended('cut')],
    ['sends text that is no UTF-8', 'rubbish', { how: 'utf8' }, ended('closed', 'cut')],
  ];
  for (const [name, kind, options, seen] of troubles) {
    test(`a connection that ${name} is replaced, and nothing is missing: neither fills nor the ends of their orders`, async (t) => {
      const world = await startWorld(t);
      await untilLive(world);
      await until('some trades', tradedMore(world));
      const known = repairs(world);
      world.exchange.fault(kind, options);
      await until('it was noticed', () => world.events.some(seen));
      await until('it was repaired', () => repairs(world) > known);
      await until('some trades', tradedMore(world));
      await untilComplete(world);
      await until('no end is missing', () => unendedOrders(world).length === 0);
      assertWithinLimits(world.exchange);
    });
  }

  test('a slow connection loses nothing', async (t) => {
    const world = await startWorld(t);
    await untilLive(world);
    world.exchange.fault('slow', { bytesPerSecond: 20_000, forMs: 1_500 });
    await until('some trades', tradedMore(world, 100));
    await untilComplete(world);
    assertWithinLimits(world.exchange);
  });

  test('a frame that comes late, twice, or as a snapshot again, changes nothing', async (t) => {
    const world = await startWorld(t);
    await untilLive(world);
    for (const kind of ['reorder', 'duplicate'] as const) world.exchange.fault(kind, { probability: 0.2 });
    await until('some trades', tradedMore(world, 100));
    world.exchange.fault('repeat-snapshot');
    await until('some trades', tradedMore(world, 30));
    await untilComplete(world);
    assert.equal(repairs(world), 2);
    const keys = world.sink.fills().map(({ address, data }) => keyOf(address, data));
    assert.equal(new Set(keys).size, keys.length);
  });

  test('a frame that was cut short is kept raw and repaired, and the connection stays', async (t) => {
    const world = await startWorld(t);
    await untilLive(world);
    world.exchange.fault('truncate', { times: 3 });
    await until('three were', () => count(world, ({ kind }) => kind === 'badFrame') >= 3);
    await untilComplete(world);
    assert.equal(count(world, ({ kind }) => kind === 'disconnected'), 0);
    assert.equal(world.sink.records.filter(({ kind }) => kind === 'raw').length, 3);
    await until('no end is missing', () => unendedOrders(world).length === 0);
  });

  test('frames that are none don\'t end the feed; too many in a row end the connection', async (t) => {
    const world = await startWorld(t, { settings: { badFramesInARow: 3 } });
    await untilLive(world);
    for (const how of ['binary', 'text', 'deep', 'empty', 'shape']) {
      for (let turn = 0; turn < 20; turn += 1) world.exchange.fault('rubbish', { how });
    }
    await until('the connection was replaced', () => count(world, (event) => event.kind === 'disconnected' && event.end === 'bad-frames') > 0);
    await until('some trades', tradedMore(world));
    await untilComplete(world);
    assert.ok(world.sink.records.some((record) => record.kind === 'raw' && record.length > record.text.length));
    assertWithinLimits(world.exchange);
  });

  const refusals: readonly (readonly [string, FaultKind, FaultOptions])[] = [
    ['answered with an error', 'error-reply', { times: 3 }],
    ['not acknowledged', 'missing-ack', { times: 2 }],
    ['taken but not acknowledged', 'missing-ack', { how: 'unanswered', times: 2 }],
    ['refused for a limit', 'limit-refusal', { times: 3 }],
  ];
  for (const [name, kind, options] of refusals) {
    test(`a subscription that is ${name} is tried again on another connection`, async (t) => {
      const world = await startWorld(t, { watch: [], periods: { ackMs: 500 } });
      const fault = world.exchange.fault(kind, options);
      for (const address of world.exchange.addresses) world.feed.watch(address);
      await until('it struck', () => fault.hits === options.times);
      await untilLive(world);
      await until('some trades', tradedMore(world));
      await untilComplete(world);
      assert.ok(count(world, (event) => event.kind === 'disconnected' && event.end === 'not-subscribed') > 0);
      assertWithinLimits(world.exchange);
    });
  }

  for (const how of ['503', 'hang', 'tcp']) {
    test(`an exchange that refuses connections (${how}) is waited for`, async (t) => {
      const world = await startWorld(t, { periods: { openMs: 300 } });
      await untilLive(world);
      const fault = world.exchange.fault('refuse-connect', { how, ...(how === 'tcp' ? {} : { times: 5 }) });
      world.exchange.fault('cut');
      await until('it refused', () => count(world, (event) => event.kind === 'disconnected' && event.end === 'unreachable') >= 3);
      await until('some trades', tradedMore(world));
      fault.clear();
      await until('all are live again', () => repairs(world) >= 4);
      await untilComplete(world);
      await until('no end is missing', () => unendedOrders(world).length === 0);
      assertWithinLimits(world.exchange);
    });
  }

  test('with a connection to spare, an old one is replaced without a gap in what comes live', async (t) => {
    const world = await startWorld(t, { periods: { rotateMs: 700 } });
    await untilLive(world);
    await until('two rotations', () => {
      const listening = new Set(world.exchange.connections.flatMap(({ subscriptions }) => subscriptions.map(({ type, user }) => `${type} ${user}`)));
      assert.equal(listening.size, 4, 'each address has somebody who listens to both of its channels, at any time');
      return count(world, (event) => event.kind === 'disconnected' && event.end === 'rotated') >= 4;
    });
    await untilComplete(world);
    assertWithinLimits(world.exchange);
  });
});

suite('trouble with REST', { concurrency: 4 }, () => {
  const troubles: readonly (readonly [FaultKind, FaultOptions])[] = [
    ['rest-429', {}], ['rest-500', {}], ['rest-hang', {}], ['rest-hang', { forMs: 400 }],
    ['rest-truncated', {}], ['rest-truncated', { how: 'socket' }], ['rest-invalid', {}], ['rest-invalid', { how: 'shape' }], ['rest-empty', {}],
  ];
  for (const [kind, options] of troubles) {
    test(`${kind} ${JSON.stringify(options)} at every second request delays a repair, and nothing is missing`, async (t) => {
      const world = await startWorld(t, { periods: { requestMs: 300, throttleMs: 100 } });
      await untilLive(world);
      world.exchange.fault(kind, { ...options, probability: 0.5 });
      await until('some trades', tradedMore(world));
      const known = repairs(world);
      world.exchange.fault('cut');
      await until('it was repaired', () => repairs(world) >= known + 2);
      world.exchange.clearFaults();
      await untilComplete(world);
      await until('no end is missing', () => unendedOrders(world).length === 0);
      assert.equal(world.exchange.violations.every(({ over }) => over.weightPerMinute === 0), true);
    });
  }

  test('an exchange without REST is lived with as long as the snapshots reach back', async (t) => {
    const world = await startWorld(t, { periods: { requestMs: 300, retryMostMs: 50, throttleMs: 10 } });
    await untilLive(world);
    world.exchange.fault('rest-500', { probability: 1 });
    const known = repairs(world);
    world.exchange.fault('cut');
    await until('it was repaired', () => repairs(world) >= known + 2);
    await until('some trades', tradedMore(world));
    await untilComplete(world);
  });
});

suite('limits', { concurrency: 4 }, () => {
  test('a storm of reconnects of ten addresses never goes beyond a limit', async (t) => {
    const world = await startWorld(t, { exchange: { addresses: 10, ordersPerSecond: 100 }, periods: { rotateMs: 500 } });
    await untilLive(world);
    const storm = setInterval(() => {
      for (const kind of ['cut', 'half-open', 'expire'] as const) world.exchange.fault(kind, { address: world.exchange.addresses[Math.floor(Math.random() * 10)] });
    }, 50);
    await until('sixty connections', () => world.exchange.violations.some(({ greatest }) => greatest.connectsPerMinute === 30) && count(world, ({ kind }) => kind === 'connected') >= 60);
    clearInterval(storm);
    await untilComplete(world);
    assertWithinLimits(world.exchange);
    assert.equal(world.exchange.violations[0]?.greatest.connections, 10);
  });

  test('small limits of messages and weight are kept to as well', async (t) => {
    const limits = { messagesPerMinute: 40, weightPerMinute: 400, connectsPerMinute: 6 };
    const world = await startWorld(t, { exchange: { addresses: 3, limits }, feed: { limits }, periods: { pingMs: 50, accountMs: 20, auditMs: 200 } });
    await untilLive(world);
    const storm = setInterval(() => world.exchange.fault('cut'), 700);
    await until('some trades', tradedMore(world, 120));
    const nearly = (name: 'weightPerMinute' | 'connectsPerMinute'): boolean => (world.exchange.violations[0]?.greatest[name] ?? 0) > limits[name] * 0.6;
    await until('they were nearly used up', () => nearly('weightPerMinute') && nearly('connectsPerMinute'));
    clearInterval(storm);
    await untilComplete(world);
    assertWithinLimits(world.exchange);
  });

  test('an address beyond the capacity waits, is told, and begins when another is let go', async (t) => {
    const world = await startWorld(t, { exchange: { addresses: 3, limits: { users: 2 } }, feed: { limits: { users: 2 } } });
    const [first, , third] = world.exchange.addresses;
    assert.ok(first !== undefined && third !== undefined);
    assert.deepEqual([world.feed.capacity, world.feed.watch(third)], [2, 'waiting']);
    assert.equal(count(world, ({ kind }) => kind === 'overCapacity'), 1);
    await until('two are live', () => world.feed.status().addresses.filter(({ state }) => state === 'live').length === 2);
    await world.feed.unwatch(first.toUpperCase().replace('0X', '0x'));
    await until('the third is live', () => world.feed.status().addresses.every(({ state }) => state === 'live'));
    assert.equal(world.feed.status().addresses.length, 2);
    assertWithinLimits(world.exchange);
  });
});

suite('the sink', { concurrency: 4 }, () => {
  test('a slow sink stops the reading of its address, and nothing is dropped', async (t) => {
    const sink = new KeepingSink();
    let isSlow = true;
    sink.before = async (call) => {
      if (call === 'append') await until('the sink is quick again', () => !isSlow);
    };
    const world = await startWorld(t, { exchange: { addresses: 1, ordersPerSecond: 200, pastOrders: 200 }, sink, settings: { queueRecords: 100 } });
    await until('it was paused', () => world.feed.status().addresses[0]?.isPaused === true);
    const queued = world.feed.status().addresses[0]?.queued ?? 0;
    await until('many trades', tradedMore(world, 500));
    assert.ok((world.feed.status().addresses[0]?.queued ?? 0) < queued + 1_000);
    isSlow = false;
    await untilComplete(world);
    assertWithinLimits(world.exchange);
  });

  test('a call that fails is repeated; one that fails for good ends the feed with its error', async (t) => {
    const sink = new KeepingSink();
    let failures = 3;
    sink.before = (call) => {
      failures -= 1;
      if (call === 'append' && failures > 0) throw new Error('not now');
    };
    const world = await startWorld(t, { sink });
    await untilLive(world);
    await until('some trades', tradedMore(world));
    await untilComplete(world);
    sink.before = () => {
      throw new Error('the disk is gone');
    };
    const other = startFeed(world.exchange, { sink, settings: { sinkAttempts: 3 }, feed: { limits: { users: 1 } } });
    await assert.rejects(other.feed.done, /the disk is gone/);
    await assert.rejects(other.feed.close(), /the disk is gone/);
    assert.equal(other.feed.watch(world.exchange.addresses[0] ?? ''), 'closed');
  });

  test('what another run left undone is repaired from its progress, and its fills before that are not told again', async (t) => {
    const world = await startWorld(t, { settings: { overlapMs: 0 } });
    await untilLive(world);
    await until('some trades', tradedMore(world, 50));
    await world.feed.close();
    const before = world.sink.records.length;
    await until('some trades', tradedMore(world, 50));
    const next = startFeed(world.exchange, { sink: world.sink, settings: { overlapMs: 0 } });
    t.after(async () => await next.feed.close());
    await untilLive(next);
    await untilComplete(next);
    await until('no end is missing', () => unendedOrders(next).length === 0);
    const saved = new Set(world.sink.records.slice(0, before).flatMap((record) => (record.kind === 'fill' ? [keyOf(record.address, record.data)] : [])));
    const again = world.sink.records.slice(before).filter((record) => record.kind === 'fill' && saved.has(keyOf(record.address, record.data)));
    assert.deepEqual(again, []);
  });
});

suite('what can\'t be fetched, and what is asked for', { concurrency: 4 }, () => {
  test('of more than 10,000 fills in a gap the lost ones are told as a gap', async (t) => {
    const world = await startWorld(t, { exchange: { addresses: 1, drive: 'manual', ordersPerSecond: 50 }, settings: { overlapMs: 10_000 } });
    await untilLive(world);
    world.exchange.advance(60_000);
    await until('most of that', () => world.sink.fills().length >= world.exchange.ledger.fills().length * 0.9);
    const fault = world.exchange.fault('refuse-connect', { probability: 1 });
    world.exchange.fault('cut');
    await until('it is away', () => world.feed.status().addresses[0]?.state === 'connecting');
    const known = world.sink.fills().reduce((time, { data }) => Math.max(time, Number(data['time'])), 0);
    const before = world.exchange.ledger.fills().length;
    while (world.exchange.ledger.fills().length < before + 10_500) world.exchange.advance(60_000);
    fault.clear();
    await until('it is told', () => world.sink.gaps.length > 0);
    await untilLive(world);
    world.exchange.halt();
    const kept = world.exchange.ledger.fills().slice(-10_000);
    const keys = new Set(world.sink.fills().map(({ address, data }) => keyOf(address, data)));
    assert.deepEqual(kept.filter(({ address, data }) => !keys.has(keyOf(address, data))), []);
    assert.deepEqual(world.sink.gaps.map(({ from, to }) => [from, to]), [[known, kept[0]?.data.time]]);
  });

  test('an order that is asked for comes with its fills and its status, both as repairs', async (t) => {
    const world = await startWorld(t, { exchange: { pastOrders: 3_000, addresses: 1 }, settings: { firstBehindMs: 1_000, rememberedRecords: 1 } });
    await untilLive(world);
    const ended = world.exchange.ledger.records.flatMap((record) => (record.kind === 'orderUpdate' && record.data.status === 'filled' ? [record.data.order.oid] : []));
    const [oid] = ended;
    const [address = ''] = world.exchange.addresses;
    assert.ok(oid !== undefined);
    const before = world.sink.records.length;
    world.feed.repair(address, { oid, missing: 'fills' });
    world.feed.repair(address, { oid: 1, missing: 'fills' });
    world.feed.repair(`0x${'0'.repeat(40)}`, { oid, missing: 'fills' });
    await until('both were answered', () => count(world, (event) => event.kind === 'repaired' && event.reason === 'asked') >= 2);
    const own = world.sink.records.slice(before).filter((record) => record.kind === 'fill' && record.source === 'repair' && record.data['oid'] === oid);
    assert.equal(own.length, world.exchange.ledger.fills().filter(({ data }) => data.oid === oid).length);
    const updates = world.sink.records.slice(before).flatMap((record) => (record.kind === 'orderUpdate' && record.source === 'repair' ? [record.data] : []));
    const filled = updates.find(({ order }) => (order as { oid: number }).oid === oid);
    assert.deepEqual([filled?.['status'], Object.keys(filled ?? {}).sort()], ['filled', ['order', 'status', 'statusTimestamp']]);
    assert.equal(count(world, (event) => event.kind === 'repairRefused' && event.why === 'not-watched'), 1);
  });
});
