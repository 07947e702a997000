// Two more installations to make alerts fire on: one that serves signals, and one that watches more than the exchange lets it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf } from '@fillstream/kafka';
import { Receiver } from '@fillstream/gateway/webhooks/test-receiver';
import { FakeExchange } from '@fillstream/simulator/exchange';
import { KafkaWay, brokersOf } from '../chaos/proxy/kafka-way.ts';
import { Link, type LinkFault } from '../chaos/proxy/link.ts';
import { HOST, Market, PARTITIONS, flagsOf, owned, run, startIngestor } from './alert-tools.ts';
import type { Target } from './alerts.ts';
import { Installation, SERVING, SESSION_MS, type JoinedServers } from './cluster.ts';
import { start, type Running } from './command.ts';
import { SEED } from './journals.ts';

/** Of a journal that goes on for as long as a test may take. */
const RECORDS = 30_000;
const MOST_STREAMS = 10;
/** Longer than what a gateway may take from the log to its subscribers. */
const LATE_MS = 2_000;
const [TRY_MS, CUT_MS] = [100, 500];
/** Each signal soon is a dead letter, and a webhook soon is broken; but who doesn't answer is waited for. */
const IMPATIENT = ['--attempts', '2', '--retry-wait', '20ms', '--broken-after', '3', '--timeout', '10m'];
/** An order that nobody has. */
const LIFE = `/v1/orders/0x${'57'.repeat(20)}/1/life`;

type Parts = {
  readonly servers: JoinedServers; readonly installation: Installation; readonly folder: string; readonly market: Market; readonly receiver: Receiver;
  /** Each gateway's to Kafka, and that of the first one to Redis. */
  readonly ways: readonly [KafkaWay, KafkaWay]; readonly redisLink: Link;
  readonly token: string;
};

/** Any port, and the address that it became. */
const [ANY, SERVES] = [['--http', `${HOST}:0`], /serves http:\/\/(\S+)\/metrics/] as const;
const JOBS = ['processor', 'gateway', 'gateway', 'webhooks'];

/** A processor of a journal that goes on when it is told to, two gateways, and a webhook; the first gateway wants tokens. */
export class ServingSite {
  static readonly namespace = 'alert-serving';
  readonly receiver: Receiver;
  readonly #t: TestContext;
  readonly #parts: Parts;
  readonly #processor: Running;
  readonly #first: Running;
  readonly #webhooks: Running;
  #second: Running;
  /** Where they serve metrics. */
  #addresses: readonly string[] = [];

  static async start(t: TestContext, servers: JoinedServers, folder: string): Promise<ServingSite> {
    const installation = new Installation(servers, ServingSite.namespace);
    const flags = flagsOf(servers, ServingSite.namespace);
    await installation.createTopics(PARTITIONS);
    const receiver = await Receiver.start(t);
    const [token, market] = await Promise.all([
      run('token', 'create', '--name', 'alerts', '--actions', 'signals,orders', ...flags), Market.open(t, installation, RECORDS), run('webhook', 'add', receiver.url, ...flags),
    ]);
    const redisLink = await Link.open({ name: 'gateway → Redis', to: { host: HOST, port: servers.redis.port } });
    t.after(async () => await redisLink.close());
    const ways = [await wayFor(t, installation), await wayFor(t, installation)] as const;
    const site = new ServingSite(t, { servers, installation, folder, market, receiver, ways, redisLink, token });
    await market.write();
    site.#addresses = await Promise.all([site.#processor, site.#first, site.#second, site.#webhooks].map(async (running) => await running.heard(SERVES)));
    return site;
  }

