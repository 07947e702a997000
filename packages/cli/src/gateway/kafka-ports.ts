// What a gateway stands on beside Kafka. Redis, where it is given, knows the pending orders.

import type { PartitionReport, StatusReport } from '@fillstream/client';
import type { GatewayPorts } from '@fillstream/gateway/ports';
import type { KafkaOptions, RegistryOptions } from '@fillstream/kafka';
import type { RedisOptions } from '@fillstream/redis';
import { openKafkaHistory } from '../operate/kafka-history.ts';
import { QUARANTINE, readEntries } from '../operate/quarantine-entry.ts';
import { collect } from '../operate/status/collect.ts';
import type { PartitionStatus, Snapshot } from '../operate/status/snapshot.ts';
import { lifeIn } from './order-life.ts';
import { pendingOf } from './pending.ts';
import { byNewest, quarantinedOf } from './quarantined.ts';

export type KafkaPortsOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly namespace: string;
  readonly redis: RedisOptions | null;
  /** Where processors serve /readyz. */
  readonly urls: readonly string[];
};

/** Records that make up one that waits too long to be well. */
const STALLED_MS = 60_000;
/** An installation is asked at most so often, however many ask for its status. */
const STATUS_EVERY_MS = 2_000;

/** Throws PortError. */
export async function kafkaPorts(options: KafkaPortsOptions): Promise<GatewayPorts> {
  const { kafka, registry } = options;
  const [{ KafkaSource }, { boundsOf }] = await Promise.all([import('@fillstream/gateway/kafka-source'), import('@fillstream/kafka')]);
  return {
    source: await KafkaSource.open(kafka, registry),
    life: async (address, oid) => {
      const history = await openKafkaHistory(kafka, registry, address);
      try {
        return await lifeIn(history, await settingsOf(options), address, oid);
      } finally {
        await history.close();
      }
    },
    status: remembered(async () => statusOf(await collect(options)), STATUS_EVERY_MS),
    quarantine: async (limit) => {
      const stretches = (await boundsOf(kafka, QUARANTINE)).map(({ partition, low, high }) => (
        { topic: QUARANTINE, partition, from: Math.max(low, high - 2 * limit), to: high } // Every other offset may be a transaction's marker.
      ));
      const records = [];
      for await (const { refused } of readEntries(kafka, registry, stretches)) records.push(quarantinedOf(refused));
      return { records: byNewest(records, limit) };
    },
  };
}

/** Those that the state was made with, as text; null where nobody says them. */
async function settingsOf({ redis, namespace }: KafkaPortsOptions): Promise<string | null> {
  if (redis === null) return null;
  const { RedisConnection, storedFacts } = await import('@fillstream/redis');
  const connection = await RedisConnection.open(redis);
  try {
    return (await storedFacts(connection, namespace))['settings'] ?? null;
  } finally {
    connection.close();
  }
}

function statusOf({ partitions, quarantined }: Snapshot): Pick<StatusReport, 'partitions' | 'pending' | 'quarantined'> {
  const reports = partitions.map(reportOf);
  return { partitions: reports, pending: pendingOf(reports), quarantined: quarantined?.records ?? null };
}

function reportOf(status: PartitionStatus): PartitionReport {
  const { partition, unread, behindMs, orders } = status;
  return { partition, health: healthOf(status), lag: unread, delayMs: behindMs, signals: 0, pending: orders };
}

function healthOf({ member, stage, unread, lagMs }: PartitionStatus): PartitionReport['health'] {
  if (member === null) return 'unowned';
  if (stage !== null && stage !== 'working') return 'rebuilding';
  return unread > 0 && (lagMs ?? 0) > STALLED_MS ? 'stalled' : 'ok';
}

/** Asks again when its last answer is older than `forMs`; who asks meanwhile waits for the same. */
function remembered<T>(ask: () => Promise<T>, forMs: number): () => Promise<T> {
  let held: { readonly answer: Promise<T>; readonly at: number } | null = null;
  return async () => {
    const now = performance.now();
    if (held === null || now - held.at > forMs) held = { answer: ask(), at: now };
    return await held.answer;
  };
}
