// What reaches the sink, and in which order: the feed before a server that does what it is told.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXCHANGE_LIMITS, type LiveEvent } from './feed.ts';
import type { Json } from './ports.ts';
import { ADDRESS, OTHER, T0, fillOf, startTest, until, untilLive, updateOf, type TestExchange, type TestWorld } from './test-exchange.ts';

/** Holds requests of a type until it is called. */
function holding(exchange: TestExchange, type: string): () => void {
  const gate = Promise.withResolvers<void>();
  const before = exchange.answer;
  exchange.answer = async (request) => {
    if (request['type'] === type) await gate.promise;
    return await before(request);
  };
  return () => {
    exchange.answer = before;
    gate.resolve();
  };
}

const asked = ({ exchange }: TestWorld, type: string): number => exchange.requests.filter((request) => request['type'] === type).length;
const count = ({ events }: TestWorld, kind: LiveEvent['kind']): number => events.filter((event) => event.kind === kind).length;
const told = (times: number) => (world: TestWorld): boolean => count(world, 'repaired') >= times;

suite('the order of records', () => {
  test('first the account value, then the past fills ascending, then what came live meanwhile, then what comes', async (t) => {
    let release = (): void => undefined;
    const world = await startTest(t, {
      prepare: (exchange) => {
        exchange.fills = [fillOf(1, 0), fillOf(2, 0), fillOf(3, 5)];
        release = holding(exchange, 'clearinghouseState');
      },
    });
    await until('it subscribed', () => world.exchange.peers.length > 0 && world.exchange.peer.subscribed('orderUpdates'));
    world.exchange.peer.fills([fillOf(4, 10)]);
    world.exchange.peer.updates([updateOf(1, 'filled')]);
    release();
    await untilLive(world);
    world.exchange.peer.fills([fillOf(5, 11), fillOf(6, 11)]);
    await until('all are there', () => world.sink.records.length === 8);
    assert.deepEqual(world.sink.story, ['account', '1 repair', '2 repair', '3 repair', '4 ws', 'orderUpdate', '5 ws', '6 ws']);
    await until('progress is saved', () => world.sink.saved?.lastFillAt === T0 + 11);
    assert.deepEqual(world.sink.saved?.tids, [5, 6]);
  });

  test('after a reconnect repaired fills go before the live ones that came meanwhile, and nothing comes twice', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]) });
    await untilLive(world);
    world.exchange.fills.push(fillOf(2, 100), fillOf(3, 200), fillOf(4, 200));
    const release = holding(world.exchange, 'userFillsByTime');
    world.exchange.peer.socket.terminate();
    await until('it is back', () => world.exchange.peers.length === 2 && world.exchange.peer.subscribed('orderUpdates'));
    world.exchange.peer.fills([fillOf(4, 200), fillOf(5, 300)]);
    world.exchange.fills.push(fillOf(5, 300));
    await until('it asks', () => asked(world, 'userFillsByTime') >= 2);
    assert.deepEqual(world.sink.story, ['account', '1 repair']);
    release();
    await until('all are there', () => world.sink.records.length === 6);
    assert.deepEqual(world.sink.story.slice(2), ['2 repair', '3 repair', '4 repair', '5 repair']);
    assert.deepEqual([world.feed.status().counts['leftOut.repeated']], [3]);
  });

  test('pages are joined at a millisecond that lies on both sides of their border', async (t) => {
    const fills = [0, 1, 1, 2, 2, 2, 2, 3, 3].map((at, tid) => fillOf(tid + 1, at));
    const world = await startTest(t, {
      limits: { rowsPerAnswer: 5 },
      prepare: (exchange) => {
        exchange.rows = 5;
        exchange.fills = fills;
        exchange.receive = (peer, frame) => {
          if (frame.subscription?.type === 'userFills') peer.send({ channel: 'subscriptionResponse', data: frame });
          else exchange.acknowledge(peer, frame);
        };
      },
      periods: { snapshotMs: 20 },
    });
    await untilLive(world);
    assert.deepEqual(world.sink.story, ['account', ...fills.map(({ tid }) => `${String(tid)} repair`)]);
    assert.deepEqual(world.sink.gaps, []);
  });

  test('a millisecond with more fills than a page is told as a gap, and paging goes on behind it', async (t) => {
    const world = await startTest(t, {
      limits: { rowsPerAnswer: 3 },
      prepare: (exchange) => {
        exchange.rows = 3;
        exchange.fills = [0, 1, 1, 1, 1, 1, 2].map((at, tid) => fillOf(tid + 1, at));
        exchange.receive = (peer, frame) => peer.send({ channel: 'subscriptionResponse', data: frame });
      },
      periods: { snapshotMs: 20 },
    });
    await untilLive(world);
    assert.deepEqual(world.sink.gaps.map(({ from, to }) => [from - T0, to - T0]), [[1, 1]]);
    assert.deepEqual(world.sink.story.slice(1), ['1 repair', '2 repair', '3 repair', '4 repair', '7 repair']);
  });

  test('fills that REST lacks are taken from the snapshot, in their place', async (t) => {
    const world = await startTest(t, {
      prepare: (exchange) => {
        exchange.fills = [fillOf(1, 0), fillOf(3, 2)];
        exchange.receive = (peer, frame) => {
          if (frame.subscription?.type !== 'userFills') exchange.acknowledge(peer, frame);
          else {
            peer.send({ channel: 'subscriptionResponse', data: frame });
            peer.fills([fillOf(3, 2), fillOf(2, 1), fillOf(1, 0)], { isSnapshot: true });
          }
        };
      },
    });
    await untilLive(world);
    assert.deepEqual(world.sink.story, ['account', '1 repair', '2 snapshot', '3 repair']);
  });

  test('receivedAt never goes back, whatever the clock does', async (t) => {
    const world = await startTest(t);
    await untilLive(world);
    const clock = t.mock.method(Date, 'now', () => 1e12);
    world.exchange.peer.fills([fillOf(1, 0)]);
    await until('it is there', () => world.sink.records.length === 2);
    clock.mock.restore();
    const [first, second] = world.sink.records;
    assert.ok(first !== undefined && second !== undefined && second.receivedAt >= first.receivedAt);
  });
});

