// Everything that a storm strikes: servers, processors, ingestors, a gateway and its subscribers, and the links between them.
//
// T1  No process reaches another one but by a link; the storm itself asks past all of them.
// T2  Who runs the processes starts again what ended.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Filter } from '@fillstream/client';
import type { KafkaOptions } from '@fillstream/kafka';
import { FakeExchange } from '@fillstream/simulator/exchange';
import { freePorts } from '@fillstream/stack';
import { fillstream, type Running } from '../../end-to-end/command.ts';
import { launch } from '../launch.ts';
import { NO_LIMITS } from '../live-place.ts';
import { KafkaWay } from '../proxy/kafka-way.ts';
import { HOST, Link } from '../proxy/link.ts';
import { clockedBy, setClock } from './faketime.ts';
import { Kept } from './kept.ts';
import { COUNTS } from './plan.ts';
import { startServers, type Servers } from './servers.ts';
import { Subscriber } from './subscriber.ts';

export const PARTITIONS = 4;
const NAMESPACE = 'storm';
const SESSION_MS = 6_000;
const ADDRESSES = 8;
/** Every order ends soon, whatever became of its status. */
export const SETTINGS = { timeoutMs: 3_000, graceMs: 1_000, quietMs: 1_000 };
const SETTING_FLAGS = Object.entries(SETTINGS).flatMap(([name, value]) => ['--set', `${name}=${String(value)}ms`]);

export type SiteOptions = {
  readonly folder: string;
  readonly seed: number;
  readonly brokers: 1 | 3;
  readonly ordersPerSecond: number;
  /** The library, if there is one. */
  readonly faketime: string | null;
};

type Service = {
  readonly kept: Kept;
  readonly way: KafkaWay;
  readonly registry: Link;
  /** Of processors to Redis, of ingestors to the exchange. */
  readonly redis: Link | null;
  readonly exchange: Link | null;
  readonly clock: string;
  /** Answers /readyz. */
  readonly url: string;
};

export class Site {
  readonly servers: Servers;
  readonly exchange: FakeExchange;
  readonly services = new Map<string, Service>();
  readonly subscribers: Subscriber[] = [];
  /** What a link couldn't pass on. */
  readonly troubles: string[] = [];
  readonly #options: SiteOptions;

  static async open(options: SiteOptions): Promise<Site> {
    const servers = await startServers(join(options.folder, 'servers'), options.brokers);
    const { seed, ordersPerSecond } = options;
    const market = { seed, addresses: ADDRESSES, ordersPerSecond };
    const exchange = await FakeExchange.start({ ...market, limits: NO_LIMITS, lifetimeMs: null });
    const site = new Site(options, servers, exchange);
    await site.#prepare();
    for (const sort of ['processor', 'ingestor', 'gateway'] as const) {
      for (let number = 1; number <= COUNTS[sort]; number += 1) await site.#add(sort, `${sort}-${String(number)}`);
    }
    await site.#subscribe();
    return site;
  }

  private constructor(options: SiteOptions, servers: Servers, exchange: FakeExchange) {
    this.#options = options;
    this.servers = servers;
    this.exchange = exchange;
  }

  /** Past all links. */
  get kafka(): KafkaOptions {
    return { brokers: this.servers.kafka.bootstrap.split(','), namespace: NAMESPACE };
  }

  service(name: string): Service {
    const service = this.services.get(name);
    assert.ok(service !== undefined, `no ${name}`);
    return service;
  }

  of(sort: 'processor' | 'ingestor' | 'gateway'): Service[] {
    return Array.from(this.services).filter(([name]) => name.startsWith(sort)).map(([, service]) => service);
  }

  /** Everybody finds the primary. */
  retargetRedis(links: readonly Link[] = this.of('processor').flatMap(({ redis }) => redis ?? [])): void {
    for (const link of links) link.retarget(this.servers.redis.address);
  }

