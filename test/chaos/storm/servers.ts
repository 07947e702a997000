// The servers of a storm, each pair of brokers with a link between them.
//
// S1  A broker reaches each other one by a listener of its own, which names the link between the two: so a partition has sides.

import {
  fetchArtifacts, freePorts, startKafka, startRegistry, type Kafka, type KafkaAddress, type Properties, type Registry,
} from '@fillstream/stack';
import { HOST, Link } from '../proxy/link.ts';
import { RedisPair } from './redis-pair.ts';

const IDS = [1, 2, 3];

export type Servers = {
  readonly kafka: Kafka;
  readonly registry: Registry;
  readonly redis: RedisPair;
  /** From one broker to another: `1 2`. */
  readonly between: ReadonlyMap<string, Link>;
  readonly close: () => Promise<void>;
};

export async function startServers(folder: string, brokers: 1 | 3): Promise<Servers> {
  const artifacts = await fetchArtifacts();
  const between = await linksBetween(brokers);
  const [kafka, registry, redis] = await Promise.all([
    startKafka({ folder, artifacts, brokers, properties: await listeners(brokers, between) }),
    startRegistry({ folder, artifacts }),
    RedisPair.start(folder),
  ]);
  return {
    kafka, registry, redis, between,
    close: async () => {
      await Promise.all([kafka.stop(), registry.stop(), redis.stop()]);
      await Promise.all(Array.from(between.values(), async (link) => await link.close()));
    },
  };
}

/** Their targets are known once the ports are. */
async function linksBetween(brokers: number): Promise<Map<string, Link>> {
  const links = new Map<string, Link>();
  for (const from of IDS.slice(0, brokers)) {
    for (const to of IDS.slice(0, brokers)) {
      if (from === to) continue;
      const name = `broker ${String(from)} → broker ${String(to)}`;
      links.set(pairOf(from, to), await Link.open({ name, to: { host: HOST, port: 0 } }));
    }
  }
  return links;
}

function pairOf(from: number, to: number): string {
  return `${String(from)} ${String(to)}`;
}

/** S1. Clients have the first listener. */
async function listeners(brokers: number, between: ReadonlyMap<string, Link>): Promise<(node: KafkaAddress) => Properties> {
  const group = { 'group.min.session.timeout.ms': 1_000 };
  if (brokers === 1) return () => group;
  const ports = await freePorts(IDS.length ** 2);
  const portOf = (from: number, at: number): number => ports[(from - 1) * IDS.length + at - 1] ?? 0;
  return ({ id, port, controllerPort }) => {
    for (const from of IDS) between.get(pairOf(from, id))?.retarget({ host: HOST, port: portOf(from, id) });
    const own = IDS.map((from) => `FROM${String(from)}://${HOST}:${portOf(from, id)}`);
    const toldPort = (from: number): number => between.get(pairOf(from, id))?.address.port ?? portOf(from, id);
    const told = IDS.map((from) => `FROM${String(from)}://${HOST}:${toldPort(from)}`);
    const names = ['PLAINTEXT', 'CONTROLLER', ...IDS.map((from) => `FROM${String(from)}`)];
    return {
      ...group,
      'listeners': [`PLAINTEXT://${HOST}:${port}`, ...own, `CONTROLLER://${HOST}:${controllerPort}`].join(','),
      'advertised.listeners': [`PLAINTEXT://${HOST}:${port}`, ...told].join(','),
      'listener.security.protocol.map': names.map((name) => `${name}:PLAINTEXT`).join(','),
      'inter.broker.listener.name': `FROM${String(id)}`,
    };
  };
}
