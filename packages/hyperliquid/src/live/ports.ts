// What the live feed is given and what it gives: an endpoint, records, and the sink they go to.

/** A JSON object as it came. */
export type Json = { readonly [field: string]: unknown };

/** Where an exchange is: its WebSocket, and the address of `POST /info`. */
export type Endpoint = { readonly ws: string; readonly info: string };

export const MAINNET: Endpoint = { ws: 'wss://api.hyperliquid.xyz/ws', info: 'https://api.hyperliquid.xyz/info' };
export const TESTNET: Endpoint = { ws: 'wss://api.hyperliquid-testnet.xyz/ws', info: 'https://api.hyperliquid-testnet.xyz/info' };

/** How a record came: over the socket, with the history that greets a subscription, or asked for by REST. */
export type Source = 'ws' | 'snapshot' | 'repair';

/** What every record has. `receivedAt` is milliseconds since the epoch, and never decreases in a process. */
type Received = { readonly address: string; readonly receivedAt: number; readonly source: Source };

/** A journal record (contract §1); `data` is the exchange's object, untouched. */
export type FillRecord = Received & { readonly kind: 'fill'; readonly symbol?: string; readonly data: Json };
export type OrderUpdateRecord = Received & { readonly kind: 'orderUpdate'; readonly data: Json };
export type AccountRecord = Received & {
  readonly kind: 'account';
  readonly data: { readonly time: number; readonly accountValue: string };
};

/** What isn't understood: its text, cut at RAW_TEXT_CHARS, and the length of the whole in characters. */
export type RawRecord = Received & { readonly kind: 'raw'; readonly text: string; readonly length: number };

export type InputRecord = FillRecord | OrderUpdateRecord | AccountRecord | RawRecord;

export const RAW_TEXT_CHARS = 65_536;

/** How far an address is durable: the time of its last durable fill (ms, the exchange's clock), and the tids of that millisecond. */
export type Progress = { readonly lastFillAt: number; readonly tids: readonly number[] };

/** What could not be fetched, on the exchange's clock. */
export type GapRecord = { readonly address: string; readonly from: number; readonly to: number; readonly reason: string };

/** Where records go. Calls for one address come one after the other, those for several beside each other. */
export interface Sink {
  /** Resolves when all of them are durable, in this order. One that fails is done again, so records may come twice. */
  append(records: readonly InputRecord[]): Promise<void>;
  /** Where a repair starts; null for an address that has no fills yet. */
  progress(address: string): Promise<Progress | null>;
  /** Comes after the fills that it speaks of are durable. */
  saveProgress(address: string, progress: Progress): Promise<void>;
  gap(gap: GapRecord): Promise<void>;
}
