// What the live side of a simulation and its subscribers give their runner.
//
// In the thread, in this order: `installTime`, hooks that resolve modules by SUBSTITUTES (substitutes.ts), `installLive` (install.ts),
// then the rest by dynamic import; for each run `enterWorld(new World(simulation))`, and `enterWorld(null)` after it.
//
// P1  All chance comes from the seed: plans and faults say everything about a run; what is left out of the faults changes nothing else.
// P2  Nothing here waits for real I/O. Sockets, HTTP and files are twins in memory.
// P3  Bodies on the broker's topics are those of the schemas, without a registry's header: `signals` as encodeSignal has them.

import type { Signal } from '@fillstream/client';

export type LivePlan = {
  readonly seed: number;
  readonly addresses: number;
  readonly ingestors: number;
  /** How long the market is open, and how busy it is; about four records come of an order. */
  readonly openMs: number;
  readonly ordersPerSecond: number;
  /** Divides the periods of exchange and feed; 1 is real. */
  readonly scale: number;
};

/** `at` is milliseconds since the run began. Targets are numbers, from 0. */
export type LiveFault =
  /** Power loss: nobody is told of the end of its connections. */
  | { readonly at: number; readonly kind: 'ingestor-crash'; readonly target: number; readonly downMs: number; readonly isPowerLoss: boolean }
  /** As it appends to the log, once it has done so often enough. */
  | { readonly at: number; readonly kind: 'ingestor-crash-appending'; readonly target: number; readonly passing: number; readonly isAfter: boolean }
  | { readonly at: number; readonly kind: 'ingestor-stop'; readonly target: number; readonly downMs: number }
  | { readonly at: number; readonly kind: 'ingestor-freeze'; readonly target: number; readonly forMs: number }
  /** Its wall clock jumps, for good. */
  | { readonly at: number; readonly kind: 'ingestor-clock'; readonly target: number; readonly byMs: number }
  /** Neither requests nor answers pass between it and the broker: it spills. */
  | { readonly at: number; readonly kind: 'broker-away'; readonly target: number; readonly forMs: number }
  /** `torn`: it loses power in the middle of its next write. */
  | { readonly at: number; readonly kind: 'ingestor-disk'; readonly target: number; readonly how: 'torn' | 'full'; readonly forMs: number }
  /** Nothing passes between it and the exchange: `silent` until it comes again, late; `reset` at once. */
  | { readonly at: number; readonly kind: 'exchange-away'; readonly target: number; readonly how: 'silent' | 'reset'; readonly forMs: number }
  /** Addresses change hands; whoever had one hears of it so much later than whoever gets it. */
  | { readonly at: number; readonly kind: 'share'; readonly overlapMs: number }
  /** One of the fake exchange's own faults (packages/simulator). */
  | {
    readonly at: number; readonly kind: 'exchange'; readonly fault: ExchangeFault; readonly how: string | null;
    readonly address: number | null; readonly times: number; readonly forMs: number;
  };

export type ExchangeFault =
  | 'cut' | 'half-open' | 'slow' | 'expire' | 'repeat-snapshot' | 'rubbish' | 'reorder' | 'duplicate' | 'lose' | 'truncate' | 'error-reply'
  | 'missing-ack' | 'limit-refusal' | 'refuse-connect' | 'rest-429' | 'rest-500' | 'rest-hang' | 'rest-truncated' | 'rest-invalid' | 'rest-empty';

export type LiveSide = {
  /** Those that trade. */
  readonly addresses: readonly string[];
  readonly strike: (fault: LiveFault) => void;
  /** The market halts, no fault stands, all is repaired and durable, a last tick fires every timer. Takes simulated time: don't await it outside of a run. */
  readonly settle: () => Promise<void>;
  /** What of the exchange's ledger the latest revisions don't have, or have otherwise; after `settle`. */
  readonly ledgerProblems: (signals: readonly Signal[]) => string[];
};

export type SubscribersPlan = {
  readonly seed: number;
  readonly gateways: number;
  readonly clients: number;
  readonly openMs: number;
  /** Read models are in files, and outlive their gateways. */
  readonly hasFiles: boolean;
  /** Some that trade, for filters. */
  readonly addresses: readonly string[];
};

export type SubscriberFault =
  | { readonly at: number; readonly kind: 'gateway-crash'; readonly target: number; readonly downMs: number }
  | { readonly at: number; readonly kind: 'gateway-stop'; readonly target: number; readonly downMs: number }
  | { readonly at: number; readonly kind: 'gateway-freeze'; readonly target: number; readonly forMs: number }
  | { readonly at: number; readonly kind: 'client-crash'; readonly target: number; readonly downMs: number }
  | { readonly at: number; readonly kind: 'client-freeze'; readonly target: number; readonly forMs: number }
  | { readonly at: number; readonly kind: 'client-link'; readonly target: number; readonly how: 'reset' | 'end' | 'half-open' | 'slow' | 'silent'; readonly forMs: number };

/** In order of offsets within each partition. */
export type CommittedSignal = { readonly partition: number; readonly offset: number; readonly signal: Signal };

export type Subscribers = {
  readonly strike: (fault: SubscriberFault) => void;
  /** No fault stands, everybody is up and has what is committed now; then all end. */
  readonly settle: () => Promise<void>;
  /** What of all that was committed a client missed, had twice or out of order; after `settle`. */
  readonly problems: (committed: readonly CommittedSignal[]) => string[];
};
