// Subscriptions against a gateway that follows a script: cuts, closes, silence, floods. Against a real one: test/end-to-end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from './backoff.ts';
import { webSocketOf, httpOf } from './address.ts';
import { GatewayError } from './errors.ts';
import type { Delivery } from './handout.ts';
import type { Signal } from './protocol.ts';
import { subscribe, type SubscribeOptions, type Subscription, type SubscriptionState } from './subscribe.ts';
import { testGateway, type Peer } from './test-gateway.ts';
import { testSignal } from './test-signals.ts';

const QUICK = { minMs: 1, maxMs: 5 };

function send(peer: Peer, id: string, oid: number, part: Partial<Signal> = {}): void {
  peer.send({ type: 'signal', id, cursor: `c${String(oid)}`, signal: testSignal(oid, part) });
}

/** Takes so many, then closes it. */
async function take(subscription: Subscription, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  for await (const delivery of subscription.deliveries()) {
    taken.push(delivery);
    if (taken.length === count) break;
  }
  return taken;
}

function oids(taken: readonly Delivery[]): number[] {
  return taken.map(({ signal }) => signal.oid);
}

/** Until it ends. */
async function failureOf(options: SubscribeOptions): Promise<unknown> {
  try {
    for await (const _ of subscribe({ reconnect: QUICK, ...options }));
    return null;
  } catch (error) {
    return error;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('a loop gets typed signals, and leaving it closes the connection', async (t) => {
  const closed = Promise.withResolvers<void>();
  const { url } = await testGateway(t, async (peer) => {
    assert.equal(peer.token, 'fst_abc');
    const message = await peer.next();
    assert.deepEqual(message, { type: 'subscribe', id: '1', filter: { addresses: ['0xab'], coins: ['BTC'] }, from: 'latest' });
    peer.send({ type: 'subscribed', id: '1', cursor: 'c0' });
    peer.send({ type: 'live', id: '1', cursor: 'c0' });
    for (const oid of [1, 2, 3]) send(peer, '1', oid);
    await peer.closed();
    closed.resolve();
  });
  const subscription = subscribe({ url, token: 'fst_abc', filter: { addresses: ['0xAB'], coins: ['BTC'] } });
  const sizes: string[] = [];
  for await (const signal of subscription) {
    sizes.push(signal.size);
    if (signal.oid === 2) break;
  }
  assert.deepEqual([sizes, subscription.cursor, subscription.state], [['0.5', '0.5'], 'c2', { kind: 'ended', error: null }]);
  await closed.promise;
});

test('a connection that is cut in the middle of a message is resumed behind the last signal that came whole', async (t) => {
  const froms: unknown[] = [];
  const { url } = await testGateway(t, async (peer, number) => {
    const { id, from } = await peer.subscribe();
    froms.push(from);
    peer.send({ type: 'subscribed', id, cursor: 'c0' });
    send(peer, id, number * 2 + 1);
    send(peer, id, number * 2 + 2);
    if (number < 3) peer.cut();
  });
  const taken = await take(subscribe({ url, from: 'earliest', reconnect: QUICK }), 8);
  assert.deepEqual(oids(taken), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(froms, ['earliest', { cursor: 'c2' }, { cursor: 'c4' }, { cursor: 'c6' }]);
});

test('what was cut before anything came begins again where it was to begin', async (t) => {
  for (const from of ['snapshot', 'earliest', { since: 1_700_000_000_000 }] as const) {
    const froms: unknown[] = [];
    const { url } = await testGateway(t, async (peer, number) => {
      const { id, from: asked } = await peer.subscribe();
      froms.push(asked);
      if (number > 0) peer.send({ type: 'subscribed', id, cursor: 'c0' });
      if (number < 2) peer.cut();
      else send(peer, id, 1);
    });
    await take(subscribe({ url, from, reconnect: QUICK }), 1);
    assert.deepEqual(froms, [from, from, from]);
  }
});

test('a cursor that was told without a signal counts: progress and the beginning of `latest`', async (t) => {
  const froms: unknown[] = [];
  const { url } = await testGateway(t, async (peer, number) => {
    const { id, from } = await peer.subscribe();
    froms.push(from);
    if (number === 0) {
      peer.send({ type: 'subscribed', id, cursor: 'c0' });
      peer.cut();
    } else if (number === 1) {
      peer.send({ type: 'subscribed', id, cursor: 'c0' });
      peer.send({ type: 'progress', id, cursor: 'p5' });
      peer.cut();
    } else {
      send(peer, id, 9);
      peer.send({ type: 'progress', id, cursor: 'p12' });
    }
  });
  const subscription = subscribe({ url, reconnect: QUICK });
  for await (const signal of subscription) {
    assert.equal(signal.oid, 9);
    await until(() => subscription.cursor === 'p12');
    break;
  }
  assert.deepEqual(froms, ['latest', { cursor: 'c0' }, { cursor: 'p5' }]);
});

test('a cursor counts when its signal was handed out, not when it was received', async (t) => {
  const { url } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    for (const oid of [1, 2, 3]) send(peer, id, oid);
    peer.send({ type: 'progress', id, cursor: 'p7' });
    peer.send({ type: 'live', id, cursor: 'p8' });
  });
  const states: string[] = [];
  const subscription = subscribe({ url, onState: ({ kind }) => states.push(kind) });
  const cursors: (string | null)[] = [subscription.cursor];
  for await (const _ of subscription) {
    await until(() => states.includes('live'));
    cursors.push(subscription.cursor);
    if (cursors.length === 4) break;
  }
  assert.deepEqual(cursors, [null, 'c1', 'c2', 'p8']);
  assert.deepEqual(states, ['connecting', 'catching-up', 'live', 'ended']);
});

test('each revision comes once, whatever the gateway repeats; a forgotten order that begins anew comes too', async (t) => {
  const { url } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    send(peer, id, 1, { revision: 2 });
    send(peer, id, 1);
    send(peer, id, 1, { revision: 2 });
    send(peer, id, 1, { revision: 3 });
    send(peer, id, 1, { lastFillAt: 1_800_000_000_000 });
    send(peer, id, 1, { revision: 3 });
    send(peer, id, 2);
  });
  const taken = await take(subscribe({ url }), 4);
  assert.deepEqual(taken.map(({ signal: { oid, revision } }) => [oid, revision]), [[1, 2], [1, 3], [1, 1], [2, 1]]);
});

