import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';

import { encodeCommit } from './commit.ts';
import { encodeRecord, encodeTick } from './encode-input.ts';
import { isObject, type JsonObject } from './json.ts';
import { TOPICS, schemaTextOf, type Topic } from './schemas.ts';
import { encodeSignal } from './signal.ts';

const NOW = 1700000000000;

function schemaOf(topic: Topic): JsonObject {
  const schema: unknown = JSON.parse(schemaTextOf(topic));
  assert.ok(isObject(schema));
  return schema;
}

/** Every object in a schema, the outer ones first. */
function objectsIn(value: unknown): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  return isObject(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
}

const recordsIn = (topic: Topic): JsonObject[] => objectsIn(schemaOf(topic)).filter(({ type }) => type === 'record');
const fieldsIn = (topic: Topic): JsonObject[] => recordsIn(topic).flatMap(({ fields }) => objectsOf(fields));
const objectsOf = (fields: unknown): JsonObject[] => (Array.isArray(fields) ? fields.filter(isObject) : []);

/** As the registry's client compiles it: nothing set. */
const plain = (topic: Topic): avsc.Type => avsc.parse(JSON.stringify(schemaOf(topic)));

for (const topic of TOPICS) {
  test(`the schema of ${topic} is a named record that a registry takes`, () => {
    const { name, namespace, type } = schemaOf(topic);
    assert.equal(type, 'record');
    assert.equal(namespace, 'fillstream.v1');
    assert.equal(plain(topic).name, `fillstream.v1.${String(name)}`);
  });

  test(`every optional field of ${topic} is null by default, and every field says what it is`, () => {
    for (const { name, doc, type, ...rest } of fieldsIn(topic)) {
      assert.ok(typeof doc === 'string' && doc.length > 0, String(name));
      if (Array.isArray(type) && type.includes('null')) {
        assert.equal(type[0], 'null', String(name));
        assert.equal(rest['default'], null, String(name));
      }
    }
  });
}

test('a type that several topics have is the same in all of them', () => {
  const known = new Map<unknown, JsonObject>();
  for (const record of TOPICS.flatMap(recordsIn)) {
    assert.deepEqual(record, known.get(record['name']) ?? record);
    known.set(record['name'], record);
  }
});

test('a body is what the registry client reads and writes, without its header', () => {
  const fill = {
    kind: 'fill', address: '0x', receivedAt: NOW,
    data: { coin: 'BTC', px: '1', sz: '2', side: 'A', time: NOW, startPosition: '-3', dir: 'Open Short', oid: 5, tid: 2 ** 52 },
  };
  const order = { coin: 'BTC', side: 'A', sz: '0.0', oid: 5, origSz: '2' };
  const update = { ...fill, kind: 'orderUpdate', data: { order, status: 'filled', statusTimestamp: NOW } };
  const account = { ...fill, kind: 'account', data: { time: NOW, accountValue: '1' } };
  const bodies: readonly (readonly [Topic, string, Buffer])[] = [
    ['fills', 'Fill', encodeRecord(fill).body],
    ['fills', 'AccountSnapshot', encodeRecord(account).body],
    ['fills', 'Raw', encodeRecord({}).body],
    ['fills', 'Tick', encodeTick(NOW)],
    ['order-updates', 'Tick', encodeTick(NOW)],
    ['order-updates', 'OrderUpdate', encodeRecord(update).body],
  ];
  for (const [topic, name, body] of bodies) {
    const value: unknown = plain(topic).fromBuffer(body);
    assert.ok(isObject(value) && isObject(value['body']));
    assert.deepEqual(Object.keys(value['body']), [`fillstream.v1.${name}`]);
    assert.deepEqual(plain(topic).toBuffer(value), body);
  }
});

test('maps are maps to any other reader', () => {
  const counts = { records: 3, fills: 1 };
  const commit = encodeCommit({
    id: '', partition: 0, topics: [], from: [], to: [], merge: [], fired: 0, clocks: [], counts,
  });
  const value: unknown = plain('commits').fromBuffer(commit);
  assert.ok(isObject(value));
  assert.deepEqual(value['counts'], counts);
  const fees = { HYPE: '1', USDC: '2' };
  const signal: unknown = plain('signals').fromBuffer(encodeSignal({
    id: '', revision: 1, address: '', oid: 1, coin: '', symbol: '', cloid: null, assetType: '', direction: 'open', side: 'LONG',
    size: '', notional: '', price: '', positionSize: '', positionBefore: '', positionAfter: '', closeRate: '', positionRate: null,
    fees, closedPnl: '', fillCount: 1, firstFillAt: NOW, lastFillAt: NOW, orderStatus: null, trigger: '', complete: true,
    reversal: false, cause: '', twapId: null,
  }));
  assert.ok(isObject(signal));
  assert.deepEqual(signal['fees'], fees);
});
