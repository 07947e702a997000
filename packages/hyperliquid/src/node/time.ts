// Times as a node writes them: ISO texts with up to nanoseconds, in UTC, or milliseconds since the epoch.

const LEAST_TIME = 1e12;
const GREATEST_TIME = 1e13;
/** A zone other than UTC would be another time, and isn't guessed at. */
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?$/;

/** Milliseconds since the epoch, what is finer cut off; null for what isn't clearly a time. */
export function exchangeTime(value: unknown): number | null {
  const time = typeof value === 'string' ? isoTime(value) : value;
  return typeof time === 'number' && Number.isInteger(time) && time >= LEAST_TIME && time <= GREATEST_TIME ? time : null;
}

function isoTime(text: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59) return null;
  return Date.UTC(year, month - 1, day, hour, minute, second, milliseconds);
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
