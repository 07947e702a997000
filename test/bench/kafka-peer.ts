// The peer: the same task as a Kafka Streams application, whose folder isn't part of this project. Where it lies beside the
// repository, with Java and Maven on the machine, its generator makes the journal, and it is measured in the same run.
//
// R1  It is built and run in a copy under the temporary folder: nothing is written beside the repository.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './history/entry.ts';

const SOURCE = join(import.meta.dirname, '../../../shared/peers/kafka-streams');
const CLASSES = ['-cp', 'target/classes:libs/*'];

export type Peer = { readonly folder: string };

/** What it says of a row: the median of the runs after the first, which warms the broker up. */
export type PeerRow = {
  readonly guarantee: string;
  readonly threads: number;
  readonly recordsPerSecond: number;
  readonly peakMiB: number;
  readonly cpuSeconds: number;
};
export type PeerLatency = { readonly p50: number; readonly p99: number; readonly peakMiB: number; readonly cores: number };

/** Builds it; says loudly why it is left out when it can't be. */
export function buildPeer(): Peer | null {
  const missing = existsSync(SOURCE) ? ['java', 'mvn', 'bash'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined) : ['its folder ../shared/peers/kafka-streams'];
  if (missing.length > 0) {
    console.log(`\n!! NOT MEASURED: the Kafka Streams peer, for want of ${missing.join(' and ')}. The journal is the simulator's.\n`);
    return null;
  }
  const folder = join(tmpdir(), 'fillstream-bench', 'peer');
  mkdirSync(folder, { recursive: true });
  cpSync(SOURCE, folder, { recursive: true, preserveTimestamps: true });
  spawnSync('chmod', ['-R', 'u+w', folder]);
  if (!existsSync(join(folder, 'libs'))) finish('mvn', ['-q', '-B', '-ntp', '-DskipTests', 'package'], folder);
  return { folder };
}

/** Its journal, with two hours of event time for each million fills. */
export function writePeerJournal({ folder }: Peer, path: string, fills: number): void {
  finish('java', [...CLASSES, 'peer.Bench', 'journal', `out=${path}`, `gen.fills=${String(fills)}`], folder);
}

/** Measures it on a broker of its own, `runs` times after one that isn't counted. Throws when a run of it wasn't correct. */
export async function measurePeer(peer: Peer, fills: number, runs: number, variants: readonly string[]): Promise<PeerRow[]> {
  const summary = await run(peer, [
    'steps=throughput', `gen.fills=${String(fills)}`, `repeat=${String(runs + 1)}`, 'retries=0', `variants=${variants.join(',')}`,
  ]);
  return listOf(summary, 'throughput').map((row) => {
    const counted = listOf(row, 'runs').slice(1);
    const middle = (name: string): number => median(counted.map((each) => numberOf(each, name)));
    return {
      guarantee: String(row['guarantee']), threads: numberOf(row, 'threads'),
      recordsPerSecond: middle('recordsPerSecond'), peakMiB: middle('peakRssMiB'), cpuSeconds: middle('appCpuSeconds'),
    };
  });
}

export async function measurePeerLatency(
  peer: Peer, { rate, warmUp, measured, runs }: { readonly rate: number; readonly warmUp: number; readonly measured: number; readonly runs: number },
): Promise<PeerLatency | null> {
  const summary = await run(peer, [
    'steps=latency', `rate=${String(rate)}`, `warmup.seconds=${String(warmUp)}`, `measure.seconds=${String(measured)}`,
    `repeat=${String(runs)}`, 'retries=0', 'latency.variants=exactly_once_v2:1',
  ]);
  const [row] = listOf(summary, 'latency');
  if (row === undefined) return null;
  const middle = (name: string): number => median(listOf(row, 'runs').map((each) => numberOf(each, name)));
  return { p50: middle('visibleP50'), p99: middle('visibleP99'), peakMiB: middle('peakRssMiB'), cores: middle('appCpuCores') };
}

/** One call of its script, which starts a broker and preloads it; what it says is its last line. */
async function run({ folder }: Peer, options: readonly string[]): Promise<Fields> {
  const child = spawn('bash', ['run.sh', ...options], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`the peer ended with ${String(code)}`);
  const summary: unknown = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
  if (!isFields(summary)) throw new Error('the peer said no JSON object');
  const rows = [...listOf(summary, 'throughput'), ...listOf(summary, 'latency')];
  if (rows.some((row) => row['allCorrect'] !== true)) throw new Error('the peer gave wrong signals');
  return summary;
}

function finish(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${String(status)}: ${stdout}${stderr}`);
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function listOf(fields: Fields, name: string): Fields[] {
  const list = fields[name];
  return Array.isArray(list) ? list.filter(isFields) : [];
}

function numberOf(fields: Fields, name: string): number {
  return Number(fields[name]);
}