test('a delivery says whether it is history', async (t) => {
  const { url } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    send(peer, id, 1);
    peer.send({ type: 'live', id, cursor: 'c1' });
    send(peer, id, 2);
    peer.send({ type: 'behind', id, cursor: 'c2' });
    send(peer, id, 3);
  });
  assert.deepEqual((await take(subscribe({ url }), 3)).map(({ live, cursor }) => [live, cursor]), [[false, 'c1'], [true, 'c2'], [false, 'c3']]);
});

test('`until: live` ends when all there was has been handed out', async (t) => {
  const { url } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    for (const oid of [1, 2]) send(peer, id, oid);
    peer.send({ type: 'live', id, cursor: 'c9' });
    send(peer, id, 3);
  });
  const subscription = subscribe({ url, from: 'earliest', until: 'live' });
  assert.deepEqual([oids(await take(subscription, Infinity)), subscription.cursor], [[1, 2], 'c9']);
});

test('at most `maxBuffered` signals wait: the rest is asked for again when half of them were taken, and nothing is lost', async (t) => {
  const [total, most] = [500, 10];
  let sent = 0;
  const { url, count } = await testGateway(t, async (peer) => {
    for (;;) {
      const { id, from } = await peer.subscribe();
      const after = typeof from === 'object' && 'cursor' in from ? Number(from.cursor.slice(1)) : 0;
      // All of it at once, whatever the client says meanwhile.
      for (let oid = after + 1; oid <= total; oid += 1) {
        send(peer, id, oid);
        sent += 1;
      }
      peer.send({ type: 'live', id, cursor: `c${String(total)}` });
      const message = await peer.next();
      assert.ok(message.type === 'unsubscribe' && message.id === id);
      peer.send({ type: 'unsubscribed', id });
    }
  });
  const states: string[] = [];
  const subscription = subscribe({ url, from: 'earliest', maxBuffered: most, onState: ({ kind }) => states.push(kind) });
  const taken: number[] = [];
  for await (const { oid } of subscription) {
    taken.push(oid);
    if (oid === total) break;
    if (taken.length === 5) await until(() => states.includes('paused'));
  }
  assert.deepEqual(taken, Array.from({ length: total }, (_, place) => place + 1));
  assert.ok(sent > total && states.includes('paused'));
  assert.equal(count(), 1);
});

