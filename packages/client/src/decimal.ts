// Exact arithmetic on decimals as text, in and out: `-?[0-9]+(\.[0-9]+)?`, out without trailing zeros and `-0` (contract §9).
//
// D1  No digit is lost but by `divide`, which rounds towards zero and is told how many digits to keep.

type Parsed = { readonly units: bigint; readonly scale: number };

const FORM = /^-?[0-9]+(?:\.[0-9]+)?$/;

/** Throws RangeError for what is no decimal. */
export function add(a: string, b: string): string {
  const [left, right, scale] = aligned(a, b);
  return format(left + right, scale);
}

/** Throws RangeError for what is no decimal. */
export function subtract(a: string, b: string): string {
  const [left, right, scale] = aligned(a, b);
  return format(left - right, scale);
}

/** Throws RangeError for what is no decimal. */
export function multiply(a: string, b: string): string {
  const [left, right] = [parse(a), parse(b)];
  return format(left.units * right.units, left.scale + right.scale);
}

/** With `digits` decimals, the rest cut off. Throws RangeError for what is no decimal, and by zero. */
export function divide(a: string, b: string, digits: number): string {
  const [left, right] = aligned(a, b);
  return format(left * 10n ** BigInt(digits) / right, digits);
}

/** Negative when a < b, 0 when they are equal in value, positive when a > b. Throws RangeError for what is no decimal. */
export function compare(a: string, b: string): -1 | 0 | 1 {
  const [left, right] = aligned(a, b);
  return left === right ? 0 : left < right ? -1 : 1;
}

/** Units of both at the greater of the two scales, and that. */
function aligned(a: string, b: string): readonly [bigint, bigint, number] {
  const [left, right] = [parse(a), parse(b)];
  const scale = Math.max(left.scale, right.scale);
  return [left.units * 10n ** BigInt(scale - left.scale), right.units * 10n ** BigInt(scale - right.scale), scale];
}

function parse(text: string): Parsed {
  if (!FORM.test(text)) throw new RangeError(`expected a decimal like -1.5, got ${JSON.stringify(text)}`);
  const point = text.indexOf('.');
  if (point < 0) return { units: BigInt(text), scale: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
}

function format(units: bigint, scale: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
