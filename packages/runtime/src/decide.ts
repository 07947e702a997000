// Step `decide` of the loop: folds a batch into a commit, without an await from its first decision to its last.
//
// B1  Timers count as work: a batch ends before a record when `maxTimers` have fired, and the next goes on from there.
// B2  An absent order's timer ends the batch too; its order is prefetched before the next.

import type { Partition, Signal } from '@fillstream/core';
import { HistoryId, type HistoryPoint, type Run } from './history.ts';
import type { Commit, InputTopic, LogRecord, Refused } from './ports.ts';
import type { Tally } from './tally.ts';

export type Decision = {
  readonly commit: Commit;
  /** How many records of the batch are in the commit. */
  readonly taken: number;
  /** An absent order's timer is due. */
  readonly starved: boolean;
};

/** Applies records after `from` until all are in or the batch is full (B1, B2); `tally` is told of each. */
export function decide(
  partition: Partition, inputs: readonly InputTopic[], from: HistoryPoint, records: readonly LogRecord[], maxTimers: number,
  tally: Tally | null = null,
): Decision {
  const fold = new BatchFold(partition, from, maxTimers);
  let taken = 0;
  for (const record of records) {
    const { receivedAt } = record.input;
    if (receivedAt !== null) partition.state.advance(inputs[record.topic]?.clock ?? 0, receivedAt);
    const isDone = fold.fireDue();
    tally?.moved(record, fold.signals);
    if (!isDone) break;
    fold.apply(record);
    tally?.applied(record, fold.signals);
    taken += 1;
  }
  tally?.decided(partition);
  return { commit: fold.commit(false), taken, starved: fold.starved };
}

/** Time runs on to the end of a bounded log: fires what is left; `done` when nothing is. */
export function decideEnd(partition: Partition, from: HistoryPoint, maxTimers: number): Decision & { readonly done: boolean } {
  const fold = new BatchFold(partition, from, maxTimers);
  const done = fold.fireDue(Infinity);
  return { commit: fold.commit(true), taken: 0, starved: fold.starved, done };
}

/** Applies a committed stretch again, cut where its commit was cut; nothing is emitted. Returns the point it leads to. */
export function repeat(
  partition: Partition, inputs: readonly InputTopic[], from: HistoryPoint, records: readonly LogRecord[],
  commit: Pick<Commit, 'to' | 'clocks'>,
): HistoryPoint {
  const { to } = decide(partition, inputs, from, records, Infinity).commit;
  for (const [clock, time] of commit.clocks.entries()) partition.state.advance(clock, time);
  const left = commit.to.position.fired - to.position.fired;
  if (left <= 0) return to;
  const fold = new BatchFold(partition, to, left);
  fold.fireDue();
  return fold.commit(false).to;
}

class BatchFold {
  readonly #partition: Partition;
  readonly #from: HistoryPoint;
  readonly #id: HistoryId;
  readonly #offsets: number[];
  readonly signals: Signal[] = [];
  readonly #refused: Refused[] = [];
  readonly #merge: { topic: number; count: number }[] = [];
  #timersLeft: number;
  #fired: number;
  starved = false;

  constructor(partition: Partition, from: HistoryPoint, maxTimers: number) {
    this.#partition = partition;
    this.#from = from;
    this.#id = new HistoryId(from.id);
    this.#offsets = [...from.position.offsets];
    this.#fired = from.position.fired;
    this.#timersLeft = maxTimers;
  }

  /** Fires due timers; false when some are left because the batch is full. */
  fireDue(until?: number): boolean {
    while (this.#timersLeft > 0) {
      const fired = this.#partition.fireNext(this.signals, until);
      if (fired === 'none') return true;
      if (fired === 'absent') {
        this.starved = true;
        return false;
      }
      this.#fired += 1;
      this.#timersLeft -= 1;
    }
    return false;
  }

  apply(record: LogRecord): void {
    const outcome = this.#partition.apply(record.input, this.signals);
    if (outcome.kind === 'refused') this.#refused.push({ reason: outcome.reason, record });
    this.#offsets[record.topic] = record.next;
    this.#id.add(record.topic, record.offset);
    this.#fired = 0;
    const run = this.#merge.at(-1);
    if (run?.topic === record.topic) run.count += 1;
    else this.#merge.push({ topic: record.topic, count: 1 });
  }

  commit(afterEnd: boolean): Commit {
    return {
      from: this.#from,
      to: { position: { offsets: this.#offsets, fired: this.#fired }, id: this.#id.toString() },
      merge: this.#merge satisfies Run[],
      clocks: [...this.#partition.state.clocks],
      signals: this.signals,
      refused: this.#refused,
      lacks: this.#partition.takeLacks(),
      afterEnd,
    };
  }
}