suite('held records', () => {
  test('when too many come during a repair, they are dropped and asked for once more', async (t) => {
    let release = (): void => undefined;
    const world = await startTest(t, {
      settings: { heldRecords: 10 },
      prepare: (exchange) => {
        exchange.fills = [fillOf(1, 0)];
        release = holding(exchange, 'userFillsByTime');
      },
    });
    await until('it asks', () => asked(world, 'userFillsByTime') > 0);
    for (let tid = 2; tid <= 50; tid += 1) {
      world.exchange.fills.push(fillOf(tid, tid, { oid: tid }));
      world.exchange.peer.fills([fillOf(tid, tid, { oid: tid })]);
    }
    world.exchange.answer = (request) => (request['type'] === 'historicalOrders' ? world.exchange.fills.map(({ oid }) => updateOf(Number(oid), 'filled')) : undefined);
    await sleep(50);
    const answer = world.exchange.answer;
    release();
    world.exchange.answer = answer;
    await untilLive(world);
    assert.ok(world.events.some((event) => event.kind === 'repairStarted' && event.reason === 'held-overflow'));
    assert.deepEqual(world.sink.story.filter((line) => line.endsWith('repair') || line.endsWith('ws')).map((line) => Number.parseInt(line, 10)), world.exchange.fills.map(({ tid }) => tid));
    await until('the ends of all', () => world.sink.records.filter(({ kind }) => kind === 'orderUpdate').length >= 50);
  });

  test('what is held when the feed is closed isn\'t told: the next start repairs it', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]) });
    await untilLive(world);
    holding(world.exchange, 'userFillsByTime');
    world.exchange.fills.push(fillOf(2, 1), fillOf(3, 2));
    world.exchange.peer.socket.terminate();
    await until('it is back', () => world.exchange.peers.length === 2 && world.exchange.peer.subscribed('orderUpdates'));
    world.exchange.peer.fills([fillOf(3, 2)]);
    await sleep(30);
    await world.feed.close();
    assert.deepEqual([world.sink.story, world.sink.saved?.lastFillAt], [['account', '1 repair'], T0]);
  });
});

