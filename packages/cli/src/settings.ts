// Every setting once: its name, how it is written, its default, and what it does.
//
// Sources, later ones over earlier ones: defaults, a file (--config), the environment (FILLSTREAM_…), --set key=value,
// and a journal's own NAME.config.json.

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { DEFAULT_SETTINGS, compare, format, readDecimal, signOf, type Decimal } from '@fillstream/core';
import { parsePeriod } from './period.ts';

/** A setting that can't be used; the message is one line that says what was expected. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([['', 1], ['KiB', 2 ** 10], ['MiB', 2 ** 20], ['GiB', 2 ** 30]]);

const period = written('milliseconds, or a time such as 500ms, 5s, 10m, 1h or 30d', parsePeriod);

const bytes = written('a number of bytes, or a size such as 512MiB or 4GiB', (text) => {
  const [, amount = '', unit = ''] = /^([0-9]+)(KiB|MiB|GiB)?$/.exec(text) ?? [];
  const size = Number.parseInt(amount, 10) * (UNIT_BYTES.get(unit) ?? NaN);
  return Number.isSafeInteger(size) ? size : undefined;
});

const amount = written('a decimal amount of USD >= 0, such as 10000', (text): Decimal | undefined => {
  const value = readDecimal(text);
  return value !== null && signOf(value) >= 0 ? value : undefined;
});

function wholeNumber(least: number, greatest: number): z.ZodType<number> {
  return written(`a whole number from ${String(least)} to ${String(greatest)}`, (text) => {
    const value = /^[0-9]+$/.test(text) ? Number.parseInt(text, 10) : NaN;
    return value >= least && value <= greatest ? value : undefined;
  });
}

/** A value read from text (or a JSON number), with the words for what it should have been. */
function written<T>(expected: string, read: (text: string) => T | undefined): z.ZodType<T> {
  return z.union([z.string(), z.number()], `expected ${expected}`).transform((value, context) => {
    const result = read(String(value).trim());
    if (result !== undefined) return result;
    context.addIssue(`expected ${expected}, got ${JSON.stringify(value)}`);
    return z.NEVER;
  });
}

const D = DEFAULT_SETTINGS;

/** In the order of the README's table. The first twelve are the fold's (contract §7). */
const SCHEMA = z.strictObject({
  graceMs: period.default(D.graceMs)
    .describe('How long an order with a terminal status waits for missing fills, after its last change'),
  quietMs: period.default(D.quietMs)
    .describe('How long after the last fill TWAP slices, liquidations and settlements go out'),
  timeoutMs: period.default(D.timeoutMs)
    .describe('How long after its first unreported fill an order without a terminal status goes out'),
  statusMs: period.default(D.statusMs)
    .describe('How long a terminal status waits for its first fill'),
  finishedMs: period.default(D.finishedMs)
    .describe('How long a complete order stays on record after its last change'),
  quietFinishedMs: period.default(D.quietFinishedMs)
    .describe('The same for orders of TWAP slices, liquidations and settlements'),
  unfinishedMs: period.default(D.unfinishedMs)
    .describe('The same for all other orders'),
  memory: wholeNumber(0, 1_000_000).default(D.memory)
    .describe('How many finished orders an address remembers'),
  startBehindMs: period.default(D.startBehindMs)
    .describe('How old fills may be when an address is first seen'),
  lateFills: z.enum(['revise', 'drop'], { error: ({ input }) => `expected revise or drop, got ${JSON.stringify(input)}` })
    .default(D.lateFills)
    .describe('Whether a fill after its signal makes a revision'),
  smallBelow: amount.default(D.smallBelow)
    .describe('USD: a signal of less notional is `small`'),
  mediumBelow: amount.default(D.mediumBelow)
    .describe('USD: a signal of less notional is `medium`, any other `large`'),
  partitions: wholeNumber(1, 1_024).default(4)
    .describe('Partitions of the embedded log, fixed when it is made'),
  logLimitBytes: bytes.default(4 * 2 ** 30)
    .describe('The greatest size of the embedded log'),
});

export type AllSettings = Readonly<z.infer<typeof SCHEMA>>;

/** Settings as somebody wrote them, and where. */
export type Written = { readonly source: string; readonly values: Readonly<Record<string, unknown>> };

