// Amounts are integers of a named scale inside the market and decimal strings outside: never a binary fraction.

const ZERO = 48;

/**
 * `units` / 10^`scale` as the exchange writes it: at least one decimal, no further trailing zeros (`25235.0`, `0.45277`).
 * `units` is a safe integer.
 */
export function decimalOf(units: number, scale: number): string {
  if (scale === 0) return `${units === 0 ? 0 : units}.0`;
  const digits = String(Math.abs(units)).padStart(scale + 1, '0');
  const point = digits.length - scale;
  let end = digits.length;
  while (end > point + 1 && digits.charCodeAt(end - 1) === ZERO) end -= 1;
  return `${units < 0 ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point, end)}`;
}
