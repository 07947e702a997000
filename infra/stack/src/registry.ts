// The schema registry: Apicurio, for its Confluent-compatible API.
//
// R1  A schema's id is never given to another schema, also not after a kill: it is in the file before it is answered.

import { join } from 'node:path';
import type { Artifacts } from './artifacts.ts';
import { HOST, withPorts } from './ports.ts';
import { StackProcess, endWithThis, type ProcessSpec } from './process.ts';

const TELL_READY = '-Dquarkus.log.category."io.quarkus".level=INFO';
const READY_LINE = 'Listening on:';
const ANSWER_LIMIT_MS = 5_000;
const JAR = 'apicurio-registry-app-3.0.9-runner.jar';

export interface RegistryOptions {
  /** Where its data and log are. */
  readonly folder: string;
  readonly artifacts: Pick<Artifacts, 'java' | 'registry'>;
  readonly port?: number;
}

export interface Registry {
  readonly port: number;
  /** `http://127.0.0.1:PORT/apis/ccompat/v7` */
  readonly url: string;
  readonly process: StackProcess;
  /** True when it ran. */
  readonly stop: () => Promise<boolean>;
}

/**
 * Starts the registry, with BACKWARD as its global level, and waits until it answers. It is asked to end when
 * this process exits. Throws StackError.
 */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  return await withPorts(1, options.port === undefined ? [] : [options.port], async ([port = 0]) => {
    const server = new StackProcess(registrySpec({ ...options, port }));
    endWithThis(server);
    await server.start();
    return { port, url: registryUrl(port), process: server, stop: () => server.stop() };
  });
}

export function registryUrl(port: number): string {
  return `http://${HOST}:${port}/apis/ccompat/v7`;
}

/** How it is run. */
export function registrySpec({ folder, artifacts, port = 0 }: RegistryOptions): ProcessSpec {
  const home = join(folder, 'registry');
  return {
    name: 'registry',
    command: artifacts.java,
    args: ['-Xmx256m', TELL_READY, '-jar', join(artifacts.registry, JAR)],
    env: {
      QUARKUS_HTTP_HOST: HOST,
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
      APICURIO_STORAGE_SQL_KIND: 'h2',
      APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(home, 'schemas')};WRITE_DELAY=0`,
    },
    folder: home,
    log: join(home, 'registry.log'),
    readyLine: READY_LINE,
    prepare: () => Promise.resolve(),
    probe: () => registryReady(port),
  };
}

/** Whether the registry answers and its global level, which would be NONE, is BACKWARD now. */
export async function registryReady(port: number): Promise<boolean> {
  const url = registryUrl(port);
  try {
    const subjects = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    if (!subjects.ok) return false;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ compatibility: 'BACKWARD' });
    return (await fetch(`${url}/config`, { method: 'PUT', headers, body, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })).ok;
  } catch {
    return false;
  }
}
