// The partition loop: the only writer of one partition's state.
//
//   take ─▶ prefetch ─▶ decide ─▶ commit (to the log) ─ ─ ─▶ checkpoint (to the store, some commits later)
//     ▲                              │
//     └──────────────────────────────┘   take to decide of the next batch overlap the commit of this one
//
// I1  A signal leaves only in the commit of the records it came from.
// I2  The store holds committed history only: a checkpoint never runs ahead of the log.
// I3  Any failure of a commit has an unknown outcome: memory is thrown away and the partition taken over anew.
// I4  Retries are bounded: MAX_FAILURES in a row without progress between end the loop with the last error.
// I5  A loop that keeps up waits for the commit under way before it takes more: what comes meanwhile goes into one batch.

import { copyCounts, type Counts, type PartitionState, type Settings } from '@fillstream/core';
import { StoreRefused, discardChanges, type CheckpointLimits } from './checkpointer.ts';
import { decide, decideEnd, type Decision } from './decide.ts';
import { comparePositions, type HistoryPoint } from './history.ts';
import type { Holdings, LoopEvent, Standing } from './loop-event.ts';
import { PortError, type EventLog, type LogRecord, type StateStore } from './ports.ts';
import { takeOver, type Owned } from './take-over.ts';
import { Tally } from './tally.ts';

export type LoopLimits = CheckpointLimits & {
  /** Records a batch. */
  readonly batchRecords: number;
  /** Timers a batch. */
  readonly batchTimers: number;
  /** Milliseconds between two audits of the store; Infinity: none but the one of a take-over. */
  readonly auditMs: number;
  /** Orders of the partition in memory; more while they have changes that no checkpoint holds. */
  readonly ordersInMemory: number;
};

export const DEFAULT_LIMITS: LoopLimits = {
  batchRecords: 2_000,
  batchTimers: 2_000,
  checkpointRecords: 20_000,
  checkpointMs: 0,
  unsavedRecords: 40_000,
  auditMs: Infinity,
  ordersInMemory: 250_000,
};

export type LoopOptions = {
  readonly partition: number;
  readonly log: EventLog;
  /** null: state lives in memory alone. */
  readonly store: StateStore | null;
  readonly settings: Settings;
  readonly limits?: Partial<LoopLimits>;
  readonly onEvent?: (event: LoopEvent) => void;
  /** Tell with each commit what it was made of. */
  readonly tallies?: boolean;
};

const MAX_FAILURES = 5;
/** The part of a full batch below which the loop isn't behind. */
const SMALL = 0.25;

export class PartitionLoop {
  readonly #options: LoopOptions;
  readonly #limits: LoopLimits;
  #counts: Counts | null = null;
  #state: PartitionState | null = null;
  #stopped = false;
  #failures = 0;
  #distrustStore = false;
  #standing: Standing = { stage: 'taking over', progressAt: performance.now(), replayed: 0 };
  /** Of the last take-over: another one now means that a commit without an answer was carried out. */
  #committedId: string | null = null;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /** What has been counted since the partition's history began; null before it was first taken over. */
  get counts(): Counts | null {
    return this.#counts;
  }

