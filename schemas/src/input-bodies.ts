// The records of `fills` and `order-updates` as Avro has them, and their codecs.
//
// B1  A record is typed only if nothing is lost: what it holds beyond its fields stands in `extra` at the level where it was.
// B2  Whatever can't be typed is raw: its bytes as they came.

import { branchCodec, branchesOf } from './avro.ts';

/** The fields without one of their own, and explicit nulls: a JSON object as text. */
type Extra = string | null;

/** The extra of nearly every live fill, worth a short cut: it names twapId though it has none. */
export const NO_TWAP_ID = '{"twapId":null}';

export type TickBody = { readonly receivedAt: number; readonly extra: Extra };

/** What is known of a record that is too large to be kept whole. */
export type Cut = {
  /** Bytes of the whole. */
  readonly length: number;
  /** Of the whole, in lower-case hex. */
  readonly sha256: string;
  readonly file: string | null;
  /** Byte offset in the file. */
  readonly position: number | null;
};

export type RawBody = { readonly bytes: Buffer; readonly receivedAt: number | null; readonly cut: Cut | null };

export type LiquidationBody = {
  readonly liquidatedUser: string | null;
  readonly markPx: string | null;
  readonly method: string | null;
  readonly extra: Extra;
};

export type ExchangeFillBody = {
  readonly coin: string;
  readonly px: string;
  readonly sz: string;
  readonly side: string;
  readonly time: number;
  readonly startPosition: string;
  readonly dir: string;
  readonly closedPnl: string | null;
  readonly hash: string | null;
  readonly oid: number;
  readonly crossed: boolean | null;
  readonly fee: string | null;
  readonly tid: number | null;
  readonly cloid: string | null;
  readonly feeToken: string | null;
  readonly twapId: number | null;
  readonly liquidation: LiquidationBody | null;
  readonly builderFee: string | null;
  readonly extra: Extra;
};

export type FillBody = {
  readonly address: string;
  readonly receivedAt: number;
  readonly symbol: string | null;
  readonly source: string | null;
  readonly extra: Extra;
  readonly data: ExchangeFillBody;
};

export type AccountValueBody = { readonly time: number; readonly accountValue: string; readonly extra: Extra };

export type AccountBody = {
  readonly address: string;
  readonly receivedAt: number;
  readonly source: string | null;
  readonly extra: Extra;
  readonly data: AccountValueBody;
};

export type OrderBody = {
  readonly coin: string;
  readonly side: string;
  readonly limitPx: string | null;
  readonly sz: string;
  readonly oid: number;
  readonly timestamp: number | null;
  readonly origSz: string;
  readonly cloid: string | null;
  readonly reduceOnly: boolean | null;
  readonly extra: Extra;
};

export type OrderStatusBody = {
  readonly order: OrderBody;
  readonly status: string;
  readonly statusTimestamp: number;
  readonly extra: Extra;
};

export type OrderUpdateBody = {
  readonly address: string;
  readonly receivedAt: number;
  readonly source: string | null;
  readonly extra: Extra;
  readonly data: OrderStatusBody;
};

/** Places in the unions of both topics' schemas; the first two are the same in both. */
export const TICK = 0;
export const RAW = 1;
export const FILL = 2;
export const ACCOUNT = 3;
export const ORDER_UPDATE = 2;

const fills = branchesOf('fills');
const orderUpdates = branchesOf('order-updates');

export const tickCodec = branchCodec<TickBody>(fills, TICK);
export const rawCodec = branchCodec<RawBody>(fills, RAW);
export const fillCodec = branchCodec<FillBody>(fills, FILL);
export const accountCodec = branchCodec<AccountBody>(fills, ACCOUNT);
export const orderUpdateCodec = branchCodec<OrderUpdateBody>(orderUpdates, ORDER_UPDATE);

