// Times and spans as words. Times are milliseconds since the epoch; a person's zone is the machine's.

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

/** `14:03:07.250`, in the machine's zone. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${three(date.getMilliseconds())}`;
}

/** `2026-03-01`, in the machine's zone. */
export function dayOf(at: number): string {
  const date = new Date(at);
  return `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The time alone on the day that it is, else with its day. */
export function localTime(at: number, now: number): string {
  return dayOf(at) === dayOf(now) ? timeOfDay(at) : `${dayOf(at)} ${timeOfDay(at)}`;
}

/** `2026-03-01 13:03:07.250 UTC`. */
export function utcTime(at: number): string {
  return `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** For `<time datetime>`. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

/** Two units at most: `412 ms`, `4.2 s`, `4 min 59 s`, `2 h 3 min`, `3 d 4 h`. */
export function spanOf(ms: number): string {
  const span = Math.max(0, Math.round(ms));
  if (span < SECOND_MS) return `${String(span)} ms`;
  if (span < 10 * SECOND_MS) return `${trimmed(span / SECOND_MS)} s`;
  if (span < MINUTE_MS) return `${String(Math.floor(span / SECOND_MS))} s`;
  if (span < HOUR_MS) return pair(span, MINUTE_MS, 'min', SECOND_MS, 's');
  if (span < DAY_MS) return pair(span, HOUR_MS, 'h', MINUTE_MS, 'min');
  return pair(span, DAY_MS, 'd', HOUR_MS, 'h');
}

/** `3 s ago`, `in 2 min 5 s`; whole seconds. */
export function fromNow(at: number, now: number): string {
  const seconds = Math.round((now - at) / SECOND_MS);
  if (seconds === 0) return 'now';
  const span = spanOf(Math.abs(seconds) * SECOND_MS);
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}

function pair(span: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((span % large) / small);
  const first = `${String(Math.floor(span / large))} ${largeName}`;
  return rest === 0 ? first : `${first} ${String(rest)} ${smallName}`;
}

function trimmed(seconds: number): string {
  return (Math.floor(seconds * 10) / 10).toFixed(1).replace('.0', '');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function three(value: number): string {
  return String(value).padStart(3, '0');
}
