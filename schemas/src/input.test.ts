import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { decodeInput } from './decode-input.ts';
import { encodeCutLine, encodeInput, encodeRecord, encodeTick, type EncodedInput } from './encode-input.ts';
import { SchemaError } from './schema-error.ts';

const ADDRESS = '0x24A85618300a462d86772aa44ea2168115302e24';
const NOW = 1784425887738;

const time = fc.integer({ min: 1e12, max: 1e13 });
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', 'BTC', '@107', '-1.50', ADDRESS, '{}'));
const whole = fc.oneof(fc.nat(), fc.constantFrom(0, 1.1e15, 2 ** 53 - 1));
const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'extra', 'kind', 'address', 'coin', 'order'));
const rubbish = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, null, -1, 1.5, 1e11, 1e14, 2 ** 53, 1e300, '\ud800', '', true, [], {}),
);
const unknownFields = fc.array(fc.tuple(key, rubbish), { maxLength: 2 });

type Fields = Record<string, fc.Arbitrary<unknown>>;
const optional = (...names: string[]): Fields =>
  Object.fromEntries(names.map((name) => [name, fc.option(text, { nil: undefined })]));

/** An object of fields that fit, with others that its type doesn't know. */
function valid(fields: Fields): fc.Arbitrary<unknown> {
  const known = new Set([...Object.keys(fields), '__proto__']);
  const others = unknownFields.map((entries) => entries.filter(([name]) => !known.has(name)));
  return fc.tuple(fc.record(fields), others).map(([object, extra]) => ({ ...object, ...Object.fromEntries(extra) }));
}

/** The same with fields missing, mistyped, or added over known ones. */
function broken(object: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const faults = fc.array(fc.tuple(fc.nat(), fc.option(rubbish, { nil: undefined })), { maxLength: 3 });
  return fc.tuple(object, faults, unknownFields).map(([value, changes, added]) => {
    const entries = Object.entries(value ?? {});
    for (const [index, change] of changes) {
      const entry = entries[index % Math.max(1, entries.length)];
      if (entry !== undefined) entry[1] = change;
    }
    return Object.fromEntries([...entries, ...added]);
  });
}

const liquidation = { ...optional('liquidatedUser', 'markPx', 'method') };
const exchangeFill = {
  coin: text, px: text, sz: text, side: text, time, startPosition: text, dir: text, oid: whole,
  ...optional('closedPnl', 'hash', 'fee', 'cloid', 'feeToken', 'builderFee'),
  crossed: fc.constantFrom(undefined, true, false, null), tid: fc.option(whole, { nil: undefined }), twapId: fc.option(whole),
};
const order = {
  coin: text, side: text, sz: text, oid: whole, origSz: text,
  ...optional('limitPx', 'cloid'), timestamp: fc.option(whole), reduceOnly: fc.constantFrom(undefined, true, false, null),
};
const envelope = (kind: string): Fields => ({
  kind: fc.constant(kind), address: fc.oneof(text, fc.constant(ADDRESS)), receivedAt: time, ...optional('source'),
});

type Shape = (object: (fields: Fields) => fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>;
const fill: Shape = (object) => object({
  ...envelope('fill'), ...optional('symbol'),
  data: object({ ...exchangeFill, liquidation: fc.option(object(liquidation)) }),
});
const orderUpdate: Shape = (object) => object({
  ...envelope('orderUpdate'), data: object({ order: object(order), status: text, statusTimestamp: time }),
});
const account: Shape = (object) => object({ ...envelope('account'), data: object({ time, accountValue: text }) });
const tick: Shape = (object) => object({ kind: fc.constant('tick'), receivedAt: time });
const shapes = [fill, orderUpdate, account, tick];

const wellFormed = (value: unknown): boolean => JSON.stringify(value)?.search(/\\ud[89a-f]/) === -1;
const validRecord = fc.oneof(...shapes.map((shape) => shape(valid))).filter(wellFormed);
const anyRecord = fc.oneof(...shapes.map((shape) => shape((fields) => broken(valid(fields)))), rubbish);

/** What was encoded comes back: the same record, or the same bytes. */
function assertKept(line: string, encoded: EncodedInput): void {
  const decoded = decodeInput(encoded.topic, encoded.body);
  if (decoded.kind === 'raw') {
    assert.equal(encoded.kind, 'raw');
    assert.equal(decoded.raw.toString(), line);
    assert.equal(decoded.receivedAt, encoded.timestamp);
  } else {
    assert.deepEqual(JSON.parse(JSON.stringify(decoded.json)), JSON.parse(line));
  }
}

test('a record whose fields fit is typed, and comes back with its unknown fields and nulls', () => {
  fc.assert(fc.property(validRecord, (record) => {
    const line = JSON.stringify(record);
    const encoded = encodeInput(line);
    assert.notEqual(encoded.kind, 'raw');
    assertKept(line, encoded);
  }), { numRuns: 2_000 });
});

test('whatever is missing, mistyped or added, a line comes back as an equal record or as its bytes', () => {
  fc.assert(fc.property(anyRecord, (record) => {
    const line = JSON.stringify(record);
    assertKept(line, encodeInput(line));
    assertKept(line, encodeInput(Buffer.from(line)));
    assert.deepEqual(encodeRecord(JSON.parse(line), line), encodeInput(line));
  }), { numRuns: 3_000 });
});

test('bytes that are no JSON come back as they were', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    const encoded = encodeInput(bytes);
    const decoded = decodeInput(encoded.topic, encoded.body);
    if (decoded.kind === 'raw') assert.deepEqual(decoded.raw, Buffer.from(bytes));
    else assert.deepEqual(decoded.json, JSON.parse(Buffer.from(bytes).toString()));
  }));
});

