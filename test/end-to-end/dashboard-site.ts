// A gateway with the dashboard, over a made-up market on a log in memory, for as long as a test runs.

import { GatewayClient, type QuarantinedRecord, type Signal } from '@fillstream/client';
import { loadAssets } from '@fillstream/dashboard';
import { Gateway } from '@fillstream/gateway';
import { MemorySource } from '@fillstream/gateway/feed/test-source';
import { TokenBook, newToken, type Action } from '@fillstream/gateway/tokens/authority';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { MadeMarket } from './dashboard-world.ts';

export type SiteOptions = {
  /** Orders that there are from the beginning. */
  readonly orders?: number;
  readonly guarded?: boolean;
};

const PATIENCE_MS = 60_000;

export class Site {
  /** One partition: its order is the order of what was traded. */
  readonly source = new MemorySource(1);
  readonly market = new MadeMarket();
  readonly troubles: string[] = [];
  /** All that is on the log, in the order in which it came. */
  readonly signals: Signal[] = [];
  readonly #tokens = new TokenBook();
  readonly #guarded: boolean;
  #gateway: Gateway | null = null;
  #url = '';

  static async start({ orders = 300, guarded = false }: SiteOptions = {}): Promise<Site> {
    const site = new Site(guarded);
    await site.open();
    await site.trade(orders);
    return site;
  }

  private constructor(guarded: boolean) {
    this.#guarded = guarded;
  }

  get url(): string {
    return this.#url;
  }

  get client(): GatewayClient {
    return new GatewayClient({ url: this.#url });
  }

  /** The first time at any port, then at the same one. */
  async open(): Promise<void> {
    const port = this.#url === '' ? 0 : Number(new URL(this.#url).port);
    this.#gateway = await Gateway.start({
      ports: {
        source: this.source,
        life: async (address, oid) => await Promise.resolve(this.market.orders.get(`${address}/${String(oid)}`)?.life ?? null),
        status: async () =>
          await Promise.resolve({
            partitions: [0, 1, 2, 3].map((partition) => this.#partition(partition)),
            pending: 61,
            quarantined: REFUSED.length,
          }),
        quarantine: async (limit) => await Promise.resolve({ records: this.#refused().slice(0, limit) }),
      },
      feedFile: ':memory:',
      listen: { host: '127.0.0.1', port },
      open: false,
      allowedHosts: [],
      allowedOrigins: [],
      authority: this.#guarded
        ? {
            grantOf: (token) => this.#tokens.grantOf(token),
            onEnd: (told) => this.#tokens.onEnd(told),
            close: async () => await Promise.resolve(),
          }
        : null,
      onAudit: () => undefined,
      onTrouble: (text) => this.troubles.push(text),
      assets: await loadAssets(),
    });
    this.#url = this.#gateway.url;
    this.#gateway.run().catch((error: unknown) => this.troubles.push(String(error)));
    await this.#caughtUp();
  }

  async close(): Promise<void> {
    await this.#gateway?.stop();
    this.#gateway = null;
  }

  async end(): Promise<void> {
    await this.close();
    this.#tokens.close();
  }

  token(actions: readonly Action[] = ['signals', 'orders', 'status']): string {
    const { text, record } = newToken({ name: 'dashboard', actions, addresses: null, expiresAt: null }, Date.now());
    this.#tokens.put(record);
    return text;
  }

  /** So many orders more; their signals are on the log, in this order, and read by the gateway where there is one. */
  async trade(orders: number, everyMs = 900): Promise<readonly Signal[]> {
    const signals = this.market.signals(orders, Date.now() - 1_000, everyMs);
    await this.append(signals);
    return signals;
  }

  async append(signals: readonly Signal[]): Promise<void> {
    this.source.append(signals, { appendedAt: Date.now() });
    this.signals.push(...signals);
    if (this.#gateway !== null) await this.#caughtUp();
  }

  async #caughtUp(): Promise<void> {
    const ends = (await this.source.bounds()).map(({ high }) => high);
    const until = Date.now() + PATIENCE_MS;
    while (
      this.#gateway !== null &&
      (!this.#gateway.feed.isReady || this.#gateway.feed.next.some((next, partition) => next < (ends[partition] ?? 0)))
    ) {
      assert.ok(Date.now() < until, `the gateway read up to ${String(this.#gateway.feed.next)} of ${String(ends)}`);
      await sleep(10);
    }
  }

  #partition(partition: number) {
    const isRebuilding = partition === 2;
    return {
      partition,
      health: isRebuilding ? ('rebuilding' as const) : ('ok' as const),
      lag: isRebuilding ? 1_840 : partition * 3,
      delayMs: 120 + partition * 45,
      signals: 0,
      pending: 12 + partition,
    };
  }

  #refused(): QuarantinedRecord[] {
    return REFUSED.map(([reason, detail], place) => {
      const address = this.market.addresses[place] ?? '';
      const data = {
        coin: 'BTC',
        px: '96412',
        sz: '0.01',
        side: 'B',
        startPosition: '-3',
        dir: 'Close Long',
        oid: 52_840_113_900 + place,
      };
      return {
        topic: 'fills',
        partition: place % 4,
        offset: 90_000 - place * 37,
        reason,
        detail,
        address,
        at: Date.now() - place * 61_000,
        preview: JSON.stringify({ kind: 'fill', address, receivedAt: Date.now() - place * 61_000, data }),
      };
    });
  }
}

const REFUSED: readonly (readonly [reason: string, detail: string])[] = [
  ['dir-contradiction', 'Close Long, but the position before was -3'],
  ['late', 'newer than the lastFillAt of its finished order'],
  ['malformed', 'data.px: expected a decimal; got "12e3"'],
  ['conflict', 'tid 8812 came before with another price'],
  ['malformed', 'no JSON'],
];
