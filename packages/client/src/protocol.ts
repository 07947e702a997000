// What gateway and clients say to each other. The types here are the one definition: the gateway's schemas are checked against
// them, the documents it serves come from those, and the client and the dashboard speak them.
//
// W1  A cursor is a set: all signals before it, of every partition. It's opaque, and good at every gateway of the same log.
// W2  Decimals are text, times milliseconds since the epoch (contract §9).

export type Direction = 'open' | 'close';
export type Side = 'LONG' | 'SHORT';
export type AssetType = 'futures' | 'spot' | 'outcome';
export type Trigger = 'complete' | 'grace' | 'quiet' | 'timeout';
export type Cause = 'trade' | 'liquidation' | 'adl' | 'settlement';
export type Leg = 'open-long' | 'open-short' | 'close-long' | 'close-short' | 'buy' | 'sell';

/** One leg of one order (contract §9). A revision restates the totals: keep the highest of each `id`. */
export type Signal = {
  /** `<address>/<oid>/<leg>`. */
  readonly id: string;
  readonly revision: number;
  readonly address: string;
  readonly oid: number;
  /** The exchange's name. */
  readonly coin: string;
  /** The name for people. */
  readonly symbol: string;
  readonly cloid: string | null;
  readonly assetType: AssetType;
  readonly direction: Direction;
  readonly side: Side;
  readonly size: string;
  /** USD: price × size, summed. */
  readonly notional: string;
  readonly price: string;
  readonly positionSize: 'small' | 'medium' | 'large';
  readonly positionBefore: string;
  readonly positionAfter: string;
  /** Share of the position before that was closed, 0 to 1. */
  readonly closeRate: string;
  /** Percent of the account's value; null when that is unknown. */
  readonly positionRate: string | null;
  /** Token → sum. */
  readonly fees: Readonly<Record<string, string>>;
  readonly closedPnl: string;
  readonly fillCount: number;
  readonly firstFillAt: number;
  readonly lastFillAt: number;
  readonly orderStatus: string | null;
  readonly trigger: Trigger;
  readonly complete: boolean;
  readonly reversal: boolean;
  readonly cause: Cause;
  readonly twapId: number | null;
};

/** Which signals. What is left out matches everything; lists match any of theirs. */
export type Filter = {
  /** Lower case. */
  readonly addresses?: readonly string[];
  /** By the exchange's name or the symbol. */
  readonly coins?: readonly string[];
  readonly directions?: readonly Direction[];
  readonly sides?: readonly Side[];
  readonly assetTypes?: readonly AssetType[];
  /** USD, decimal text: this and more. */
  readonly minNotional?: string;
  readonly causes?: readonly Cause[];
  readonly triggers?: readonly Trigger[];
  /** `first`: no revisions after the first. */
  readonly revisions?: 'all' | 'first';
};

/**
 * Where to begin: what comes from now on; all there is; the latest revision of each signal, then what comes; after a cursor, of a
 * snapshot that was interrupted with `latestOnly`; from the first signal whose last fill is of a time or later.
 */
export type From = 'latest' | 'earliest' | 'snapshot' | { readonly cursor: string; readonly latestOnly?: boolean } | { readonly since: number };

/** The WebSocket's subprotocol. Where a token is needed and no header can be set, `fillstream.token.<token>` is offered beside it. */
export const SUBPROTOCOL = 'fillstream.v1';
export const TOKEN_SUBPROTOCOL = 'fillstream.token.';

export type ClientMessage =
  /** `id` is the client's: up to 64 characters. `from` is `latest` when left out. */
  | { readonly type: 'subscribe'; readonly id: string; readonly filter?: Filter; readonly from?: From }
  | { readonly type: 'unsubscribe'; readonly id: string }
  | { readonly type: 'ping' };

export type ServerMessage =
  /** `cursor`: where it begins. */
  | { readonly type: 'subscribed'; readonly id: string; readonly cursor: string }
  /** `cursor`: resume with it, and this signal is the last one known. */
  | { readonly type: 'signal'; readonly id: string; readonly cursor: string; readonly signal: Signal }
  /** History or snapshot is done: what follows is new. */
  | { readonly type: 'live'; readonly id: string; readonly cursor: string }
  /** Nothing matched for a while: the cursor moves on all the same. */
  | { readonly type: 'progress'; readonly id: string; readonly cursor: string }
  /** The client reads too slowly: what it misses comes from the log, as fast as it reads; then `live` again. */
  | { readonly type: 'behind'; readonly id: string; readonly cursor: string }
  | { readonly type: 'unsubscribed'; readonly id: string }
  | { readonly type: 'error'; readonly id?: string; readonly code: ErrorCode; readonly message: string; readonly retryAfterMs?: number }
  | { readonly type: 'pong' };

export type ErrorCode =
  | 'bad-request' | 'bad-cursor' | 'unauthorized' | 'forbidden' | 'not-found' | 'too-many' | 'too-large' | 'not-ready' | 'unavailable' | 'internal';

