// The exchange's documented limits, and the feed's periods and bounds.

/** What one IP may do in any minute, or at any time. */
export type ExchangeLimits = {
  readonly connections: number;
  /** Distinct users over the user channels of all connections. */
  readonly users: number;
  readonly connectsPerMinute: number;
  readonly subscriptions: number;
  /** Messages sent over all connections, pings too. */
  readonly messagesPerMinute: number;
  /** Of REST requests: `weights`, and one for each `rowsPerWeight` rows of an answer that has any. */
  readonly weightPerMinute: number;
  readonly rowsPerWeight: number;
  /** Rows of one answer, and fills of a snapshot. */
  readonly rowsPerAnswer: number;
  /** Fills of an address that can be asked for: the last ones. */
  readonly fillsKept: number;
};

export const EXCHANGE_LIMITS: ExchangeLimits = {
  connections: 10,
  users: 10,
  connectsPerMinute: 30,
  subscriptions: 1_000,
  messagesPerMinute: 2_000,
  weightPerMinute: 1_200,
  rowsPerWeight: 20,
  rowsPerAnswer: 2_000,
  fillsKept: 10_000,
};

/** Periods of the protocol and of the feed, in milliseconds of the machine's clock; one factor divides them all. */
export type Periods = {
  /** The window of the limits. */
  readonly minuteMs: number;
  readonly openMs: number;
  readonly ackMs: number;
  readonly snapshotMs: number;
  /** Below the 60 s after which the exchange closes a connection that it sent nothing on. */
  readonly pingMs: number;
  /** Nothing heard for so long, pings notwithstanding: the connection is dead. */
  readonly silenceMs: number;
  readonly closeMs: number;
  /** For so long the exchange may still count a connection whose end it did not see. */
  readonly lingerMs: number;
  /** A connection is replaced at this age, where a free connection allows an overlap; 0 never. */
  readonly rotateMs: number;
  /** Waits grow from the one to the other; each is a random part of it. */
  readonly retryLeastMs: number;
  readonly retryMostMs: number;
  /** A connection that held for so long begins again with short waits. */
  readonly stableMs: number;
  readonly requestMs: number;
  /** After 429 nothing is asked for so long. */
  readonly throttleMs: number;
  /** When REST hasn't what the socket told already, it is asked again after this. */
  readonly lagMs: number;
  /** Between two repairs of one address without a reconnect. */
  readonly repairEveryMs: number;
  readonly auditMs: number;
  readonly accountMs: number;
  readonly symbolsMs: number;
  readonly progressMs: number;
};

const PERIODS: Periods = {
  minuteMs: 60_000,
  openMs: 10_000,
  ackMs: 10_000,
  snapshotMs: 10_000,
  pingMs: 15_000,
  silenceMs: 40_000,
  closeMs: 3_000,
  lingerMs: 65_000,
  rotateMs: 1_200_000,
  retryLeastMs: 500,
  retryMostMs: 30_000,
  stableMs: 30_000,
  requestMs: 15_000,
  throttleMs: 10_000,
  lagMs: 2_000,
  repairEveryMs: 5_000,
  auditMs: 600_000,
  accountMs: 60_000,
  symbolsMs: 3_600_000,
  progressMs: 1_000,
};

/** All periods divided by `scale`; those named are taken as they are. */
export function periodsOf(scale = 1, named: Partial<Periods> = {}): Periods {
  if (!(scale > 0)) throw new RangeError(`expected scale: more than 0; got ${scale}`);
  const scaled = { ...PERIODS };
  for (const name of periodNames) scaled[name] = PERIODS[name] / scale;
  return { ...scaled, ...named };
}

const periodNames = [
  'minuteMs', 'openMs', 'ackMs', 'snapshotMs', 'pingMs', 'silenceMs', 'closeMs', 'lingerMs', 'rotateMs', 'retryLeastMs', 'retryMostMs',
  'stableMs', 'requestMs', 'throttleMs', 'lagMs', 'repairEveryMs', 'auditMs', 'accountMs', 'symbolsMs', 'progressMs',
] as const satisfies readonly (keyof Periods)[];

export type FeedSettings = {
  /** Also `userTwapSliceFills`, which repeats what `userFills` says. */
  readonly twapSlices: boolean;
  /** Leaves out rejections of orders without a fill, 95 % of a market maker's updates: they have no effect (contract §5). */
  readonly dropRejections: boolean;
  /** A repair reaches back so far behind the last durable fill; ms on the exchange's clock. */
  readonly overlapMs: number;
  /** The first repair of an address reaches back so far: further than its horizon (contract §7); ms on the exchange's clock. */
  readonly firstBehindMs: number;
  /** An audit ends so far behind now: what the socket may still bring is not missing; ms on the exchange's clock. */
  readonly auditBehindMs: number;
  /** Records of an address that wait for the sink; beyond it the connection isn't read. */
  readonly queueRecords: number;
  /** Live records that are held while a repair runs; beyond it they are dropped, and repaired once more. */
  readonly heldRecords: number;
  /** Identities of past fills and updates that are remembered for each address. */
  readonly rememberedRecords: number;
  /** Orders of one repair whose status is asked for; of the rest it isn't. */
  readonly statusesPerRepair: number;
  readonly requestAttempts: number;
  /** Failures of one call to the sink, in a row, before the feed ends. */
  readonly sinkAttempts: number;
  /** Frames in a row that can't be read before the connection is replaced. */
  readonly badFramesInARow: number;
};

export const FEED_SETTINGS: FeedSettings = {
  twapSlices: false,
  dropRejections: false,
  overlapMs: 300_000,
  firstBehindMs: 600_000,
  auditBehindMs: 30_000,
  queueRecords: 5_000,
  heldRecords: 20_000,
  rememberedRecords: 8_192,
  statusesPerRepair: 100,
  requestAttempts: 5,
  sinkAttempts: 8,
  badFramesInARow: 5,
};