suite('a sink that is behind', () => {
  /** Sends thirty of forty fills, so that a queue of ten is full. Returns what lets the sink go on. */
  async function filled(world: TestWorld): Promise<() => void> {
    const gate = Promise.withResolvers<void>();
    const append = world.sink.append.bind(world.sink);
    world.sink.append = async (records) => {
      await gate.promise;
      await append(records);
    };
    for (let tid = 1; tid <= 40; tid += 1) world.exchange.fills.push(fillOf(tid, tid));
    for (const fill of world.exchange.fills.slice(0, 30)) world.exchange.peer.fills([fill]);
    await until('it is paused', () => count(world, 'paused') === 1);
    return gate.resolve;
  }

  async function untilForty(world: TestWorld): Promise<void> {
    await until('all are there', () => world.sink.records.length >= 41);
    assert.deepEqual(world.sink.story.filter((line) => line !== 'account').map((line) => Number.parseInt(line, 10)), world.exchange.fills.map(({ tid }) => tid));
  }

  test('a connection that ended while nothing was read is noticed behind what it had sent, and repaired', async (t) => {
    const world = await startTest(t, { settings: { queueRecords: 10 } });
    await untilLive(world);
    const goOn = await filled(world);
    world.exchange.peer.socket.terminate();
    await sleep(50);
    goOn();
    await untilForty(world);
    assert.equal(world.exchange.peers.length, 2);
  });

  test('while nothing is read no connection is replaced', async (t) => {
    const world = await startTest(t, { settings: { queueRecords: 10 }, periods: { rotateMs: 200 } });
    await untilLive(world);
    const goOn = await filled(world);
    await sleep(300); // One that was under way.
    const peers = world.exchange.peers.length;
    await sleep(600);
    assert.equal(world.exchange.peers.length, peers);
    goOn();
    await untilForty(world);
    await until('they are again', () => world.exchange.peers.length > peers);
  });
});

suite('order updates', () => {
  test('after a gap the ends of orders that filled are asked for; those that are known, and slices, are not', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.fills = [fillOf(1, 0, { oid: 11 }), fillOf(2, 0, { oid: 12 })]) });
    await untilLive(world);
    world.exchange.peer.updates([updateOf(11, 'filled')]);
    await until('one has ended', () => world.sink.records.some(({ kind }) => kind === 'orderUpdate'));
    await until('both were asked for', () => asked(world, 'orderStatus') === 2);
    const rest = { triggerCondition: 'N/A', orderType: 'Limit', tif: 'Gtc' };
    const answered = { ...updateOf(12, 'filled'), order: { ...(updateOf(12, 'filled')['order'] as Json), ...rest } };
    world.exchange.answer = ({ type, oid }) => (type === 'orderStatus' && oid === 12 ? { status: 'order', order: answered } : undefined);
    world.exchange.requests.length = 0;
    world.exchange.fills.push(fillOf(3, 5, { oid: 13, twapId: 9 }));
    world.exchange.peer.socket.terminate();
    await until('it came', () => world.sink.records.filter(({ kind }) => kind === 'orderUpdate').length === 2);
    assert.deepEqual(world.exchange.requests.filter(({ type }) => type === 'orderStatus').map(({ oid }) => oid), [12]);
    const update = world.sink.records.findLast(({ kind }) => kind === 'orderUpdate');
    assert.deepEqual([update?.source, update?.kind === 'orderUpdate' && update.data], ['repair', answered]);
  });

  test('many are asked for at once, and of what is left only some', async (t) => {
    const world = await startTest(t, {
      settings: { statusesPerRepair: 5 },
      prepare: (exchange) => {
        exchange.fills = Array.from({ length: 60 }, (_, place) => fillOf(place, place, { oid: place + 1 }));
        exchange.answer = ({ type }) => (type === 'historicalOrders' ? [updateOf(2, 'filled'), updateOf(1, 'triggered'), updateOf(1, 'filled'), updateOf(999, 'filled')] : undefined);
      },
    });
    await until('five were asked for', () => asked(world, 'orderStatus') >= 5);
    await sleep(50);
    assert.deepEqual([asked(world, 'historicalOrders'), asked(world, 'orderStatus')], [1, 5]);
    assert.equal(world.sink.records.filter(({ kind }) => kind === 'orderUpdate').length, 3);
    assert.deepEqual(world.events.filter(({ kind }) => kind === 'statusesUnasked').map((event) => event.kind === 'statusesUnasked' && event.orders), [53]);
  });

  test('orders asked for while REST answers are asked for as one; for a missing end no history is fetched', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.fills = [fillOf(1, 0, { oid: 11 })]) });
    await untilLive(world);
    await until('the end of the first was asked for', () => asked(world, 'orderStatus') === 1);
    world.exchange.fills.push(...[12, 13, 14].map((oid) => fillOf(oid, 40_000, { oid })));
    world.exchange.answer = ({ type, oid }) => (type === 'orderStatus' ? { status: 'order', order: updateOf(Number(oid), 'filled') } : undefined);
    const [histories, repaired, release] = [asked(world, 'userFillsByTime'), count(world, 'repaired'), holding(world.exchange, 'orderStatus')];
    world.feed.repair(ADDRESS, { oid: 11, missing: 'status' });
    for (const oid of [12, 13, 14]) world.feed.repair(ADDRESS, { oid, missing: 'fills' });
    world.feed.repair(ADDRESS, { oid: 12, missing: 'status' });
    release();
    await until('both rounds are done', () => count(world, 'repaired') === repaired + 2);
    assert.equal(asked(world, 'userFillsByTime'), histories + 1);
    assert.deepEqual(world.sink.story.slice(2), ['orderUpdate', '12 repair', '13 repair', '14 repair', 'orderUpdate', 'orderUpdate', 'orderUpdate']);
  });

  test('rejections without a fill are left out when the settings say so, and only those', async (t) => {
    const updates = [updateOf(1, 'badAloPxRejected', { sz: '1.0' }), updateOf(2, 'badAloPxRejected', { sz: '0.5' }), updateOf(3, 'open', { sz: '1.0' })];
    for (const dropRejections of [false, true]) {
      const world = await startTest(t, { settings: { dropRejections } });
      await untilLive(world);
      world.exchange.peer.updates(updates);
      await until('they came', () => world.sink.records.some((record) => record.kind === 'orderUpdate' && record.data['status'] === 'open'));
      assert.equal(world.sink.records.filter(({ kind }) => kind === 'orderUpdate').length, dropRejections ? 2 : 3);
      assert.equal(world.feed.status().counts['leftOut.rejection'], dropRejections ? 1 : undefined);
      await world.feed.close();
    }
  });
});

