// Laws of exact decimals (D1 to D3), against rationals written a second way.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  ZERO, absolute, add, compare, divideHalfEven, equals, format, readDecimal, multiply, negate, parseDecimal, signOf, subtract,
  type Decimal,
} from './decimal.ts';

/** over > 0. */
type Rational = { readonly of: bigint; readonly over: bigint };

function rational(of: bigint, over: bigint): Rational {
  return over < 0n ? { of: -of, over: -over } : { of, over };
}

function valueOf({ units, scale }: Decimal): Rational {
  return rational(units, 10n ** BigInt(scale));
}

function valueOfText(text: string): Rational {
  const [, sign, whole, part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  let of = 0n;
  for (const digit of `${whole ?? ''}${part}`) of = of * 10n + BigInt(Number(digit));
  return rational(sign === '-' ? -of : of, BigInt(`1${'0'.repeat(part.length)}`));
}

function sign(value: bigint): number {
  return value === 0n ? 0 : value < 0n ? -1 : 1;
}

function order(a: Rational, b: Rational): number {
  return sign(a.of * b.over - b.of * a.over);
}

/** The integer nearest to the value; of two, the even one. */
function nearestEven({ of, over }: Rational): bigint {
  const floor = of >= 0n ? of / over : -((-of + over - 1n) / over);
  const beyond = order(rational(of - floor * over, over), rational(1n, 2n));
  if (beyond !== 0) return beyond < 0 ? floor : floor + 1n;
  return floor % 2n === 0n ? floor : floor + 1n;
}

const texts = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.option(fc.stringMatching(/^[0-9]{1,25}$/), { nil: null }))
  .map(([minus, whole, part]) => `${minus ? '-' : ''}${String(whole)}${part === null ? '' : `.${part}`}`);
const decimals = texts.map(parseDecimal);

function assertSame(actual: Decimal, expected: Rational): void {
  assert.equal(order(valueOf(actual), expected), 0, `${format(actual)} is not ${String(expected.of)}/${String(expected.over)}`);
}

suite('decimals', () => {
  test('a decimal has the value of the text it was read from', () => {
    fc.assert(fc.property(texts, (text) => {
      assert.ok(readDecimal(text));
      assertSame(parseDecimal(text), valueOfText(text));
    }));
  });

  test('sum, difference and product are exact', () => {
    fc.assert(fc.property(decimals, decimals, (a, b) => {
      const [x, y] = [valueOf(a), valueOf(b)];
      assertSame(add(a, b), rational(x.of * y.over + y.of * x.over, x.over * y.over));
      assertSame(subtract(a, b), rational(x.of * y.over - y.of * x.over, x.over * y.over));
      assertSame(multiply(a, b), rational(x.of * y.of, x.over * y.over));
    }));
  });

  test('order, sign and size are those of the values, whatever the scales', () => {
    const pairs = fc.tuple(decimals, decimals, fc.nat(5)).map(([a, b, zeros]) => {
      const same = { units: a.units * 10n ** BigInt(zeros), scale: a.scale + zeros };
      return { a, b, same };
    });
    fc.assert(fc.property(pairs, ({ a, b, same }) => {
      assert.equal(compare(a, b), order(valueOf(a), valueOf(b)));
      assert.equal(compare(a, same), 0);
      assert.ok(equals(a, same));
      assert.equal(equals(a, b), compare(a, b) === 0);
      assert.equal(signOf(a), compare(a, ZERO));
      assert.equal(signOf(absolute(a)), signOf(a) === 0 ? 0 : 1);
      assertSame(negate(a), rational(-valueOf(a).of, valueOf(a).over));
    }));
  });

  test('a quotient is the nearest with its digits, ties to even, whatever the signs', () => {
    fc.assert(fc.property(decimals, decimals.filter(({ units }) => units !== 0n), fc.nat(20), (a, b, digits) => {
      const [x, y] = [valueOf(a), valueOf(b)];
      const shifted = rational(x.of * y.over * 10n ** BigInt(digits), x.over * y.of);
      assert.deepEqual(divideHalfEven(a, b, digits), { units: nearestEven(shifted), scale: digits });
    }));
  });

  test('a tie goes to the even digit on both sides of zero', () => {
    fc.assert(fc.property(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.nat(6), (twice, digits) => {
      const value = { units: 2n * twice + 1n, scale: digits };
      const quotient = divideHalfEven(value, parseDecimal('2'), digits).units;
      assert.equal(quotient % 2n, 0n);
      assert.ok(quotient === twice || quotient === twice + 1n);
    }));
    const halves = ['0.5', '1.5', '2.5', '-0.5', '-1.5', '-2.5'].map((text) => format(divideHalfEven(parseDecimal(text), parseDecimal('1'), 0)));
    assert.deepEqual(halves, ['0', '2', '2', '0', '-2', '-2']);
  });

  test('a division by zero throws', () => {
    assert.throws(() => divideHalfEven(parseDecimal('1'), ZERO, 2), RangeError);
  });

  test('the text of a decimal is canonical: equal values have the same, others another', () => {
    fc.assert(fc.property(decimals, decimals, fc.nat(5), (a, b, zeros) => {
      const text = format(a);
      assert.match(text, /^(?:0|-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]|-?[1-9][0-9]*)$/);
      assertSame(a, valueOfText(text));
      assert.equal(format({ units: a.units * 10n ** BigInt(zeros), scale: a.scale + zeros }), text);
      assert.equal(format(b) === text, equals(a, b));
      assert.equal(format(parseDecimal(text)), text);
    }));
  });

  test('there is no minus zero, no exponent and no trailing zero', () => {
    const shown = ['-0', '-0.00', '0.0', '100', '100.10', '-0.50', '0.000000000000000001', '1000000000000000000000000.0', '007.10'];
    assert.deepEqual(
      shown.map((text) => format(parseDecimal(text))),
      ['0', '0', '0', '100', '100.1', '-0.5', '0.000000000000000001', '1000000000000000000000000', '7.1'],
    );
  });

  test('only an optional minus, digits, and a point between digits are a decimal', () => {
    const wrong = ['', '-', '.', '1.', '.5', '+1', '1e5', '1,5', ' 1', '1 ', '1\n', '0x1', '--1', '1.2.3', 'NaN', '١'];
    assert.deepEqual(wrong.filter(readDecimal), []);
  });
});

test('a text that is known to be a decimal and is none is a bug, told with the text', () => {
  assert.throws(() => parseDecimal('1e5'), { name: 'InvariantViolation', message: 'not a decimal: 1e5' });
});

test('a decimal of 30,000 digits after the point costs no memory to speak of', () => {
  const before = process.memoryUsage().rss;
  add(parseDecimal(`0.${'0'.repeat(29_999)}1`), { units: 1n, scale: 0 });
  assert.ok(process.memoryUsage().rss - before < 50 * 2 ** 20);
});
