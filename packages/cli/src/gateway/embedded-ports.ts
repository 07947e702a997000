// What a gateway stands on beside an embedded log: the log itself answers everything, read over a connection of its own.

import type { PartitionReport, QuarantinePage } from '@fillstream/client';
import type { GatewayPorts } from '@fillstream/gateway/ports';
import type { SqliteSource } from '@fillstream/gateway/sqlite-source';
import { decodeQuarantined } from '@fillstream/schemas';
import { LogReader } from '@fillstream/sqlite';
import { INPUT_TOPICS, readCommit } from '@fillstream/topics';
import { openSqliteHistory } from '../operate/sqlite-history.ts';
import { lifeIn } from './order-life.ts';
import { pendingOf } from './pending.ts';
import { byNewest, quarantinedOf } from './quarantined.ts';

/** By partition, what only the process that has it knows; null: it isn't this one. */
export type Working = (partition: number) => Pick<PartitionReport, 'health' | 'pending'> | null;

export type EmbeddedPorts = GatewayPorts & { readonly source: SqliteSource; readonly close: () => void };

/** Throws PortError. */
export async function embeddedPorts(folder: string, working: Working): Promise<EmbeddedPorts> {
  const { SqliteSource: Source } = await import('@fillstream/gateway/sqlite-source');
  const source = Source.open(folder);
  const log = LogReader.open(folder);
  const all = Array.from({ length: source.partitions }, (_, partition) => partition);
  return {
    source,
    life: async (address, oid) => {
      const history = openSqliteHistory(folder, address);
      try {
        return await lifeIn(history, history.settings, address, oid);
      } finally {
        await history.close();
      }
    },
    status: async () => {
      const partitions = all.map((partition) => reportOf(log, partition, working(partition)));
      return await Promise.resolve({ partitions, pending: pendingOf(partitions), quarantined: all.reduce((sum, partition) => sum + log.end('quarantine', partition), 0) });
    },
    quarantine: async (limit) => await Promise.resolve(quarantineIn(log, all, limit)),
    close: () => {
      source.close();
      log.close();
    },
  };
}

function reportOf(log: LogReader, partition: number, working: ReturnType<Working>): PartitionReport {
  const end = log.end('commits', partition);
  const [row] = end === 0 ? [] : log.read('commits', partition, end - 1, 1);
  const commit = row === undefined ? null : readCommit(row.body);
  const { offsets } = commit?.to.position ?? { offsets: [] };
  const lag = INPUT_TOPICS.reduce((sum, topic, place) => sum + log.end(topic, partition) - (offsets[place] ?? 0), 0);
  const streamTime = commit === null ? null : Math.min(...commit.clocks);
  return {
    partition, lag, signals: log.end('signals', partition), delayMs: streamTime === null ? null : Date.now() - streamTime,
    ...working ?? { health: 'unknown', pending: null },
  };
}

function quarantineIn(log: LogReader, partitions: readonly number[], limit: number): QuarantinePage {
  const records = partitions.flatMap((partition) => {
    const end = log.end('quarantine', partition);
    return log.read('quarantine', partition, Math.max(0, end - limit), limit).map(({ body }) => quarantinedOf(decodeQuarantined(body)));
  });
  return { records: byNewest(records, limit) };
}
