// EventLog on a real broker and registry: the contract suite, and what is the adapter's own.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { RefusalReason, Signal } from '@fillstream/core';
import type { EventLog } from '@fillstream/runtime';
import { eventLogContract } from '@fillstream/runtime/contract';
import { decodeQuarantined, decodeSignal, encodeRecord } from '@fillstream/schemas';
import { fetchArtifacts, startKafka, startRegistry, type Kafka, type Registry } from '@fillstream/stack';
import { DEFAULT_TOPICS, KafkaInputWriter, KafkaLog, createTopics, readTopic, type KafkaOptions, type RegistryOptions } from './index.ts';

const PARTITIONS = 2;
const HEADER_BYTES = 5;
const folder = mkdtempSync(join(tmpdir(), 'fillstream-kafka-'));
let broker: Kafka | null = null;
let registry: Registry | null = null;
let namespaces = 0;

before(async () => {
  const artifacts = await fetchArtifacts();
  [broker, registry] = await Promise.all([startKafka({ folder, artifacts, brokers: 1 }), startRegistry({ folder, artifacts })]);
});

after(async () => {
  await Promise.all([broker?.stop(), registry?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function freshTopics(): Promise<{ readonly kafka: KafkaOptions; readonly registry: RegistryOptions }> {
  assert.ok(broker !== null && registry !== null);
  namespaces += 1;
  const options = { kafka: { brokers: [broker.bootstrap], namespace: `n${String(namespaces)}` }, registry: { url: registry.url } };
  await createTopics(options.kafka, options.registry, { ...DEFAULT_TOPICS, partitions: PARTITIONS });
  return options;
}

/** How much of a partition's outputs was committed: a commit is decided some milliseconds before its records are readable. */
type Told = { signals: number; refused: number };

function zeroes(): Told {
  return { signals: 0, refused: 0 };
}

/** The log, with what its commits said when they resolved. */
function counted(log: KafkaLog, told: readonly Told[]): EventLog {
  return {
    inputs: log.inputs,
    assigned: async (partition) => {
      await log.assigned(partition);
    },
    open: async (partition) => {
      const opened = await log.open(partition);
      const commit = opened.commit.bind(opened);
      opened.commit = async (next) => {
        await commit(next);
        const sums = told[partition] ?? zeroes();
        sums.signals += next.signals.length;
        sums.refused += next.refused.length;
      };
      return opened;
    },
  };
}

async function outputsOf(kafka: KafkaOptions, partition: number, told: Told): Promise<{ signals: Signal[]; refused: RefusalReason[] }> {
  const bodiesOf = async (topic: string): Promise<Buffer[]> => (await readTopic(kafka, topic))
    .filter((record) => record.partition === partition).map(({ value }) => (value ?? Buffer.alloc(0)).subarray(HEADER_BYTES));
  const [signals, refused] = await Promise.all([bodiesOf('signals'), bodiesOf('quarantine')]);
  if (signals.length < told.signals || refused.length < told.refused) return await outputsOf(kafka, partition, told);
  return {
    signals: signals.map((body) => decodeSignal(body) as Signal),
    refused: refused.map((body) => decodeQuarantined(body).reason as RefusalReason),
  };
}

eventLogContract('KafkaLog', { partitions: PARTITIONS, topics: 2, bounded: false }, async () => {
  const options = await freshTopics();
  const start = async (): Promise<KafkaLog> => {
    const joined = await KafkaLog.connect({ ...options, sessionTimeoutMs: 6_000 });
    await joined.join();
    return joined;
  };
  let log = await start();
  const told = [zeroes(), zeroes()];
  const writer = await KafkaInputWriter.connect(options.kafka, options.registry);
  return {
    log: counted(log, told),
    append: async (records) => {
      await writer.append(records.map(({ json }) => encodeRecord(json)));
    },
    outputs: async (partition) => await outputsOf(options.kafka, partition, told[partition] ?? zeroes()),
    reopen: async () => {
      await log.close();
      log = await start();
      return counted(log, told);
    },
    close: async () => {
      await Promise.all([log.close(), writer.close()]);
    },
  };
});
