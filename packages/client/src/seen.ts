// Which revisions were handed on: the newest of each id, of so many ids as were told of last.
//
// It covers overlaps (a snapshot and what followed it, history that was read again, at-least-once delivery). A resumed cursor
// repeats nothing by itself, so an id that was forgotten here is none that is about to come again.

import { isNewer, type Stage } from './delta.ts';
import type { Signal } from './protocol.ts';

export const DEFAULT_REMEMBERED = 10_000;

export class Seen {
  readonly #limit: number;
  /** In the order in which they were last told of: a Map keeps it. */
  readonly #stages = new Map<string, Stage>();

  constructor(limit: number = DEFAULT_REMEMBERED) {
    this.#limit = limit;
  }

  /** Whether it is news; then it is known from now on. */
  take({ id, revision, lastFillAt }: Pick<Signal, 'id' | 'revision' | 'lastFillAt'>): boolean {
    if (!this.has({ id, revision, lastFillAt })) {
      this.#keep(id, { revision, lastFillAt });
      return true;
    }
    return false;
  }

  has({ id, revision, lastFillAt }: Pick<Signal, 'id' | 'revision' | 'lastFillAt'>): boolean {
    const known = this.#stages.get(id);
    return known !== undefined && !isNewer(known, { revision, lastFillAt });
  }

  #keep(id: string, stage: Stage): void {
    this.#stages.delete(id);
    this.#stages.set(id, stage);
    if (this.#stages.size <= this.#limit) return;
    const [oldest] = this.#stages.keys();
    if (oldest !== undefined) this.#stages.delete(oldest);
  }
}
