// The frames and rows of the protocol, as text and JSON values.

import { ASSETS, PERPS, SPOTS } from '../assets.ts';
import type { AccountData, FillData, OrderUpdateData } from '../record.ts';

/** The first text on a connection; no JSON. */
export const GREETING = 'Websocket connection established.';
export const PONG = JSON.stringify({ channel: 'pong' });

export const CHANNELS = ['userFills', 'orderUpdates', 'userTwapSliceFills', 'webData2'] as const;
export type Channel = (typeof CHANNELS)[number];

export type Subscription = { readonly type: Channel; readonly user: string };

export function isChannel(value: unknown): value is Channel {
  return CHANNELS.some((channel) => channel === value);
}

export function errorFrame(text: string): string {
  return JSON.stringify({ channel: 'error', data: text });
}

/** Echoes the subscription, with a field that wasn't asked for. */
export function ackFrame(method: 'subscribe' | 'unsubscribe', subscription: Subscription): string {
  const echo = subscription.type === 'userFills' ? { ...subscription, aggregateByTime: false } : subscription;
  return JSON.stringify({ channel: 'subscriptionResponse', data: { method, subscription: echo } });
}

export function fillsFrame(user: string, fills: readonly FillData[], isSnapshot: boolean): string {
  return JSON.stringify({ channel: 'userFills', data: isSnapshot ? { isSnapshot, user, fills } : { user, fills } });
}

export function slicesFrame(user: string, fills: readonly FillData[], isSnapshot: boolean): string {
  const twapSliceFills = fills.map((fill) => ({ fill, twapId: fill.twapId }));
  return JSON.stringify({ channel: 'userTwapSliceFills', data: isSnapshot ? { isSnapshot, user, twapSliceFills } : { user, twapSliceFills } });
}

/** A bare array, without the user. */
export function updatesFrame(updates: readonly OrderUpdateData[]): string {
  return JSON.stringify({ channel: 'orderUpdates', data: updates });
}

export function webDataFrame(user: string, value: AccountData, serverTime: number): string {
  const data = { clearinghouseState: stateOf(value, serverTime), openOrders: [], serverTime, isVault: false, user };
  return JSON.stringify({ channel: 'webData2', data });
}

/** `clearinghouseState` with nothing but the account's value, and the time at which it was asked for. */
export function stateOf(value: AccountData, time: number): object {
  const margin = { accountValue: value.accountValue, totalNtlPos: '0.0', totalRawUsd: value.accountValue, totalMarginUsed: '0.0' };
  return {
    marginSummary: margin, crossMarginSummary: margin, crossMaintenanceMarginUsed: '0.0', withdrawable: '0.0', assetPositions: [], time,
  };
}

/** A row of `historicalOrders`, and the inside of an answer to `orderStatus`. */
export function orderRow({ order, status, statusTimestamp }: OrderUpdateData): object {
  const { coin, side, limitPx, sz, oid, timestamp, origSz, cloid = null, reduceOnly = false } = order;
  return {
    order: {
      coin, side, limitPx, sz, oid, timestamp, triggerCondition: 'N/A', isTrigger: status === 'triggered', triggerPx: '0.0', children: [],
      isPositionTpsl: false, reduceOnly, orderType: 'Limit', origSz, tif: 'Gtc', cloid,
    },
    status,
    statusTimestamp,
  };
}

/** A row of `openOrders`. */
export function openRow({ order }: OrderUpdateData): object {
  const { coin, limitPx, oid, side, sz, timestamp, origSz, cloid } = order;
  return { coin, limitPx, oid, side, sz, timestamp, origSz, ...(cloid === undefined ? {} : { cloid }) };
}

const DEXS = ['', ...new Set(PERPS.filter(({ coin }) => coin.includes(':')).map(({ coin }) => coin.slice(0, coin.indexOf(':'))))];

/** `meta` of one dex, the first one's name being empty; null when there is no such dex. */
export function metaOf(dex: string): object | null {
  if (!DEXS.includes(dex)) return null;
  const isOfDex = (coin: string): boolean => (dex === '' ? !coin.includes(':') : coin.startsWith(`${dex}:`));
  const universe = PERPS.filter(({ coin }) => isOfDex(coin))
    .map(({ coin, sizeScale }) => ({ szDecimals: sizeScale, name: coin, maxLeverage: 20, marginTableId: 20 }));
  return { universe, marginTables: [], collateralToken: 0 };
}

export function allMetas(): readonly (object | null)[] {
  return DEXS.map(metaOf);
}

/** The first dex has no entry. */
export function perpDexs(): readonly (object | null)[] {
  return DEXS.map((name) => (name === '' ? null : { name, fullName: name.toUpperCase(), deployer: `0x${'d'.repeat(40)}`, oracleUpdater: null }));
}

/** A pair's index and a token's are not their places in the arrays. */
export function spotMeta(): object {
  const tokens = [...new Set(SPOTS.map(({ baseToken }) => baseToken))].map((name, place) => ({ name, index: 150 - place }));
  const indexOf = (name: string): number => tokens.find((token) => token.name === name)?.index ?? 0;
  return {
    universe: SPOTS.map(({ coin, baseToken }) => ({
      tokens: [indexOf(baseToken), 0], name: coin, index: coin.startsWith('@') ? Number(coin.slice(1)) : 0, isCanonical: !coin.startsWith('@'),
    })),
    tokens: [{ name: 'USDC', index: 0 }, ...tokens].map(({ name, index }) => ({
      name, szDecimals: ASSETS.find((asset) => asset.baseToken === name)?.sizeScale ?? 8, weiDecimals: 8, index,
      tokenId: `0x${index.toString(16).padStart(32, '0')}`, isCanonical: true, evmContract: null, fullName: null,
    })),
  };
}
