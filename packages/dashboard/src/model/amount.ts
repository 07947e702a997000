// Decimals as text, to be read. Nothing here is ever a float.

/** A decimal in the pieces that it is drawn from: `sign` + `whole` + `.` + `fraction` + `tail` is all of it. */
export type Pieces = {
  readonly sign: '' | '−';
  /** Grouped by thousands. */
  readonly whole: string;
  /** The first digits after the point. */
  readonly fraction: string;
  /** The digits after those: shown smaller, never left out. */
  readonly tail: string;
};

const FRACTION_DIGITS = 6;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Text that is no decimal is given back whole. */
export function piecesOf(decimal: string): Pieces {
  const match = DECIMAL.exec(decimal);
  if (match === null) return { sign: '', whole: decimal, fraction: '', tail: '' };
  const [, minus = '', whole = '', digits = ''] = match;
  return {
    sign: minus === '' ? '' : '−',
    whole: grouped(whole),
    fraction: digits.slice(0, FRACTION_DIGITS),
    tail: digits.slice(FRACTION_DIGITS),
  };
}

/** `-1234567.50` → `−1,234,567.50`. */
export function readable(decimal: string): string {
  const { sign, whole, fraction, tail } = piecesOf(decimal);
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}${tail}`}`;
}

function grouped(digits: string): string {
  return digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

export function isNegative(decimal: string): boolean {
  return decimal.startsWith('-');
}

export function isZero(decimal: string): boolean {
  return /^-?0*(?:\.0*)?$/.test(decimal);
}

/** A share as percent, exactly: `0.123456` → `12.3456`. */
export function percentOf(share: string): string {
  return shifted(share, 2);
}

function shifted(decimal: string, places: number): string {
  const match = DECIMAL.exec(decimal);
  if (match === null) return decimal;
  const [, minus = '', whole = '', digits = ''] = match;
  const padded = digits.padEnd(places, '0');
  const moved = `${whole}${padded.slice(0, places)}`.replace(/^0+(?=\d)/, '');
  const rest = padded.slice(places).replace(/0+$/, '');
  return `${minus}${moved}${rest === '' ? '' : `.${rest}`}`;
}

/** What somebody typed as an amount: `10,000`, `2.5k`, `1m`; null when it is none, `''` when it is empty. */
export function typedAmount(text: string): string | null {
  const typed = text
    .trim()
    .toLowerCase()
    .replaceAll(/[,_'$\s]/g, '');
  if (typed === '') return '';
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?|\.\d+)([km]?)$/.exec(typed) ?? [];
  if (number === undefined) return null;
  const whole = number.startsWith('.') ? `0${number}` : number;
  const digits = shifted(whole, unit === 'm' ? 6 : unit === 'k' ? 3 : 0);
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}
