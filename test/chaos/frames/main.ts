// `node main.ts SEED FRAMES`: a live feed before an exchange whose frames come between mutated copies, until so many were sent; then
// the feed must have every fill. A process of its own, as what is looked for would end it. Tells the counts on standard error.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveFeed, periodsOf, type InputRecord, type Sink } from '@fillstream/hyperliquid/live';
import { FakeExchange } from '@fillstream/simulator/exchange';
import { keyOf } from '../../end-to-end/live.ts';
import { Flood } from './flood.ts';

const ADDRESSES = 10;
const ORDERS_PER_SECOND = 40;
const COPIES = 100;
/** What is counted here is frames, not requests. */
const LIMITS = { users: 1e6, connections: 1e6, connectsPerMinute: 1e6, messagesPerMinute: 1e6, weightPerMinute: 1e9, subscriptions: 1e6 };
const PATIENCE_MS = 120_000;
const POLL_MS = 250;

class CountingSink implements Sink {
  readonly fills = new Set<string>();
  readonly kinds: Record<string, number> = {};

  async append(records: readonly InputRecord[]): Promise<void> {
    await Promise.resolve();
    for (const record of records) {
      this.kinds[record.kind] = (this.kinds[record.kind] ?? 0) + 1;
      assert.equal(typeof JSON.stringify(record), 'string');
      if (record.kind === 'fill') this.fills.add(keyOf(record.address, record.data));
    }
  }

  async progress(): Promise<null> {
    return await Promise.resolve(null);
  }

  async saveProgress(): Promise<void> {
    await Promise.resolve();
  }

  async gap(): Promise<void> {
    await Promise.resolve();
  }
}

const [seed = 1, frames = 1_000] = process.argv.slice(2).map(Number);
const exchange = await FakeExchange.start({ seed, addresses: ADDRESSES, ordersPerSecond: ORDERS_PER_SECOND, limits: LIMITS, lifetimeMs: null });
const flood = await Flood.open({ port: Number(new URL(exchange.url).port), seed, frames, copies: COPIES });
const sink = new CountingSink();
const feed = new LiveFeed({
  endpoint: { ws: flood.wsUrl, info: `${exchange.url}/info` }, sink, limits: LIMITS, now: () => exchange.now(),
  periods: { ...periodsOf(1), repairEveryMs: 1_000, retryLeastMs: 10, retryMostMs: 500, lagMs: 20 },
  settings: { badFramesInARow: 1e9 }, // Else one in a hundred would be enough.
});
for (const address of exchange.addresses) feed.watch(address);
const failed = feed.done.then(() => assert.fail('the feed ended'));
failed.catch(() => undefined); // Met by each wait.

await until('all frames were sent', Infinity, () => flood.sent >= frames);
exchange.halt();
await until('no fill is missing', PATIENCE_MS, () => missing() === 0);
const { counts } = feed.status();
await feed.close();
await flood.close();
await exchange.close();
const told = {
  'mutated frames': flood.sent, 'connections broken': flood.breaks, 'unreadable': counts['badFrame'] ?? 0, 'unknown': counts['unknownFrame'] ?? 0,
  'right fills among them': exchange.ledger.fills().length,
};
process.stderr.write(`${JSON.stringify(told)}\n`);

function missing(): number {
  return exchange.ledger.fills().filter(({ address, data }) => !sink.fills.has(keyOf(address, data))).length;
}

async function until(what: string, patienceMs: number, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`still waiting until ${what}: ${String(flood.sent)} frames sent, ${String(missing())} fills missing, ${JSON.stringify(feed.status())}`);
    await Promise.race([sleep(POLL_MS), failed]);
  }
}