suite('what isn\'t understood', () => {
  test('unknown channels, statuses, fields and rows are kept; the connection stays', async (t) => {
    const world = await startTest(t);
    await untilLive(world);
    world.exchange.peer.send({ channel: 'newThing', data: { version: 2 } });
    world.exchange.peer.fills([fillOf(1, 0, { newField: { deep: [1] } }), 'no fill', { odd: true }]);
    world.exchange.peer.updates([updateOf(1, 'somethingNew'), null]);
    world.exchange.peer.send({ channel: 'userFills', data: { user: OTHER, fills: [fillOf(2, 0)] } });
    world.exchange.peer.send({ channel: 'error', data: 'something else' });
    await until('the error came', () => count(world, 'errorFrame') === 1);
    assert.deepEqual(world.sink.story, ['account', 'raw', '1 ws', 'raw', 'undefined ws', 'orderUpdate', 'raw', 'raw']);
    const fill = world.sink.records.find(({ kind }) => kind === 'fill');
    assert.deepEqual(fill?.kind === 'fill' && fill.data, fillOf(1, 0, { newField: { deep: [1] } }));
    assert.equal(world.exchange.peers.length, 1);
  });

  test('a frame that can\'t be read is repaired without a reconnect', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]) });
    await untilLive(world);
    world.exchange.fills.push(fillOf(2, 1));
    world.exchange.peer.send('{"channel":"userFills","data":{"user":"0x');
    world.exchange.peer.fills([fillOf(3, 2)]);
    world.exchange.fills.push(fillOf(3, 2));
    await until('it was repaired', () => told(2)(world));
    assert.deepEqual(world.sink.story.filter((line) => line !== 'raw').slice(0, 4).map((line) => line.split(' ')[0]).sort(), ['1', '2', '3', 'account']);
    assert.equal(world.exchange.peers.length, 1);
  });

  test('a repair that has to wait starts where its trouble began, whatever came live meanwhile', async (t) => {
    const world = await startTest(t, { settings: { overlapMs: 0 }, periods: { repairEveryMs: 150 }, prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]) });
    await untilLive(world);
    world.exchange.peer.send('rubbish');
    await until('it was repaired', () => told(2)(world));
    world.exchange.fills.push(fillOf(2, 1), fillOf(3, 2));
    world.exchange.peer.send('rubbish');
    world.exchange.peer.fills([fillOf(3, 2)]);
    await until('the third is there', () => world.sink.story.includes('3 ws'));
    await until('the second is there', () => world.sink.story.includes('2 repair'));
  });

  test('a greeting in other words is none of it', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.greeting = 'Hello.') });
    await untilLive(world);
    assert.deepEqual(world.sink.story, ['account']);
  });

  test('a coin that isn\'t listed goes without a symbol, is told once, and is asked for again', async (t) => {
    const world = await startTest(t, { periods: { symbolsMs: 6_000 } });
    await untilLive(world);
    world.exchange.peer.fills([fillOf(1, 0, { coin: '@107' }), fillOf(2, 0, { coin: 'PURR/USDC' }), fillOf(3, 0, { coin: '@9' }), fillOf(4, 0, { coin: '@9' }), fillOf(5, 0, { coin: 'xyz:GOLD' })]);
    await until('they came', () => world.sink.records.length === 6);
    assert.deepEqual(world.sink.records.flatMap((record) => (record.kind === 'fill' ? [record.symbol] : [])), ['HYPE/USDC', undefined, undefined, undefined, undefined]);
    assert.deepEqual(world.events.flatMap((event) => (event.kind === 'unknownCoin' ? [event.coin] : [])), ['@9']);
    await until('it is asked again', () => asked(world, 'spotMeta') === 2);
  });
});

