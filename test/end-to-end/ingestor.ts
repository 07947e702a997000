// Ingestors and a processor as processes of their own, between a fake exchange and the topics, and what must come of it.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { readTopic, unframed } from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';
import { FakeExchange, type FakeExchangeOptions } from '@fillstream/simulator/exchange';
import { Installation, SESSION_MS, type JoinedServers } from './cluster.ts';
import { fillstream, start, type Ended, type Running } from './command.ts';
import { SEED } from './journals.ts';

type Totals = { readonly size: string; readonly notional: string; readonly closedPnl: string; readonly fees: object; readonly fillCount: number };
type Watching = { readonly addresses: readonly { readonly address: string; readonly state: string }[] };

const PARTITIONS = 3;
/** Every order ends soon, whatever became of its status. */
const SETTINGS = ['--set', 'timeoutMs=3s', '--set', 'graceMs=1s', '--set', 'quietMs=1s'];
/** Of a whole test's ingestors: they share one IP. */
const LIMITS = { users: 100, connections: 100, connectsPerMinute: 1_000, messagesPerMinute: 100_000, weightPerMinute: 100_000 };
const PATIENCE_MS = 90_000;
const POLL_MS = 200;

export class Ingestors {
  readonly exchange: FakeExchange;
  readonly #servers: JoinedServers;
  readonly #installation: Installation;
  readonly #running: Running[] = [];
  #isOver = false;

  /** An exchange, its addresses on the watchlist, and a processor; the test ends them. */
  static async start(t: TestContext, servers: JoinedServers, namespace: string, addresses: number, shares: FakeExchangeOptions['shares'] = {}): Promise<Ingestors> {
    const installation = new Installation(servers, namespace); // It may be refused.
    const exchange = await FakeExchange.start({ seed: `${String(SEED)}/${namespace}`, addresses, ordersPerSecond: 15, limits: LIMITS, shares });
    const place = new Ingestors(servers, installation, exchange);
    t.after(async () => {
      place.#isOver = true;
      await Promise.all(place.#running.map(async (running) => {
        running.kill('SIGKILL');
        await running.ended;
      }));
      await exchange.close();
    });
    await place.#installation.createTopics(PARTITIONS);
    const added = await place.watch('add', ...exchange.addresses);
    assert.equal(added.code, 0, added.stderr);
    place.#startProcessor();
    return place;
  }

  private constructor(servers: JoinedServers, installation: Installation, exchange: FakeExchange) {
    this.#servers = servers;
    this.#installation = installation;
    this.exchange = exchange;
  }

  async watch(...args: readonly string[]): Promise<Ended> {
    return await fillstream(['watch', ...args, ...this.#flags()]);
  }

  ingestor(...more: readonly string[]): Running {
    const flags = ['--exchange', this.exchange.url, '--session-timeout', String(SESSION_MS), '--http', '127.0.0.1:0'];
    const running = start(['ingestor', ...this.#flags(), ...flags, ...more]);
    this.#running.push(running);
    return running;
  }

  /** Resolves when so many addresses are watched live, by all of these together, each by one. */
  async untilWatched(addresses: number, ...ingestors: readonly Running[]): Promise<void> {
    const urls = await Promise.all(ingestors.map(async (running) => await running.heard(/serves (\S+)\/metrics/)));
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const all = await Promise.all(urls.map(watchingAt));
      const live = all.flatMap((each) => each.addresses).filter(({ state }) => state === 'live').map(({ address }) => address);
      if (live.length === addresses && new Set(live).size === addresses) return;
      assert.ok(performance.now() < deadline, `still waiting for ${String(addresses)} addresses: ${JSON.stringify(all)}`);
      await sleep(POLL_MS);
    }
  }

  /** The market ends, and the signals' totals become those of the exchange: of every order, or of those that were `filled`. */
  async assertComplete(which: 'all' | 'filled' = 'all'): Promise<void> {
    this.exchange.halt();
    const filled = filledOids(this.exchange);
    const chosen = (totals: Record<string, Totals>): Record<string, Totals> => (
      which === 'all' ? totals : Object.fromEntries(Object.entries(totals).filter(([id]) => filled.has(Number(id.split('/')[1]))))
    );
    const expected = chosen(this.#expected());
    assert.ok(Object.keys(expected).length > 50, `seed ${String(SEED)}: the market was too quiet`);
    const deadline = performance.now() + PATIENCE_MS;
    let got = chosen(await this.#totals());
    while (!isDeepStrictEqual(got, expected) && performance.now() < deadline) {
      await sleep(POLL_MS * 5);
      got = chosen(await this.#totals());
    }
    const wrong = [...new Set([...Object.keys(got), ...Object.keys(expected)])].filter((id) => !isDeepStrictEqual(got[id], expected[id]));
    assert.deepEqual(wrong.map((id) => ({ id, got: got[id], expected: expected[id] })), [], `seed ${String(SEED)}, of ${String(Object.keys(expected).length)}`);
    for (const { over } of this.exchange.violations) assert.deepEqual(Object.entries(over).filter(([, times]) => times > 0), []);
  }

  /** One that ended is started again, as whoever keeps it running would. */
  #startProcessor(): void {
    const running = this.#installation.processor(...SETTINGS);
    this.#running.push(running);
    void running.ended.then(() => {
      if (!this.#isOver) this.#startProcessor();
    });
  }

  #expected(): Record<string, Totals> {
    return sorted(this.exchange.ledger.totals.orders().flatMap(({ address, oid, legs }) => (
      Object.entries(legs).map(([leg, totals]): [string, Totals] => [`${address}/${String(oid)}/${leg}`, totals])
    )));
  }

  /** Of the latest revisions. */
  async #totals(): Promise<Record<string, Totals>> {
    const latest = new Map<string, { readonly revision: number; readonly totals: Totals }>();
    for (const { value } of await readTopic(this.#installation.kafka, 'signals')) {
      const { id, revision, size, notional, closedPnl, fees, fillCount } = decodeSignal(unframed(value) ?? Buffer.alloc(0));
      if (revision > (latest.get(id)?.revision ?? 0)) latest.set(id, { revision, totals: { size, notional, closedPnl, fees, fillCount } });
    }
    return sorted([...latest].map(([id, { totals }]): [string, Totals] => [id, totals]));
  }

  #flags(): string[] {
    const { kafka, registry } = this.#servers;
    return ['--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', this.#installation.namespace];
  }
}

/** The orders whose status says that they have all their fills: of another one nothing tells that a fill was lost. */
export function filledOids({ ledger }: FakeExchange): ReadonlySet<number> {
  return new Set(ledger.records.flatMap((record) => (record.kind === 'orderUpdate' && record.data.status === 'filled' ? [record.data.order.oid] : [])));
}

async function watchingAt(url: string): Promise<Watching> {
  const answer: unknown = await (await fetch(`${url}/readyz`)).json();
  assert.ok(isWatching(answer));
  return answer;
}

function isWatching(value: unknown): value is Watching {
  return typeof value === 'object' && value !== null && 'addresses' in value && Array.isArray(value.addresses);
}

function sorted(entries: readonly (readonly [string, Totals])[]): Record<string, Totals> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
