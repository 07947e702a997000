// What a broker is configured with; compose.yaml has the same for containers. Every node is broker and controller in one, and
// the quorum is static, so that a node may come back on other ports.

import { HOST } from './ports.ts';

export type Brokers = 1 | 3;
export type Properties = Readonly<Record<string, string | number | boolean>>;

export interface KafkaAddress {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
}

/** The properties of one node among `all`; `extra` ones win. */
export function kafkaProperties(node: KafkaAddress, all: readonly KafkaAddress[], data: string, extra: Properties): Properties {
  return { ...network(node, all), 'log.dirs': data, ...LIMITS, ...replication(all.length === 1 ? 1 : 3), ...extra };
}

/** The text of a properties file. */
export function propertiesText(properties: Properties): string {
  const line = ([key, value]: [string, string | number | boolean]): string =>
    `${key}=${String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`;
  return Object.entries(properties).map(line).join('');
}

function network(node: KafkaAddress, all: readonly KafkaAddress[]): Properties {
  const listener = `PLAINTEXT://${HOST}:${node.port}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'listeners': `${listener},CONTROLLER://${HOST}:${node.controllerPort}`,
    'advertised.listeners': listener,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.quorum.voters': all.map(({ id, controllerPort }) => `${id}@${HOST}:${controllerPort}`).join(','),
  };
}

const LIMITS: Properties = {
  'auto.create.topics.enable': false,
  'num.partitions': 4,
  'offsets.topic.num.partitions': 5,
  'transaction.state.log.num.partitions': 5,
  'group.initial.rebalance.delay.ms': 0,
};

function replication(brokers: Brokers): Properties {
  const replicas = brokers;
  const inSync = brokers === 1 ? 1 : 2;
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    // A killed broker is noticed in 3 s instead of 9.
    ...(brokers === 3 ? { 'broker.session.timeout.ms': 3_000, 'broker.heartbeat.interval.ms': 500 } : {}),
  };
}
