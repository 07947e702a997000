// Exact decimals: a bigint of units at a power-of-ten scale.
//
// D1  No operation loses a digit but `divideHalfEven` and `roundHalfEven`, which name the digits they keep.
// D2  A decimal is immutable; two decimals of the same value may differ in scale, so compare with `compare`.
// D3  `format` is canonical: plain notation, no trailing zeros, no `-0` (contract §9).

/** The value is `units / 10^scale`; `scale` >= 0. */
export type Decimal = { readonly units: bigint; readonly scale: number };

/** The text a decimal is read from: an optional minus, digits, optionally a point and digits (contract §2). */
const DECIMAL_TEXT = /^-?[0-9]+(?:\.[0-9]+)?$/;

export const ZERO: Decimal = { units: 0n, scale: 0 };
export const ONE: Decimal = { units: 1n, scale: 0 };
export const HUNDRED: Decimal = { units: 100n, scale: 0 };

const POWERS: bigint[] = [1n];

function powerOfTen(exponent: number): bigint {
  for (let next = POWERS.length; next <= exponent; next += 1) POWERS.push(10n ** BigInt(next));
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

export function isDecimalText(text: string): boolean {
  return DECIMAL_TEXT.test(text);
}

/** Reads a text for which `isDecimalText` holds; anything else gives a SyntaxError or a wrong value. */
export function parseDecimal(text: string): Decimal {
  const point = text.indexOf('.');
  if (point < 0) return { units: BigInt(text), scale: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
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