  /** null while it isn't at the committed point. */
  get holdings(): Holdings | null {
    if (this.#state === null) return null;
    const { now, timers, waits } = this.#state;
    return { streamTime: now, soonestDeadline: timers.soonest, waits };
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Ends `run` after the batch under way, with everything committed and checkpointed. */
  stop(): void {
    this.#stopped = true;
  }

  /** Runs until stopped or until a bounded log has ended. Throws what a new take-over can't mend. */
  async run(): Promise<'stopped' | 'ended'> {
    for (;;) {
      try {
        return await this.#runOwned();
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.#failures += 1;
        if (this.#failures >= MAX_FAILURES && !this.#stopped) throw error;
        this.#emit({ kind: 'interrupted', partition: this.#options.partition, error });
        if (this.#stopped) return 'stopped'; // What is left, the next owner takes over.
        this.#distrustStore = error instanceof StoreRefused && error.why === 'gone';
      }
    }
  }

  async #runOwned(): Promise<'stopped' | 'ended'> {
    this.#gotOn('taking over', 0);
    const started = performance.now();
    const owned = await takeOver({
      ...this.#options, ...this.#limits, distrustStore: this.#distrustStore, onReplayed: (records) => this.#gotOn('taking over', records),
    });
    const { how, replayed, lost, at, partition: { state } } = owned;
    [this.#state, this.#counts] = [state, state.counts];
    if (owned.log.committed.id !== this.#committedId) this.#failures = 0;
    this.#committedId = owned.log.committed.id;
    const { partition } = this.#options;
    this.#emit({ kind: 'takenOver', partition, how, replayed, lost, at, counts: copyCounts(state.counts), ms: performance.now() - started });
    const tenure = new Tenure(owned, this.#options, this.#limits, (event) => {
      if (event.kind === 'committed') this.#failures = 0;
      this.#emit(event);
    });
    try {
      while (!this.#stopped) {
        this.#gotOn('working', owned.replayed);
        if (await tenure.step() === 'ended') break;
      }
      await tenure.settle();
      if (this.#stopped) return 'stopped';
      await tenure.runOut();
      return 'ended';
    } finally {
      this.#state = null;
      await tenure.abandon();
    }
  }

  #gotOn(stage: Standing['stage'], replayed: number): void {
    this.#standing = { stage, progressAt: performance.now(), replayed };
  }

  #emit(event: LoopEvent): void {
    this.#options.onEvent?.(event);
  }
}

function isRetryable(error: unknown): error is Error {
  return error instanceof StoreRefused || (error instanceof PortError && error.retryable);
}

/** One uninterrupted ownership of the partition: from a take-over to a failure, a stop, or the end. */
class Tenure {
  readonly #owned: Owned;
  readonly #options: LoopOptions;
  readonly #limits: LoopLimits;
  readonly #emit: (event: LoopEvent) => void;
  /** Where memory is. */
  #at: HistoryPoint;
  /** Taken, but not decided yet. */
  #pending: readonly LogRecord[] = [];
  /** The last batch was small, as no more had come (I5). */
  #keepsUp = false;
  #committing: Promise<void> = Promise.resolve();
  #unsaved = 0;
  #auditedAt = performance.now();

  constructor(owned: Owned, options: LoopOptions, limits: LoopLimits, emit: (event: LoopEvent) => void) {
    this.#owned = owned;
    this.#options = options;
    this.#limits = limits;
    this.#emit = emit;
    this.#at = owned.at;
    this.#unsaved = owned.replayed;
  }

  /** One turn of the loop. */
  async step(): Promise<'going' | 'ended'> {
    this.#auditWhenDue();
    await this.#checkpointWhenDue();
    if (this.#pending.length === 0) {
      if (this.#keepsUp) await this.#committing;
      const taken = await this.#owned.log.take(this.#limits.batchRecords);
      if (taken.kind === 'ended') return 'ended';
      if (taken.kind === 'idle') {
        await this.settle();
        return 'going';
      }
      this.#pending = taken.records;
      this.#keepsUp = taken.records.length < this.#limits.batchRecords * SMALL;
    }
    const { log: { inputs }, tallies = false } = this.#options;
    const started = performance.now();
    await this.#prefetch(this.#pending, latest(this.#pending, this.#owned.partition.state.now));
    const fetched = performance.now();
    const tally = tallies ? new Tally(inputs.length) : null;
    const decision = decide(this.#owned.partition, inputs, this.#at, this.#pending, this.#limits.batchTimers, tally);
    this.#pending = this.#pending.slice(decision.taken);
    await this.#commit(decision, tally, { prefetch: fetched - started, decide: performance.now() - fetched });
    return 'going';
  }

  /** Resolves when all that was decided is committed and checkpointed. */
  async settle(): Promise<void> {
    await this.#committing;
    if (this.#unsaved > 0) await this.#beginCheckpoint();
    await this.#owned.checkpointer?.settled();
  }

  /** Past the end of a bounded log: fires what is left, in commits that are no part of history. */
  async runOut(): Promise<void> {
    for (;;) {
      await this.#prefetch([], Infinity);
      const decision = decideEnd(this.#owned.partition, this.#at, this.#limits.batchTimers);
      await this.#commit(decision, null, { prefetch: 0, decide: 0 });
      discardChanges(this.#owned.partition);
      if (decision.done) break;
    }
    await this.#committing;
  }

  /** Lets go of the partition; what is not committed is lost, and decided again by the next owner. */
  async abandon(): Promise<void> {
    await this.#committing.catch(() => undefined); // Met by whoever awaited the commit.
    await this.#owned.log.close();
  }

  async #prefetch(records: readonly LogRecord[], until: number): Promise<void> {
    const { checkpointer, partition } = this.#owned;
    await checkpointer?.prefetch(partition, records.map(({ input }) => input), until, this.#limits.batchTimers);
  }

  /** Hands the batch to the log once the one before is decided; the outcome is met by the next (I3). */
  async #commit({ commit, taken }: Decision, tally: Tally | null, took: { readonly prefetch: number; readonly decide: number }): Promise<void> {
    await this.#committing;
    const moved = comparePositions(commit.from.position, commit.to.position) !== 'same';
    if (!moved && !commit.afterEnd) return;
    this.#at = commit.to;
    this.#unsaved += Math.max(taken, 1);
    const { partition } = this.#options;
    const started = performance.now();
    this.#committing = this.#owned.log.commit(commit).then(() => {
      const streamTime = this.#owned.partition.state.now;
      this.#emit({ kind: 'committed', partition, commit, streamTime, tally, took: { ...took, commit: performance.now() - started } });
    });
    this.#committing.catch(() => undefined); // Met by the next await of it.
  }

  /**
   * Before the next batch is taken, when memory can be brought to hold just what is committed (I2), and no record waits for
   * the store: records that are read just before they are decided die young.
   */
  async #checkpointWhenDue(): Promise<void> {
    const { checkpointer, partition } = this.#owned;
    if (checkpointer === null) {
      discardChanges(partition);
      return;
    }
    if (!checkpointer.isDue(this.#unsaved, this.#limits)) return;
    if (checkpointer.isUnderWay && this.#unsaved < this.#limits.unsavedRecords) return;
    await this.#committing;
    await this.#beginCheckpoint();
    if (partition.state.held > this.#limits.ordersInMemory) partition.state.evict(this.#limits.ordersInMemory * 0.75);
  }

  /** Behind the loop's back; what it finds is met by the next call of the store. */
  #auditWhenDue(): void {
    const { checkpointer } = this.#owned;
    if (checkpointer === null || performance.now() - this.#auditedAt < this.#limits.auditMs) return;
    this.#auditedAt = performance.now();
    checkpointer.audit();
  }

  async #beginCheckpoint(): Promise<void> {
    const { checkpointer } = this.#owned;
    if (checkpointer === null) return;
    await checkpointer.begin(this.#owned.partition, this.#at);
    this.#unsaved = 0;
    const { partition } = this.#options;
    const started = performance.now();
    checkpointer.settled().then(() => {
      this.#emit({ kind: 'checkpointed', partition, ms: performance.now() - started });
    }).catch(() => undefined); // Met by the next call of it.
  }
}

/** The stream time that the records can't lead beyond. */
function latest(records: readonly LogRecord[], now: number): number {
  return records.reduce((time, { input }) => Math.max(time, input.receivedAt ?? time), now);
}
