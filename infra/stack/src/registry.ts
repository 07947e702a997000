// The schema registry: Apicurio, for its Confluent-compatible API.
//
// R1  A schema's id is never given to another schema, also not after a kill: it is in the file before it is answered.

import { writeFile } from 'node:fs/promises';
import { request as requestPlain } from 'node:http';
import { request as requestByTls } from 'node:https';
import { join } from 'node:path';
import type { Artifacts } from './artifacts.ts';
import { SHORT_LIFE, classArguments } from './jvm.ts';
import { HOST, withPorts } from './ports.ts';
import { StackProcess, endWithThis, type ProcessSpec } from './process.ts';
import type { Security } from './security.ts';

const TELL_READY = '-Dquarkus.log.category."io.quarkus".level=INFO';
const READY_LINE = 'Listening on:';
const ANSWER_LIMIT_MS = 5_000;
const JAR = 'apicurio-registry-app-3.0.9-runner.jar';

export interface RegistryOptions {
  /** Where its data and log are. */
  readonly folder: string;
  readonly artifacts: Pick<Artifacts, 'java' | 'registry' | 'classes'>;
  readonly port?: number;
  /** https and basic auth; without it whoever asks is answered, by http. */
  readonly security?: Security;
  /** True: ready sooner, for less of the processor's time, and slower under a load that lasts. For tests. */
  readonly shortLived?: boolean;
}

export interface Registry {
  readonly port: number;
  /** `http://127.0.0.1:PORT/apis/ccompat/v7`, or https. */
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
    return { port, url: registryUrl(port, options.security), process: server, stop: () => server.stop() };
  });
}

export function registryUrl(port: number, security?: Security): string {
  return `${security === undefined ? 'http' : 'https'}://${HOST}:${port}/apis/ccompat/v7`;
}

/** How it is run. */
export function registrySpec({ folder, artifacts, port = 0, security, shortLived = false }: RegistryOptions): ProcessSpec {
  const home = join(folder, 'registry');
  return {
    name: 'registry',
    command: artifacts.java,
    args: [
      '-Xmx256m', ...(shortLived ? SHORT_LIFE : []), ...classArguments(artifacts.classes, 'registry'), TELL_READY, ...loginArguments(security),
      '-jar', join(artifacts.registry, JAR),
    ],
    env: {
      QUARKUS_HTTP_HOST: HOST,
      ...(security === undefined ? { QUARKUS_HTTP_PORT: String(port) } : tlsSettings(home, port)),
      QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
      APICURIO_STORAGE_SQL_KIND: 'h2',
      APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(home, 'schemas')};WRITE_DELAY=0`,
    },
    folder: home,
    log: join(home, 'registry.log'),
    readyLine: READY_LINE,
    prepare: () => writeCertificate(home, security),
    probe: () => registryReady(port, security),
  };
}

function loginArguments(security: Security | undefined): readonly string[] {
  if (security === undefined) return [];
  const users = 'quarkus.security.users.embedded';
  return [
    '-Dquarkus.http.auth.basic=true', `-D${users}.enabled=true`, `-D${users}.plain-text=true`,
    ...security.users.flatMap(({ name, password }) => [`-D${users}.users.${name}=${password}`, `-D${users}.roles.${name}=sr-admin`]),
  ];
}

function tlsSettings(home: string, port: number): Readonly<Record<string, string>> {
  return {
    QUARKUS_HTTP_SSL_PORT: String(port),
    QUARKUS_HTTP_INSECURE_REQUESTS: 'disabled',
    QUARKUS_HTTP_SSL_CERTIFICATE_FILES: join(home, 'cert.pem'),
    QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES: join(home, 'key.pem'),
  };
}

async function writeCertificate(home: string, security: Security | undefined): Promise<void> {
  if (security === undefined) return;
  await writeFile(join(home, 'cert.pem'), security.cert);
  await writeFile(join(home, 'key.pem'), security.key, { mode: 0o600 });
}

/** Whether the registry answers and its global level, which would be NONE, is BACKWARD now. */
export async function registryReady(port: number, security?: Security): Promise<boolean> {
  const url = registryUrl(port, security);
  try {
    if (!await isWell(`${url}/subjects`, 'GET', '', security)) return false;
    return await isWell(`${url}/config`, 'PUT', JSON.stringify({ compatibility: 'BACKWARD' }), security);
  } catch {
    return false;
  }
}

/** Asks as the first user there is. */
function isWell(url: string, method: string, body: string, security: Security | undefined): Promise<boolean> {
  const [user] = security?.users ?? [];
  const options = {
    method,
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    ...(user === undefined ? {} : { auth: `${user.name}:${user.password}` }),
  };
  const request = security === undefined ? requestPlain(url, options) : requestByTls(url, { ...options, ca: security.ca });
  return new Promise((resolve, reject) => {
    request.once('error', reject).once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.end(body);
  });
}
