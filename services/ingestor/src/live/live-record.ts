// Live from the exchange into a recording: the feed and time, as records are, without a log's bodies.

import { setTimeout as sleep } from 'node:timers/promises';
import { LiveFeed, type Endpoint, type OnEvent, type Sink } from '@fillstream/hyperliquid/live';
import { forwardClock } from './clock.ts';
import { Ticker } from './ticker.ts';

/** Where it goes. What fails once is not tried again: it ends the recording. */
export type Recording = Sink & {
  /** Resolves when it is durable, after all records of the calls before. */
  readonly tick: (at: number) => Promise<void>;
};

export type RecordOptions = {
  readonly endpoint: Endpoint;
  readonly addresses: readonly string[];
  readonly recording: Recording;
  readonly stop: AbortSignal;
  readonly onEvent?: OnEvent;
};

/** Runs until stopped; resolves when everything that was taken is durable. Throws what the recording throws. */
export async function recordLive({ endpoint, addresses, recording, stop, onEvent }: RecordOptions): Promise<void> {
  const now = forwardClock();
  const feed = new LiveFeed({ endpoint, sink: recording, now, settings: { sinkAttempts: 1 }, ...(onEvent === undefined ? {} : { onEvent }) });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // Met below.
  const ticker = new Ticker({
    now,
    addresses: () => feed.status().addresses,
    tick: async (at) => {
      await recording.tick(at).catch(failed.reject);
    },
  });
  const ended = new AbortController();
  try {
    for (const address of addresses) feed.watch(address);
    const stopped = sleep(2 ** 31 - 1, undefined, { signal: AbortSignal.any([stop, ended.signal]) }).catch(() => undefined);
    await Promise.race([stopped, feed.done, failed.promise]);
  } finally {
    ended.abort();
    await ticker.stop();
    await feed.close();
  }
}
