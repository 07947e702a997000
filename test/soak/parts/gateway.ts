// A gateway with its read model in a file, and clients of it: some come and go, all lose their connections, none reads at once.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { subscribe, type Signal, type Subscription } from '@fillstream/client';
import { Gateway, type SignalBatch, type SignalRecord, type SignalSource } from '@fillstream/gateway';
import { partitionOf } from '@fillstream/runtime';
import { testAddress, testSignal } from '../../../services/gateway/src/feed/test-source.ts';
import { until } from '../../end-to-end/until.ts';
import type { Kind, Part } from '../part.ts';

const PARTITIONS = 2;
const SIGNALS = 600;
const CLIENTS = 4;
const PATIENCE = { patienceMs: 120_000, everyMs: 5 };
/** What a signal's place on the clock advances by, in ms: the market's usual pace. */
const APART_MS = 250;
const REMEMBERED = 200;
const KEPT = 200;

/** The topic, with a broker's retention. */
class ForgettingSource implements SignalSource {
  readonly partitions = PARTITIONS;
  readonly identity = 'soak';
  readonly #records: SignalRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly #ends = Array.from({ length: PARTITIONS }, () => 0);
  #changed = Promise.withResolvers<void>();

  append(signals: readonly Signal[]): void {
    for (const signal of signals) {
      const partition = partitionOf(signal.address, PARTITIONS);
      const offset = this.#ends[partition] ?? 0;
      this.#ends[partition] = offset + 1;
      const records = this.#records[partition] ?? [];
      records.push({ partition, offset, appendedAt: null, signal });
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async bounds(): Promise<{ low: number; high: number }[]> {
    return await Promise.resolve(this.#ends.map((high) => ({ low: 0, high })));
  }

  async recordsAt(places: readonly { readonly partition: number; readonly offset: number }[]): Promise<SignalRecord[]> {
    return await Promise.resolve(places.flatMap(({ partition, offset }) => this.#records[partition]?.filter((record) => record.offset === offset) ?? []));
  }

  async *follow(from: readonly number[], stop: AbortSignal): AsyncGenerator<SignalBatch> {
    const next = [...from];
    const stopped = new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!stop.aborted) {
      const { promise } = this.#changed;
      const records = this.#records.flatMap((all, partition) => all.filter(({ offset }) => offset >= (next[partition] ?? 0)));
      for (const { partition, offset } of records) next[partition] = offset + 1;
      for (const all of this.#records) all.splice(0, all.length - KEPT);
      if (records.length > 0) yield { records, next: [...next] };
      else await either(promise, stopped);
    }
  }
}

/** Without a race: what never settles would keep all who waited on it. */
async function either(one: Promise<void>, other: Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    void one.then(resolve);
    void other.then(resolve);
  });
}

/** A client that reads at its own pace, for as long as it is wanted. */
class Reader {
  taken = 0;
  readonly #subscription: Subscription;
  readonly #done: Promise<void>;

  constructor(url: string) {
    this.#subscription = subscribe({ url, remembered: REMEMBERED, maxBuffered: 50, reconnect: { minMs: 1, maxMs: 20 } });
    this.#done = this.#read();
  }

  get isLive(): boolean {
    return this.#subscription.state.kind === 'live';
  }

  async end(): Promise<void> {
    this.#subscription.close();
    await this.#done;
  }

  async #read(): Promise<void> {
    for await (const signal of this.#subscription) {
      this.taken += signal.revision > 0 ? 1 : 0;
      if (this.taken % 100 === 0) await sleep(1);
    }
  }
}

/** A wire between clients and gateway that can be cut. */
class Wire {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (near) => wire.#join(near, connect(port, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`;
  }

  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on('error', () => undefined);
      one.on('close', () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
      one.pipe(other);
    }
  }
}

async function start(): Promise<Part> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-soak-'));
  const source = new ForgettingSource();
  const gateway = await Gateway.start({
    ports: { source, life: async () => await Promise.resolve(null), status: async () => await Promise.resolve({ partitions: [], pending: null, quarantined: null }), quarantine: async () => await Promise.resolve({ records: [] }) },
    feedFile: join(folder, 'feed.db'), listen: { host: '127.0.0.1', port: 0 }, authority: null, open: false, allowedHosts: [], allowedOrigins: [],
    limits: { messagesPerMinute: 1e9, requestsPerMinute: 1e9 }, onAudit: () => undefined, onTrouble: () => undefined,
  });
  const running = gateway.run();
  const wire = await Wire.to(Number(new URL(gateway.url).port));
  const steady = Array.from({ length: CLIENTS }, () => new Reader(wire.url));
  await until('all are live', () => steady.every(({ isLive }) => isLive), PATIENCE);
  let told = 0;
  return {
    step: async () => {
      const guest = new Reader(wire.url);
      source.append(Array.from({ length: SIGNALS / 2 }, (_, place) => signalOf(told + place)));
      await sleep(20);
      wire.cut();
      source.append(Array.from({ length: SIGNALS / 2 }, (_, place) => signalOf(told + SIGNALS / 2 + place)));
      told += SIGNALS;
      await until('no client misses a signal', () => steady.every(({ taken }) => taken >= told), PATIENCE);
      await guest.end();
      return { records: SIGNALS, ms: SIGNALS * APART_MS };
    },
    close: async () => {
      for (const reader of steady) await reader.end();
      await wire.close();
      await gateway.stop();
      await running;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Each of an order of its own; a hundred addresses. */
function signalOf(number: number): Signal {
  return testSignal({ address: testAddress(number % 100), oid: number });
}

export const GATEWAY: Kind = { name: 'gateway and clients', shortSteps: 10, start };
