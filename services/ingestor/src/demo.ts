// The demo feed onto the input topics: a seeded market paced by the clock, going on where it was stopped.

import { setTimeout as sleep } from 'node:timers/promises';
import { encodeRecord } from '@fillstream/schemas';
import { demoFeed, type DemoCursor } from '@fillstream/simulator';
import type { InputSink } from './sink.ts';

export type DemoFeedOptions = {
  readonly sink: InputSink;
  readonly seed: number;
  /** Records a second. */
  readonly ratePerSecond: number;
  readonly stop: AbortSignal;
};

const CURSOR = 'demo';

/** Runs until stopped. Throws what the sink throws. */
export async function runDemo({ sink, seed, ratePerSecond, stop }: DemoFeedOptions): Promise<void> {
  const from = await sink.cursor(CURSOR);
  const feed = demoFeed({
    seed, ratePerSecond, now: Date.now, signal: stop,
    sleep: async (ms) => {
      await sleep(ms, undefined, { signal: stop }).catch(() => undefined); // Stopped: the feed ends by itself.
    },
    ...(from === null ? {} : { from: parseCursor(from) }),
  });
  for await (const { records, cursor } of feed) {
    await sink.append(records.map((record) => encodeRecord(record)), { name: CURSOR, value: JSON.stringify(cursor) });
  }
}

function parseCursor(text: string): DemoCursor {
  // Written above; the feed checks it.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as DemoCursor;
}
