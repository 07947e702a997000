// A gateway process that is killed again and again while signals come: every client that resumes ends with exactly what it is
// owed.
//
// TEST_ROUNDS says how often (50 for the full count), TEST_SEED repeats a run's choices.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayClient, subscribe, type Filter, type Signal } from '@fillstream/client';
import { testAddress, testSignal } from '@fillstream/gateway/feed/test-source';
import { encodeSignal } from '@fillstream/schemas';
import { Database, SqliteLog } from '@fillstream/sqlite';
import { freePorts } from '@fillstream/stack';
import { folderFor, start, type Running } from './command.ts';
import { names } from './client-gateway.ts';
import { SEED } from './journals.ts';

const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 3);
const PARTITIONS = 4;
const ADDRESSES = 40;
const PER_SECOND = 1_000;
const BEAT_MS = 20;
const QUICK = { minMs: 20, maxMs: 500 };

/** mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes signals to an embedded log at a steady rate: new orders, and revisions of earlier ones. */
class Writer {
  readonly written: Signal[] = [];
  readonly #random: () => number;
  readonly #database: Database;
  readonly #log: SqliteLog;
  /** Of each order the newest. */
  readonly #newest: Signal[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last = performance.now();
  #owed = 0;

  constructor(folder: string, random: () => number) {
    this.#random = random;
    this.#database = Database.open(folder);
    this.#log = new SqliteLog({ database: this.#database, partitions: PARTITIONS, limitBytes: 2 ** 30 });
  }

  begin(): void {
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
  }

  /** The log stays readable. */
  end(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.end();
    this.#database.close();
  }

  #beat(): void {
    const now = performance.now();
    this.#owed += (now - this.#last) / 1_000 * PER_SECOND;
    this.#last = now;
    for (; this.#owed >= 1; this.#owed -= 1) this.#write(this.#next());
  }

