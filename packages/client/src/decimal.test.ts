// Against decimal.js.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import * as decimal from './decimal.ts';

const Exact = Decimal.clone({ precision: 1_000, rounding: Decimal.ROUND_DOWN, toExpNeg: -1_000, toExpPos: 1_000 });
const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 }).map((each) => each.join(''));
const decimals = fc.tuple(fc.boolean(), digits, fc.option(digits)).map(([isNegative, whole, fraction]) => (
  `${isNegative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`
));

/** Canonical: no `-0`. */
function text(value: Decimal): string {
  return value.isZero() ? '0' : value.toFixed();
}

test('sums, differences, products and comparisons are those of decimal.js, digit by digit', () => {
  fc.assert(fc.property(decimals, decimals, (a, b) => {
    const [left, right] = [new Exact(a), new Exact(b)];
    assert.equal(decimal.add(a, b), text(left.plus(right)));
    assert.equal(decimal.subtract(a, b), text(left.minus(right)));
    assert.equal(decimal.multiply(a, b), text(left.times(right)));
    assert.equal(decimal.compare(a, b), left.comparedTo(right));
    assert.equal(decimal.add(decimal.subtract(a, b), b), text(left));
  }), { numRuns: 500 });
});

test('a quotient is cut off after the digits that were asked for', () => {
  fc.assert(fc.property(decimals, decimals.filter((each) => !new Decimal(each).isZero()), fc.integer({ min: 0, max: 20 }), (a, b, places) => {
    assert.equal(decimal.divide(a, b, places), text(new Exact(a).div(new Exact(b)).toDecimalPlaces(places, Decimal.ROUND_DOWN)));
  }), { numRuns: 500 });
  assert.throws(() => decimal.divide('1', '0.0', 2), RangeError);
});

test('what is no decimal is refused by name', () => {
  for (const bad of ['', '-', '1.', '.5', '1e3', '+1', ' 1', '1,5', '0x1', '1.2.3', 'NaN']) {
    assert.throws(() => decimal.add('1', bad), (error: Error) => error instanceof RangeError && error.message.includes(JSON.stringify(bad)));
  }
});
