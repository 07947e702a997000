import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signal } from '@fillstream/client';
import { reasonWords, sentenceOf } from './reasons.ts';

const BASE = {
  direction: 'open',
  side: 'LONG',
  size: '0.03',
  symbol: 'BTC',
  price: '100010',
  notional: '3000.3',
  fillCount: 3,
  positionAfter: '0.03',
  closeRate: '0',
  cause: 'trade',
  assetType: 'futures',
} as Signal;

test('a signal is told as a sentence with exact amounts', () => {
  assert.equal(sentenceOf(BASE), 'opened a LONG of 0.03 BTC at 100,010 (USD 3,000.3) in 3 fills. Position after: 0.03.');
});

test('a partial close tells its share, a forced one its cause, a spot trade that it bought', () => {
  assert.match(
    sentenceOf({ ...BASE, direction: 'close', closeRate: '0.25', cause: 'adl' }),
    /^closed a LONG .* 25 % of the position, by auto-deleveraging\./,
  );
  assert.match(
    sentenceOf({ ...BASE, assetType: 'spot', symbol: 'HYPE/USDC', fillCount: 1 }),
    /^bought 0\.03 HYPE\/USDC .* in one fill\./,
  );
});

test('a reason that is new is still shown', () => {
  assert.equal(reasonWords('something-new'), 'Couldn’t be used.');
});
