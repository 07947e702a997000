// Which signals a subscriber wants: read from what came in, and made a function.

import type { Filter, Signal } from '@fillstream/client';
import { compare, parseDecimal, readDecimal } from '@fillstream/core';
import { z } from 'zod';

const MOST_ADDRESSES = 1_000;
const MOST_COINS = 200;
const MOST_DIGITS = 60;

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hex digits').transform((text) => text.toLowerCase());
const decimal = z.string().max(MOST_DIGITS).refine((text) => readDecimal(text) !== null, 'expected a decimal such as 1000 or 0.5');

/** Unknown fields are refused. */
export const filterSchema = z.strictObject({
  addresses: z.array(address).min(1).max(MOST_ADDRESSES).exactOptional(),
  coins: z.array(z.string().min(1).max(64)).min(1).max(MOST_COINS).exactOptional(),
  directions: z.array(z.enum(['open', 'close'])).min(1).exactOptional(),
  sides: z.array(z.enum(['LONG', 'SHORT'])).min(1).exactOptional(),
  assetTypes: z.array(z.enum(['futures', 'spot', 'outcome'])).min(1).exactOptional(),
  minNotional: decimal.exactOptional(),
  causes: z.array(z.enum(['trade', 'liquidation', 'adl', 'settlement'])).min(1).exactOptional(),
  triggers: z.array(z.enum(['complete', 'grace', 'quiet', 'timeout'])).min(1).exactOptional(),
  revisions: z.enum(['all', 'first']).exactOptional(),
});

/** Throws an Error of one line that names the field. */
export function parseFilter(value: unknown): Filter {
  const parsed = filterSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`filter${issue === undefined ? '' : `${issue.path.map((key) => `.${String(key)}`).join('')}: ${issue.message}`}`);
}

export function compileFilter(filter: Filter): (signal: Signal) => boolean {
  return compileTests(filter) ?? (() => true);
}

/** null: it asks for nothing but addresses, so that no signal's text has to be read. */
export function compileBeyondAddresses({ addresses: _, ...filter }: Filter): ((signal: Signal) => boolean) | null {
  return compileTests(filter);
}

function compileTests(filter: Filter): ((signal: Signal) => boolean) | null {
  const tests = testsOf(filter);
  return tests.length === 0 ? null : (signal) => tests.every((test) => test(signal));
}

type Test = (signal: Signal) => boolean;

function testsOf({ addresses, coins, directions, sides, assetTypes, minNotional, causes, triggers, revisions }: Filter): Test[] {
  const least = minNotional === undefined ? null : parseDecimal(minNotional);
  return [
    oneOf(addresses, ({ address: of }) => of),
    oneOf(directions, ({ direction }) => direction),
    oneOf(sides, ({ side }) => side),
    oneOf(assetTypes, ({ assetType }) => assetType),
    oneOf(causes, ({ cause }) => cause),
    oneOf(triggers, ({ trigger }) => trigger),
    coinsTest(coins),
    least === null ? null : ({ notional }: Signal) => compare(parseDecimal(notional), least) >= 0,
    revisions === 'first' ? ({ revision }: Signal) => revision === 1 : null,
  ].filter((test) => test !== null);
}

function oneOf<T>(wanted: readonly T[] | undefined, valueOf: (signal: Signal) => T): Test | null {
  if (wanted === undefined) return null;
  const set = new Set(wanted);
  return (signal) => set.has(valueOf(signal));
}

function coinsTest(coins: readonly string[] | undefined): Test | null {
  if (coins === undefined) return null;
  const set = new Set(coins);
  return ({ coin, symbol }) => set.has(coin) || set.has(symbol);
}