  async close(): Promise<void> {
    await Promise.all(this.subscribers.map(async (subscriber) => await subscriber.close()));
    await Promise.all(Array.from(this.services.values(), async ({ kept, way, registry, redis, exchange }) => {
      await kept.kill();
      await Promise.all([way.close(), registry.close(), redis?.close(), exchange?.close()]);
    }));
    await this.exchange.close();
    await this.servers.close();
  }

  async #prepare(): Promise<void> {
    const { kafka, registry } = this.servers;
    const flags = ['--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', NAMESPACE];
    const replication = String(kafka.nodes.length);
    const create = ['topics', 'create', '--partitions', String(PARTITIONS), '--replication', replication];
    for (const args of [create, ['watch', 'add', ...this.exchange.addresses]]) {
      const { code, stderr } = await fillstream([...args, ...flags]);
      assert.equal(code, 0, stderr);
    }
  }

  async #add(sort: 'processor' | 'ingestor' | 'gateway', name: string): Promise<void> {
    const { kafka, registry, redis } = this.servers;
    const way = await KafkaWay.open(name, kafka.nodes, (text) => this.troubles.push(text));
    const exchange = { host: HOST, port: Number(new URL(this.exchange.url).port) };
    const links = {
      registry: await Link.open({ name: `${name} → registry`, to: { host: HOST, port: registry.port } }),
      redis: sort === 'processor' ? await Link.open({ name: `${name} → Redis`, to: redis.address }) : null,
      exchange: sort === 'ingestor' ? await Link.open({ name: `${name} → exchange`, to: exchange }) : null,
    };
    const [port = 0] = await freePorts(1);
    const folder = join(this.#options.folder, name);
    mkdirSync(folder, { recursive: true });
    const clock = join(folder, 'clock');
    setClock(clock, 0);
    const at = `${HOST}:${String(port)}`;
    const args = [sort, ...this.#commonFlags(way, links.registry), ...flagsOf(sort, folder, at, links)];
    const { faketime } = this.#options;
    const env = faketime === null ? {} : clockedBy(faketime, clock);
    const kept = new Kept(name, this.#folderOfLogs(), (): Running => launch(args, env));
    this.services.set(name, { kept, way, ...links, clock, url: `http://${at}` });
    kept.start();
  }

  #commonFlags(way: KafkaWay, registry: Link): string[] {
    const url = this.servers.registry.url.replace(String(this.servers.registry.port), String(registry.address.port));
    return ['--kafka', way.bootstrap, '--registry', url, '--namespace', NAMESPACE];
  }

  #folderOfLogs(): string {
    const folder = join(this.#options.folder, 'logs');
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** All, some addresses', opened ones, great ones, and one who leaves and comes back. */
  async #subscribe(): Promise<void> {
    const gateway = { host: HOST, port: Number(new URL(this.service('gateway-1').url).port) };
    const filters: [Filter, number][] = [
      [{}, Infinity], [{ addresses: this.exchange.addresses.slice(0, 2) }, Infinity], [{ directions: ['open'] }, Infinity],
      [{ minNotional: '5000' }, 40], [{}, 100],
    ];
    for (const [place, [filter, leavesAfter]] of filters.entries()) {
      this.subscribers.push(await Subscriber.open({ name: `client-${String(place + 1)}`, gateway, filter, leavesAfter }));
    }
  }
}

function flagsOf(
  sort: 'processor' | 'ingestor' | 'gateway', folder: string, at: string,
  { redis, exchange }: Pick<Service, 'redis' | 'exchange'>,
): string[] {
  const portOf = (link: Link | null): string => `${HOST}:${String(link?.address.port ?? 0)}`;
  const session = ['--session-timeout', String(SESSION_MS)];
  switch (sort) {
    case 'processor':
      return ['--redis', portOf(redis), ...session, '--http', at, ...SETTING_FLAGS];
    case 'ingestor':
      return ['--exchange', `http://${portOf(exchange)}`, ...session, '--http', at, '--spill', join(folder, 'spill.ndjson')];
    case 'gateway':
      return ['--listen', at, '--model', join(folder, 'model')];
  }
}
