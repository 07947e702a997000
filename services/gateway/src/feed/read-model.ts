// What the gateway has read of `signals`, in SQLite: rows in the order of reading, and what can be asked of them. It holds nothing
// that the log hasn't: a file of another log, or of another form, is made anew.
//
// R1  A batch and how far it was read are one transaction: nothing is stored twice, nothing is passed over.
// R2  Of each signal what is newer is stored, each once: by its last fill, then by its revision, as a forgotten order that fills
//     again begins at revision 1. What repeats an earlier one isn't stored.
// R3  Within a partition the order of reading is the order of offsets; between partitions it is this instance's own.
// R4  One process at a time has a file, by a lock that ends with it; a file that is damaged is made anew at the next start.

import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Signal } from '@fillstream/client';
import { PortError } from '@fillstream/runtime';
import type { SignalBatch, SignalRecord } from '../ports.ts';

/** Raised when a table changes. */
const FORMAT_VERSION = 1;

const TABLES = `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE partitions (partition INTEGER PRIMARY KEY, low INTEGER NOT NULL, next INTEGER NOT NULL);
  CREATE TABLE signals (
    seq INTEGER PRIMARY KEY, partition INTEGER NOT NULL, offset INTEGER NOT NULL, at INTEGER NOT NULL,
    address TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, latest INTEGER NOT NULL, body TEXT NOT NULL
  );
  CREATE INDEX by_place ON signals (partition, offset);
  CREATE INDEX by_partition ON signals (partition);
  CREATE INDEX by_time ON signals (partition, at, offset);
  CREATE INDEX by_address ON signals (address);
  CREATE INDEX by_id ON signals (id, latest);
  CREATE TABLE addresses (address TEXT PRIMARY KEY, signals INTEGER NOT NULL, orders INTEGER NOT NULL, last_fill_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE positions (
    address TEXT NOT NULL, coin TEXT NOT NULL, at INTEGER NOT NULL, oid INTEGER NOT NULL, opens INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (address, coin)
  ) WITHOUT ROWID;
`;

/** A row that was stored, with the signal's JSON. */
export type Stored = { readonly seq: number; readonly partition: number; readonly offset: number; readonly json: string; readonly record: SignalRecord };

const LAST = 'SELECT offset, id, revision FROM signals WHERE partition = ? ORDER BY seq DESC LIMIT 1';
const MEMORY = ':memory:';
/** SQLite's primary result codes for "not a database", "damaged" and "locked by another". */
const [CORRUPT, NOT_A_DATABASE, BUSY] = [11, 26, 5];

export class ReadModel {
  readonly sql: DatabaseSync;
  readonly #file: string;
  readonly #lock: DatabaseSync | null;
  /** By partition, where reading goes on, and what it holds everything from. */
  #next: number[] = [];
  #lows: number[] = [];
  #lastSeq = 0;
  #isDamaged = false;
  readonly #identity: string;
  readonly #insert: StatementSync;
  readonly #latest: StatementSync;
  readonly #supersede: StatementSync;
  readonly #otherLeg: StatementSync;
  readonly #count: StatementSync;
  readonly #position: StatementSync;
  readonly #setNext: StatementSync;

