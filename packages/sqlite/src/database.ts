// One folder, one SQLite file, one process at a time.
//
// F1  The lock is a transaction on a file of its own: the system ends it with the process, so it can't go stale, and
//     others may read the data meanwhile.
// F2  A file of another format version is refused by name, never converted in silence.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PortError } from '@fillstream/runtime';

/** Raised when a table changes; a later format reads the earlier ones or says what to do. */
export const FORMAT_VERSION = 1;

const DATA_FILES = ['fillstream.db', 'fillstream.db-wal', 'fillstream.db-shm'];

const TABLES = `
  CREATE TABLE partitions (partition INTEGER PRIMARY KEY, owner TEXT NOT NULL, head TEXT);
  CREATE TABLE orders (
    partition INTEGER NOT NULL, address TEXT NOT NULL, oid INTEGER NOT NULL, deadline INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (partition, address, oid)
  ) WITHOUT ROWID;
  CREATE TABLE address_parts (
    partition INTEGER NOT NULL, address TEXT NOT NULL, part INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (partition, address, part)
  ) WITHOUT ROWID;
  CREATE TABLE records (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, arrival INTEGER NOT NULL,
    timestamp INTEGER, key TEXT, body BLOB NOT NULL,
    PRIMARY KEY (topic, partition, offset)
  ) WITHOUT ROWID;
  CREATE TABLE journal_commits (sequence INTEGER PRIMARY KEY, entry TEXT NOT NULL);
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  PRAGMA user_version = ${String(FORMAT_VERSION)};
`;

export class Database {
  readonly sql: DatabaseSync;
  readonly folder: string;
  readonly #lock: DatabaseSync;

  private constructor(sql: DatabaseSync, lock: DatabaseSync, folder: string) {
    this.sql = sql;
    this.#lock = lock;
    this.folder = folder;
  }

  /** Opens the database of a folder, making both when needed; `fresh` deletes what was there. Throws PortError: `in-use`, `mismatch`, `store-broken`. */
  static open(folder: string, { fresh = false }: { readonly fresh?: boolean } = {}): Database {
    const lock = lockFolder(folder);
    try {
      if (fresh) for (const name of DATA_FILES) rmSync(join(folder, name), { force: true });
      const sql = new DatabaseSync(join(folder, 'fillstream.db'));
      sql.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192');
      prepareTables(sql, folder);
      return new Database(sql, lock, folder);
    } catch (error) {
      lock.close();
      throw asPortError(error, folder);
    }
  }

  /** Runs `work` in one transaction: all of it happens, or nothing. Throws PortError. */
  transaction<T>(work: () => T): T {
    try {
      this.sql.exec('BEGIN IMMEDIATE');
      const result = work();
      this.sql.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.sql.isTransaction) this.sql.exec('ROLLBACK');
      throw asPortError(error, this.folder);
    }
  }

  /** What only reads, and needs no transaction. Throws PortError. */
  reading<T>(work: () => T): T {
    return reading(this.folder, work);
  }

  /** A small named fact about the whole folder, null when it was never set. Throws PortError. */
  fact(name: string): string | null {
    const row = this.reading(() => this.sql.prepare('SELECT value FROM facts WHERE name = ?').get(name));
    return typeof row?.['value'] === 'string' ? row['value'] : null;
  }

  setFact(name: string, value: string): void {
    this.sql.prepare('INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(name, value);
  }

  /** Bytes of the file, without what is still in its write-ahead log. */
  size(): number {
    const pages = this.sql.prepare('PRAGMA page_count').get()?.['page_count'];
    const pageSize = this.sql.prepare('PRAGMA page_size').get()?.['page_size'];
    return Number(pages) * Number(pageSize);
  }

  close(): void {
    this.sql.close();
    this.#lock.close();
  }
}

function lockFolder(folder: string): DatabaseSync {
  let lock: DatabaseSync | null = null;
  try {
    mkdirSync(folder, { recursive: true });
    lock = new DatabaseSync(join(folder, 'lock.db'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (!isBusy(error)) throw asPortError(error, folder);
    throw new PortError('in-use', `another process uses the state in ${folder}`, { retryable: false, cause: error });
  }
}

function prepareTables(sql: DatabaseSync, folder: string): void {
  const version = sql.prepare('PRAGMA user_version').get()?.['user_version'];
  if (version === 0) {
    sql.exec(`BEGIN; ${TABLES} COMMIT`);
  } else if (version !== FORMAT_VERSION) {
    const message = `the state in ${folder} has format ${String(version)}, expected ${String(FORMAT_VERSION)}`;
    throw new PortError('mismatch', message, { retryable: false });
  }
}

/** SQLite's primary result codes for "locked by another". */
function isBusy(error: unknown): boolean {
  const code = errorCode(error);
  return code === 5 || code === 6;
}

function errorCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

/** Reads from the database of a folder. Throws PortError. */
export function reading<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asPortError(error, folder);
  }
}

/** What went wrong with the file, in words of the user's: full, read-only, broken. */
function asPortError(error: unknown, folder: string): unknown {
  if (error instanceof PortError || !(error instanceof Error)) return error;
  const systemCode = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const code = errorCode(error);
  if (code === null && !/^E[A-Z]+$/.test(systemCode)) return error;
  const why = code === 13 || systemCode === 'ENOSPC' ? 'no space is left on the disk' : error.message;
  return new PortError('store-broken', `can't use the state in ${folder}: ${why}`, { retryable: false, cause: error });
}
