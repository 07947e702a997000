// What subscribers send: cursors, filters, queries and messages, read alone; then raw requests and messages on the sockets of a
// gateway that must be there afterwards.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { CursorCodec, CursorError } from '@fillstream/gateway/feed/cursor';
import { compileFilter, parseFilter } from '@fillstream/gateway/feed/filter';
import { testSignal } from '../../../services/gateway/src/feed/test-source.ts';
import { DEFAULT_LIMITS } from '../../../services/gateway/src/http/limits.ts';
import { addressesQuery, filterOf, fromOf, orderParams, signalsQuery, streamQuery } from '../../../services/gateway/src/http/query.ts';
import { startWorld, type World } from '../../../services/gateway/src/http/test-gateway.ts';
import { anyBytes, damagedText, oddValue, twisted, twistedJson } from '../damage.ts';
import { bytesTarget, fieldsOf, jsonTarget, only, textTarget } from '../target.ts';

const PARTITIONS = 3;
const codec = new CursorCodec('memory', PARTITIONS);
const offset = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(0, 127, 128, 2 ** 32, 2 ** 53 - 1));
const cursor = fc.array(offset, { minLength: PARTITIONS, maxLength: PARTITIONS }).map((offsets) => codec.encode(offsets));
/** Damaged before it was checked: what a gateway with a bug might have given. */
const signed = anyBytes(cursor.map((text) => Buffer.from(text.slice(2), 'base64url').subarray(8, -4))).map((bytes) => {
  const body = Buffer.concat([createHash('sha256').update('memory').digest().subarray(0, 8), bytes]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return `1.${Buffer.concat([body, check]).toString('base64url')}`;
});

const cursors = textTarget({
  name: 'cursor', law: 'a cursor gives as many offsets as there are partitions, all safe, or is refused by name', share: 2_000,
  cases: fc.oneof(signed, damagedText(cursor)),
  check: (text) => {
    const offsets = only([CursorError], () => codec.decode(text));
    if (offsets === undefined) return;
    assert.ok(offsets.length === PARTITIONS && offsets.every((each) => Number.isSafeInteger(each) && each >= 0));
    assert.deepEqual(codec.decode(codec.encode(offsets)), offsets);
  },
});

const filter = fc.record({
  addresses: fc.array(fc.constant(`0x${'aB'.repeat(20)}`), { minLength: 1, maxLength: 2 }), coins: fc.array(fc.constantFrom('BTC', '@107'), { minLength: 1, maxLength: 2 }),
  directions: fc.constant(['open']), sides: fc.constant(['LONG']), assetTypes: fc.constant(['spot']), minNotional: fc.constantFrom('0', '1000.5'),
  causes: fc.constant(['adl']), triggers: fc.constant(['quiet']), revisions: fc.constantFrom('all', 'first'),
}, { requiredKeys: [] });

class FilterRefused extends Error {}

const filters = jsonTarget({
  name: 'filter', law: 'a filter is a function of signals, or is refused in one line',
  cases: twisted(filter),
  check: (value) => {
    const parsed = only([FilterRefused], () => {
      try {
        return parseFilter(value);
      } catch (error) {
        if (error instanceof Error && /^filter.*$/.test(error.message)) throw new FilterRefused();
        throw error;
      }
    });
    if (parsed !== undefined) assert.equal(typeof compileFilter(parsed)(testSignal()), 'boolean');
  },
});

const parameter = fc.oneof(fc.string({ maxLength: 9 }), fc.constantFrom('1', '-1', '1e3', '0x10', '99999999999999999999', 'BTC,,', 'latest', 'asc', 'desc', `0x${'00'.repeat(20)}`, 'open,close'), oddValue);
const queries = jsonTarget({
  name: 'query', law: 'the parameters of a request are read strictly, or refused', share: 2_000,
  cases: fc.dictionary(fc.constantFrom('addresses', 'coins', 'order', 'after', 'before', 'since', 'limit', 'from', 'minNotional', 'oid', 'address', '__proto__', 'x'), fc.oneof(parameter, fc.array(parameter, { maxLength: 3 })), { maxKeys: 4, noNullPrototype: true }),
  check: (value) => {
    for (const schema of [signalsQuery, streamQuery, addressesQuery, orderParams]) {
      const parsed = schema.safeParse(value);
      if (!parsed.success) continue;
      assert.equal(typeof compileFilter(filterOf(parsed.data))(testSignal()), 'boolean');
      const { limit, oid } = fieldsOf(parsed.data);
      for (const number of [limit, oid]) assert.ok(number === undefined || Number.isSafeInteger(number));
    }
    const from = fromOf(typeof value === 'object' && value !== null && 'from' in value ? String(value.from) : undefined);
    assert.ok(typeof from === 'string' || 'cursor' in from || Number.isInteger(from.since));
  },
});

let opened: Promise<World> | null = null;

/** One for all cases; nobody's limit is reached, as all of them come from one address. */
async function world(): Promise<World> {
  opened ??= startWorld({ limits: { ...DEFAULT_LIMITS, messagesPerMinute: 1e9, requestsPerMinute: 1e9, connectionsPerIp: 1_000 } }).then((started) => {
    started.source.append(Array.from({ length: 50 }, () => testSignal()));
    return started;
  });
  return await opened;
}

async function close(): Promise<void> {
  await (await opened)?.[Symbol.asyncDispose]();
}

const LINES = [
  'GET /v1/signals?limit=5 HTTP/1.1', 'GET /v1/addresses HTTP/1.1', 'GET /v1/status HTTP/1.1', 'GET /openapi.json HTTP/1.1', 'POST /v1/signals HTTP/1.1', 'HEAD /v1/status HTTP/1.0',
  'GET /v1/orders/0x0000000000000000000000000000000000000001/1/life HTTP/1.1', 'GET /v1/signals?after=1.AAAA&order=asc HTTP/1.1', 'GET /%00%ff HTTP/1.1', 'OPTIONS * HTTP/1.1',
  'GET /v1/ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'GET /v1/signals/stream?from=earliest HTTP/1.1',
];
const request = fc.constantFrom(...LINES).map((line) => Buffer.from(`${line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`));
const LEFT_AFTER_MS = 30;

const requests = bytesTarget({
  name: 'http', law: 'no bytes on the gateway\'s port make it fail: it answers with what is right, refuses, or ends the connection', share: 30,
  cases: anyBytes(request), close,
  check: async (bytes) => {
    const { url, troubles } = await world();
    const before = troubles.length;
    const answer = await exchanged(Number(new URL(url).port), bytes);
    assert.doesNotMatch(answer, /^HTTP\/1\.1 5/);
    assert.ok(answer === '' || answer.startsWith('HTTP/1.1 '), answer.slice(0, 100));
    assert.deepEqual(troubles.slice(before), []);
  },
});

/** What came until the other side ended, or nothing more did. */
async function exchanged(port: number, bytes: Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (data) => (answer += data.toString('latin1')));
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(bytes);
  await Promise.race([closed, sleep(LEFT_AFTER_MS)]);
  socket.destroy();
  return answer;
}