  /** `file` may be `:memory:`. What was made of another log, or is damaged, is deleted. Throws PortError: `in-use`, `store-broken`. */
  constructor(file: string, identity: string, partitions: number) {
    this.#file = file;
    this.#identity = identity;
    this.#lock = file === MEMORY ? null : lockOf(file);
    try {
      this.sql = opened(file, identity, partitions);
    } catch (error) {
      this.#lock?.close();
      throw failureOf(file, error);
    }
    this.#readPlaces();
    this.#insert = this.sql.prepare('INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?)');
    this.#latest = this.sql.prepare('SELECT seq, revision, at FROM signals WHERE id = ? AND latest = 1');
    this.#supersede = this.sql.prepare('UPDATE signals SET latest = 0 WHERE seq = ?');
    this.#otherLeg = this.sql.prepare('SELECT 1 FROM signals WHERE id > ? AND id < ? LIMIT 1');
    this.#count = this.sql.prepare(`
      INSERT INTO addresses VALUES (?, 1, ?, ?)
      ON CONFLICT DO UPDATE SET signals = signals + 1, orders = orders + excluded.orders, last_fill_at = max(last_fill_at, excluded.last_fill_at)`);
    // Of fills of the same moment the opening leg of a reversal is the later one; of two orders, the one told of last.
    this.#position = this.sql.prepare(`
      INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET at = excluded.at, oid = excluded.oid, opens = excluded.opens, body = excluded.body
      WHERE excluded.at > at OR (excluded.at = at AND (excluded.oid <> oid OR excluded.opens >= opens))`);
    this.#setNext = this.sql.prepare('UPDATE partitions SET next = ? WHERE partition = ?');
  }

  get next(): readonly number[] {
    return this.#next;
  }

  get lows(): readonly number[] {
    return this.#lows;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Stores a batch (R1), and returns the rows that it became (R2). Throws PortError. */
  add({ records, next }: SignalBatch): Stored[] {
    this.sql.exec('BEGIN');
    try {
      const stored = records.flatMap((record) => this.#addRecord(record));
      for (const [partition, offset] of next.entries()) if (offset !== this.#next[partition]) this.#setNext.run(offset, partition);
      this.sql.exec('COMMIT');
      this.#next = [...next];
      this.#lastSeq = stored.at(-1)?.seq ?? this.#lastSeq;
      return stored;
    } catch (error) {
      if (this.sql.isTransaction) this.sql.exec('ROLLBACK');
      throw this.failure(error);
    }
  }

  /** What a failure of SQLite means; a damaged file is deleted when this is closed. */
  failure(error: unknown): unknown {
    this.#isDamaged ||= isDamage(error);
    return failureOf(this.#file, error);
  }

  /** Of a partition: the last row, null where there is none. */
  lastOf(partition: number): { readonly offset: number; readonly id: string; readonly revision: number } | null {
    const row = this.sql.prepare(LAST).get(partition);
    return row === undefined ? null : { offset: Number(row['offset']), id: String(row['id']), revision: Number(row['revision']) };
  }

  /** The log has nothing more before this: what wasn't read by now never will be. */
  startAt(partition: number, low: number): void {
    this.sql.prepare('UPDATE partitions SET low = ?, next = ? WHERE partition = ?').run(low, low, partition);
    this.#readPlaces();
  }

  /** Forgets everything. */
  clear(): void {
    makeAnew(this.sql, this.#identity, this.#next.length);
    this.#readPlaces();
  }

  close(): void {
    if (!this.sql.isOpen) return;
    this.sql.close();
    if (this.#isDamaged) removeFiles(this.#file);
    this.#lock?.close();
  }

  #readPlaces(): void {
    const places = this.sql.prepare('SELECT low, next FROM partitions ORDER BY partition').all();
    this.#lows = places.map((row) => Number(row['low']));
    this.#next = places.map((row) => Number(row['next']));
    this.#lastSeq = Number(this.sql.prepare('SELECT max(seq) AS seq FROM signals').get()?.['seq'] ?? 0);
  }

  #addRecord(record: SignalRecord): Stored[] {
    const { partition, offset, signal } = record;
    const held = this.#latest.get(signal.id);
    if (held !== undefined && !isNewer(signal, Number(held['at']), Number(held['revision']))) return [];
    if (held !== undefined) this.#supersede.run(held['seq'] ?? null);
    const json = JSON.stringify(signal);
    const isNewOrder = held === undefined && this.#otherLeg.get(`${signal.address}/${String(signal.oid)}/`, `${signal.address}/${String(signal.oid)}0`) === undefined;
    const seq = Number(this.#insert.run(null, partition, offset, signal.lastFillAt, signal.address, signal.id, signal.revision, json).lastInsertRowid);
    this.#count.run(signal.address, isNewOrder ? 1 : 0, signal.lastFillAt);
    this.#position.run(signal.address, signal.coin, signal.lastFillAt, signal.oid, signal.direction === 'open' ? 1 : 0, JSON.stringify(positionOf(signal)));
    return [{ seq, partition, offset, json, record }];
  }
}

/** R2. */
function isNewer({ lastFillAt, revision }: Signal, heldAt: number, heldRevision: number): boolean {
  return lastFillAt > heldAt || (lastFillAt === heldAt && revision > heldRevision);
}

function positionOf({ coin, symbol, assetType, positionAfter, lastFillAt, id }: Signal): object {
  return { coin, symbol, assetType, size: positionAfter, at: lastFillAt, id };
}

function lockOf(file: string): DatabaseSync {
  let lock: DatabaseSync | null = null;
  try {
    lock = new DatabaseSync(`${file}.lock`, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (codeOf(error) !== BUSY) throw failureOf(file, error);
    throw new PortError('in-use', `another process uses the read model ${file}: each gateway wants its own, see --model`, { retryable: false, cause: error });
  }
}

/** A damaged one is nothing lost. */
function opened(file: string, identity: string, partitions: number): DatabaseSync {
  try {
    return prepared(file, identity, partitions);
  } catch (error) {
    if (!isDamage(error)) throw error;
    removeFiles(file);
    return prepared(file, identity, partitions);
  }
}

function prepared(file: string, identity: string, partitions: number): DatabaseSync {
  const sql = new DatabaseSync(file);
  try {
    sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768');
    const isOurs = sql.prepare('PRAGMA user_version').get()?.['user_version'] === FORMAT_VERSION && factOf(sql, 'identity') === identity;
    if (!isOurs) makeAnew(sql, identity, partitions);
    for (let partition = 0; partition < partitions; partition += 1) sql.prepare(LAST).get(partition); // Damage shows here, or later.
    return sql;
  } catch (error) {
    sql.close();
    throw error;
  }
}

function removeFiles(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}

function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return code === CORRUPT || code === NOT_A_DATABASE;
}

function codeOf(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

function failureOf(file: string, error: unknown): unknown {
  if (codeOf(error) === null || !(error instanceof Error)) return error;
  return new PortError('store-broken', `can't use the read model ${file}: ${error.message}`, { retryable: false, cause: error });
}

function factOf(sql: DatabaseSync, name: string): string | null {
  const has = sql.prepare('SELECT 1 FROM sqlite_master WHERE name = \'facts\'').get() !== undefined;
  const value = has ? sql.prepare('SELECT value FROM facts WHERE name = ?').get(name)?.['value'] : undefined;
  return typeof value === 'string' ? value : null;
}

function makeAnew(sql: DatabaseSync, identity: string, partitions: number): void {
  sql.exec('BEGIN');
  for (const { name } of sql.prepare('SELECT name FROM sqlite_master WHERE type = \'table\'').all()) sql.exec(`DROP TABLE ${String(name)}`);
  sql.exec(TABLES);
  sql.prepare('INSERT INTO facts VALUES (\'identity\', ?)').run(identity);
  for (let partition = 0; partition < partitions; partition += 1) sql.prepare('INSERT INTO partitions VALUES (?, 0, 0)').run(partition);
  sql.exec(`PRAGMA user_version = ${String(FORMAT_VERSION)}; COMMIT`);
}