suite('REST that isn\'t right', () => {
  test('a history that lacks what the socket told is asked for again, and at last told as a gap', async (t) => {
    const world = await startTest(t, { prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]), periods: { lagMs: 1 } });
    await untilLive(world);
    world.exchange.peer.fills([fillOf(2, 50)]); // REST never has it.
    await until('it came', () => world.sink.records.length === 3);
    world.exchange.peer.send('rubbish');
    await until('it is told', () => world.sink.gaps.length === 1);
    assert.deepEqual(world.sink.gaps.map(({ from, to }) => [from - T0, to - T0]), [[0, 50]]);
    assert.ok(count(world, 'repairFailed') >= 5);
    await untilLive(world);
  });

  test('without a snapshot REST is asked twice', async (t) => {
    const world = await startTest(t, {
      periods: { snapshotMs: 20 },
      prepare: (exchange) => {
        exchange.receive = (peer, frame) => peer.send({ channel: 'subscriptionResponse', data: frame });
        exchange.answer = ({ type }) => {
          if (type === 'userFillsByTime' && exchange.fills.length === 0) exchange.fills = [fillOf(1, 0)];
          else return undefined;
          return [];
        };
      },
    });
    await untilLive(world);
    assert.deepEqual(world.sink.story, ['account', '1 repair']);
  });

  test('an account that can\'t be asked for doesn\'t hold its fills back for ever', async (t) => {
    const world = await startTest(t, {
      settings: { requestAttempts: 2 },
      prepare: (exchange) => {
        exchange.fills = [fillOf(1, 0)];
        exchange.answer = ({ type }) => {
          if (type === 'clearinghouseState') throw new Error('no');
        };
      },
    });
    await untilLive(world);
    assert.deepEqual(world.sink.story, ['1 repair']);
  });

  test('a request that the exchange refuses isn\'t repeated; one that it fails is, as often as is set', async (t) => {
    for (const [status, times] of [[422, 1], [500, 3], [429, 3]] as const) {
      const world = await startTest(t, {
        settings: { requestAttempts: 3 },
        periods: { throttleMs: 1 },
        prepare: (exchange) => {
          exchange.answer = ({ type }) => {
            // eslint-disable-next-line @typescript-eslint/only-throw-error
            if (type === 'meta') throw status;
          };
        },
      });
      await untilLive(world);
      await until('they failed', () => world.events.filter((event) => event.kind === 'requestFailed' && event.request === 'meta').length === times);
      assert.equal(asked(world, 'meta'), times);
      assert.equal(count(world, 'throttled'), status === 429 ? 3 : 0);
      await world.feed.close();
    }
  });
});

