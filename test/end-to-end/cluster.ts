// The production pair for tests: real servers, and installations in namespaces of their own on them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaInputWriter, connectionOf, nameIn, readTopic, withAdmin, type KafkaOptions, type RegistryOptions } from '@fillstream/kafka';
import { decodeQuarantined, decodeSignal, type Quarantined } from '@fillstream/schemas';
import { startRedis, type Redis } from '@fillstream/stack';
import { fillstream, start, type Running } from './command.ts';
import { claimNamespace, endPair, sharedServers, startPair, type Pair, type Shared } from './shared-servers.ts';

/** Kafka and the registry may be other files' too: there is nothing here to stop them by (shared-servers.ts). */
export type JoinedServers = Pick<Shared, 'kafka' | 'registry'> & { readonly shared: Shared | null; readonly redis: Redis; readonly close: () => Promise<void> };
/** They may be stopped, killed and changed. */
export type Servers = JoinedServers & Pair;

const HEADER_BYTES = 5;
const INPUTS = ['fills', 'order-updates'];
/** A killed process keeps its partitions for so long. */
export const SESSION_MS = 2_000;

/** What a gateway says once it listens. */
export const SERVING = /at (http:\S+)/;

export async function startServers({ brokers = 1 }: { readonly brokers?: 1 | 3 } = {}): Promise<Servers> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-servers-'));
  const [pair, redis] = await Promise.all([startPair(folder, brokers), startRedis({ folder })]);
  return {
    ...pair, redis, shared: null,
    close: async () => {
      await Promise.all([endPair(pair), redis.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The same for who does nothing to Kafka and the registry: those that the test files share, if there are any, and a Redis. */
export async function joinServers(): Promise<JoinedServers> {
  const shared = await sharedServers();
  if (shared === null) return await startServers();
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-redis-'));
  const redis = await startRedis({ folder });
  const { kafka, registry } = shared;
  return {
    kafka, registry, redis, shared,
    close: async () => {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Those of a test file or a suite from before its first test until after its last, shared with others unless it wants to be alone. */
export function serversOfTests({ alone = false }: { readonly alone?: boolean } = {}): () => JoinedServers {
  let servers: JoinedServers | null = null;
  before(async () => {
    servers = await (alone ? startServers() : joinServers());
  });
  after(async () => {
    await servers?.close();
  });
  return () => {
    assert.ok(servers !== null);
    return servers;
  };
}

/** Topics, state and processes under one namespace. */
export class Installation {
  readonly #servers: JoinedServers;
  readonly namespace: string;
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;

  constructor(servers: JoinedServers, namespace: string) {
    this.#servers = servers;
    this.namespace = namespace;
    if (servers.shared !== null) claimNamespace(servers.shared, namespace);
    this.registry = { url: servers.registry.url };
    this.kafka = { brokers: servers.kafka.bootstrap.split(','), namespace };
  }

  async createTopics(partitions: number): Promise<void> {
    const sizes = ['--partitions', String(partitions), '--replication', String(this.kafka.brokers.length)];
    await this.#run(['topics', 'create', ...this.#kafkaFlags(), ...sizes, '--no-timestamp-limit']);
  }

  async import(journals: readonly string[], { finish = true } = {}): Promise<void> {
    await this.#run(['import', ...(finish ? ['--finish'] : []), ...this.#kafkaFlags(), ...journals.flatMap((journal) => ['--journal', journal])]);
  }

  async writer(): Promise<KafkaInputWriter> {
    return await KafkaInputWriter.connect(this.kafka, this.registry);
  }

  processor(...more: readonly string[]): Running {
    return this.processorWith({}, ...more);
  }

  /** In an environment of its own. */
  processorWith(env: Readonly<Record<string, string>>, ...more: readonly string[]): Running {
    const redis = ['--redis', `127.0.0.1:${String(this.#servers.redis.port)}`];
    return start(['processor', ...this.#kafkaFlags(), ...redis, '--session-timeout', String(SESSION_MS), ...more], { env });
  }

  /** Serves at a port of its own: `heard(SERVING)` resolves to where. */
  gateway(...more: readonly string[]): Running {
    return start(['gateway', ...this.#kafkaFlags(), '--listen', '127.0.0.1:0', ...more]);
  }

  /** The input topics' name in the cluster. */
  nameOf(topic: string): string {
    return nameIn(this.namespace, topic);
  }

  /** Resolves when everything on the input topics was processed; rejects when the process ends before. */
  async drained(running: Running): Promise<void> {
    const ended = running.ended.then(({ stderr }) => {
      throw new Error(`the processor ended: ${stderr}`);
    });
    ended.catch(() => undefined); // Only while it is awaited.
    await running.heard(/has partitions/);
    while (await Promise.race([this.#lag().catch(() => Infinity), ended]) > 0) await Promise.race([sleep(100), ended]);
  }

  async signals(): Promise<string[]> {
    return (await this.#bodies('signals')).map((body) => JSON.stringify(decodeSignal(body)));
  }

  /** In the order of the log. */
  async signalsByPartition(): Promise<ReadonlyMap<number, readonly string[]>> {
    const records = Map.groupBy(await readTopic(this.kafka, 'signals'), ({ partition }) => partition);
    return new Map(Array.from(records, ([partition, group]) => [partition, group.map(({ value }) => JSON.stringify(decodeSignal(bodyOf(value))))]));
  }

  async quarantine(): Promise<Quarantined[]> {
    return (await this.#bodies('quarantine')).map(decodeQuarantined);
  }

  /** Records that aren't behind a committed offset. */
  async #lag(): Promise<number> {
    return await withAdmin(connectionOf(this.kafka), async (admin) => {
      const topics = INPUTS.map((topic) => this.nameOf(topic));
      const committed = await admin.fetchOffsets({ groupId: this.nameOf('processor'), topics });
      let lag = 0;
      for (const topic of topics) {
        const held = committed.find((each) => each.topic === topic)?.partitions ?? [];
        for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
          lag += Number(high) - Math.max(0, Number(held.find((each) => each.partition === partition)?.offset ?? 0));
        }
      }
      return lag;
    });
  }

  async #bodies(topic: string): Promise<Buffer[]> {
    const records = await readTopic(this.kafka, topic);
    return records.map(({ value }) => bodyOf(value));
  }

  async #run(args: readonly string[]): Promise<void> {
    const { code, stderr } = await fillstream(args);
    assert.equal(code, 0, stderr);
  }

  #kafkaFlags(): string[] {
    return ['--kafka', this.#servers.kafka.bootstrap, '--registry', this.#servers.registry.url, '--namespace', this.namespace];
  }
}

function bodyOf(value: Buffer | null): Buffer {
  return (value ?? Buffer.alloc(0)).subarray(HEADER_BYTES);
}

export type Anomalies = Record<'missing' | 'extra' | 'doubled' | 'outOfOrder', number>;

/** What is wrong with signals, all of it; the expected ones are the lines of an undisturbed run. */
export function anomalies(signals: readonly string[], expected: readonly string[]): Anomalies {
  const [got, wanted] = [new Set(signals), new Set(expected)];
  const revisions = new Map<string, number>();
  let outOfOrder = 0;
  for (const line of signals) {
    const { id, revision } = idOf(line);
    if (revision <= (revisions.get(id) ?? 0)) outOfOrder += 1;
    revisions.set(id, revision);
  }
  return {
    missing: expected.filter((line) => !got.has(line)).length,
    extra: [...got].filter((line) => !wanted.has(line)).length,
    doubled: signals.length - got.size,
    outOfOrder,
  };
}

/** Of a line that this process made of a signal. */
function idOf(line: string): { readonly id: string; readonly revision: number } {
  const value: unknown = JSON.parse(line);
  assert.ok(typeof value === 'object' && value !== null && 'id' in value && 'revision' in value);
  return { id: String(value.id), revision: Number(value.revision) };
}

export const NO_ANOMALIES = { missing: 0, extra: 0, doubled: 0, outOfOrder: 0 };
