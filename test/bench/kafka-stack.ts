// The servers that `bench:kafka` measures on: its own, or some that run already; and the command as processes on them.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OUTPUT_TOPICS, connectionOf, nameIn, withAdmin, type KafkaOptions } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { fetchArtifacts, startKafka, startRedis, startRegistry } from '@fillstream/stack';

const ROOT = join(import.meta.dirname, '../..');
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
const COMPILE_CACHE = join(tmpdir(), 'fillstream-bench', 'compile');
/** None outlives the benchmark. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export type Servers = {
  readonly kafka: string;
  readonly registry: string;
  /** host:port */
  readonly redis: string;
  /** Whose CPU time is told beside the processor's. */
  readonly pids: ReadonlyMap<string, readonly number[]>;
  /** Where the brokers keep their logs; none of servers that run already. */
  readonly logs: readonly string[];
  readonly close: () => Promise<void>;
};

export async function startServers({ brokers = 1 }: { readonly brokers?: 1 | 3 } = {}): Promise<Servers> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-bench-kafka-'));
  const artifacts = await fetchArtifacts();
  const [kafka, registry, redis] = await Promise.all([
    startKafka({ folder, artifacts, brokers }), startRegistry({ folder, artifacts }), startRedis({ folder }),
  ]);
  return {
    kafka: kafka.bootstrap, registry: registry.url, redis: `127.0.0.1:${String(redis.port)}`,
    pids: new Map([
      ['broker', kafka.nodes.flatMap(({ process: { pid } }) => pid ?? [])],
      ['redis', redis.process.pid === null ? [] : [redis.process.pid]],
    ]),
    logs: kafka.nodes.map(({ id }) => join(folder, brokers === 1 ? 'kafka' : `kafka-${String(id)}`, 'data')),
    close: async () => {
      await Promise.all([kafka.stop(), registry.stop(), redis.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A process of the command, and what it said so far. */
export type Running = { readonly pid: number; readonly said: () => string; readonly end: () => Promise<void> };

/** Topics, state and processes under one namespace. */
export class Installation {
  readonly #servers: Servers;
  readonly #command: string;
  readonly namespace: string;
  readonly kafka: KafkaOptions;

  constructor(servers: Servers, namespace: string, command: string) {
    this.#servers = servers;
    this.#command = command;
    this.namespace = namespace;
    this.kafka = { brokers: servers.kafka.split(','), namespace };
  }

  async createTopics(partitions: number, ...more: readonly string[]): Promise<void> {
    await runCommand(this.#command, ['topics', 'create', ...this.#kafkaFlags(), '--partitions', String(partitions), '--no-timestamp-limit', ...more]);
  }

  async import(journal: string): Promise<void> {
    await runCommand(this.#command, ['import', '--finish', ...this.#kafkaFlags(), '--journal', journal]);
  }

  processor(...more: readonly string[]): Running {
    return this.processorOn([], ...more);
  }

  /** With flags of Node's own. */
  processorOn(nodeFlags: readonly string[], ...more: readonly string[]): Running {
    return start(this.#command, ['processor', ...this.#kafkaFlags(), '--redis', this.#servers.redis, ...more], nodeFlags);
  }

  /** Records of an output topic, those that mark the ends of transactions included. */
  async ends(topic: string): Promise<number> {
    const ends = await withAdmin(connectionOf(this.kafka), async (admin) => await admin.fetchTopicOffsets(this.nameOf(topic)));
    return ends.reduce((sum, { high }) => sum + Number(high), 0);
  }

  nameOf(topic: string): string {
    return nameIn(this.namespace, topic);
  }

  /** As if nothing had been processed yet. */
  async forget(partitions: number): Promise<void> {
    await withAdmin(connectionOf(this.kafka), async (admin) => {
      const outputs = OUTPUT_TOPICS.map((topic) => this.nameOf(topic));
      const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
      if (groups.includes(this.nameOf('processor'))) await admin.deleteGroups([this.nameOf('processor')]);
      await admin.deleteTopics({ topics: outputs });
      while ((await admin.listTopics()).some((topic) => outputs.includes(topic)));
    });
    await this.#forgetState();
    await this.createTopics(partitions);
  }

  /** Deletes all of it. */
  async remove(): Promise<void> {
    await withAdmin(connectionOf(this.kafka), async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${this.namespace}.`));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    });
    await this.#forgetState();
  }

  /** Records of the input topics that aren't behind a committed offset. */
  async lag(): Promise<() => Promise<number>> {
    const names = ['fills', 'order-updates'].map((topic) => this.nameOf(topic));
    const admin = connectionOf(this.kafka).admin();
    await admin.connect();
    const ends = await Promise.all(names.map(async (name) => await admin.fetchTopicOffsets(name)));
    const total = ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
    return async () => {
      const committed = await admin.fetchOffsets({ groupId: this.nameOf('processor'), topics: names }).catch(() => []);
      const left = total - committed.flatMap(({ partitions }) => partitions).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
      if (left === 0) await admin.disconnect();
      return left;
    };
  }

  async #forgetState(): Promise<void> {
    const connection = await RedisConnection.open({ nodes: [this.#servers.redis] });
    const { client } = connection;
    try {
      for (let cursor = '0'; ;) {
        const scanned: unknown = await client.call('scan', [cursor, 'MATCH', `${this.namespace}:*`, 'COUNT', '5000']);
        if (!Array.isArray(scanned) || !Array.isArray(scanned[1])) throw new Error('redis: SCAN answered something else');
        const keys = scanned[1].map(String);
        if (keys.length > 0) await client.call('unlink', keys);
        cursor = String(scanned[0]);
        if (cursor === '0') return;
      }
    } finally {
      connection.close();
    }
  }

  #kafkaFlags(): string[] {
    return ['--kafka', this.#servers.kafka, '--registry', this.#servers.registry, '--namespace', this.namespace];
  }
}

/** The command to its end; throws with what it said when that isn't exit 0. */
export async function runCommand(command: string, args: readonly string[]): Promise<void> {
  const { child, said } = launch(command, args);
  await once(child, 'close');
  const code = child.exitCode;
  if (code !== 0) throw new Error(`fillstream ${args[0] ?? ''} ended with ${String(code)}: ${said()}`);
}

function start(command: string, args: readonly string[], nodeFlags: readonly string[]): Running {
  const { child, said } = launch(command, args, nodeFlags);
  const closed = once(child, 'close');
  return {
    pid: child.pid ?? 0,
    said: () => {
      if (child.exitCode !== null) throw new Error(`the processor ended: ${said()}`);
      return said();
    },
    end: async () => {
      child.kill('SIGTERM');
      await closed;
    },
  };
}

function launch(command: string, args: readonly string[], nodeFlags: readonly string[] = []): { readonly child: ChildProcess; readonly said: () => string } {
  const child = spawn(process.execPath, [...NODE_FLAGS, ...flagsOfCommand(), ...nodeFlags, command, ...args], {
    cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'], env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env, FILLSTREAM_LOG: 'text' },
  });
  children.add(child);
  child.once('close', () => children.delete(child));
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  return { child, said: () => text };
}

/** BENCH_NODE_FLAGS: such as --cpu-prof, to look into a processor. */
function flagsOfCommand(): string[] {
  return (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}
