// The embedded pair: log and state in one SQLite file, which grows as it should, closed and opened again and again.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PartitionLoop } from '@fillstream/runtime';
import { encodeRecord } from '@fillstream/schemas';
import { Database, SqliteLog, SqliteStore } from '@fillstream/sqlite';
import type { Kind, Part } from '../part.ts';
import { MarketFeed, SHORT_SETTINGS } from './market-feed.ts';

const RECORDS = 1_500;
const LIMIT_BYTES = 2 ** 40;

async function start(): Promise<Part> {
  await Promise.resolve();
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-soak-'));
  const feed = new MarketFeed();
  return {
    step: async () => {
      const before = feed.elapsedMs;
      const database = Database.open(folder);
      const log = new SqliteLog({ database, partitions: 1, limitBytes: LIMIT_BYTES });
      const inputs = log.inputs.map(({ name }) => name);
      const reached = (offsets: readonly number[]): boolean => inputs.every((name, place) => (offsets[place] ?? 0) >= log.end(name, 0));
      const standing = { isDone: false };
      const loop = new PartitionLoop({
        partition: 0, log, store: new SqliteStore(database), settings: SHORT_SETTINGS, limits: { checkpointRecords: 500, ordersInMemory: 500 },
        onEvent: (event) => {
          if (event.kind === 'committed') standing.isDone = reached(event.commit.to.position.offsets);
        },
      });
      const running = loop.run();
      log.append(feed.take(RECORDS).map(({ json }) => encodeRecord(json)));
      while (!standing.isDone) await Promise.race([sleep(5), running]);
      loop.stop();
      await running;
      database.close();
      return { records: RECORDS, ms: feed.elapsedMs - before };
    },
    close: async () => {
      rmSync(folder, { recursive: true, force: true });
      await Promise.resolve();
    },
  };
}

export const EMBEDDED: Kind = { name: 'embedded pair', shortSteps: 10, start };
