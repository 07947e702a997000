// What the gateway stands on, and whoever composes it hands in: the log of signals, and three questions that only they can answer.

import type { OrderLife, QuarantinePage, Signal, StatusReport } from '@fillstream/client';

/** A record of the topic `signals`. `appendedAt`: when it was written (ms), null where nobody knows. */
export type SignalRecord = {
  readonly partition: number;
  readonly offset: number;
  readonly appendedAt: number | null;
  readonly signal: Signal;
};

/** What was read since the last batch: `next` is where reading goes on, by partition, past what isn't a record too. */
export type SignalBatch = { readonly records: readonly SignalRecord[]; readonly next: readonly number[] };

/** The topic `signals`, committed records only, all partitions. */
export type SignalSource = {
  readonly partitions: number;
  /** Tells this log from every other. */
  readonly identity: string;
  /** By partition, where the records that are there now begin and end. Throws PortError. */
  bounds(): Promise<readonly { readonly low: number; readonly high: number }[]>;
  /** Records by partition and offset; what isn't there any more is left out. Throws PortError. */
  recordsAt(places: readonly { readonly partition: number; readonly offset: number }[]): Promise<readonly SignalRecord[]>;
  /** What there is from these offsets on, then what comes, until `stop`. Throws PortError. */
  follow(from: readonly number[], stop: AbortSignal): AsyncIterable<SignalBatch>;
};

/** Throws PortError. `null`: no such order on the log. */
export type OrderLives = (address: string, oid: number) => Promise<OrderLife | null>;

export type GatewayPorts = {
  readonly source: SignalSource;
  readonly life: OrderLives;
  /** What the gateway doesn't know itself; `history` and `gateway` are its own. Throws PortError. */
  readonly status: () => Promise<Pick<StatusReport, 'partitions' | 'pending' | 'quarantined'>>;
  /** Throws PortError. */
  readonly quarantine: (limit: number) => Promise<QuarantinePage>;
};
