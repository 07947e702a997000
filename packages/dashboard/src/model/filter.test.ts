import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Filter } from '@fillstream/client';
import { DIRECTIONS, filterOf, partsOf, queryOf, toggled, typedAddresses, wordsOf } from './filter.ts';

const A = `0x${'a1'.repeat(20)}`;
const WHOLE: Filter = {
  addresses: [A, `0x${'b2'.repeat(20)}`], coins: ['BTC', '@107', 'dex:XYZ'], directions: ['open'], sides: ['LONG', 'SHORT'],
  assetTypes: ['spot'], minNotional: '10000.5', causes: ['liquidation', 'adl'], triggers: ['timeout'], revisions: 'first',
};

test('reading a written filter gives the same filter', () => {
  for (const filter of [{}, WHOLE, { coins: ['HYPE/USDC'] }, { revisions: 'first' as const }]) {
    assert.deepEqual(filterOf(new URLSearchParams(queryOf(filter).toString())), filter);
  }
  assert.equal(partsOf(WHOLE), 9);
  assert.equal(partsOf({}), 0);
});

test('what a filter could not mean is left out', () => {
  const query = new URLSearchParams('addresses=0x12,x&sides=LONG,UP&minNotional=lots&revisions=last&coins=,&other=1');
  assert.deepEqual(filterOf(query), { sides: ['LONG'] });
});

test('addresses are compared in lower case', () => {
  assert.deepEqual(filterOf(new URLSearchParams(`addresses=${A.toUpperCase().replace('0X', '0x')}`)), { addresses: [A] });
  assert.deepEqual(typedAddresses(`${A.toUpperCase().replace('0X', '0x')}, 0x12`), { addresses: [A], rest: ['0x12'] });
});

test('a typed list has each word once', () => {
  assert.deepEqual(wordsOf(' BTC, ETH;BTC  SOL '), ['BTC', 'ETH', 'SOL']);
});

test('toggling twice changes nothing', () => {
  assert.deepEqual(toggled(DIRECTIONS, undefined, 'close'), ['close']);
  assert.deepEqual(toggled(DIRECTIONS, ['close'], 'open'), ['open', 'close']);
  assert.deepEqual(toggled(DIRECTIONS, ['close'], 'close'), []);
});
