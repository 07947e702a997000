// What has been committed of a journal run: the list of its commits, in memory or in the state's database.

import type { Commit } from '@fillstream/runtime';

/** One commit and how long the output files are with it. */
export type BookEntry = Pick<Commit, 'from' | 'to' | 'merge' | 'clocks'> & {
  readonly signalBytes: number;
  readonly quarantineBytes: number;
};

export interface CommitBook {
  last(): BookEntry | null;
  /** All entries, oldest first. */
  entries(): readonly BookEntry[];
  append(entry: BookEntry): void;
}

/** For a run that nothing outlives: only the last entry is kept. */
export class ForgetfulBook implements CommitBook {
  #last: BookEntry | null = null;

  last(): BookEntry | null {
    return this.#last;
  }

  entries(): readonly BookEntry[] {
    throw new Error('a run without a state has nothing to replay');
  }

  append(entry: BookEntry): void {
    this.#last = entry;
  }
}
