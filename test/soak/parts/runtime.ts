// The partition loop, its state in a store, on memory twins: commits whose outcome is unknown, take-overs, a lost store.

import { setImmediate as turn } from 'node:timers/promises';
import { MemoryStore, PartitionLoop, PortError } from '@fillstream/runtime';
import type { Kind, Part } from '../part.ts';
import { ForgettingLog } from './forgetting-log.ts';
import { MarketFeed, SHORT_SETTINGS } from './market-feed.ts';

const RECORDS = 2_500;
const BATCH = 500;

type Begun = { readonly loop: PartitionLoop; ended: 'stopped' | { readonly error: unknown } | null };

async function start(): Promise<Part> {
  await Promise.resolve();
  const [log, store, feed] = [new ForgettingLog(), new MemoryStore(), new MarketFeed()];
  let process = begun();

  /** A new process, as after a crash: the one before never says goodbye. */
  function begun(): Begun {
    const loop = new PartitionLoop({
      partition: 0, log, store, settings: SHORT_SETTINGS, limits: { batchRecords: BATCH, checkpointRecords: 1_000, unsavedRecords: 2_000, ordersInMemory: 500 }, onEvent: () => undefined,
    });
    const made: Begun = { loop, ended: null };
    loop.run().then(() => (made.ended = 'stopped'), (error: unknown) => (made.ended = { error }));
    return made;
  }

  async function settled(): Promise<void> {
    while (!log.isDone) {
      await turn();
      const { ended } = process;
      if (ended === null || ended === 'stopped') continue;
      if (!(ended.error instanceof PortError && ended.error.retryable)) throw ended.error;
      process = begun();
    }
  }

  return {
    step: async () => {
      const before = feed.elapsedMs;
      log.append(feed.take(RECORDS / 2).map(({ input }) => input));
      await settled();
      const former = process;
      process = begun(); // The former is fenced by it.
      log.append(feed.take(RECORDS / 2).map(({ input }) => input));
      await settled();
      await stopped(former);
      return { records: RECORDS, ms: feed.elapsedMs - before };
    },
    close: async () => {
      await stopped(process);
    },
  };
}

async function stopped(process: Begun): Promise<void> {
  process.loop.stop();
  while (process.ended === null) await turn();
}

export const RUNTIME: Kind = { name: 'runtime', shortSteps: 10, start };
