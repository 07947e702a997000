// The REST client against answers that are given: what it asks for, pages, refusals, attempts. The real gateway: test/end-to-end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { GatewayError } from './errors.ts';
import { GatewayClient } from './rest.ts';
import { testSignal } from './test-signals.ts';

type Answer = { readonly status?: number; readonly body: unknown };

/** Gives the answers one by one, the last one again and again; null: none at all. */
async function answering(t: TestContext, answers: readonly (Answer | null)[]): Promise<{ readonly url: string; readonly asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? null;
    asked.push(request);
    if (answer === null) return;
    const { status = 200, body } = answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, asked };
}

function refusal(code: string, retryAfterMs?: number): unknown {
  return { error: { code, message: 'so it is', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } };
}

async function codeOf(asking: Promise<unknown>): Promise<string> {
  const error = await asking.then(() => null, (reason: unknown) => reason);
  assert.ok(error instanceof GatewayError, String(error));
  return `${error.code} ${String(error.status)} ${error.message}`;
}

test('the token goes in a header, filters and limits in the query, addresses in lower case', async (t) => {
  const { url, asked } = await answering(t, [{ body: { signals: [], next: 'c1', more: false } }]);
  const client = new GatewayClient({ url: `${url}/feed`, token: 'fst_abc' });
  await client.signals({ addresses: ['0xAB', '0xcd'], coins: ['xyz:GÖLD'], minNotional: '10.5', order: 'desc', limit: 10 });
  const [request] = asked;
  assert.equal(request?.headers.authorization, 'Bearer fst_abc');
  assert.equal(request.url, '/feed/v1/signals?addresses=0xab%2C0xcd&coins=xyz%3AG%C3%96LD&minNotional=10.5&order=desc&limit=10');
  await client.orderLife('0xAB', 7);
  assert.equal(asked[1]?.url, '/feed/v1/orders/0xab/7/life');
});

test('pages follow each other by the cursor of the one before, up or down, empty ones too', async (t) => {
  const pages = [
    { signals: [{ cursor: 'c1', signal: testSignal(1) }], next: 'c1', more: true }, { signals: [], next: 'c5', more: true },
    { signals: [{ cursor: 'c6', signal: testSignal(2) }], next: 'c6', more: false },
  ];
  for (const [order, name] of [['asc', 'after'], ['desc', 'before']] as const) {
    const { url, asked } = await answering(t, pages.map((body) => ({ body })));
    const oids: number[] = [];
    for await (const { signal } of new GatewayClient({ url }).eachSignal({ order })) oids.push(signal.oid);
    assert.deepEqual(oids, [1, 2]);
    assert.deepEqual(asked.map((request) => request.url), [
      `/v1/signals?order=${order}`, `/v1/signals?order=${order}&${name}=c1`, `/v1/signals?order=${order}&${name}=c5`,
    ]);
  }
});

test('addresses are paged by the last one', async (t) => {
  const summary = (address: string): object => ({ address, signals: 1, orders: 1, lastFillAt: 1 });
  const { url, asked } = await answering(t, [
    { body: { addresses: [summary('0x01'), summary('0x02')], next: '0x02' } }, { body: { addresses: [summary('0x03')], next: null } },
  ]);
  const found: string[] = [];
  for await (const { address } of new GatewayClient({ url }).eachAddress({ limit: 2 })) found.push(address);
  assert.deepEqual([found, asked.map((request) => request.url)], [['0x01', '0x02', '0x03'], ['/v1/addresses?limit=2', '/v1/addresses?limit=2&after=0x02']]);
});

test('a refusal is an error with the code that the gateway gave, or that its status has', async (t) => {
  const given: readonly (readonly [Answer, string])[] = [
    [{ status: 401, body: refusal('unauthorized') }, 'unauthorized 401 so it is'],
    [{ status: 400, body: refusal('bad-cursor') }, 'bad-cursor 400 so it is'],
    [{ status: 404, body: '<html>nginx</html>' }, 'not-found 404 the gateway answered 404'],
    [{ status: 418, body: {} }, 'internal 418 the gateway answered 418'],
    [{ status: 200, body: 'no json' }, 'unavailable 200 the answer is no JSON: is this the gateway?'],
  ];
  for (const [answer, code] of given) {
    const { url } = await answering(t, [answer]);
    assert.equal(await codeOf(new GatewayClient({ url, retries: 0 }).status()), code);
  }
});

test('what another attempt may mend is tried again after the time that was asked for; nothing else is', async (t) => {
  const { url, asked } = await answering(t, [{ status: 503, body: refusal('not-ready', 20) }, { status: 429, body: refusal('too-many', 20) }, { body: { at: 5 } }]);
  assert.equal((await new GatewayClient({ url }).status()).at, 5);
  assert.equal(asked.length, 3);
  const refused = await answering(t, [{ status: 403, body: refusal('forbidden') }]);
  await codeOf(new GatewayClient({ url: refused.url }).status());
  assert.equal(refused.asked.length, 1);
});

test('no answer in time and no gateway are errors; an abort is its own reason', async (t) => {
  const { url } = await answering(t, [null]);
  assert.match(await codeOf(new GatewayClient({ url, timeoutMs: 30, retries: 0 }).status()), /^unavailable null no answer within 30 ms/);
  assert.match(await codeOf(new GatewayClient({ url: 'http://127.0.0.1:1', retries: 0 }).status()), /^unavailable null the gateway can't be reached/);
  const reason = new Error('enough');
  const controller = new AbortController();
  const asking = new GatewayClient({ url }).status({ signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(asking, reason);
});

test('a signal that there is none of is not found', async (t) => {
  const { url } = await answering(t, [{ body: { signals: [] } }]);
  assert.equal(await codeOf(new GatewayClient({ url }).signal('0xab/1/buy')), 'not-found null no signal 0xab/1/buy');
});
