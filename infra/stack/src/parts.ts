// What a stack consists of: the names, the ports it would like, and where each part keeps its data.

import { join } from 'node:path';
import { bootstrapOf, kafkaSpecs } from './kafka.ts';
import type { Artifacts } from './artifacts.ts';
import { isFree, freePorts } from './ports.ts';
import type { Brokers } from './kafka-properties.ts';
import type { ProcessSpec } from './process.ts';
import { DURABLE, redisSpec, redisUrl } from './redis.ts';
import { registrySpec, registryUrl } from './registry.ts';
import type { Mode, PartState, StackState } from './state.ts';

const KAFKA_PORT = 19_092;
const CONTROLLER_PORT = 19_095;
const REDIS_PORT = 16_379;
const REGISTRY_PORT = 18_081;

/** Where clients connect to. */
export interface Addresses {
  readonly bootstrap: string;
  readonly redis: string;
  readonly registry: string;
}

interface Wanted {
  readonly name: string;
  readonly port: number;
  readonly controllerPort: number;
}

/** The parts of a stack with the ports they have by default. */
export function wantedParts(brokers: Brokers): readonly Wanted[] {
  return [
    ...Array.from({ length: brokers }, (_, index) => ({
      name: brokers === 1 ? 'kafka' : `kafka-${index + 1}`, port: KAFKA_PORT + index, controllerPort: CONTROLLER_PORT + index,
    })),
    { name: 'redis', port: REDIS_PORT, controllerPort: 0 },
    { name: 'registry', port: REGISTRY_PORT, controllerPort: 0 },
  ];
}

/** One broker and three have different data, in Redis and the registry too: these speak about Kafka's. */
export function dataFolder(folder: string, brokers: Brokers): string {
  return join(folder, brokers === 1 ? 'one' : 'three');
}

/** The parts of a stack that doesn't run, on the ports they had `before` where these are free, else the default ones, or any. */
export async function newParts(
  folder: string, brokers: Brokers, mode: Mode, before: readonly PartState[],
): Promise<readonly PartState[]> {
  const used = new Set([0]);
  const parts: PartState[] = [];
  for (const { name, ...wanted } of wantedParts(brokers)) {
    const last = before.find((part) => part.name === name);
    const inner = wanted.controllerPort !== 0 && mode === 'processes';
    const port = await choose(used, [last?.port ?? 0, wanted.port]);
    const controllerPort = inner ? await choose(used, [last?.controllerPort ?? 0, wanted.controllerPort]) : 0;
    const place = mode === 'docker' ? null : join(dataFolder(folder, brokers), name);
    const log = place === null ? null : join(place, `${name}.log`);
    parts.push({ name, port, controllerPort, folder: place, log, process: null });
  }
  return parts;
}

/** How each part of a stack is run as a process, in the order of its parts. */
export function specsOf(folder: string, state: StackState, artifacts: Artifacts): readonly ProcessSpec[] {
  const { brokers, parts } = state;
  const home = dataFolder(folder, brokers);
  const nodes = parts.filter(isKafka);
  const ports = [...nodes.map(({ port }) => port), ...nodes.map(({ controllerPort }) => controllerPort)];
  return [
    ...kafkaSpecs({ folder: home, artifacts, brokers, ports }).map(({ spec }) => spec),
    redisSpec({ folder: home, port: portOf(parts, 'redis'), args: DURABLE }, artifacts.redis),
    registrySpec({ folder: home, artifacts, port: portOf(parts, 'registry') }),
  ];
}

export function addressesOf(parts: readonly PartState[]): Addresses {
  return {
    bootstrap: bootstrapOf(parts.filter(isKafka)),
    redis: redisUrl(portOf(parts, 'redis')),
    registry: registryUrl(portOf(parts, 'registry')),
  };
}

export function isKafka({ name }: { readonly name: string }): boolean {
  return name.startsWith('kafka');
}

export function portOf(parts: readonly PartState[], name: string): number {
  return parts.find((part) => part.name === name)?.port ?? 0;
}

/** The first port that is free and not in `used`, else any; it is in `used` then. */
async function choose(used: Set<number>, ports: readonly number[]): Promise<number> {
  const chosen = await firstFree(ports.filter((port) => !used.has(port))) ?? await anyPort(used);
  used.add(chosen);
  return chosen;
}

async function firstFree(ports: readonly number[]): Promise<number | null> {
  for (const port of ports) if (await isFree(port)) return port;
  return null;
}

async function anyPort(used: ReadonlySet<number>): Promise<number> {
  const ports = await freePorts(used.size + 1);
  return ports.find((port) => !used.has(port)) ?? 0;
}
