// A folder's log and state for reading alone, also while a process uses it: nothing is locked, and nothing is changed.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { PortError } from '@fillstream/runtime';
import { FORMAT_VERSION, reading } from './database.ts';

/** A record of a topic as it was written. */
export type StoredRecord = { readonly offset: number; readonly timestamp: number | null; readonly key: string | null; readonly body: Uint8Array };

export class LogReader {
  readonly #sql: DatabaseSync;
  readonly #folder: string;
  readonly #select: StatementSync;
  readonly #selectKey: StatementSync;
  readonly #last: StatementSync;

  /** Throws PortError when there is no log. */
  static open(folder: string): LogReader {
    const path = join(folder, 'fillstream.db');
    if (!existsSync(path)) throw new PortError('store-broken', `there is no log in ${folder}`, { retryable: false });
    try {
      return new LogReader(new DatabaseSync(path, { readOnly: true }), folder);
    } catch (cause) {
      if (cause instanceof PortError) throw cause;
      throw new PortError('store-broken', `can't read the log in ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`, { retryable: false, cause });
    }
  }

  private constructor(sql: DatabaseSync, folder: string) {
    this.#sql = sql;
    this.#folder = folder;
    const version = sql.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version !== FORMAT_VERSION) {
      throw new PortError('mismatch', `the log in ${folder} has format ${String(version)}, expected ${String(FORMAT_VERSION)}`, { retryable: false });
    }
    const columns = 'SELECT offset, timestamp, key, body FROM records WHERE topic = ? AND partition = ? AND offset >= ?';
    this.#select = sql.prepare(`${columns} ORDER BY offset LIMIT ?`);
    this.#last = sql.prepare('SELECT max(offset) AS last FROM records WHERE topic = ? AND partition = ?');
    this.#selectKey = sql.prepare(`${columns} AND key = ? ORDER BY offset`);
  }

  /** null when it was never set. */
  fact(name: string): string | null {
    const value = reading(this.#folder, () => this.#sql.prepare('SELECT value FROM facts WHERE name = ?').get(name))?.['value'];
    return typeof value === 'string' ? value : null;
  }

  /** The offset after a topic's last record. */
  end(topic: string, partition: number): number {
    const last = reading(this.#folder, () => this.#last.get(topic, partition))?.['last'];
    return typeof last === 'number' ? last + 1 : 0;
  }

  /** Records of a topic from an offset on, at most `limit`. */
  read(topic: string, partition: number, from: number, limit: number): readonly StoredRecord[] {
    return reading(this.#folder, () => this.#select.all(topic, partition, from, limit)).map(asRecord);
  }

  /** All of one key, in order. */
  readKey(topic: string, partition: number, key: string): readonly StoredRecord[] {
    return reading(this.#folder, () => this.#selectKey.all(topic, partition, 0, key)).map(asRecord);
  }

  close(): void {
    this.#sql.close();
  }
}

/* The table's types are those of who writes it. */
function asRecord(row: Readonly<Record<string, unknown>>): StoredRecord {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return row as StoredRecord;
}