/** Why the gateway closed a WebSocket. */
export const CLOSE = {
  goingAway: 1001,
  tooLarge: 1009,
  badRequest: 4000,
  unauthorized: 4001,
  forbidden: 4003,
  tooSlow: 4008,
  revoked: 4009,
  tooMany: 4029,
} as const;

/** Body of every refused request. */
export type ErrorBody = { readonly error: { readonly code: ErrorCode; readonly message: string; readonly retryAfterMs?: number } };

export type Delivered = { readonly cursor: string; readonly signal: Signal };

/** GET /v1/signals. `next` goes into `after` (ascending) or `before` (descending) of the next request. */
export type SignalPage = { readonly signals: readonly Delivered[]; readonly next: string; readonly more: boolean };

/** GET /v1/signals/{address}/{oid}/{leg}: the latest revision first when all are asked for. */
export type SignalRevisions = { readonly signals: readonly Signal[] };

/** GET /v1/orders/{address}/{oid}: the latest revision of each leg. */
export type OrderSignals = { readonly address: string; readonly oid: number; readonly legs: readonly Signal[] };

/** GET /v1/addresses, in order of address. `next` goes into `after`; null at the end. */
export type AddressPage = { readonly addresses: readonly AddressSummary[]; readonly next: string | null };
export type AddressSummary = { readonly address: string; readonly signals: number; readonly orders: number; readonly lastFillAt: number };

/** GET /v1/addresses/{address}/positions: the last known position per coin, of the latest fill that a signal counted. */
export type Positions = { readonly address: string; readonly positions: readonly Position[] };
export type Position = {
  readonly coin: string; readonly symbol: string; readonly assetType: AssetType;
  /** Negative: short. */
  readonly size: string;
  /** When it was: the exchange's clock. */
  readonly at: number;
  /** The signal that says so. */
  readonly id: string;
};

/** GET /v1/addresses/{address}/pnl: closedPnl less fees paid in USDC, summed over the latest revisions in order of their last fills; other fees by token. */
export type Pnl = { readonly address: string; readonly points: readonly PnlPoint[]; readonly otherFees: Readonly<Record<string, string>>; readonly thinned: boolean };
export type PnlPoint = { readonly at: number; readonly closedPnl: string; readonly fees: string; readonly net: string };

/** GET /v1/status. Unknown figures are null. */
export type StatusReport = {
  readonly at: number;
  readonly partitions: readonly PartitionReport[];
  /** Orders that are not over for good. */
  readonly pending: number | null;
  readonly quarantined: number | null;
  /** Of the gateway itself. */
  readonly gateway: { readonly connections: number; readonly subscriptions: number; readonly delivered: number; readonly ready: boolean };
  /** The last five minutes, a point each second, the oldest first. Milliseconds from a signal's record on the log to here. */
  readonly history: readonly RatePoint[];
};
export type PartitionReport = {
  readonly partition: number;
  readonly health: 'ok' | 'rebuilding' | 'stalled' | 'unowned' | 'unknown';
  /** Records that wait to be processed. */
  readonly lag: number | null;
  /** The stream time's distance from now, in milliseconds. */
  readonly delayMs: number | null;
  /** The next offset of `signals` that this gateway reads. */
  readonly signals: number;
  readonly pending: number | null;
};
export type RatePoint = { readonly at: number; readonly signals: number; readonly p50Ms: number | null; readonly p99Ms: number | null; readonly lag: number | null };

/** GET /v1/quarantine, the newest first. */
export type QuarantinePage = { readonly records: readonly QuarantinedRecord[] };
export type QuarantinedRecord = {
  readonly topic: string; readonly partition: number; readonly offset: number; readonly reason: string; readonly detail: string;
  readonly address: string | null; readonly at: number | null;
  /** The bytes as text where they are UTF-8, else hex; shortened. */
  readonly preview: string;
};

/** GET /v1/orders/{address}/{oid}/life: what happened to an order, folded again out of the log. */
export type OrderLife = {
  readonly address: string;
  readonly oid: number;
  /** Where it was read. */
  readonly about: string;
  /** How it stands, in a sentence. */
  readonly now: string;
  readonly streamTime: number | null;
  readonly events: readonly LifeEvent[];
  /** What comes next if nothing else does. */
  readonly coming: readonly LifeDeadline[];
};
export type LifeDeadline = { readonly at: number; readonly what: string; readonly trigger: Trigger | null };
/** `at` is stream time; `why` a plain sentence; `place` is topic/partition/offset; `deadline` what was waited for after it. */
export type LifeEvent = { readonly at: number; readonly why: string; readonly deadline: LifeDeadline | null } & (
  | { readonly kind: 'fill'; readonly place: string; readonly time: number | null; readonly side: string; readonly px: string; readonly sz: string; readonly dir: string }
  | { readonly kind: 'status'; readonly place: string; readonly status: string; readonly sz: string; readonly origSz: string }
  | { readonly kind: 'unreadable'; readonly place: string }
  | { readonly kind: 'timer'; readonly what: string }
  | { readonly kind: 'signal'; readonly signal: Signal; readonly place: string | null }
);