/** Name, default as text and meaning of every setting, in the order of the README's table. */
export function describeSettings(): readonly { readonly name: string; readonly initial: string; readonly about: string }[] {
  const initial = SCHEMA.parse({});
  return Object.entries(SCHEMA.shape).map(([name, schema]) => {
    const value = Object.entries(initial).find(([key]) => key === name)?.[1] ?? '';
    return { name, initial: typeof value === 'object' ? format(value) : String(value), about: schema.description ?? '' };
  });
}

/** The settings that the sources lead to, later ones over earlier ones. Throws SettingsError. */
export function resolveSettings(sources: readonly Written[]): AllSettings {
  const values = new Map<string, { readonly value: unknown; readonly source: string }>();
  for (const { source, values: written } of sources) {
    for (const [key, value] of Object.entries(written)) values.set(nameOf(key, source), { value, source });
  }
  const result = SCHEMA.safeParse(Object.fromEntries(Array.from(values, ([name, { value }]) => [name, value])));
  if (result.success) {
    if (compare(result.data.smallBelow, result.data.mediumBelow) <= 0) return result.data;
    throw new SettingsError('mediumBelow: expected at least smallBelow');
  }
  const [issue] = result.error.issues;
  const name = String(issue?.path[0] ?? '');
  throw new SettingsError(`${values.get(name)?.source ?? ''}: ${name}: ${issue?.message ?? ''}`);
}

/** `graceMs`, or `grace` for short. */
function nameOf(key: string, source: string): string {
  const names = Object.keys(SCHEMA.shape);
  const name = [key, `${key}Ms`, `${key}Bytes`].find((candidate) => names.includes(candidate));
  if (name === undefined) throw new SettingsError(`${source}: no setting ${JSON.stringify(key)}, expected one of ${names.join(', ')}`);
  return name;
}

/** `FILLSTREAM_GRACE_MS=5s` and the like; other variables with the prefix are refused, as a typo would be lost. */
export function fromEnvironment(environment: NodeJS.ProcessEnv): Written[] {
  return Object.entries(environment).flatMap(([variable, value]) => {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || value === undefined) return [];
    const words = variable.slice(ENVIRONMENT_PREFIX.length).toLowerCase().split('_');
    const name = words.map((word, place) => (place === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
    return [{ source: variable, values: { [name]: value } }];
  });
}

const ENVIRONMENT_PREFIX = 'FILLSTREAM_';

/** `key=value` of --set. Throws SettingsError. */
export function fromAssignment(text: string): Written {
  const split = text.indexOf('=');
  if (split <= 0) throw new SettingsError(`--set ${text}: expected key=value`);
  return { source: `--set ${text}`, values: { [text.slice(0, split).trim()]: text.slice(split + 1) } };
}

/** A JSON object of settings in a file. Throws SettingsError. */
export function fromFile(path: string): Written {
  const text = readText(path);
  try {
    return { source: path, values: z.record(z.string(), z.unknown()).parse(JSON.parse(text)) };
  } catch (cause) {
    throw new SettingsError(`${path}: expected a JSON object of settings`, { cause });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SettingsError(`can't read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** How long an order can wait for whatever comes next. */
export function longestPeriodMs(settings: AllSettings): number {
  const { graceMs, quietMs, timeoutMs, statusMs, finishedMs, quietFinishedMs, unfinishedMs } = settings;
  return Math.max(graceMs, quietMs, timeoutMs, statusMs, finishedMs, quietFinishedMs, unfinishedMs);
}

/** The settings of the fold as text that is equal exactly when they are. */
export function foldSettingsText({ partitions: _, logLimitBytes: __, smallBelow, mediumBelow, ...rest }: AllSettings): string {
  return JSON.stringify({ ...rest, smallBelow: format(smallBelow), mediumBelow: format(mediumBelow) });
}

/** What `foldSettingsText` wrote, as settings again; the usual ones where nobody wrote any. Throws SettingsError. */
export function storedSettings(text: string | null): AllSettings {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return resolveSettings(text === null ? [] : [{ source: 'the state', values: JSON.parse(text) as Record<string, unknown> }]);
}
