import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimalOf } from './decimal.ts';

test('a decimal keeps one place, drops further zeros and never shows a negative zero', () => {
  const cases: readonly (readonly [number, number, string])[] = [
    [0, 0, '0.0'], [-0, 0, '0.0'], [-0, 4, '0.0'], [67123, 0, '67123.0'], [-67123, 0, '-67123.0'],
    [45277, 5, '0.45277'], [-5, 6, '-0.000005'], [1200, 2, '12.0'], [1250, 3, '1.25'], [-1001, 3, '-1.001'],
    [9007199254740991, 8, '90071992.54740991'],
  ];
  for (const [units, scale, text] of cases) assert.equal(decimalOf(units, scale), text);
});
