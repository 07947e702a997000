// The journal records the market makes (contract §1); `data` has the exchange's fields in the exchange's order.

export type Side = 'A' | 'B';

export type Liquidation = {
  readonly liquidatedUser: string;
  readonly markPx: string;
  readonly method: 'market' | 'backstop';
};

/** Hyperliquid's fill: amounts are decimal strings, `time` is milliseconds. */
export type FillData = {
  readonly coin: string;
  readonly px: string;
  readonly sz: string;
  readonly side: Side;
  readonly time: number;
  readonly startPosition: string;
  readonly dir: string;
  readonly closedPnl: string;
  readonly hash: string;
  readonly oid: number;
  readonly crossed: boolean;
  readonly fee: string;
  readonly tid: number;
  readonly cloid?: string;
  readonly liquidation?: Liquidation;
  readonly feeToken: string;
  readonly twapId: number | null;
};

export type OrderData = {
  readonly coin: string;
  readonly side: Side;
  readonly limitPx: string;
  readonly sz: string;
  readonly oid: number;
  readonly timestamp: number;
  readonly origSz: string;
  readonly cloid?: string;
  readonly reduceOnly?: true;
};

export type OrderUpdateData = { readonly order: OrderData; readonly status: string; readonly statusTimestamp: number };

export type AccountData = { readonly time: number; readonly accountValue: string };

export type FillRecord = {
  readonly kind: 'fill';
  readonly address: string;
  readonly receivedAt: number;
  readonly symbol?: string;
  readonly data: FillData;
};

export type OrderUpdateRecord = {
  readonly kind: 'orderUpdate';
  readonly address: string;
  readonly receivedAt: number;
  readonly data: OrderUpdateData;
};

export type AccountRecord = {
  readonly kind: 'account';
  readonly address: string;
  readonly receivedAt: number;
  readonly data: AccountData;
};

export type TickRecord = { readonly kind: 'tick'; readonly receivedAt: number };

export type JournalRecord = FillRecord | OrderUpdateRecord | AccountRecord | TickRecord;
