// Two installations to make alerts fire on, and what can be done to them.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, type KafkaInputWriter } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { encodeIngestProgress, encodeInput } from '@fillstream/schemas';
import { FakeExchange } from '@fillstream/simulator/exchange';
import { freePorts, startRedis, type Redis, type Registry } from '@fillstream/stack';
import type { Target } from './alerts.ts';
import { HOST, Market, PARTITIONS, flagsOf, owned, run, startIngestor } from './alert-tools.ts';
import { Installation, type Servers } from './cluster.ts';
import type { Running } from './command.ts';
import { SEED } from './journals.ts';

/** An id that no registry gives out. */
const UNKNOWN_SCHEMA = [0x7f, 0xff, 0xff, 0xff];
const RETENTION_MS = 3_600_000;
/** An address that nobody trades with. */
const STRANGER = `0x${'57'.repeat(20)}`;
/** Enough for each of two addresses to have more fills than the exchange keeps. */
const PAST_ORDERS = 11_000;
/** Before that market began. */
const LONG_AGO_MS = 7_200_000;
/** Of a journal that goes on through all spells that there may be. */
const RECORDS = 5_000;
/** All that is fetched at the start is news: an order whose fills aren't has none, and an end all the same. */
const SETTINGS = ['--set', 'statusMs=5s', '--set', 'startBehindMs=30m'];

/** An ingestor with room for two addresses on a fake exchange, and a processor. */
export class LiveSite {
  static readonly namespace = 'live';
  readonly exchange: FakeExchange;
  readonly ingestor: Running;
  readonly processor: Running;
  readonly targets: readonly Target[];
  readonly #installation: Installation;
  readonly #writer: KafkaInputWriter;
  readonly #flags: readonly string[];
  readonly #registry: Registry;

  static async start(t: TestContext, servers: Servers, folder: string): Promise<LiveSite> {
    const installation = new Installation(servers, LiveSite.namespace);
    const flags = flagsOf(servers, LiveSite.namespace);
    const exchange = await FakeExchange.start({ seed: `${String(SEED)}/alerts`, addresses: 2, ordersPerSecond: 4, pastOrders: PAST_ORDERS, lifetimeMs: null });
    t.after(async () => await exchange.close());
    await run('topics', 'create', ...flags, '--partitions', String(PARTITIONS), '--retention', String(RETENTION_MS));
    await run('watch', 'add', exchange.addresses[0] ?? '', STRANGER, ...flags);
    const writer = await installation.writer();
    t.after(async () => await writer.close());
    const [one = 0, other = 0] = await freePorts(2);
    const processor = owned(t, installation.processor('--http', `${HOST}:${String(one)}`, ...SETTINGS));
    const ingestor = startIngestor(t, exchange, ...flags, '--capacity', '2', '--spill', join(folder, 'spill.ndjson'), '--http', `${HOST}:${String(other)}`);
    t.after(() => signalTo(servers.registry, 'SIGCONT'));
    const site = new LiveSite({ exchange, ingestor, processor, installation, writer, flags, registry: servers.registry, addresses: [`${HOST}:${String(one)}`, `${HOST}:${String(other)}`] });
    await Promise.all([processor.heard(/serves (\S+)\/metrics/), ingestor.heard(/serves (\S+)\/metrics/)]);
    return site;
  }