const message = fc.oneof(
  fc.record({ type: fc.constant('subscribe'), id: fc.constantFrom('a', 'b'), filter, from: fc.oneof(fc.constantFrom<unknown>('latest', 'earliest', 'snapshot', { since: 0 }), cursor.map((text) => ({ cursor: text }))) }, { requiredKeys: ['type', 'id'] }),
  fc.record({ type: fc.constant('unsubscribe'), id: fc.constantFrom('a', 'b', 'c') }),
  fc.constant({ type: 'ping' }),
);

const sockets = jsonTarget({
  name: 'socket', law: 'each message of a client is answered, or its connection is closed and told why', share: 30,
  cases: fc.array(twistedJson(message), { minLength: 1, maxLength: 5 }), close,
  check: async (value) => {
    const { connect: open, troubles } = await world();
    const before = troubles.length;
    const client = await open();
    for (const text of Array.isArray(value) ? value : []) client.ws.send(String(text));
    client.send({ type: 'ping' });
    while (client.closed === null && !client.messages.some(({ type }) => type === 'pong')) await sleep(1);
    if (client.closed === null) await client.close();
    else assert.ok([4000, 1000, 1009].includes(client.closed.code), String(client.closed.code));
    assert.deepEqual(troubles.slice(before), []);
  },
});

export const GATEWAY_TARGETS = [cursors, filters, queries, requests, sockets];
