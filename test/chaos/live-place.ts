// A fake exchange, topics for what it tells, ingestors and a processor as processes: what scenarios of ingestors begin from, and
// the judge of what comes of it.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTopic, unframed } from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';
import { FakeExchange, type FakeExchangeOptions } from '@fillstream/simulator/exchange';
import { Installation, SESSION_MS, type JoinedServers } from '../end-to-end/cluster.ts';
import { fillstream, type Running } from '../end-to-end/command.ts';
import { assertWithinLimits, difference, ledgerSums, seeded, signalSums, type Sums } from './judge.ts';
import { launch } from './launch.ts';
import { PARTITIONS, type Counts, type World } from './world.ts';

export type PlaceOptions = Pick<FakeExchangeOptions, 'addresses' | 'ordersPerSecond' | 'limits' | 'shares'> & {
  /** By default those that all scenarios share. */
  readonly servers?: JoinedServers;
};

/** What an ingestor answers to whoever asks whether it is ready. */
type Watching = {
  readonly addresses: readonly { readonly address: string; readonly state: string }[];
  readonly isLeader?: boolean;
  readonly sinceGroupMs?: number | null;
};

/** Where all ingestors of a scenario have one IP. */
export const NO_LIMITS = { users: 1e6, connections: 1e6, connectsPerMinute: 1e6, messagesPerMinute: 1e6, weightPerMinute: 1e9, subscriptions: 1e6 };
/** Every order ends soon, whatever became of its status. */
const SETTINGS = ['--set', 'timeoutMs=3s', '--set', 'graceMs=1s', '--set', 'quietMs=1s'];
const PATIENCE_MS = 180_000;
const POLL_MS = 250;
const ANSWER_MS = 5_000;

export class LivePlace {
  readonly exchange: FakeExchange;
  readonly seed: number;
  readonly installation: Installation;
  readonly #servers: JoinedServers;
  readonly #running = new Set<Running>();
  #isOver = false;

  private constructor(exchange: FakeExchange, seed: number, servers: JoinedServers, namespace: string) {
    this.exchange = exchange;
    this.seed = seed;
    this.#servers = servers;
    this.installation = new Installation(servers, namespace);
  }

  /** Runs a task in a place of its own; a failure names the seed. */
  static async in(world: World, { servers = world.servers, ...options }: PlaceOptions, task: (place: LivePlace) => Promise<Counts>): Promise<Counts> {
    const { namespace, seed } = world.next();
    const exchange = await FakeExchange.start({ seed, lifetimeMs: null, ...options });
    const place = new LivePlace(exchange, seed, servers, namespace);
    try {
      return await seeded(seed, async () => {
        await place.#open();
        return await task(place);
      });
    } finally {
      await place.#close();
    }
  }

  /** One more, on an exchange at `url`. */
  ingestor({ url = this.exchange.url, sessionMs = SESSION_MS }: { readonly url?: string; readonly sessionMs?: number }, ...more: readonly string[]): Running {
    const flags = ['--exchange', url, '--session-timeout', String(sessionMs), '--http', '127.0.0.1:0'];
    return this.#keep(launch(['ingestor', ...this.#flags(), ...flags, ...more]));
  }

  /** Resolves when all addresses are watched live, by all of these together, each by one. Returns how long that took, in ms. */
  async untilWatched(...ingestors: readonly Running[]): Promise<number> {
    const began = performance.now();
    const urls = await Promise.all(ingestors.map(async (running) => await running.heard(/serves (\S+)\/metrics/)));
    const wanted = this.exchange.addresses.length;
    for (;;) {
      const states = await Promise.all(urls.map(watchingAt));
      const live = states.flatMap(liveIn);
      if (live.length === wanted && new Set(live).size === wanted) return performance.now() - began;
      assert.ok(performance.now() - began < PATIENCE_MS, `still waiting until ${String(wanted)} addresses are watched, each by one: ${states.map(textOf).join(', ')}`);
      await sleep(POLL_MS);
    }
  }

  /** The market ends, and the totals of all signals become those of the exchange; no limit was gone beyond. Returns what that was. */
  async complete(patienceMs = PATIENCE_MS): Promise<{ readonly fills: number; readonly signals: number }> {
    this.exchange.halt();
    const expected = ledgerSums(this.exchange);
    assert.ok(expected.size > 50, 'the market was too quiet');
    const deadline = performance.now() + patienceMs;
    let wrong = difference(await this.#sums(), expected);
    while (wrong !== null && performance.now() < deadline) {
      await sleep(POLL_MS * 4);
      wrong = difference(await this.#sums(), expected);
    }
    assert.equal(wrong, null, wrong ?? '');
    assertWithinLimits(this.exchange);
    return { fills: this.exchange.ledger.fills().length, signals: expected.size };
  }

  async #open(): Promise<void> {
    await this.installation.createTopics(PARTITIONS);
    const { code, stderr } = await fillstream(['watch', 'add', ...this.exchange.addresses, ...this.#flags()]);
    assert.equal(code, 0, stderr);
    this.#startProcessor();
  }

  async #close(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#running].map(async (running) => {
      running.kill('SIGKILL');
      await running.ended;
    }));
    await this.exchange.close();
  }

  /** One that ended is started again, as whoever keeps it running would. */
  #startProcessor(): void {
    const running = this.#keep(this.installation.processor(...SETTINGS));
    void running.ended.then(() => {
      if (!this.#isOver) this.#startProcessor();
    });
  }

  #keep(running: Running): Running {
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  async #sums(): Promise<Sums> {
    const records = await readTopic(this.installation.kafka, 'signals');
    return signalSums(records.map(({ value }) => decodeSignal(unframed(value) ?? Buffer.alloc(0))));
  }

  #flags(): string[] {
    const { kafka, registry } = this.#servers;
    return ['--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', this.installation.namespace];
  }
}

/** null while it doesn't answer. */
async function watchingAt(url: string): Promise<Watching | null> {
  const answer: unknown = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) }).then(async (response) => await response.json()).catch(() => null);
  return isWatching(answer) ? answer : null;
}

function liveIn(watching: Watching | null): string[] {
  return (watching?.addresses ?? []).filter(({ state }) => state === 'live').map(({ address }) => address);
}

function textOf(watching: Watching | null): string {
  if (watching === null) return 'no answer';
  const { addresses, isLeader = false, sinceGroupMs = null } = watching;
  return `${String(liveIn(watching).length)} of ${String(addresses.length)}${isLeader ? ' (it leads)' : ''} heard of the group ${String(sinceGroupMs)} ms ago`;
}

function isWatching(value: unknown): value is Watching {
  return typeof value === 'object' && value !== null && 'addresses' in value && Array.isArray(value.addresses);
}