  private constructor({ exchange, ingestor, processor, installation, writer, flags, registry, addresses: [one = '', other = ''] }: {
    readonly exchange: FakeExchange; readonly ingestor: Running; readonly processor: Running; readonly installation: Installation;
    readonly writer: KafkaInputWriter; readonly flags: readonly string[]; readonly registry: Registry; readonly addresses: readonly string[];
  }) {
    [this.exchange, this.ingestor, this.processor] = [exchange, ingestor, processor];
    [this.#installation, this.#writer, this.#flags, this.#registry] = [installation, writer, flags, registry];
    const namespace = LiveSite.namespace;
    this.targets = [{ job: 'fillstream-processor', namespace, address: one }, { job: 'fillstream-ingestor', namespace, address: other }];
  }

  /** The end of an order whose fills nobody has. */
  async orphan(): Promise<void> {
    const now = Date.now();
    const order = { coin: 'BTC', side: 'B', sz: '0.0', oid: 1, origSz: '1.0', limitPx: '1', timestamp: now };
    await this.#writer.append([encodeInput(JSON.stringify({ kind: 'orderUpdate', address: STRANGER, receivedAt: now, data: { order, status: 'filled', statusTimestamp: now } }))]);
  }

  /** One address more than there is room for. It was watched once, before all that the exchange keeps of it. */
  async crowd(): Promise<void> {
    const now = Date.now();
    const body = encodeIngestProgress({ address: this.#second, lastFillAt: now - LONG_AGO_MS, tids: [] });
    await this.#writer.note({ topic: 'ingest-progress', key: this.#second, timestamp: now, body });
    await run('watch', 'add', this.#second, ...this.#flags);
  }

  /** Room for it. */
  async makeRoom(): Promise<void> {
    await run('watch', 'remove', STRANGER, ...this.#flags);
  }

  /** A record whose schema nobody can tell, as the registry doesn't answer: its partition waits. */
  async hideSchema(): Promise<void> {
    signalTo(this.#registry, 'SIGSTOP');
    await this.#sent({ value: Buffer.from([0, ...UNKNOWN_SCHEMA, 0]) });
  }

  /** The registry answers that it has no such schema. */
  answer(): void {
    signalTo(this.#registry, 'SIGCONT');
  }

  /** A transaction that stays open, on the partition of the first address; gives what aborts it. */
  async openTransaction(): Promise<() => Promise<void>> {
    const producer = connectionOf(this.#installation.kafka).producer({ transactionalId: `${LiveSite.namespace}-hanging`, idempotent: true, maxInFlightRequests: 1, transactionTimeout: 300_000 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: this.#installation.nameOf('fills'), messages: [{ key: this.#first, value: 'never' }] });
    return async () => {
      await transaction.abort();
      await producer.disconnect();
    };
  }

  async #sent(message: { readonly value: Buffer }): Promise<void> {
    const producer = connectionOf(this.#installation.kafka).producer();
    await producer.connect();
    await producer.send({ topic: this.#installation.nameOf('fills'), messages: [{ key: this.#first, ...message }] });
    await producer.disconnect();
  }

  get #first(): string {
    return this.exchange.addresses[0] ?? '';
  }

  get #second(): string {
    return this.exchange.addresses[1] ?? '';
  }
}

/** Two processors on a Redis of their own, and a journal that goes on when it is told to. */
export class RedisSite {
  static readonly namespace = 'redis';
  readonly redis: Redis;
  readonly first: Running;
  readonly targets: readonly Target[];
  readonly #test: TestContext;
  readonly #installation: Installation;
  readonly #market: Market;
  readonly #client: RedisConnection;
  readonly #ports: readonly number[];
  #second: Running;

  static async start(t: TestContext, servers: Servers, folder: string): Promise<RedisSite> {
    const redis = await startRedis({ folder });
    t.after(async () => {
      signalTo(redis, 'SIGCONT');
      await redis.stop();
    });
    const client = await RedisConnection.open({ nodes: [`${HOST}:${String(redis.port)}`] });
    t.after(() => client.close());
    const installation = new Installation({ ...servers, redis }, RedisSite.namespace);
    await installation.createTopics(PARTITIONS);
    const market = await Market.open(t, installation, RECORDS);
    const site = new RedisSite(t, { redis, client, installation, market, ports: await freePorts(2) });
    await site.write();
    // Only what comes once both are at work counts: while they join, partitions change hands.
    for (const each of [site.first, site.#second]) {
      await each.heard(/serves \S+\/metrics/);
      await each.heard(/partition \d \S+, \d+ records replayed/);
    }
    return site;
  }

  private constructor(t: TestContext, { redis, client, installation, market, ports }: {
    readonly redis: Redis; readonly client: RedisConnection; readonly installation: Installation; readonly market: Market; readonly ports: readonly number[];
  }) {
    this.#test = t;
    [this.redis, this.#client, this.#installation, this.#market, this.#ports] = [redis, client, installation, market, ports];
    // Dead, the first one counts as a member for a while.
    this.first = owned(t, installation.processor('--http', `${HOST}:${String(ports[0])}`, '--session-timeout', '10000'));
    this.#second = this.#startSecond();
    this.targets = ports.map((port) => ({ job: 'fillstream-processor', namespace: RedisSite.namespace, address: `${HOST}:${String(port)}` }));
  }

  async write(records = 500): Promise<void> {
    await this.#market.write(records);
  }

  /** Redis gets full, and may throw away what it likes. */
  async evict(): Promise<void> {
    const { client } = this.#client;
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory', String(used + 2_000_000));
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    for (let key = 0; key < 1_000; key += 1) await client.set(`other:${String(key)}`, 'x'.repeat(10_000));
  }

  /** It keeps what it has again. */
  async mend(): Promise<void> {
    const { client } = this.#client;
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'maxmemory', '0');
  }

  /** The second processor ends, and is started again. */
  async restart(): Promise<void> {
    this.#second.kill('SIGTERM');
    await this.#second.ended;
    this.#second = this.#startSecond();
    await this.#second.heard(/has partitions/);
  }

  /** The first processor stands still for most of a second. */
  async stutter(): Promise<void> {
    this.first.kill('SIGSTOP');
    await sleep(700);
    this.first.kill('SIGCONT');
    await sleep(200);
  }

  /** Redis answers no more, and the second processor has to take over what the first one had. */
  freezeAndKill(): void {
    signalTo(this.redis, 'SIGSTOP');
    this.first.kill('SIGKILL');
  }

  #startSecond(): Running {
    return owned(this.#test, this.#installation.processor('--http', `${HOST}:${String(this.#ports[1])}`));
  }
}

function signalTo({ process: { pid } }: Redis | Registry, signal: NodeJS.Signals): void {
  assert.ok(pid !== null);
  process.kill(pid, signal);
}
