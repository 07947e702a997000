// The live feed before an exchange whose connections break, whose answers fail and whose frames are damaged, all periods short.

import { setTimeout as sleep } from 'node:timers/promises';
import { LiveFeed, periodsOf, type InputRecord, type Sink } from '@fillstream/hyperliquid/live';
import type { FaultKind } from '@fillstream/simulator/exchange';
import type { Kind, Part } from '../part.ts';
import { RemoteExchange } from './remote-exchange.ts';

const SCALE = 600;
const RECORDS = 600;
const FAULTS: readonly FaultKind[] = ['cut', 'rubbish', 'rest-500', 'half-open', 'truncate', 'lose', 'rest-429', 'error-reply', 'expire'];
const PATIENCE_MS = 120_000;

class Counting implements Sink {
  records = 0;
  readonly #progress = new Map<string, Awaited<ReturnType<Sink['progress']>>>();

  async append(records: readonly InputRecord[]): Promise<void> {
    this.records += records.length;
    await Promise.resolve();
  }

  async progress(address: string): ReturnType<Sink['progress']> {
    return await Promise.resolve(this.#progress.get(address) ?? null);
  }

  async saveProgress(...[address, progress]: Parameters<Sink['saveProgress']>): Promise<void> {
    this.#progress.set(address, progress);
    await Promise.resolve();
  }

  async gap(): Promise<void> {
    await Promise.resolve();
  }
}

async function start(): Promise<Part> {
  const exchange = await RemoteExchange.start({
    seed: 3, addresses: 4, ordersPerSecond: 2, scale: SCALE, lifetimeMs: null, keepLedger: false,
  });
  const { url, wsUrl, addresses } = exchange.told;
  const sink = new Counting();
  const feed = new LiveFeed({
    endpoint: { ws: wsUrl, info: `${url}/info` }, sink, now: forward(() => exchange.now()), periods: periodsOf(SCALE, { accountMs: 100 }),
    settings: { rememberedRecords: 500, overlapMs: 10_000, auditBehindMs: 100 },
  });
  for (const address of addresses) feed.watch(address);
  await allLive(feed);
  let steps = 0;
  return {
    step: async () => {
      const [before, since] = [sink.records, exchange.now()];
      const kind = FAULTS[steps % FAULTS.length] ?? 'cut';
      steps += 1;
      await exchange.order({ kind: 'fault', fault: kind, address: kind === 'half-open' ? addresses[0] ?? '' : null });
      await exchange.order({ kind: 'emit', records: RECORDS });
      await sleep(100);
      await exchange.order({ kind: 'clear' });
      await allLive(feed);
      await sleep(100);
      return { records: Math.max(1, sink.records - before), ms: exchange.now() - since };
    },
    close: async () => {
      await feed.close();
      await exchange.close();
    },
  };
}

function forward(now: () => number): () => number {
  let latest = 0;
  return () => (latest = Math.max(latest, now()));
}

async function allLive(feed: LiveFeed): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!feed.status().addresses.every(({ state }) => state === 'live')) {
    if (performance.now() > deadline) throw new Error('an address isn\'t live again');
    await sleep(10);
  }
}

export const LIVE_FEED: Kind = { name: 'live feed', shortSteps: 10, start };
