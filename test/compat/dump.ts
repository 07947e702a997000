// What a version left behind, as JSON: the files of a state folder, the topics and the group's offsets of an installation, its
// keys in Redis. It can be put back by any later version, on other servers and in another folder.
//
// D1  Nothing of a machine is in a dump: FOLDER stands for the folder that it was made in.
// D2  Bytes stand as text, a character each, which compresses best.
// D3  What is put back equals what was dumped, offsets of the input topics and ids of the schemas included: what was committed
//     names both. Offsets of the other topics may differ, as the markers of transactions aren't put back.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';

const FOLDER = '{{folder}}';
const DATABASE = 'fillstream.db';

type Cell = string | number | null | { readonly bytes: string };

export type SqliteDump = {
  /** What makes the tables. */
  readonly schema: readonly string[];
  readonly version: number;
  readonly tables: Readonly<Record<string, readonly (readonly Cell[])[]>>;
};

/** Writes a value as compressed JSON; `folder` is where it was made (D1). */
export function writeDump(path: string, value: object, folder: string): void {
  writeFileSync(path, brotliCompressSync(JSON.stringify(value).replaceAll(folder, FOLDER)));
}

/** The same value, of another folder. */
export function readDump<T>(path: string, folder: string): T {
  // The script that wrote it is in this folder.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(brotliDecompressSync(readFileSync(path)).toString('utf8').replaceAll(FOLDER, folder)) as T;
}

export function dumpSqlite(folder: string): SqliteDump {
  const sql = new DatabaseSync(join(folder, DATABASE), { readOnly: true });
  try {
    const tables = sql.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
      .map((table) => ({ name: String(table['name']), text: String(table['sql']) }));
    const rowsOf = (name: string): Cell[][] => sql.prepare(`SELECT * FROM ${name}`).all().map((row) => Object.values(row).map(cellOf));
    return {
      schema: tables.map(({ text }) => text),
      version: Number(sql.prepare('PRAGMA user_version').get()?.['user_version']),
      tables: Object.fromEntries(tables.map(({ name }) => [name, rowsOf(name)])),
    };
  } finally {
    sql.close();
  }
}

export function restoreSqlite(folder: string, { schema, version, tables }: SqliteDump): void {
  mkdirSync(folder, { recursive: true });
  const sql = new DatabaseSync(join(folder, DATABASE));
  sql.exec(`PRAGMA journal_mode = WAL; ${schema.map((text) => `${text};`).join(' ')} PRAGMA user_version = ${String(version)}`);
  for (const [name, rows] of Object.entries(tables)) {
    for (const row of rows) sql.prepare(`INSERT INTO ${name} VALUES (${row.map(() => '?').join(', ')})`).run(...row.map((cell) => (
      typeof cell === 'object' && cell !== null ? Buffer.from(cell.bytes, 'latin1') : cell
    )));
  }
  sql.close();
}

function cellOf(value: SQLOutputValue): Cell {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('latin1') };
  assert.ok(typeof value !== 'bigint');
  return value;
}
