// The flags that say which exchange, and which addresses on it.

import { checkAddress } from '@fillstream/hyperliquid';
import type { Endpoint } from '@fillstream/hyperliquid/live';
import { UsageError } from './errors.ts';

export type ExchangeFlags = { readonly testnet: boolean; readonly exchange?: string };

/** Throws UsageError. */
export async function endpointOf({ exchange, testnet }: ExchangeFlags): Promise<Endpoint> {
  const { MAINNET, TESTNET } = await import('@fillstream/hyperliquid/live');
  if (exchange === undefined) return testnet ? TESTNET : MAINNET;
  if (testnet) throw new UsageError('--testnet and --exchange: expected one of them');
  if (!URL.canParse(exchange) || !exchange.startsWith('http')) throw new UsageError(`--exchange: expected http://host or https://host, got ${exchange}`);
  const base = exchange.replace(/\/+$/, '');
  return { ws: `${base.replace(/^http/, 'ws')}/ws`, info: `${base}/info` };
}

/** In lower case, each once. Throws UsageError. */
export function addressesOf(texts: readonly string[]): string[] {
  return [...new Set(texts.map((text) => {
    const address = checkAddress(text);
    if (address === null) throw new UsageError(`--address: expected 0x and 40 hex digits, got ${text}`);
    return address;
  }))];
}

/** As many as one IP may watch. Throws UsageError. */
export async function watchedOf(texts: readonly string[]): Promise<string[]> {
  const addresses = addressesOf(texts);
  const { EXCHANGE_LIMITS } = await import('@fillstream/hyperliquid/live');
  if (addresses.length <= EXCHANGE_LIMITS.users) return addresses;
  throw new UsageError(`--address: expected at most ${String(EXCHANGE_LIMITS.users)}, as the exchange lets one IP watch no more`);
}

/** For a flag that may be given several times. */
export function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
