// The history of one partition as the embedded log of `npm start` has it; a process may be at work on it meanwhile.

import { setImmediate as soon } from 'node:timers/promises';
import { partitionOf, type LogRecord } from '@fillstream/runtime';
import { decodeSignal } from '@fillstream/schemas';
import { LogReader, type StoredRecord } from '@fillstream/sqlite';
import { INPUT_TOPICS, readCommit, toLogRecord } from '@fillstream/topics';
import { recordedStretches, type History } from './history.ts';
import { jsonOfRecord } from './record-json.ts';

const READ_ROWS = 2_000;
/** Records between two turns of whatever else the process does. */
const TURN = 500;

export type SqliteHistory = History<LogRecord> & {
  /** The settings that it was folded with, as text. */
  readonly settings: string | null;
};

/** Throws PortError. */
export function openSqliteHistory(folder: string, address: string): SqliteHistory {
  const log = LogReader.open(folder);
  const partition = partitionOf(address, Number(log.fact('partitions') ?? 1));
  const commits = rows(log, 'commits', partition);
  const inputs = INPUT_TOPICS.map((topic) => rows(log, topic, partition));
  let taken = 0;
  const nextRecord = async (topic: number): Promise<LogRecord | null> => {
    taken += 1;
    if (taken % TURN === 0) await soon();
    const row = inputs[topic]?.next().value ?? null;
    return row === null ? null : toLogRecord(topic, row.offset, row.body);
  };
  return {
    settings: log.fact('settings'),
    about: `the log in ${folder}, partition ${String(partition)}`,
    clocks: INPUT_TOPICS.map(() => 0),
    ends: false,
    stretches: () => recordedStretches({
      lows: INPUT_TOPICS.map(() => 0), hasAllCommits: true, nextRecord,
      nextCommit: async () => {
        const row = await Promise.resolve(commits.next().value ?? null);
        return row === null ? null : readCommit(row.body);
      },
    }),
    waiting: async function* () {
      for (const topic of INPUT_TOPICS.keys()) for (let record = await nextRecord(topic); record !== null; record = await nextRecord(topic)) yield record;
    },
    emitted: async () => await Promise.resolve(log.readKey('signals', partition, address).map(({ offset, body }) => (
      { signal: decodeSignal(body), place: `signals/${String(partition)}/${String(offset)}`, emittedAt: null }
    ))),
    placeOf: ({ topic, offset }) => `${INPUT_TOPICS[topic] ?? ''}/${String(partition)}/${String(offset)}`,
    jsonOf: jsonOfRecord,
    close: async () => {
      await Promise.resolve();
      log.close();
    },
  };
}

function* rows(log: LogReader, topic: string, partition: number): Generator<StoredRecord, null> {
  for (let from = 0; ;) {
    const some = log.read(topic, partition, from, READ_ROWS);
    yield* some;
    const last = some.at(-1);
    if (last === undefined) return null;
    from = last.offset + 1;
  }
}