  #next(): Signal {
    const place = Math.floor(this.#random() * this.#newest.length);
    const before = this.#newest[place];
    if (before !== undefined && this.#random() < 0.3) {
      const revised = { ...before, revision: before.revision + 1, fillCount: before.fillCount + 1, lastFillAt: before.lastFillAt + 1 };
      this.#newest[place] = revised;
      return revised;
    }
    const symbol = this.#random() < 0.5 ? 'BTC' : 'HYPE';
    const signal = testSignal({ address: testAddress(Math.floor(this.#random() * ADDRESSES)), coin: symbol, symbol });
    this.#newest.push(signal);
    return signal;
  }

  #write(signal: Signal): void {
    this.#log.note({ topic: 'signals', timestamp: signal.lastFillAt, key: signal.address, body: encodeSignal(signal) });
    this.written.push(signal);
  }
}

/** The command on a port of its own; what it has read is kept between its lives, or not. */
class Gateway {
  readonly url: string;
  readonly #args: readonly string[];
  readonly #model: string;
  #running: Running | null = null;

  constructor(folder: string, port: number) {
    this.url = `http://127.0.0.1:${String(port)}`;
    this.#model = join(folder, 'model');
    this.#args = ['gateway', '--data', folder, '--model', this.#model, '--listen', `127.0.0.1:${String(port)}`];
  }

  async start(): Promise<void> {
    this.#running = start(this.#args);
    await this.#running.heard(/serves signals/);
  }

  async kill({ forget }: { readonly forget: boolean }): Promise<void> {
    this.#running?.kill('SIGKILL');
    await this.#running?.ended;
    this.#running = null;
    if (forget) rmSync(this.#model, { recursive: true, force: true });
  }
}

/** Follows until it is told to stop; what it got, in order. */
class Follower {
  readonly name: string;
  readonly got: Signal[] = [];
  readonly isOwed: (signal: Signal) => boolean;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(name: string, isOwed: (signal: Signal) => boolean, follow: (got: (signal: Signal) => void, stop: AbortSignal) => Promise<void>) {
    this.name = name;
    this.isOwed = isOwed;
    this.#done = follow((signal) => this.got.push(signal), this.#stop.signal);
    this.#done.catch(() => undefined); // Met in `end`.
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

function followers(url: string, random: () => number): Follower[] {
  const plain = (filter: Filter, more: object = {}) => async (got: (signal: Signal) => void, signal: AbortSignal): Promise<void> => {
    for await (const each of subscribe({ url, filter, from: 'earliest', reconnect: QUICK, signal, ...more })) got(each);
  };
  const few = Array.from({ length: 10 }, (_, number) => testAddress(number));
  return [
    new Follower('all', () => true, plain({})),
    new Follower('ten addresses', ({ address }) => few.includes(address), plain({ addresses: few })),
    new Follower('a coin', ({ coin }) => coin === 'BTC', plain({ coins: ['BTC'] })),
    new Follower('first revisions', ({ revision }) => revision === 1, plain({ revisions: 'first' })),
    new Follower('nothing of what comes', () => false, plain({ coins: ['DOGE'] })),
    new Follower('one that is slow', () => true, async (got, signal) => {
      let count = 0;
      for await (const each of subscribe({ url, from: 'earliest', reconnect: QUICK, signal, maxBuffered: 100 })) {
        got(each);
        count += 1;
        if (count % 50 === 0) await sleep(5);
      }
    }),
    new Follower('one that ends and goes on from its cursor', () => true, async (got, signal) => {
      let cursor: string | null = null;
      while (!signal.aborted) {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(50 + Math.floor(random() * 700))]);
        const from = cursor === null ? 'earliest' : { cursor };
        const subscription = subscribe({ url, from, reconnect: QUICK, signal: limit });
        for await (const each of subscription) got(each);
        cursor = subscription.cursor ?? cursor;
      }
    }),
  ];
}

/** Within an address signals come in the order of the log; across addresses there is none. */
function assertExact({ name, got, isOwed }: Follower, written: readonly Signal[]): void {
  const owed = Map.groupBy(written.filter(isOwed), ({ address }) => address);
  const had = Map.groupBy(got, ({ address }) => address);
  for (const address of new Set([...owed.keys(), ...had.keys()])) {
    assert.deepEqual(names(had.get(address) ?? []), names(owed.get(address) ?? []), `${name}: ${address}, TEST_SEED=${String(SEED)}`);
  }
}

test(`a gateway killed ${String(ROUNDS)} times while signals come costs no client a signal, and gives none twice`, { timeout: 900_000 }, async (t) => {
  console.log(`TEST_SEED=${String(SEED)} TEST_ROUNDS=${String(ROUNDS)}`);
  const random = randomOf(SEED);
  const folder = folderFor(t);
  const writer = new Writer(folder, randomOf(SEED + 1));
  t.after(() => writer.close());
  const [port = 0] = await freePorts(1);
  const gateway = new Gateway(folder, port);
  t.after(async () => await gateway.kill({ forget: false }));
  await gateway.start();
  const clients = followers(gateway.url, randomOf(SEED + 2));
  writer.begin();
  for (let round = 0; round < ROUNDS; round += 1) {
    await sleep(100 + random() * 1_200);
    await gateway.kill({ forget: random() < 0.3 });
    await sleep(random() * 300);
    await gateway.start();
  }
  await sleep(500);
  writer.end();
  const { written } = writer;
  for (const { got, isOwed, name } of clients) {
    const owed = written.filter(isOwed).length;
    for (let waited = 0; got.length < owed; waited += 20) {
      assert.ok(waited < 120_000, `${name} has ${String(got.length)} of ${String(owed)}, TEST_SEED=${String(SEED)}`);
      await sleep(20);
    }
  }
  await sleep(300); // What would come too much.
  for (const client of clients) await client.end();
  for (const client of clients) assertExact(client, written);
  assert.ok((await new GatewayClient({ url: gateway.url }).status()).gateway.ready);
  console.log(`${String(written.length)} signals to ${String(clients.length)} clients, ${String(clients.reduce((sum, { got }) => sum + got.length, 0))} deliveries`);
});
