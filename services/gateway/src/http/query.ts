// Parameters of requests: text, read strictly. What isn't foreseen is refused.

import type { Filter, From } from '@fillstream/client';
import { z } from 'zod';
import { filterSchema, parseFilter } from '../feed/filter.ts';
import { cursor, leg, named, sinceTime } from './schemas.ts';

const MOST_SIGNALS = 1_000;
const MOST_ADDRESSES = 1_000;
const MOST_RECORDS = 1_000;
const DIGITS = /^\d{1,16}$/;

/** Comma-separated, or repeated. */
function list<S extends z.ZodType>(schema: S): z.ZodOptional<z.ZodPreprocess<S>> {
  return z.preprocess((value) => [value].flat().flatMap((each) => (typeof each === 'string' ? each.split(',') : each)), schema).optional();
}

/** Digits alone: no sign, no exponent, no spaces. */
function integer(schema: z.ZodInt): z.ZodPreprocess<z.ZodInt> {
  return z.preprocess((value) => (typeof value === 'string' && DIGITS.test(value) ? Number(value) : value), schema);
}

const { addresses, coins, directions, sides, assetTypes, minNotional, causes, triggers, revisions } = filterSchema.shape;
const filterQuery = {
  addresses: list(addresses.unwrap()),
  coins: list(coins.unwrap()),
  directions: list(directions.unwrap()),
  sides: list(sides.unwrap()),
  assetTypes: list(assetTypes.unwrap()),
  minNotional,
  causes: list(causes.unwrap()),
  triggers: list(triggers.unwrap()),
  revisions,
};

const addressText = addresses.unwrap().element;
const limitOf = (most: number): z.ZodOptional<z.ZodPreprocess<z.ZodInt>> => integer(z.int().min(1).max(most)).optional();

export const signalsQuery = z.strictObject({
  ...filterQuery,
  order: z.enum(['asc', 'desc']).optional(),
  after: cursor.optional(),
  before: cursor.optional(),
  since: integer(sinceTime).optional(),
  limit: limitOf(MOST_SIGNALS),
})
  .refine(({ order, before }) => before === undefined || order === 'desc', 'before is for order=desc')
  .refine(({ order, after, since }) => order !== 'desc' || (after === undefined && since === undefined), 'after and since are for order=asc')
  .refine(({ after, since }) => after === undefined || since === undefined, 'expected after or since, not both');

export const streamQuery = z.strictObject({
  ...filterQuery,
  from: z.string().min(1).optional().register(named, { description: '`latest`, `earliest`, `snapshot`, milliseconds since the epoch, or a cursor.' }),
});

export const addressesQuery = z.strictObject({ after: addressText.optional(), limit: limitOf(MOST_ADDRESSES) });
export const quarantineQuery = z.strictObject({ limit: limitOf(MOST_RECORDS) });
export const revisionsQuery = z.strictObject({ revisions: z.enum(['all']).optional() });
export const noQuery = z.strictObject({});

export const addressParams = z.strictObject({ address: addressText });
export const orderParams = z.strictObject({ address: addressText, oid: integer(z.int().min(0)) });
export const signalParams = z.strictObject({ address: addressText, oid: integer(z.int().min(0)), leg });

/** What of a query is a filter. */
export function filterOf(query: Readonly<Record<string, unknown>>): Filter {
  return parseFilter(Object.fromEntries(Object.entries(query).filter(([name, value]) => name in filterQuery && value !== undefined)));
}

/** Of a stream's `from`, or `Last-Event-ID`: a cursor is never of digits alone. */
export function fromOf(text: string | undefined): From {
  if (text === undefined) return 'latest';
  if (text === 'latest' || text === 'earliest' || text === 'snapshot') return text;
  return DIGITS.test(text) ? { since: Number(text) } : { cursor: text };
}
