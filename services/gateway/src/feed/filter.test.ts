import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Filter } from '@fillstream/client';
import { compileBeyondAddresses, compileFilter, parseFilter } from './filter.ts';
import { testAddress, testSignal } from './test-source.ts';

const signal = testSignal({
  address: testAddress(1), coin: '@107', symbol: 'HYPE/USDC', direction: 'close', side: 'SHORT', assetType: 'spot', notional: '1000.000000000000000001',
  cause: 'adl', trigger: 'grace', revision: 2,
});

const MATCHING: readonly Filter[] = [
  {}, { addresses: [testAddress(2), testAddress(1)] }, { coins: ['@107'] }, { coins: ['HYPE/USDC'] }, { directions: ['close'] }, { sides: ['SHORT', 'LONG'] },
  { assetTypes: ['spot'] }, { minNotional: '1000.000000000000000001' }, { minNotional: '1000' }, { causes: ['adl'] }, { triggers: ['grace'] }, { revisions: 'all' },
];
const OTHERS: readonly Filter[] = [
  { addresses: [testAddress(2)] }, { coins: ['HYPE'] }, { directions: ['open'] }, { sides: ['LONG'] }, { assetTypes: ['futures'] },
  { minNotional: '1000.000000000000000002' }, { causes: ['trade'] }, { triggers: ['complete', 'quiet', 'timeout'] }, { revisions: 'first' },
];

test('a filter matches what each of its fields matches, decimals exactly', () => {
  for (const filter of MATCHING) assert.ok(compileFilter(filter)(signal), JSON.stringify(filter));
  for (const filter of OTHERS) {
    assert.ok(!compileFilter(filter)(signal), JSON.stringify(filter));
    for (const matching of MATCHING) assert.ok(!compileFilter({ ...matching, ...filter })(signal));
  }
});

test('a filter of addresses alone needs no signal to be read', () => {
  assert.equal(compileBeyondAddresses({ addresses: [testAddress(1)] }), null);
  assert.equal(compileBeyondAddresses({ addresses: [testAddress(1)], coins: ['HYPE'] })?.(signal), false);
});

test('a filter is read as it was written, its addresses in lower case', () => {
  const text = { addresses: [`0x${'AB'.repeat(20)}`], coins: ['BTC'], minNotional: '0.5', revisions: 'first' };
  assert.deepEqual(parseFilter(text), { ...text, addresses: [`0x${'ab'.repeat(20)}`] });
});

test('what is no filter is refused by the name of its field', () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [null, /filter/], ['x', /filter/], [{ address: testAddress(1) }, /address/], [{ addresses: ['0x1'] }, /filter\.addresses\.0: expected 0x/],
    [{ addresses: [] }, /addresses/], [{ minNotional: 5 }, /minNotional/], [{ minNotional: '1e9' }, /minNotional: expected a decimal/], [{ sides: ['long'] }, /sides/],
  ];
  for (const [value, message] of wrong) assert.throws(() => parseFilter(value), message, JSON.stringify(value));
});
