// Exact decimals: a bigint of units at a power-of-ten scale.
//
// D1  No operation loses a digit but `divideHalfEven` and `roundHalfEven`, which name the digits they keep.
// D2  A decimal is immutable; two decimals of the same value may differ in scale, so compare with `compare`.
// D3  `format` is canonical: plain notation, no trailing zeros, no `-0` (contract §9).

import { invariant } from './invariant.ts';

/** The value is `units / 10^scale`; `scale` >= 0. */
export type Decimal = { readonly units: bigint; readonly scale: number };

export const ZERO: Decimal = { units: 0n, scale: 0 };
export const ONE: Decimal = { units: 1n, scale: 0 };
export const HUNDRED: Decimal = { units: 100n, scale: 0 };

/** Scales beyond it are rare, and may be as great as a record is long. */
const KEPT_POWERS = 64;
const POWERS = Array.from({ length: KEPT_POWERS }, (_, exponent) => 10n ** BigInt(exponent));

function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

const MINUS = 45;
const POINT = 46;
const DIGIT_0 = 48;
/** So many digits are exact in a number, which becomes a bigint several times faster than a text does. */
const EXACT_DIGITS = 15;

/** Reads `-?[0-9]+(\.[0-9]+)?` (contract §2); null for any other text. */
export function readDecimal(text: string): Decimal | null {
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  let point = -1;
  let value = 0;
  for (let place = start; place < text.length; place += 1) {
    const code = text.charCodeAt(place);
    const digit = code - DIGIT_0;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (code === POINT && point < 0 && place > start) point = place;
    else return null;
  }
  if (text.length === start || point === text.length - 1) return null;
  const scale = point < 0 ? 0 : text.length - point - 1;
  if (text.length <= EXACT_DIGITS) return { units: BigInt(start === 1 ? -value : value), scale };
  return { units: BigInt(point < 0 ? text : text.slice(0, point) + text.slice(point + 1)), scale };
}

/** Reads a text that is known to be a decimal. Throws InvariantViolation for any other. */
export function parseDecimal(text: string): Decimal {
  const decimal = readDecimal(text);
  invariant(decimal !== null, `not a decimal: ${text}`);
  return decimal;
}

export function add(a: Decimal, b: Decimal): Decimal {
  if (a.scale === b.scale) return { units: a.units + b.units, scale: a.scale };
  if (a.scale < b.scale) return { units: a.units * powerOfTen(b.scale - a.scale) + b.units, scale: b.scale };
  return { units: a.units + b.units * powerOfTen(a.scale - b.scale), scale: a.scale };
}

export function negate(a: Decimal): Decimal {
  return { units: -a.units, scale: a.scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, negate(b));
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

export function absolute(a: Decimal): Decimal {
  return a.units < 0n ? negate(a) : a;
}

/** -1, 0 or 1. */
export function signOf(a: Decimal): -1 | 0 | 1 {
  if (a.units === 0n) return 0;
  return a.units < 0n ? -1 : 1;
}

/** Negative when a < b, 0 when equal in value, positive when a > b. */
export function compare(a: Decimal, b: Decimal): -1 | 0 | 1 {
  if (a.scale === b.scale) return a.units === b.units ? 0 : a.units < b.units ? -1 : 1;
  return signOf(subtract(a, b));
}

export function equals(a: Decimal, b: Decimal): boolean {
  return compare(a, b) === 0;
}

/** a / b with `digits` decimals, ties to the even digit. Throws RangeError when b is zero. */
export function divideHalfEven(a: Decimal, b: Decimal, digits: number): Decimal {
  const shift = digits + b.scale - a.scale;
  const numerator = shift >= 0 ? a.units * powerOfTen(shift) : a.units;
  const denominator = shift >= 0 ? b.units : b.units * powerOfTen(-shift);
  return { units: quotientHalfEven(numerator, denominator), scale: digits };
}

function quotientHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const rest = numerator - quotient * denominator;
  if (rest === 0n) return quotient;
  const twice = rest < 0n ? -2n * rest : 2n * rest;
  const whole = denominator < 0n ? -denominator : denominator;
  const awayFromZero = twice > whole || (twice === whole && (quotient & 1n) === 1n);
  if (!awayFromZero) return quotient;
  return numerator < 0n === denominator < 0n ? quotient + 1n : quotient - 1n;
}

/** The canonical text (D3). */
export function format(a: Decimal): string {
  if (a.scale === 0) return a.units.toString();
  if (a.units === 0n) return '0';
  const negative = a.units < 0n;
  const digits = (negative ? -a.units : a.units).toString().padStart(a.scale + 1, '0');
  const point = digits.length - a.scale;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === 48) end -= 1;
  const text = end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
  return negative ? `-${text}` : text;
}
