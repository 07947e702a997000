import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../errors.ts';
import { fromOf, placeOf, placeText, stretchesOf } from './where.ts';

const NOW = 1_760_000_000_000;

test('a beginning is a word, a time, a time ago, or an offset', () => {
  assert.deepEqual(fromOf('earliest', NOW), { kind: 'earliest' });
  assert.deepEqual(fromOf('latest', NOW), { kind: 'latest' });
  assert.deepEqual(fromOf('0', NOW), { kind: 'offset', offset: 0 });
  assert.deepEqual(fromOf('999999999999', NOW), { kind: 'offset', offset: 999_999_999_999 });
  assert.deepEqual(fromOf('1000000000000', NOW), { kind: 'time', at: 1_000_000_000_000 });
  assert.deepEqual(fromOf('15m', NOW), { kind: 'time', at: NOW - 900_000 });
  assert.deepEqual(fromOf('2026-01-31T12:00:00Z', NOW), { kind: 'time', at: Date.UTC(2026, 0, 31, 12) });
  assert.deepEqual(fromOf('2026-01-31', NOW), { kind: 'time', at: Date.UTC(2026, 0, 31) });
});

test('any other beginning is bad usage', () => {
  for (const text of ['', 'yesterday', '-1', '2026-13-40', '1e12', '5 m']) assert.throws(() => fromOf(text, NOW), UsageError, text);
});

test('a place is a partition and an offset, and its text reads back', () => {
  assert.deepEqual(placeOf('2/17'), { partition: 2, offset: 17 });
  assert.equal(placeText(placeOf('11/0')), '11/0');
  for (const text of ['', '2', '2/', '/17', '2/17/3', '2/-1', 'fills/2/17']) assert.throws(() => placeOf(text), UsageError, text);
});

test('a beginning outside of a partition is its nearest end', async () => {
  const bounds = [{ partition: 0, low: 10, high: 20 }, { partition: 1, low: 0, high: 0 }];
  const froms = async (offset: number): Promise<number[]> => (
    (await stretchesOf({ brokers: [] }, 'signals', bounds, { kind: 'offset', offset }, { follow: false })).map(({ from }) => from)
  );
  assert.deepEqual([await froms(5), await froms(15), await froms(99)], [[10, 0], [15, 0], [20, 0]]);
});
