// EventLog in SQLite: the topics of the production log, in one table, with the same bodies.
//
// G1  A topic's partition has offsets without gaps, in the order of append; `arrival` orders the records of all topics.
// G2  Records are taken in order of arrival: one process wrote both topics, so their interleaving is known, no topic can
//     be ahead of the other, and the two share one clock.
// G3  A commit's signals, refusals and its own record are one transaction: all of them are visible, or none.
// G4  The file has a size limit: an append beyond it is refused and nothing of it is written.

import { randomUUID } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortError, partitionOf, type EventLog, type PartitionLog } from '@fillstream/runtime';
import { decodeSignal, type EncodedInput, type Signal } from '@fillstream/schemas';
import { INPUT_TOPICS, type NewRecord } from '@fillstream/topics';
import type { Database } from './database.ts';
import { SqlitePartition } from './partition-log.ts';
import { read, type Row } from './rows.ts';

/** How long `take` waits for records before it tells that none came. */
const IDLE_MS = 200;
const LOG_ID = 'log id';

export type SqliteLogOptions = {
  readonly database: Database;
  readonly partitions: number;
  /** Bytes of the database file. */
  readonly limitBytes: number;
};

export class SqliteLog implements EventLog {
  readonly inputs = INPUT_TOPICS.map((name) => ({ name, clock: 0 }));
  readonly partitions: number;
  readonly #database: Database;
  readonly #limitBytes: number;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #nextOffsets = new Map<string, number>();
  readonly #epochs = new Map<number, number>();
  #arrivals: number;
  #appended = Promise.withResolvers<void>();

  /** Throws PortError `mismatch` when the log has another number of partitions. */
  constructor({ database, partitions, limitBytes }: SqliteLogOptions) {
    this.#database = database;
    this.#limitBytes = limitBytes;
    this.partitions = partitions;
    this.#checkPartitions(partitions);
    this.#nameOnce();
    this.#insert = database.sql.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#select = database.sql.prepare('SELECT offset, arrival, body FROM records WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?');
    const last = database.reading(() => database.sql.prepare('SELECT max(arrival) AS arrival FROM records').get());
    this.#arrivals = Number(last?.['arrival'] ?? -1) + 1;
  }

  /** Appends records to the input topics, and remembers `cursor` in the same transaction. Throws PortError. */
  append(records: readonly EncodedInput[], cursor: { readonly name: string; readonly value: string } | null = null): void {
    this.#checkSize();
    this.#write(() => {
      for (const record of records) this.#appendInput(record);
      if (cursor !== null) this.#database.setFact(cursor.name, cursor.value);
    });
    this.#appended.resolve();
    this.#appended = Promise.withResolvers<void>();
  }

  /** Appends one record to its key's partition, on any topic. */
  note(record: NewRecord): void {
    this.#write(() => {
      this.#appendRecord(partitionOf(record.key, this.partitions), record);
    });
  }

  /** The offset after a topic's last record. */
  end(topic: string, partition: number): number {
    const name = `${topic}/${String(partition)}`;
    const held = this.#nextOffsets.get(name);
    if (held !== undefined) return held;
    const last = this.#database.sql.prepare('SELECT max(offset) AS last FROM records WHERE topic = ? AND partition = ?');
    const row = this.#database.reading(() => last.get(topic, partition));
    const next = typeof row?.['last'] === 'number' ? row['last'] + 1 : 0;
    this.#nextOffsets.set(name, next);
    return next;
  }

  /** Records of a topic from an offset on, at most `limit`. */
  read(topic: string, partition: number, from: number, limit: number): readonly Row[] {
    return this.#database.reading(() => this.#select.all(topic, partition, from, limit)).map(asRow);
  }

  /** Committed signals from an offset on. */
  readSignals(partition: number, from: number, limit: number): readonly { readonly offset: number; readonly signal: Signal }[] {
    return this.read('signals', partition, from, limit).map(({ offset, body }) => (
      { offset, signal: read(`signals/${String(partition)}/${String(offset)}`, () => decodeSignal(body)) }
    ));
  }

  async assigned(): Promise<void> {
    await Promise.resolve();
  }

  async open(partition: number): Promise<PartitionLog> {
    await Promise.resolve();
    const epoch = (this.#epochs.get(partition) ?? 0) + 1;
    this.#epochs.set(partition, epoch);
    return new SqlitePartition(this, partition, () => this.#epochs.get(partition) === epoch);
  }

  /** Appends a commit's records to one partition. Throws PortError. */
  appendOutputs(partition: number, records: readonly NewRecord[]): void {
    this.#write(() => {
      for (const record of records) this.#appendRecord(partition, record);
    });
  }

  /** Resolves when something was appended, or after a while. */
  async changed(): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.#appended.promise, sleep(IDLE_MS, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }

  /** To its key's partition; a tick to every partition of both topics. */
  #appendInput(record: EncodedInput): void {
    if (record.kind !== 'tick') {
      this.#appendRecord(partitionOf(record.key, this.partitions), record);
      return;
    }
    for (const topic of INPUT_TOPICS) {
      for (let partition = 0; partition < this.partitions; partition += 1) this.#appendRecord(partition, { ...record, topic });
    }
  }

  #appendRecord(partition: number, { topic, timestamp, key, body }: NewRecord): void {
    const offset = this.end(topic, partition);
    this.#insert.run(topic, partition, offset, this.#arrivals, timestamp, key, body);
    this.#nextOffsets.set(`${topic}/${String(partition)}`, offset + 1);
    this.#arrivals += 1;
  }

  /** A transaction that failed takes its offsets back. */
  #write(work: () => void): void {
    try {
      this.#database.transaction(work);
    } catch (error) {
      this.#nextOffsets.clear();
      throw error;
    }
  }

  #checkPartitions(partitions: number): void {
    const held = this.#database.fact('partitions');
    if (held === String(partitions)) return;
    if (held !== null) {
      const message = `the embedded log in ${this.#database.folder} has ${held} partitions, expected ${String(partitions)}: their number is fixed when it is made`;
      throw new PortError('mismatch', message, { retryable: false });
    }
    this.#database.transaction(() => {
      this.#database.setFact('partitions', String(partitions));
    });
  }

  /** So that readers tell this log from one that is made in its place. */
  #nameOnce(): void {
    if (this.#database.fact(LOG_ID) !== null) return;
    this.#database.transaction(() => {
      this.#database.setFact(LOG_ID, randomUUID());
    });
  }

  #checkSize(): void {
    const size = this.#database.size();
    if (size < this.#limitBytes) return;
    const message = `the embedded log in ${this.#database.folder} is full: ${String(size)} bytes, the limit is ${String(this.#limitBytes)} (logLimitBytes); raise it, or begin anew with --fresh`;
    throw new PortError('log-full', message, { retryable: false });
  }
}

/* The rows were written by this file: the table's types are theirs. */
function asRow(row: Readonly<Record<string, unknown>>): Row {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return row as Row;
}
