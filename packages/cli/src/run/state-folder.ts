// The state of a durable run: what a second start with the same arguments goes on from.
//
// R1  The folder belongs to one run: the same journals, output files and settings, or it is refused by name.
// R2  A journal is told by the first bytes of its file; another file of the same name is refused.
// R3  A journal may grow. Where it goes on in the middle of a line, the run begins anew by itself.

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { StatementSync } from 'node:sqlite';
import { JournalError, STANDARD_INPUT, bytesOf, isPlainFile, statJournal } from '@fillstream/hyperliquid';
import { PortError } from '@fillstream/runtime';
import { Database, SqliteStore } from '@fillstream/sqlite';
import { foldSettingsText } from '../settings.ts';
import type { BookEntry, CommitBook } from './commit-book.ts';
import type { RunOptions } from './run-journals.ts';

const HEAD_BYTES = 4_096;
const NEWLINE = 10;

type RunFacts = Pick<RunOptions, 'journals' | 'signals' | 'quarantine' | 'settings'>;

export class StateFolder {
  readonly book: CommitBook;
  readonly store: SqliteStore;
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
    this.book = new DatabaseBook(database);
    this.store = new SqliteStore(database);
  }

  /** Opens or makes the state of a run. Throws PortError (`in-use`, `mismatch`, `store-broken`) and JournalError. */
  static async open(folder: string, run: RunFacts): Promise<StateFolder> {
    const state = await StateFolder.#open(folder, run, false);
    if (!(await state.#tornLine(run.journals))) return state;
    state.close();
    return await StateFolder.#open(folder, run, true);
  }

  static async #open(folder: string, run: RunFacts, fresh: boolean): Promise<StateFolder> {
    const database = Database.open(folder, { fresh });
    try {
      checkFact(database, 'settings', foldSettingsText(run.settings));
      checkFact(database, 'journals', JSON.stringify(run.journals.map(absolute)));
      checkFact(database, 'outputs', JSON.stringify([run.signals, run.quarantine].map((path) => path === null ? null : absolute(path))));
      for (const path of run.journals) if (path !== STANDARD_INPUT) await checkJournal(database, path);
      return new StateFolder(database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Whether a journal went on in the middle of the line that was its last, which was read as it was then (R3). */
  async #tornLine(journals: readonly string[]): Promise<boolean> {
    const offsets = this.book.last()?.to.position.offsets ?? [];
    for (const [index, path] of journals.entries()) {
      const offset = offsets[index] ?? 0;
      if (offset === 0 || !isPlainFile(path)) continue;
      const { size } = await statJournal(path);
      if (size < offset) throw shorterJournal(path, size, offset);
      if (size > offset && (await bytesOf(path, offset - 1, 1))[0] !== NEWLINE) return true;
    }
    return false;
  }

  close(): void {
    this.#database.close();
  }
}

function absolute(path: string): string {
  return path === STANDARD_INPUT ? path : resolve(path);
}

/** Remembers a fact at the first start, and refuses another one later. */
function checkFact(database: Database, name: string, value: string): void {
  const held = database.fact(name);
  if (held === null) database.transaction(() => {
    database.setFact(name, value);
  });
  else if (held !== value) throw otherRun(database, name, held, value);
}

async function checkJournal(database: Database, path: string): Promise<void> {
  const name = `journal ${absolute(path)}`;
  const held = database.fact(name)?.split(' ') ?? null;
  const { size } = await statJournal(path);
  const length = held === null ? Math.min(size, HEAD_BYTES) : Number(held[0]);
  const hash = createHash('sha256').update(await bytesOf(path, 0, length)).digest('hex');
  checkFact(database, name, `${String(length)} ${hash}`);
}

function shorterJournal(path: string, size: number, offset: number): JournalError {
  return new JournalError(`${path} is shorter than what was read of it before: ${String(size)} bytes, expected at least ${String(offset)}; use another --state folder`);
}

function otherRun(database: Database, name: string, held: string, value: string): PortError {
  const message = `the state in ${database.folder} is of another run: its ${name} were ${held}, now ${value}; use another --state folder`;
  return new PortError('mismatch', message, { retryable: false });
}

class DatabaseBook implements CommitBook {
  readonly #database: Database;
  readonly #append: StatementSync;

  constructor(database: Database) {
    this.#database = database;
    this.#append = database.sql.prepare('INSERT INTO journal_commits (entry) VALUES (?)');
  }

  last(): BookEntry | null {
    return this.#select('ORDER BY sequence DESC LIMIT 1')[0] ?? null;
  }

  entries(): readonly BookEntry[] {
    return this.#select('ORDER BY sequence');
  }

  append(entry: BookEntry): void {
    this.#database.transaction(() => this.#append.run(JSON.stringify(entry)));
  }

  #select(clause: string): BookEntry[] {
    return this.#database.sql.prepare(`SELECT entry FROM journal_commits ${clause}`).all().map(({ entry }) => parseEntry(String(entry)));
  }
}

function parseEntry(text: string): BookEntry {
  // Written by `append`.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(text) as BookEntry;
}
