// A twin of the event log that keeps no more than a store may need of it: a broker's retention, in memory.

import type { Input } from '@fillstream/core';
import {
  PortError, comparePositions, startOf,
  type Commit, type EventLog, type HistoryPoint, type LogRecord, type PartitionLog, type Position, type Replayed, type Taken,
} from '@fillstream/runtime';

/** More than checkpoints are ever behind. */
const KEPT_RECORDS = 5_000;
/** So many more, so that forgetting isn't the most of the work. */
const SLACK_RECORDS = 200;
/** Commits between two faults. */
const FAULT_EVERY = 33;

export class ForgettingLog implements EventLog {
  readonly inputs = [{ name: 'fills', clock: 0 }] as const;
  #records: LogRecord[] = [];
  #commits: Commit[] = [];
  #next = 0;
  #epoch = 0;
  #made = 0;

  append(inputs: readonly Input[]): void {
    for (const input of inputs) {
      this.#records.push({ topic: 0, offset: this.#next, next: this.#next + 1, input, original: '' });
      this.#next += 1;
    }
  }

  get committed(): HistoryPoint {
    return this.#commits.at(-1)?.to ?? startOf(1);
  }

  get isDone(): boolean {
    return this.committed.position.offsets[0] === this.#next;
  }

  async assigned(): Promise<void> {
    await Promise.resolve();
  }

  async open(): Promise<PartitionLog> {
    await Promise.resolve();
    this.#epoch += 1;
    const epoch = this.#epoch;
    const { committed } = this;
    let at = committed.position.offsets[0] ?? 0;
    return {
      start: startOf(1), committed,
      take: async (limit) => {
        const taken = await this.#take(at, limit);
        if (taken.kind === 'records') at = taken.records.at(-1)?.next ?? at;
        return taken;
      },
      commit: async (commit) => await this.#commit(epoch, commit),
      replay: (from) => this.#replay(from, committed),
      close: async () => await Promise.resolve(),
    };
  }

  async #take(at: number, limit: number): Promise<Taken> {
    const first = at - (this.#records[0]?.offset ?? 0);
    const records = this.#records.slice(first, first + limit);
    if (records.length > 0) return { kind: 'records', records };
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { kind: 'idle' };
  }

  /** Now and then its outcome is unknown: half of these were carried out. */
  async #commit(epoch: number, commit: Commit): Promise<void> {
    await Promise.resolve();
    if (epoch !== this.#epoch) throw new PortError('fenced', 'another owner opened the partition', { retryable: true });
    this.#made += 1;
    const fails = this.#made % FAULT_EVERY === 0;
    if (fails && this.#made % 2 === 0) throw lost();
    this.#commits.push(commit);
    this.#forget();
    if (fails) throw lost();
  }

  #forget(): void {
    const kept = (this.committed.position.offsets[0] ?? 0) - KEPT_RECORDS;
    if ((this.#records[0]?.offset ?? 0) > kept - SLACK_RECORDS) return;
    this.#commits = this.#commits.filter(({ from }) => (from.position.offsets[0] ?? 0) >= kept);
    const least = this.#commits[0]?.from.position.offsets[0] ?? 0;
    this.#records = this.#records.filter(({ offset }) => offset >= least);
  }

  async *#replay(from: Position, committed: HistoryPoint): AsyncIterable<Replayed> {
    await Promise.resolve();
    if (comparePositions(from, committed.position) === 'same') return;
    const first = this.#commits.findIndex((commit) => comparePositions(commit.from.position, from) === 'same');
    if (first < 0) throw new PortError('unknown-position', `no commit ends at ${JSON.stringify(from)}`, { retryable: false });
    for (const commit of this.#commits.slice(first)) {
      const [begin = 0] = commit.from.position.offsets;
      const [end = 0] = commit.to.position.offsets;
      const base = this.#records[0]?.offset ?? 0;
      yield { records: this.#records.slice(begin - base, end - base), commit };
      if (comparePositions(commit.to.position, committed.position) === 'same') return;
    }
  }
}

function lost(): PortError {
  return new PortError('unknown-outcome', 'no answer to a commit', { retryable: true });
}
