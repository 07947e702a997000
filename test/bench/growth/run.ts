// One run: so many records are there, loops work them off, and what is told is the CPU time of each after the warm-up.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEFAULT_LIMITS,
  MemoryStore,
  PartitionLoop,
  partitionOf,
  type EventLog,
  type LoopEvent,
  type StateStore,
} from '@fillstream/runtime';
import { encodeRecord } from '@fillstream/schemas';
import { Database, SqliteLog, SqliteStore } from '@fillstream/sqlite';
import { BytesLog } from './bytes-log.ts';
import { WORKLOAD_SETTINGS, workload, type Shape } from './workload.ts';

/** `memory`: the loop alone, its records bytes in memory and its store the memory twin; `embedded`: both in one SQLite file. */
export type Ports = 'memory' | 'embedded';

export type Load = Shape & {
  readonly partitions: number;
  /** Records that aren't measured, and that are. */
  readonly warmUp: number;
  readonly measured: number;
  /** Of the usual sizes of batches and checkpoints: 1, and less for a smoke run. */
  readonly scale: number;
};

type Made = { readonly log: EventLog; readonly store: StateStore; readonly close: () => void };

const APPEND = 10_000;

/** µs of CPU for each of the measured records, by all threads of the process. */
export async function cpuPerRecord(ports: Ports, load: Load): Promise<number> {
  const { log, store, close } = ports === 'memory' ? inMemory(load) : embedded(load);
  try {
    globalThis.gc?.();
    return await workedOff(log, store, load);
  } finally {
    close();
  }
}

async function workedOff(log: EventLog, store: StateStore, { partitions, warmUp, measured, scale }: Load): Promise<number> {
  let committed = 0;
  let before = process.cpuUsage();
  let counted = 0;
  let used = NaN;
  const onEvent = (event: LoopEvent): void => {
    if (event.kind !== 'committed') return;
    const isWarm = committed >= warmUp;
    committed += event.commit.merge.reduce((sum, { count }) => sum + count, 0);
    if (!isWarm && committed >= warmUp && warmUp > 0) {
      counted = committed;
      before = process.cpuUsage();
    }
    if (committed < warmUp + measured) return;
    const { user, system } = process.cpuUsage(before);
    used = user + system;
    for (const loop of loops) loop.stop();
  };
  const [batchRecords = 0, checkpointRecords = 0, unsavedRecords = 0] = [
    DEFAULT_LIMITS.batchRecords,
    DEFAULT_LIMITS.checkpointRecords,
    DEFAULT_LIMITS.unsavedRecords,
  ].map((limit) => Math.ceil(limit * scale));
  const limits = { batchRecords, checkpointRecords, unsavedRecords };
  const loops = Array.from(
    { length: partitions },
    (_, partition) => new PartitionLoop({ partition, log, store, settings: WORKLOAD_SETTINGS, limits, onEvent }),
  );
  await Promise.all(loops.map(async (loop) => await loop.run()));
  return used / (committed - counted);
}

function inMemory(load: Load): Made {
  const log = new BytesLog(load.partitions);
  let left = load.warmUp + load.measured;
  for (const record of workload(load)) {
    const encoded = encodeRecord(record);
    log.append(partitionOf(encoded.key, load.partitions), encoded);
    left -= 1;
    if (left === 0) break;
  }
  return { log, store: new MemoryStore(), close: () => undefined };
}

function embedded(load: Load): Made {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-bench-growth-'));
  const database = Database.open(folder);
  const log = new SqliteLog({ database, partitions: load.partitions, limitBytes: Infinity });
  const records = workload(load);
  for (let left = load.warmUp + load.measured; left > 0; left -= APPEND) {
    log.append(Array.from({ length: Math.min(left, APPEND) }, () => encodeRecord(records.next().value)));
  }
  const close = (): void => {
    database.close();
    rmSync(folder, { recursive: true });
  };
  return { log, store: new SqliteStore(database), close };
}
