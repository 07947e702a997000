// One Kafka and one registry for all test files of a run that don't mind each other: started by the runner when the first of them
// asks, ended with the run. A file that is run alone starts its own.
//
// H1  Nobody who shares them can stop them, or change what they are configured with: there is nothing here to do it by.
// H2  No two files have a namespace in common: the second to claim it fails, by name.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fetchArtifacts, startKafka, startRegistry, type Kafka, type Registry } from '@fillstream/stack';

/** Where a run's runner is asked. */
const VARIABLE = 'TEST_SERVERS';
const ROOT = join(import.meta.dirname, '../..');

export type Shared = {
  readonly kafka: { readonly bootstrap: string };
  readonly registry: { readonly url: string };
  /** Where namespaces are claimed. */
  readonly claims: string;
};

export type Pair = { readonly kafka: Kafka; readonly registry: Registry };

/** A session may be as short as tests want it. */
export async function startPair(folder: string, brokers: 1 | 3 = 1): Promise<Pair> {
  const artifacts = await fetchArtifacts();
  const properties = { 'group.min.session.timeout.ms': '1000' };
  const [kafka, registry] = await Promise.all([
    startKafka({ folder, artifacts, brokers, properties, shortLived: true }), startRegistry({ folder, artifacts, shortLived: true }),
  ]);
  return { kafka, registry };
}

/** Nobody needs what they have: they aren't given the time to put it in order. */
export async function endPair({ kafka, registry }: Pair): Promise<void> {
  await Promise.all([...kafka.nodes, registry].map(async ({ process }) => await process.kill()));
}

/** Those of this run; null where no runner offers any. */
export async function sharedServers(): Promise<Shared | null> {
  const url = process.env[VARIABLE];
  if (url === undefined) return null;
  const answer = await fetch(url);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the servers that test files share can't be had: ${text}`);
  const shared: unknown = JSON.parse(text);
  if (!isShared(shared)) throw new Error(`expected where servers are, got ${text}`);
  return shared;
}

/** H2 */
export function claimNamespace({ claims }: Shared, namespace: string): void {
  const path = join(claims, `namespace-${namespace}`);
  const file = relative(ROOT, process.argv[1] ?? '');
  try {
    writeFileSync(path, file, { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const owner = readFileSync(path, 'utf8');
    if (owner !== file) throw new Error(`the namespace "${namespace}" is used by ${owner} on the servers that both share: choose another`, { cause: error });
  }
}

/** The runner's side: offers servers to the test files that it starts from now on, until it calls what this gives. */
export async function offerServers(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-shared-'));
  const claims = join(folder, 'claims');
  mkdirSync(claims);
  let pair: Promise<Pair> | null = null;
  const server = createServer((_, response) => {
    pair ??= startPair(folder);
    pair.then(({ kafka, registry }) => {
      response.end(JSON.stringify({ kafka: { bootstrap: kafka.bootstrap }, registry: { url: registry.url }, claims } satisfies Shared));
    }, (error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  process.env[VARIABLE] = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : 0)}/`;
  return async () => {
    server.close();
    const started = await pair?.catch(() => null);
    if (started !== null && started !== undefined) await endPair(started);
    rmSync(folder, { recursive: true, force: true });
  };
}

function isShared(value: unknown): value is Shared {
  return typeof value === 'object' && value !== null && 'kafka' in value && 'registry' in value && 'claims' in value;
}