suite('audits', () => {
  test('a fill that no frame told is found', async (t) => {
    const world = await startTest(t, { periods: { auditMs: 30 }, settings: { auditBehindMs: 0 }, prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]) });
    await untilLive(world);
    world.exchange.fills.push(fillOf(2, 30_000));
    await until('it is there', () => world.sink.story.includes('2 repair'));
    assert.equal(world.exchange.peers.length, 1);
    await sleep(100);
    assert.equal(world.sink.records.length, 3);
  });

  test('a fill that no frame told is found also when a repair that does not reach back to it was first', async (t) => {
    const world = await startTest(t, { periods: { auditMs: 2_000 }, settings: { auditBehindMs: 0, overlapMs: 50 }, prepare: (exchange) => (exchange.fills = [fillOf(1, 0)]) });
    await untilLive(world);
    const lost = fillOf(2, Date.now() - T0);
    await sleep(200);
    const last = fillOf(3, Date.now() - T0);
    world.exchange.fills.push(lost, last);
    world.exchange.peer.fills([last]);
    await until('the last one is there', () => world.sink.story.includes('3 ws'));
    world.exchange.peer.socket.terminate();
    await until('it is repaired', () => told(2)(world));
    await until('it is there', () => world.sink.story.includes('2 repair'));
    assert.equal(world.sink.records.length, 4);
  });
});

suite('one connection', () => {
  test('pings go out when nothing comes, and a server that doesn\'t answer them is left', async (t) => {
    const world = await startTest(t, { periods: { pingMs: 20, silenceMs: 150 } });
    await untilLive(world);
    await until('five pings', () => world.exchange.peer.received.filter(({ method }) => method === 'ping').length >= 5);
    assert.equal(world.exchange.peers.length, 1);
    world.exchange.receive = () => undefined;
    await until('it was left', () => world.events.some((event) => event.kind === 'disconnected' && event.end === 'silent'));
    await until('the other side knows', () => world.exchange.peers[0]?.isClosed === true);
  });

  test('a connection whose end the exchange may not have seen still counts for a while', async (t) => {
    for (const [lingerMs, opens] of [[1e9, false], [20, true]] as const) {
      const world = await startTest(t, { limits: { connections: 1 }, periods: { pingMs: 20, silenceMs: 200, lingerMs } });
      await untilLive(world);
      world.exchange.receive = () => undefined;
      await until('another is waited for', () => world.feed.status().connections.waiting === 1);
      world.exchange.receive = (peer, frame) => world.exchange.acknowledge(peer, frame);
      if (opens) await until('another is open', () => world.exchange.peers.length === 2);
      assert.deepEqual([world.exchange.peers.length, world.feed.status().connections.used], [opens ? 2 : 1, 1]);
      await world.feed.close();
    }
  });

  test('a ping of the WebSocket is answered', async (t) => {
    const world = await startTest(t);
    await untilLive(world);
    const { socket } = world.exchange.peer;
    await new Promise<void>((resolve) => {
      socket.once('pong', () => resolve());
      socket.ping();
    });
  });

  test('the subscriptions of an address go over one connection, another address has another', async (t) => {
    const world = await startTest(t, { addresses: [ADDRESS, OTHER.toUpperCase().replace('0X', '0x')], settings: { twapSlices: true } });
    await untilLive(world);
    const subscriptions = world.exchange.peers.map(({ received }) => received.flatMap(({ subscription }) => (subscription === undefined ? [] : [subscription])));
    assert.deepEqual(subscriptions.map((own) => own.map(({ type }) => type)), [1, 2].map(() => ['userFills', 'orderUpdates', 'userTwapSliceFills']));
    assert.deepEqual(subscriptions.map((own) => new Set(own.map(({ user }) => user)).size), [1, 1]);
    assert.deepEqual(new Set(subscriptions.flat().map(({ user }) => user)), new Set([ADDRESS, OTHER]));
  });

  test('an address is watched once, none is refused, and closing twice is closing once', async (t) => {
    const world = await startTest(t);
    assert.deepEqual([world.feed.watch(ADDRESS), world.feed.watch('0x12'), world.feed.capacity], ['watching', 'bad-address', EXCHANGE_LIMITS.users]);
    await world.feed.unwatch(OTHER);
    await world.feed.unwatch(ADDRESS);
    await world.feed.unwatch(ADDRESS);
    assert.deepEqual(world.feed.status().addresses, []);
    await Promise.all([world.feed.close(), world.feed.close()]);
    await world.feed.done;
    assert.equal(world.feed.watch(ADDRESS), 'closed');
  });
});
