// Live from the exchange onto the input topics: the feed, its log, and time.

import { setTimeout as sleep } from 'node:timers/promises';
import { LiveFeed, type FeedStatus, type LiveFeedOptions, type Sink } from '@fillstream/hyperliquid/live';
import { encodeTick } from '@fillstream/schemas';
import { forwardClock } from './clock.ts';
import { sinkOf, type Arrival, type LiveLog } from './live-log.ts';
import { SpillFile } from './spill-file.ts';
import { SpillingSink, type SpillOptions } from './spilling-sink.ts';
import { Ticker } from './ticker.ts';

export type LiveIngestOptions = Omit<LiveFeedOptions, 'sink' | 'now'> & {
  readonly log: LiveLog;
  /** The partitions whose ticks come from here; without it all of them. */
  readonly ticksTo?: () => readonly number[];
  /** Where records go while the log is slow or down; without it they wait in memory, and then on the exchange. */
  readonly spill?: Omit<SpillOptions, 'sink' | 'file'> & { readonly path: string };
  /** Told of records that became durable, and of each tick that did. */
  readonly onDurable?: (arrivals: readonly Arrival[]) => void;
  readonly onTicked?: () => void;
};

export type LiveIngestStatus = FeedStatus & {
  readonly isSpilling: boolean;
  /** What waits in the spill file, and how much may; 0 without one. */
  readonly spillBytes: number;
  readonly spillLimitBytes: number;
};

export type { Arrival, LiveLog } from './live-log.ts';

/** Watches addresses until it is closed. */
export class LiveIngest {
  readonly feed: LiveFeed;
  readonly #spilling: SpillingSink | null;
  readonly #ticker: Ticker;

  constructor({ log, spill, ticksTo, onDurable, onTicked, ...feed }: LiveIngestOptions) {
    const direct = sinkOf(log, onDurable);
    this.#spilling = spill === undefined ? null : new SpillingSink({ ...spill, sink: direct, file: new SpillFile(spill.path) });
    const sink: Sink = this.#spilling ?? direct;
    const now = forwardClock();
    this.feed = new LiveFeed({ ...feed, sink, now });
    this.#ticker = new Ticker({
      now,
      addresses: () => this.feed.status().addresses,
      isClear: () => this.#spilling?.isBehind !== true,
      tick: async (at) => {
        await log.append([{ kind: 'tick', topic: 'fills', key: null, timestamp: at, body: encodeTick(at) }], ticksTo?.());
        onTicked?.();
      },
    });
  }

  get status(): LiveIngestStatus {
    const { isBehind = false, bytes = 0, limitBytes = 0 } = this.#spilling ?? {};
    return { ...this.feed.status(), isSpilling: isBehind, spillBytes: bytes, spillLimitBytes: limitBytes };
  }

  /** Resolves when everything that was taken is durable. Rejects with what ended the feed. */
  async close(): Promise<void> {
    await this.#ticker.stop();
    try {
      await this.feed.close();
    } finally {
      await this.#spilling?.close();
    }
  }
}

export type RunLiveOptions = LiveIngestOptions & {
  readonly addresses: readonly string[];
  readonly stop: AbortSignal;
  /** Gets what can be asked for orders that lack something, and how it stands. */
  readonly onStarted?: (feed: Pick<LiveFeed, 'repair'>, status: () => LiveIngestStatus) => void;
};

/** Runs until stopped, or until the log fails for good, which is thrown. */
export async function runLive({ addresses, stop, onStarted, ...options }: RunLiveOptions): Promise<void> {
  const ingest = new LiveIngest(options);
  onStarted?.(ingest.feed, () => ingest.status);
  try {
    for (const address of addresses) ingest.feed.watch(address);
    const ended = new AbortController();
    const stopped = sleep(2 ** 31 - 1, undefined, { signal: AbortSignal.any([stop, ended.signal]) }).catch(() => undefined);
    await Promise.race([stopped, ingest.feed.done]);
    ended.abort();
  } finally {
    await ingest.close();
  }
}
