// A filter as the query of an address: of this page's own, and of the gateway's. The names are the gateway's.
//
// F1  Reading what was written gives the same filter; what can't be understood is left out, never guessed at.

import type { AssetType, Cause, Direction, Filter, Side, Trigger } from '@fillstream/client';

export const DIRECTIONS: readonly Direction[] = ['open', 'close'];
export const SIDES: readonly Side[] = ['LONG', 'SHORT'];
export const ASSET_TYPES: readonly AssetType[] = ['futures', 'spot', 'outcome'];
export const CAUSES: readonly Cause[] = ['trade', 'liquidation', 'adl', 'settlement'];
export const TRIGGERS: readonly Trigger[] = ['complete', 'grace', 'quiet', 'timeout'];

const ADDRESS = /^0x[0-9a-f]{40}$/;
const AMOUNT = /^\d+(?:\.\d+)?$/;

export function filterOf(query: URLSearchParams): Filter {
  const addresses = listOf(query, 'addresses').map((address) => address.toLowerCase()).filter((address) => ADDRESS.test(address));
  const coins = listOf(query, 'coins');
  const directions = among(DIRECTIONS, query, 'directions');
  const sides = among(SIDES, query, 'sides');
  const assetTypes = among(ASSET_TYPES, query, 'assetTypes');
  const minNotional = query.get('minNotional') ?? '';
  const causes = among(CAUSES, query, 'causes');
  const triggers = among(TRIGGERS, query, 'triggers');
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(coins.length > 0 ? { coins } : {}),
    ...(directions.length > 0 ? { directions } : {}),
    ...(sides.length > 0 ? { sides } : {}),
    ...(assetTypes.length > 0 ? { assetTypes } : {}),
    ...(AMOUNT.test(minNotional) ? { minNotional } : {}),
    ...(causes.length > 0 ? { causes } : {}),
    ...(triggers.length > 0 ? { triggers } : {}),
    ...(query.get('revisions') === 'first' ? { revisions: 'first' } : {}),
  };
}

/** A filter of which a part may be said to be none. */
export type FilterParts = { readonly [Part in keyof Filter]?: Filter[Part] | undefined };

/** In one order, so that equal filters have equal addresses. */
export function queryOf(filter: FilterParts): URLSearchParams {
  const query = new URLSearchParams();
  const put = (name: keyof Filter, values: readonly string[] | undefined): void => {
    if (values !== undefined && values.length > 0) query.set(name, values.join(','));
  };
  put('addresses', filter.addresses);
  put('coins', filter.coins);
  put('directions', filter.directions);
  put('sides', filter.sides);
  put('assetTypes', filter.assetTypes);
  put('minNotional', filter.minNotional === undefined ? undefined : [filter.minNotional]);
  put('causes', filter.causes);
  put('triggers', filter.triggers);
  put('revisions', filter.revisions === 'first' ? ['first'] : undefined);
  return query;
}

/** How many of its parts narrow anything. */
export function partsOf(filter: Filter): number {
  return queryOf(filter).size;
}

/** What somebody typed as addresses: whole ones, and the rest, which is none. */
export function typedAddresses(text: string): { readonly addresses: readonly string[]; readonly rest: readonly string[] } {
  const words = wordsOf(text.toLowerCase());
  return { addresses: words.filter((word) => ADDRESS.test(word)), rest: words.filter((word) => !ADDRESS.test(word)) };
}

/** What somebody typed as a list: separated by commas or spaces, each once. */
export function wordsOf(text: string): readonly string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((word) => word !== ''))];
}

/** The list with the value taken out, or put in where the others' order wants it. */
export function toggled<T extends string>(all: readonly T[], chosen: readonly T[] | undefined, value: T): readonly T[] {
  const has = chosen?.includes(value) ?? false;
  return all.filter((each) => (each === value ? !has : chosen?.includes(each) ?? false));
}

function listOf(query: URLSearchParams, name: string): readonly string[] {
  return [...new Set((query.get(name) ?? '').split(',').map((word) => word.trim()).filter((word) => word !== ''))];
}

function among<T extends string>(all: readonly T[], query: URLSearchParams, name: string): readonly T[] {
  const chosen = listOf(query, name);
  return all.filter((value) => chosen.includes(value));
}