const FILL = {
  kind: 'fill', address: ADDRESS, receivedAt: NOW,
  data: { coin: 'ETHFI', px: '0.45', sz: '2208.6', side: 'B', time: NOW, startPosition: '0.0', dir: 'Open Long', oid: 49850593 },
};

test('text that is not UTF-8 is raw, although a lenient reader would take it for JSON', () => {
  const line = Buffer.from(JSON.stringify(FILL).replace('ETHFI', 'ETH\u00ff'), 'latin1');
  const encoded = encodeInput(line);
  const decoded = decodeInput('fills', encoded.body);
  assert.deepEqual(decoded, { kind: 'raw', raw: line, receivedAt: null, cut: null });
});

test('a raw record keeps the key, the time and the topic that it can still tell', () => {
  const update = { ...FILL, kind: 'orderUpdate', data: null };
  const { topic, key: address, timestamp, kind } = encodeInput(JSON.stringify(update));
  assert.deepEqual({ topic, address, timestamp, kind },
    { topic: 'order-updates', address: ADDRESS.toLowerCase(), timestamp: NOW, kind: 'raw' });
  assert.equal(encodeInput('{"kind":"orderUpdate"').topic, 'fills');
  assert.equal(encodeInput(JSON.stringify({ ...FILL, receivedAt: 1784425887 })).timestamp, null);
});

test('only 0x and 40 hex digits make a key, in lower case', () => {
  const keyOf = (address: string): string | null => encodeRecord({ ...FILL, address }).key;
  assert.equal(keyOf(ADDRESS), ADDRESS.toLowerCase());
  for (const address of ['', '0x', ADDRESS.slice(1), `${ADDRESS}0`, ADDRESS.replace('A', 'g'), ADDRESS.replace('0x', '1x')]) {
    assert.equal(keyOf(address), null, address);
  }
});

test('a body is read from any bytes, a database\'s as well as a buffer', () => {
  const { body } = encodeRecord(FILL);
  const padded = new Uint8Array(body.length + 10);
  padded.set(body, 5);
  assert.deepEqual(decodeInput('fills', padded.subarray(5, 5 + body.length)), { kind: 'record', json: FILL });
});

test('a tick has the same bytes on both topics', () => {
  const body = encodeTick(NOW);
  assert.deepEqual(encodeInput(JSON.stringify({ kind: 'tick', receivedAt: NOW })).body, body);
  for (const topic of ['fills', 'order-updates'] as const) {
    assert.deepEqual(decodeInput(topic, body), { kind: 'record', json: { kind: 'tick', receivedAt: NOW } });
  }
});

test('a line that is too large travels as its head and what identifies the whole', () => {
  const cut = { length: 1e8, sha256: 'ab'.repeat(32), file: 'a.ndjson', position: 12 };
  const head = Buffer.alloc(100_000, 'x');
  const { topic, body } = encodeCutLine({ head, ...cut });
  assert.deepEqual(decodeInput(topic, body), { kind: 'raw', raw: head, receivedAt: null, cut });
});

test('an unknown field nested 100,000 deep is kept', () => {
  const depth = 100_000;
  const line = JSON.stringify(FILL).replace('{', `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},`);
  const decoded = decodeInput('fills', encodeInput(line).body);
  const length = decoded.kind === 'raw' ? decoded.raw.length : JSON.stringify(decoded.json).length;
  assert.equal(length, line.length);
});

test('a body that is cut short, has a tail, or is of another kind is refused by name', () => {
  const { body } = encodeRecord(FILL);
  const unreadable = (error: unknown): boolean => error instanceof SchemaError && error.code === 'unreadable-body';
  for (let length = 0; length < body.length; length += 1) {
    assert.throws(() => decodeInput('fills', body.subarray(0, length)), unreadable, `length ${String(length)}`);
  }
  assert.throws(() => decodeInput('fills', Buffer.concat([body, Buffer.of(0)])), unreadable);
  assert.throws(() => decodeInput('fills', Buffer.of(8)), unreadable);
  assert.throws(() => decodeInput('order-updates', Buffer.of(6)), unreadable);
});

test('bytes that no encoder made are read or refused, never anything else', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('fills', 'order-updates'), (bytes, topic) => {
    try {
      decodeInput(topic, Buffer.from(bytes));
    } catch (error) {
      assert.ok(error instanceof SchemaError, String(error));
    }
  }), { numRuns: 5_000 });
});
