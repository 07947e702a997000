// The stack as containers, for machines where a Docker daemon answers: compose.yaml says what they are. Each folder and number
// of brokers is a compose project of its own, so their volumes are separate.

import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from './errors.ts';
import { isKafka, portOf } from './parts.ts';
import { answers } from './ports.ts';
import { registryReady } from './registry.ts';
import { onPath, run, tryRun } from './run.ts';
import type { PartState, StackState } from './state.ts';

const FILE = join(import.meta.dirname, '../compose.yaml');
const ASK_LIMIT_MS = 3_000;
const READY_LIMIT_MS = 120_000;
const POLL_MS = 200;
/** Kafka's ApiVersions request, version 0, with correlation id 1 and no client id: 10 bytes after the size. */
const API_VERSIONS = Uint8Array.of(0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255);
const PING = new TextEncoder().encode('PING\r\n');

/** Whether a daemon answers within 3 s and compose is there. */
export async function dockerAnswers(): Promise<boolean> {
  if (onPath('docker') === null) return false;
  const asked = [['info'], ['compose', 'version']].map((args) => tryRun('docker', args, { limitMs: ASK_LIMIT_MS }));
  return (await Promise.all(asked)).every((answer) => answer !== null);
}

/** The names of the containers that run. Throws StackError. */
export async function dockerRunning(folder: string, state: Pick<StackState, 'brokers'>): Promise<readonly string[]> {
  const told = await compose(folder, state, ['ps', '--services', '--status', 'running']);
  return told.split('\n').map((line) => line.trim()).filter((line) => line !== '');
}

/** Starts what doesn't run, and waits until all answer. Throws StackError. */
export async function dockerUp(folder: string, state: Pick<StackState, 'brokers' | 'parts'>): Promise<void> {
  await compose(folder, state, ['up', '-d'], portSettings(state.parts));
  await Promise.all(state.parts.map(waitReady));
}

/** Stops and removes the containers; the volumes stay. Throws StackError. */
export async function dockerDown(folder: string, state: Pick<StackState, 'brokers'>): Promise<void> {
  await compose(folder, state, ['down']);
}

async function compose(
  folder: string, { brokers }: Pick<StackState, 'brokers'>, args: readonly string[], env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const profile = brokers === 1 ? 'one' : 'three';
  const hash = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 8);
  const project = `fillstream-${hash}-${profile}`;
  return await run('docker', ['compose', '-f', FILE, '-p', project, '--profile', profile, ...args], { env });
}

function portSettings(parts: readonly PartState[]): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(parts.filter(isKafka).map(({ port }, index) => [`FILLSTREAM_KAFKA_PORT_${index + 1}`, String(port)])),
    FILLSTREAM_REDIS_PORT: String(portOf(parts, 'redis')),
    FILLSTREAM_REGISTRY_PORT: String(portOf(parts, 'registry')),
  };
}

/** A published port takes connections before the container does, so it is an answer that counts. */
async function waitReady(part: PartState): Promise<void> {
  const end = performance.now() + READY_LIMIT_MS;
  while (!await ready(part)) {
    if (performance.now() > end) {
      const told = `didn't answer on port ${part.port} within ${READY_LIMIT_MS / 1_000} s: see its \`docker logs\``;
      throw new StackError('not-ready', `the container of ${part.name} ${told}`);
    }
    await sleep(POLL_MS);
  }
}

async function ready({ name, port }: PartState): Promise<boolean> {
  if (name === 'registry') return await registryReady(port);
  return await answers(port, name === 'redis' ? PING : API_VERSIONS);
}
