// The embedded log as a live ingestor's: records, gaps, and how far each address is durable, in one SQLite file.

import type { Progress } from '@fillstream/hyperliquid/live';
import type { LiveLog } from '@fillstream/ingestor/live';
import { encodeGap } from '@fillstream/schemas';
import type { Database, SqliteLog } from '@fillstream/sqlite';

export function liveLogOf(log: SqliteLog, database: Database): LiveLog {
  return {
    append: async (records) => {
      await Promise.resolve();
      log.append(records);
    },
    progress: async (address) => await Promise.resolve(progressOf(database.fact(factOf(address)))),
    saveProgress: async (address, progress) => {
      await Promise.resolve();
      log.append([], { name: factOf(address), value: JSON.stringify(progress) });
    },
    gap: async (gap) => {
      await Promise.resolve();
      log.note({ topic: 'gaps', timestamp: gap.to, key: gap.address, body: encodeGap(gap) });
    },
  };
}

function factOf(address: string): string {
  return `progress ${address}`;
}

/* Written above. */
function progressOf(text: string | null): Progress | null {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return text === null ? null : JSON.parse(text) as Progress;
}
