import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNegative, isZero, percentOf, piecesOf, readable, typedAmount } from './amount.ts';

test('an amount is shown with every digit it has', () => {
  for (const decimal of [
    '0',
    '7',
    '999',
    '1000',
    '-1234567.5',
    '100010.333333333333333333',
    '0.000000000000000001',
    '123456789012345678901234567890',
  ]) {
    const { sign, whole, fraction, tail } = piecesOf(decimal);
    const digits = fraction === '' ? '' : `.${fraction}${tail}`;
    assert.equal(`${sign === '' ? '' : '-'}${whole.replaceAll(',', '')}${digits}`, decimal);
  }
});

test('thousands are grouped before the point and nowhere else', () => {
  assert.equal(readable('1234567.1234567'), '1,234,567.1234567');
  assert.equal(readable('-1000'), '−1,000');
  assert.equal(readable('100'), '100');
});

test('what is no decimal is shown as it came', () => {
  assert.equal(readable('n/a'), 'n/a');
});

test('a share becomes percent without rounding', () => {
  assert.deepEqual(['1', '0', '0.5', '0.123456', '0.000001', '12.3'].map(percentOf), [
    '100',
    '0',
    '50',
    '12.3456',
    '0.0001',
    '1230',
  ]);
});

test('zero has no sign', () => {
  assert.ok(isZero('0') && isZero('0.00') && isZero('-0') && !isZero('0.01'));
  assert.ok(isNegative('-2') && !isNegative('2'));
});

test('an amount may be typed with separators and units, and nothing else', () => {
  assert.deepEqual(['10,000', '2.5k', '1M', '$ 100', '.5', '07', '2.50', '', 'abc', '-1', '1.2.3', '1e3'].map(typedAmount), [
    '10000',
    '2500',
    '1000000',
    '100',
    '0.5',
    '7',
    '2.5',
    '',
    null,
    null,
    null,
    null,
  ]);
});