test('a connection lost while the buffer is full is opened again, and goes on behind what was kept', async (t) => {
  const { url } = await testGateway(t, async (peer, number) => {
    const { id, from } = await peer.subscribe();
    if (number === 0) {
      for (const oid of [1, 2, 3, 4, 5]) send(peer, id, oid);
      await peer.next();
      peer.cut();
      return;
    }
    assert.deepEqual(from, { cursor: 'c4' });
    for (const oid of [5, 6]) send(peer, id, oid);
  });
  const states: string[] = [];
  const taken: number[] = [];
  for await (const { oid } of subscribe({ url, maxBuffered: 3, reconnect: QUICK, onState: ({ kind }) => states.push(kind) })) {
    taken.push(oid);
    if (oid === 1) await until(() => states.filter((kind) => kind === 'paused').length === 2);
    if (oid === 6) break;
  }
  assert.deepEqual(taken, [1, 2, 3, 4, 5, 6]);
});

test('silence is answered by a ping, and by a new connection when it goes on', async (t) => {
  const { url, count } = await testGateway(t, async (peer, number) => {
    const { id } = await peer.subscribe();
    send(peer, id, number + 1);
    await peer.pinged();
    if (number === 0) return;
    peer.send({ type: 'pong' });
    send(peer, id, 3);
  });
  const reasons: string[] = [];
  const onState = (state: SubscriptionState): void => {
    if (state.kind === 'waiting') reasons.push(state.reason);
  };
  const taken = await take(subscribe({ url, heartbeat: { pingMs: 50, silenceMs: 500 }, reconnect: QUICK, onState }), 3);
  assert.deepEqual(oids(taken), [1, 2, 3]);
  assert.ok(count() >= 2);
  assert.match(reasons.join(), /nothing was heard for 500 ms/);
});

test('what is no message costs the connection; kinds of later versions are passed over', async (t) => {
  const bad = ['no json', '[]', '"text"', '{"type":"signal","id":"1","cursor":"c1"}', '{"type":"live","id":"1"}', '{"type":"error"}'];
  const { url, count } = await testGateway(t, async (peer, number) => {
    const { id } = await peer.subscribe();
    const text = bad[number];
    peer.sendText('{"type":"weather","id":"1"}');
    if (text === undefined) send(peer, id, 1);
    else peer.sendText(text);
  });
  assert.deepEqual(oids(await take(subscribe({ url, reconnect: QUICK }), 1)), [1]);
  assert.equal(count(), bad.length + 1);
});

test('closes that another attempt may mend are followed by one', async (t) => {
  const codes = [1001, 1006, 1011, 1012, 4008, 4029];
  const { url, count } = await testGateway(t, async (peer, number) => {
    const { id } = await peer.subscribe();
    const code = codes[number];
    if (code === undefined) send(peer, id, 1);
    else if (code === 1006) peer.cut();
    else peer.close(code, 'for now');
  });
  assert.deepEqual(oids(await take(subscribe({ url, reconnect: QUICK }), 1)), [1]);
  assert.equal(count(), codes.length + 1);
});

test('closes and errors that nothing mends end the iteration by their code, behind what was received', async (t) => {
  const ends = [
    [1009, 'too-large'], [4000, 'bad-request'], [4001, 'unauthorized'], [4003, 'forbidden'], [4009, 'unauthorized'],
    ['bad-cursor', 'bad-cursor'], ['bad-request', 'bad-request'], ['forbidden', 'forbidden'],
  ] as const;
  for (const [end, code] of ends) {
    const { url, count } = await testGateway(t, async (peer) => {
      const { id } = await peer.subscribe();
      send(peer, id, 1);
      if (typeof end === 'number') peer.close(end, 'so it is');
      else peer.send({ type: 'error', id, code: end, message: 'so it is' });
    });
    const subscription = subscribe({ url, reconnect: QUICK });
    const taken: number[] = [];
    await assert.rejects(async () => {
      for await (const { oid } of subscription) taken.push(oid);
    }, (error) => error instanceof GatewayError && error.code === code && !error.retryable && error.message.includes('so it is')
      && error.closeCode === (typeof end === 'number' ? end : null));
    assert.deepEqual([taken, count(), subscription.state.kind], [[1], 1, 'ended']);
  }
});

