// One Kafka broker or three, each broker and controller in one process.
//
// K1  A node that is ready has left the fence: clients may use it.
// K2  A node keeps its data, its id and its ports through any stop, kill and start.
// K3  With `security`, no client gets in but by TLS and a login.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Artifacts } from './artifacts.ts';
import { SHORT_LIFE, classArguments } from './jvm.ts';
import { kafkaProperties, propertiesText, type Brokers, type KafkaAddress, type Properties } from './kafka-properties.ts';
import { scramArguments, securityProperties } from './kafka-security.ts';
import { HOST, answers, withPorts } from './ports.ts';
import { StackProcess, endWithThis, type ProcessSpec } from './process.ts';
import { run } from './run.ts';
import type { Security } from './security.ts';

const READY_LINE = 'Kafka Server started';
const LAST_LIMIT_MS = 1_000;
const LOGGING = join(import.meta.dirname, '../log4j2.properties');

export interface KafkaOptions {
  /** Where data, properties and logs are. */
  readonly folder: string;
  readonly artifacts: Pick<Artifacts, 'java' | 'kafka' | 'classes'>;
  readonly brokers: Brokers;
  /** The brokers' ports, then the controllers'; free ones for those that aren't given. */
  readonly ports?: readonly number[];
  /** What is added to server.properties, or replaces it, e.g. other listeners. The first listener has to be the node's port. */
  readonly properties?: Properties | ((node: KafkaAddress) => Properties);
  /** TLS and logins; without it whoever comes is served, in plain. A folder keeps the users of its first start. */
  readonly security?: Security;
  /** True: ready sooner, for less of the processor's time, and slower under a load that lasts. For tests. */
  readonly shortLived?: boolean;
}

export interface KafkaNode extends KafkaAddress {
  readonly process: StackProcess;
}

export interface Kafka {
  /** `127.0.0.1:PORT`, or three of them with commas. */
  readonly bootstrap: string;
  readonly nodes: readonly KafkaNode[];
  readonly stop: () => Promise<void>;
}

/** Starts Kafka and waits until every node is ready. It is asked to end when this process exits. Throws StackError. */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  return await withPorts(options.brokers * 2, options.ports ?? [], async (ports) => {
    const specs = kafkaSpecs({ ...options, ports });
    const nodes = specs.map(({ spec, ...address }) => ({ ...address, process: new StackProcess(spec) }));
    const processes = nodes.map((node) => node.process);
    const kafka = { bootstrap: bootstrapOf(nodes), nodes, stop: () => stopTogether(processes) };
    endWithThis(...processes);
    await startAll(kafka);
    return kafka;
  });
}

/** How each node is run. `ports` has all of them. */
export function kafkaSpecs(options: KafkaOptions): readonly (KafkaAddress & { readonly spec: ProcessSpec })[] {
  const all = addressesOf(options.brokers, options.ports ?? []);
  const secure = options.security === undefined ? () => ({}) : securityProperties(options.security);
  return all.map((node) => ({ ...node, spec: nodeSpec(options, node, all, secure(node)) }));
}

export function bootstrapOf(nodes: readonly { readonly port: number }[]): string {
  return nodes.map(({ port }) => `${HOST}:${port}`).join(',');
}

async function startAll({ nodes, stop }: Kafka): Promise<void> {
  const results = await Promise.allSettled(nodes.map((node) => node.process.start()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return;
  await stop();
  throw failed.reason;
}

/** Ends all nodes of one Kafka. The last of three would wait in vain for somebody to hand its partitions to, so it is killed. */
export async function stopTogether(nodes: readonly StackProcess[]): Promise<void> {
  let left = nodes.length;
  await Promise.all(nodes.map(async (node) => {
    await node.stop();
    left -= 1;
    if (left !== 1) return;
    await sleep(LAST_LIMIT_MS);
    await Promise.all(nodes.map((each) => each.kill()));
  }));
}

function addressesOf(brokers: Brokers, ports: readonly number[]): readonly KafkaAddress[] {
  return Array.from({ length: brokers }, (_, index) => (
    { id: index + 1, port: ports[index] ?? 0, controllerPort: ports[brokers + index] ?? 0 }
  ));
}

function nodeSpec(options: KafkaOptions, node: KafkaAddress, all: readonly KafkaAddress[], secure: Properties): ProcessSpec {
  const { folder, artifacts, properties = {}, security, shortLived = false } = options;
  const name = all.length === 1 ? 'kafka' : `kafka-${node.id}`;
  const home = join(folder, name);
  const extra = typeof properties === 'function' ? properties(node) : properties;
  const text = propertiesText(kafkaProperties(node, all, join(home, 'data'), { ...secure, ...extra }));
  const heap = all.length === 1 ? '-Xmx512m' : '-Xmx384m';
  return {
    name,
    command: artifacts.java,
    args: [heap, ...(shortLived ? SHORT_LIFE : []), ...programArguments(artifacts, 'broker'), 'kafka.Kafka', join(home, 'server.properties')],
    env: {},
    folder: home,
    log: join(home, `${name}.log`),
    readyLine: READY_LINE,
    prepare: () => format(home, text, artifacts, security === undefined ? [] : scramArguments(security)),
    probe: () => answers(node.port),
  };
}

function programArguments({ kafka, classes }: KafkaOptions['artifacts'], program: 'broker' | 'format'): readonly string[] {
  return [`-Dlog4j2.configurationFile=${LOGGING}`, ...classArguments(classes, program), '-cp', join(kafka, '*')];
}

/** Writes the properties, and formats the data folder when it is new. */
async function format(home: string, properties: string, artifacts: KafkaOptions['artifacts'], more: readonly string[]): Promise<void> {
  const file = join(home, 'server.properties');
  writeFileSync(file, properties);
  if (existsSync(join(home, 'data', 'meta.properties'))) return;
  await run(artifacts.java, ['-Xmx128m', ...SHORT_LIFE, ...programArguments(artifacts, 'format'), 'kafka.tools.StorageTool', 'format',
    '--ignore-formatted', '-t', clusterId(dirname(home)), '-c', file, ...more]);
}

/** The cluster's own id, made once in its folder. */
function clusterId(folder: string): string {
  const file = join(folder, 'cluster.id');
  // A leading `-` would be read as an option.
  if (!existsSync(file)) writeFileSync(file, `f${randomBytes(16).toString('base64url').slice(1)}`);
  return readFileSync(file, 'utf8');
}
