// One partition of a topic at the broker: records, the markers between them, and where readers have to stop.

export type NewRecord = {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  /** Milliseconds since the epoch; null: when it was appended doesn't matter. */
  readonly timestamp: number | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** What it was made of, for checks: nothing that a broker knows. */
  readonly note?: string;
};

export type SimRecord = NewRecord & { readonly offset: number };
export type Records = { readonly records: readonly SimRecord[]; readonly next: number };

type Entry = {
  /** null: a marker. */
  readonly record: SimRecord | null;
  state: 'open' | 'seen' | 'aborted';
};

export class SimTopic {
  readonly name: string;
  readonly partition: number;
  readonly #entries: Entry[] = [];
  /** By transactional id, where its open transaction began. */
  readonly #open = new Map<string, number[]>();
  #waiting: { readonly from: number; readonly tell: () => void }[] = [];
  #lso = 0;

  constructor(name: string, partition: number) {
    this.name = name;
    this.partition = partition;
  }

  /** The offset of the next record. */
  get end(): number {
    return this.#entries.length;
  }

  /** The offset before which everything is decided. */
  get lso(): number {
    return this.#lso;
  }

  /** Adds a record, of a transaction or of none; tells nobody yet. */
  append(record: NewRecord, transaction: string | null): void {
    const offset = this.#entries.length;
    this.#entries.push({ record: { ...record, offset }, state: transaction === null ? 'seen' : 'open' });
    if (transaction === null) {
      this.#moveLso();
      return;
    }
    const places = this.#open.get(transaction);
    if (places === undefined) this.#open.set(transaction, [offset]);
    else places.push(offset);
  }

  /** Writes a transaction's marker: an offset of its own that holds no record. */
  mark(transaction: string, isCommit: boolean): void {
    for (const place of this.#open.get(transaction) ?? []) {
      const entry = this.#entries[place];
      if (entry !== undefined) entry.state = isCommit ? 'seen' : 'aborted';
    }
    this.#open.delete(transaction);
    this.addGap();
  }

  /** An offset without a record, as of an aborted transaction of someone else. */
  addGap(): void {
    this.#entries.push({ record: null, state: 'seen' });
    this.#moveLso();
    this.tellWaiting();
  }

  read(from: number, limit: number, committed: boolean): Records {
    const records: SimRecord[] = [];
    const end = committed ? this.#lso : this.#entries.length;
    let next = from;
    for (; next < end && records.length < limit; next += 1) {
      const entry = this.#entries[next];
      if (entry === undefined || entry.record === null || (committed && entry.state !== 'seen')) continue;
      records.push(entry.record);
    }
    return { records, next };
  }

  wait(from: number, tell: () => void): void {
    this.#waiting.push({ from, tell });
  }

  /** Tells who waits for what is there now. */
  tellWaiting(): void {
    if (this.#waiting.length === 0) return;
    const lso = this.#lso;
    const told = this.#waiting.filter(({ from }) => from < lso);
    if (told.length === 0) return;
    this.#waiting = this.#waiting.filter(({ from }) => from >= lso);
    for (const { tell } of told) tell();
  }

  #moveLso(): void {
    let least = this.#entries.length;
    for (const [first = least] of this.#open.values()) least = Math.min(least, first);
    this.#lso = least;
  }
}