test('an error that says when to come again is waited for', async (t) => {
  const { url } = await testGateway(t, async (peer, number) => {
    const { id } = await peer.subscribe();
    if (number === 0) peer.send({ type: 'error', id, code: 'not-ready', message: 'it is reading', retryAfterMs: 60 });
    else send(peer, id, 1);
  });
  const delays: number[] = [];
  const onState = (state: SubscriptionState): void => {
    if (state.kind === 'waiting') delays.push(state.delayMs);
  };
  await take(subscribe({ url, reconnect: QUICK, onState }), 1);
  assert.deepEqual(delays, [60]);
});

test('an abort ends the loop in order wherever it is: before, while it connects, waits, or hands out', async (t) => {
  const { url, count } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    for (const oid of [1, 2, 3]) send(peer, id, oid);
    await peer.closed();
  });
  assert.equal(await failureOf({ url, signal: AbortSignal.abort() }), null);
  assert.equal(count(), 0);
  assert.equal(await failureOf({ url: 'http://127.0.0.1:1', signal: AbortSignal.timeout(50) }), null);
  const controller = new AbortController();
  const onState = ({ kind }: SubscriptionState): void => {
    if (kind === 'connecting') controller.abort();
  };
  assert.equal(await failureOf({ url, signal: controller.signal, onState }), null);
  const second = new AbortController();
  const subscription = subscribe({ url, signal: second.signal });
  const taken: number[] = [];
  for await (const { oid } of subscription) {
    taken.push(oid);
    second.abort();
  }
  assert.deepEqual([taken, subscription.cursor], [[1], 'c1']);
});

test('without a gateway it tries for ever, or for as long as it was told', async () => {
  const error = await failureOf({ url: 'http://127.0.0.1:1', reconnect: { ...QUICK, giveUpAfterMs: 100 } });
  assert.ok(error instanceof GatewayError && error.code === 'unavailable' && error.message.includes('100 ms'));
});

test('what can\'t be asked for is refused at once', async () => {
  assert.throws(() => subscribe({ url: 'not an address' }), TypeError);
  assert.throws(() => subscribe({ url: 'http://127.0.0.1', maxBuffered: 0 }), RangeError);
  const error = await failureOf({ url: 'http://127.0.0.1:1', token: 'with spaces and (brackets)' });
  assert.ok(error instanceof GatewayError && error.code === 'bad-request');
});

test('a stored cursor stands until something was handed out', async (t) => {
  const { url } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    send(peer, id, 1);
  });
  const subscription = subscribe({ url, from: { cursor: 'stored' } });
  assert.equal(subscription.cursor, 'stored');
  await take(subscription, 1);
  assert.equal(subscription.cursor, 'c1');
});

test('a subscription is iterated once', async (t) => {
  const { url } = await testGateway(t, async (peer) => {
    const { id } = await peer.subscribe();
    send(peer, id, 1);
  });
  const subscription = subscribe({ url });
  const first = subscription[Symbol.asyncIterator]();
  await first.next();
  assert.throws(() => subscription[Symbol.asyncIterator](), /iterated once/);
  subscription.close();
  assert.deepEqual(await first.next(), { done: true, value: undefined });
});

test('waits double up to the greatest, and lie anywhere below it', () => {
  assert.deepEqual([0, 1, 2, 10].map((attempt) => backoffMs({ minMs: 250, maxMs: 15_000 }, attempt, 1)), [250, 500, 1_000, 15_000]);
  assert.equal(backoffMs({ minMs: 250, maxMs: 15_000 }, 3, 0.5), 1_000);
  assert.equal(backoffMs({ minMs: 250, maxMs: 15_000 }, 3, 0), 0);
});

test('routes lie below the address, which may have a path and any of four schemes', () => {
  assert.equal(webSocketOf('https://a.example/feed').href, 'wss://a.example/feed/v1/ws');
  assert.equal(webSocketOf('ws://a.example:1/').href, 'ws://a.example:1/v1/ws');
  assert.equal(httpOf('wss://a.example/feed/?x=1#y', 'v1/status').href, 'https://a.example/feed/v1/status');
});
