import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRecord } from '@fillstream/hyperliquid';
import { expectedOf } from './expected.ts';

const ADDRESS = `0x${'a1'.repeat(20)}`;
const AT = 1_760_000_000_000;
const DATA = { coin: 'BTC', px: '1', sz: '3', side: 'A', time: AT, startPosition: '5', dir: 'Close Long', oid: 7 };

function told(reason: string, record: unknown): string[] {
  return expectedOf({ reason, original: Buffer.from(typeof record === 'string' ? record : JSON.stringify(record)), cut: null });
}

function fill(data: object): object {
  return { kind: 'fill', address: ADDRESS, receivedAt: AT, data: { ...DATA, ...data } };
}

test('each wrong field is named once, with what was there', () => {
  const lines = told('malformed', { ...fill({ px: 1.5, oid: '7', side: 'X' }), receivedAt: 1_760_000_000 });
  assert.deepEqual(lines.map((line) => line.split(':')[0]), ['receivedAt', 'data.px', 'data.side', 'data.oid']);
  assert.match(lines[1] ?? '', /got 1\.5$/);
});

test('a needed field that is missing or null is named, an optional one isn\'t', () => {
  for (const name of Object.keys(DATA)) {
    assert.match(told('malformed', fill({ [name]: undefined })).join(), new RegExp(`^data\\.${name}: .*missing$`));
    assert.match(told('malformed', fill({ [name]: null })).join(), new RegExp(`^data\\.${name}: .*got null$`));
  }
  assert.deepEqual(told('malformed', fill({ tid: null, cloid: undefined, liquidation: null })), []);
});

test('a record that is malformed always has a field that is told', () => {
  const values = [undefined, null, 0, -1, 1.5, '', 'x', '0', '-1', {}, [], true];
  for (const record of [fill({}), { kind: 'account', address: ADDRESS, receivedAt: AT, data: { time: AT, accountValue: '1' } }, { kind: 'tick', receivedAt: AT }]) {
    for (const name of ['kind', 'address', 'receivedAt', 'data', 'symbol', 'source']) {
      for (const value of values) {
        const changed = { ...record, [name]: value };
        const input = readRecord(changed);
        const isMalformed = input.kind === 'unusable' && input.reason === 'malformed';
        if (isMalformed) assert.notDeepEqual(told('malformed', changed), [], JSON.stringify(changed));
      }
    }
  }
});

test('what was nested is told by its own field', () => {
  const update = { kind: 'orderUpdate', address: ADDRESS, receivedAt: AT, data: { order: { coin: 'BTC', side: 'B', sz: 0, oid: 1, origSz: '1' }, status: 'filled', statusTimestamp: AT } };
  assert.deepEqual(told('malformed', update).map((line) => line.split(':')[0]), ['data.order.sz']);
  assert.deepEqual(told('malformed', { ...update, data: { ...update.data, order: 5 } }).map((line) => line.split(':')[0]), ['data.order']);
  assert.deepEqual(told('malformed', fill({ liquidation: { liquidatedUser: 5 } })).map((line) => line.split(':')[0]), ['data.liquidation.liquidatedUser']);
});

test('a dir that is refused is told the dir that fits', () => {
  assert.match(told('dir-contradiction', fill({ dir: 'Open Long' })).join(), /dir: Close Long, .*got "Open Long"/);
  assert.match(told('unknown-dir', fill({ dir: 'Frobnicate', sz: '9' })).join(), /dir: Long > Short, /);
  assert.match(told('unknown-dir', fill({ dir: 'Frobnicate', coin: '@107', side: 'B' })).join(), /dir: Buy, /);
});

test('bytes that are no record are told what they are', () => {
  assert.deepEqual(told('malformed', 'no json'), ['JSON']);
  assert.match(told('malformed', '[1]').join(), /a JSON object, got \[1\]/);
  assert.deepEqual(expectedOf({ reason: 'malformed', original: Buffer.from([0xff, 0xfe]), cut: null }), ['JSON, in UTF-8']);
  assert.match(expectedOf({ reason: 'malformed', original: Buffer.from([0, 0, 0, 1, 2, 9]), cut: null }).join(), /schema 258/);
  const cut = { length: 2_000_000, sha256: 'ab', file: null, position: null };
  assert.match(expectedOf({ reason: 'malformed', original: Buffer.from('{"kind":'), cut }).join(), /got 2000000/);
});

test('a conflict and a late fill lead to the page of their order', () => {
  for (const reason of ['conflict', 'late']) assert.match(told(reason, fill({})).join(), new RegExp(`fillstream explain ${ADDRESS}/7`));
});
