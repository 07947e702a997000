// What of a JSON object fits a typed record, and what is left of it.
//
// J1  null is absent, as in contract §2; undefined says that a value doesn't fit.
// J2  Numbers are those of JSON.parse.

export type JsonObject = Readonly<Record<string, unknown>>;

const TIME_MIN = 1e12;
const TIME_MAX = 1e13;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A needed text; UTF-8 can't carry a lone surrogate. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

/** A needed id or count that Avro's long carries exactly. */
export function isWhole(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value);
}

/** A needed time: milliseconds since the epoch (contract §2). */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= TIME_MIN && value <= TIME_MAX && Number.isInteger(value);
}

export function textOf(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  return isText(value) ? value : undefined;
}

export function wholeOf(value: unknown): number | null | undefined {
  if (value === undefined || value === null) return null;
  return isWhole(value) ? value : undefined;
}

export function flagOf(value: unknown): boolean | null | undefined {
  if (value === undefined || value === null) return null;
  return typeof value === 'boolean' ? value : undefined;
}

/** Far deeper than anything of the exchange, and far from where writing JSON ends. */
const GREATEST_DEPTH = 32;

/**
 * As JSON text, what of `object` its typed `fields` don't express: unknown fields, and those that are null.
 * null: nothing, as the `expressed` fields are all it has; undefined: nested so deep that writing it again might fail.
 */
export function extraOf(object: JsonObject, fields: ReadonlySet<string>, expressed: number): string | null | undefined {
  const keys = Object.keys(object);
  if (keys.length === expressed) return null;
  const rest: Record<string, unknown> = {};
  for (const key of keys) {
    const value = object[key];
    if (value !== null && fields.has(key)) continue;
    if (key === '__proto__') return undefined;
    rest[key] = value;
  }
  return isDeeperThan(rest, GREATEST_DEPTH) ? undefined : JSON.stringify(rest);
}

/** Recursion ends at `depth`, whatever comes. */
function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((part) => isDeeperThan(part, depth - 1));
}
