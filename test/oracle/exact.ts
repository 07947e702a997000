// Exact decimals for the oracle: an integer over a power of ten, and division only where the contract rounds.
//
// E1  Nothing is rounded but by `ratio`, half to even.
// E2  `plain` never writes an exponent, a trailing zero or a negative zero.

export type Exact = { readonly units: bigint; readonly places: number };

export const ZERO: Exact = { units: 0n, places: 0 };
export const ONE: Exact = { units: 1n, places: 0 };
export const HUNDRED: Exact = { units: 100n, places: 0 };

const DECIMAL = /^-?[0-9]+(\.[0-9]+)?$/;

/** The value of a decimal text of the contract (§2), or undefined when it isn't one. */
export function exact(text: string): Exact | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const [whole = '0', fraction = ''] = text.split('.');
  return { units: BigInt(whole + fraction), places: fraction.length };
}

export function add(a: Exact, b: Exact): Exact {
  const places = Math.max(a.places, b.places);
  return { units: unitsAt(a, places) + unitsAt(b, places), places };
}

export function negate(a: Exact): Exact {
  return { units: -a.units, places: a.places };
}

export function subtract(a: Exact, b: Exact): Exact {
  return add(a, negate(b));
}

export function multiply(a: Exact, b: Exact): Exact {
  return { units: a.units * b.units, places: a.places + b.places };
}

export function absolute(a: Exact): Exact {
  return a.units < 0n ? negate(a) : a;
}

export function sum(values: readonly Exact[]): Exact {
  return values.reduce(add, ZERO);
}

/** Negative, zero or positive, as a is less than, equal to or greater than b. */
export function compare(a: Exact, b: Exact): number {
  const difference = subtract(a, b).units;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function equal(a: Exact, b: Exact): boolean {
  return compare(a, b) === 0;
}

/** a / b, half-even to `places` decimals; b is not zero. */
export function ratio(a: Exact, b: Exact, places: number): Exact {
  const sign = b.units < 0n ? -1n : 1n;
  const numerator = sign * a.units * 10n ** BigInt(b.places + places);
  const denominator = sign * b.units * 10n ** BigInt(a.places);
  const quotient = numerator / denominator;
  const rest = numerator - quotient * denominator;
  const twice = rest < 0n ? -2n * rest : 2n * rest;
  const away = twice > denominator || (twice === denominator && quotient % 2n !== 0n);
  const step = rest < 0n ? -1n : 1n;
  return { units: away ? quotient + step : quotient, places };
}

export function plain(a: Exact): string {
  const digits = absolute(a).units.toString().padStart(a.places + 1, '0');
  const whole = digits.slice(0, digits.length - a.places);
  const fraction = digits.slice(digits.length - a.places).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return a.units < 0n ? `-${text}` : text;
}

function unitsAt(a: Exact, places: number): bigint {
  return a.units * 10n ** BigInt(places - a.places);
}