  private constructor(t: TestContext, parts: Parts) {
    const { servers, installation, ways, redisLink, receiver } = parts;
    [this.#t, this.#parts, this.receiver] = [t, parts, receiver];
    this.#processor = owned(t, installation.processor(...ANY));
    this.#first = this.#startGateway(ways[0], ...ANY, '--tokens', '--limit', `connections=${String(MOST_STREAMS)}`, '--redis', `${HOST}:${String(redisLink.address.port)}`);
    this.#second = this.#startGateway(ways[1], ...ANY);
    const flags = [...flagsOf(servers, ServingSite.namespace), '--allow-private', '--session-timeout', String(SESSION_MS)];
    this.#webhooks = owned(t, start(['webhooks', ...flags, ...IMPATIENT, ...ANY]));
  }

  get targets(): readonly Target[] {
    return this.#addresses.map((address, place) => ({ job: `fillstream-${JOBS[place] ?? ''}`, namespace: ServingSite.namespace, address }));
  }

  /** The market goes on for a moment. */
  async write(): Promise<void> {
    await this.#parts.market.write(20);
  }

  /** Nearly all streams of the first gateway are taken; gives what leaves them. */
  async takeStreams(): Promise<() => Promise<void>> {
    const streams: Response[] = [];
    while (streams.length < MOST_STREAMS - 1) streams.push(await this.#ask('/v1/stream', this.#parts.token));
    return async () => {
      for (const { body } of streams) await body?.cancel();
    };
  }

  /** Somebody tries a token at the first gateway. */
  async tryToken(): Promise<void> {
    await (await this.#ask('/v1/addresses', 'fst_no')).text();
    await sleep(TRY_MS);
  }

  /** Somebody asks the first gateway for the life of an order. */
  async askForLife(): Promise<void> {
    await (await this.#ask(LIFE, this.#parts.token)).text();
    await sleep(TRY_MS);
  }

  /** The first gateway doesn't reach Redis; gives what ends that. */
  hideRedis(): () => void {
    return this.#parts.redisLink.impair({ isCut: true });
  }

  /** What Kafka sends to the first gateway is late; gives what ends that. */
  delay(): () => void {
    return impair(this.#parts.ways[0], { down: { delayMs: LATE_MS } });
  }

  /** Kafka is silent to the second gateway; gives what ends that. */
  silence(): () => void {
    return impair(this.#parts.ways[1], { down: { isHole: true } });
  }

  /** The second gateway begins again without what it had, and Kafka doesn't tell it who coordinates its reading; gives what ends that. */
  async beginAnew(): Promise<() => void> {
    this.#second.kill('SIGKILL');
    await this.#second.ended;
    const hold = this.#parts.ways[1].hold({ api: 'FindCoordinator', side: 'answer', forMs: null });
    this.#second = this.#startGateway(this.#parts.ways[1], '--http', this.#addresses[2] ?? '');
    return () => hold.lift();
  }

  /** A record on `signals` that is none. */
  async writeRubbish(): Promise<void> {
    const { installation } = this.#parts;
    const producer = connectionOf(installation.kafka).producer();
    await producer.connect();
    await producer.send({ topic: installation.nameOf('signals'), messages: [{ key: 'none', value: 'no signal' }] });
    await producer.disconnect();
  }

  killGateways(): void {
    for (const gateway of [this.#first, this.#second]) gateway.kill('SIGKILL');
  }

  killWebhooks(): void {
    this.#webhooks.kill('SIGKILL');
  }

  /** With nothing read yet. */
  #startGateway({ bootstrap }: KafkaWay, ...flags: readonly string[]): Running {
    const { servers, folder } = this.#parts;
    const seen = new Installation({ ...servers, kafka: { bootstrap } }, ServingSite.namespace);
    return owned(this.#t, seen.gateway('--model', join(folder, randomUUID()), ...flags));
  }

  async #ask(path: string, token: string): Promise<Response> {
    const url = await this.#first.heard(SERVING);
    return await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  }
}

/** An ingestor with as many addresses as one may watch, on a fake exchange. */
export class LimitedSite {
  static readonly namespace = 'alert-limited';
  readonly targets: readonly Target[];
  readonly exchange: FakeExchange;

  static async start(t: TestContext, servers: JoinedServers): Promise<LimitedSite> {
    const installation = new Installation(servers, LimitedSite.namespace);
    const flags = flagsOf(servers, LimitedSite.namespace);
    const exchange = await FakeExchange.start({ seed: `${String(SEED)}/limited`, addresses: 10, ordersPerSecond: 2, lifetimeMs: null });
    t.after(async () => await exchange.close());
    await installation.createTopics(PARTITIONS);
    await run('watch', 'add', ...exchange.addresses, ...flags);
    return new LimitedSite(exchange, await startIngestor(t, exchange, ...flags, ...ANY).heard(SERVES));
  }

  private constructor(exchange: FakeExchange, address: string) {
    this.exchange = exchange;
    this.targets = [{ job: 'fillstream-ingestor', namespace: LimitedSite.namespace, address }];
  }

  /** All connections end, and are made again. */
  async cut(): Promise<void> {
    this.exchange.fault('cut');
    await sleep(CUT_MS);
  }
}

async function wayFor(t: TestContext, { kafka }: Installation): Promise<KafkaWay> {
  const way = await KafkaWay.open('gateway', brokersOf(kafka.brokers), (text) => assert.fail(text));
  t.after(async () => await way.close());
  return way;
}

function impair({ links }: KafkaWay, fault: LinkFault): () => void {
  const lifts = Array.from(links.values(), (link) => link.impair(fault));
  return () => {
    for (const lift of lifts) lift();
  };
}
