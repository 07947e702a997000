// Taking over a partition: be assigned, claim the store, fence the log, then bring memory to the end of committed history.
//
//   store                          then
//   missing, void, audit failed    rebuild: reset the store, replay from the log's start
//   ahead of the log, or apart,
//   or at no commit's end          rebuild
//   at the log's end               go on when the ids agree, else rebuild
//   behind the log's end           replay what is missing; rebuild when the ids disagree at its end
//
// V1  The log is fenced before its committed point is read, and the store is claimed before the log is fenced.
// V2  A replay follows the recorded merge, and emits nothing: what lies before the committed point was emitted.

import { Partition, noCounts, type PartitionImage, type Settings } from '@fillstream/core';
import { Checkpointer, accepted, type CheckpointLimits } from './checkpointer.ts';
import { repeat } from './decide.ts';
import { comparePositions, samePoint, type HistoryPoint } from './history.ts';
import { PortError, type CheckpointHead, type EventLog, type Owner, type PartitionLog, type StateStore } from './ports.ts';

export type TakeOverOptions = CheckpointLimits & {
  readonly partition: number;
  readonly log: EventLog;
  /** null: state lives in memory alone, and every start begins at the log's start. */
  readonly store: StateStore | null;
  readonly settings: Settings;
  readonly ordersInMemory: number;
  /** The store was found to lack something: rebuild whatever it says. */
  readonly distrustStore: boolean;
  /** Told after each commit of a replay how many records were replayed so far. */
  readonly onReplayed?: (records: number) => void;
};

/** A partition in memory, at the end of committed history. */
export type Owned = {
  readonly partition: Partition;
  readonly log: PartitionLog;
  readonly at: HistoryPoint;
  /** null without a store. */
  readonly checkpointer: Checkpointer | null;
  readonly how: 'resumed' | 'caught-up' | 'rebuilt';
  /** Records replayed. */
  readonly replayed: number;
  /** Why what the store had was of no use; null when it was, or when there was nothing to have. */
  readonly lost: StateLoss | null;
};

/**
 * `missing`: it has nothing, though much was committed. `void`: a rebuild that didn't end, or its audit failed. `gone`: it lacked
 * something while it was used. `elsewhere`: it is ahead of the log, or apart from it, or where no commit ended. `other-history`:
 * it came from other records.
 */
export const STATE_LOSSES = ['missing', 'void', 'gone', 'elsewhere', 'other-history'] as const;
export type StateLoss = (typeof STATE_LOSSES)[number];

/** Throws PortError, and StoreRefused when another owner came in between. */
export async function takeOver(options: TakeOverOptions): Promise<Owned> {
  const { store } = options;
  await options.log.assigned(options.partition);
  const owner = store === null ? null : await store.claim(options.partition);
  const log = await options.log.open(options.partition);
  try {
    if (store === null || owner === null) return await fromStart(options, log, null);
    const found = await fromStore(options, log, store, owner);
    if (typeof found !== 'string') return found;
    const isFirst = found === 'missing' && samePoint(log.committed, log.start);
    return { ...await fromReset(options, log, store, owner), lost: isFirst ? null : found };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** From the store's checkpoint; why not, when only a rebuild helps. */
async function fromStore(options: TakeOverOptions, log: PartitionLog, store: StateStore, owner: Owner): Promise<Owned | StateLoss> {
  const stored = accepted(await store.read(owner));
  if (options.distrustStore) return 'gone';
  if (stored.kind !== 'checkpoint') return stored.kind;
  const { at, clocks, counts } = stored.head;
  const standing = comparePositions(at.position, log.committed.position);
  if (standing === 'same' && !samePoint(at, log.committed)) return 'other-history';
  if (standing !== 'same' && standing !== 'before') return 'elsewhere';
  const partition = partitionOf(options, { clocks, counts, orders: stored.orders });
  try {
    const owned = await catchUp(options, log, partition, at, new Checkpointer(store, owner, at));
    return samePoint(owned.at, log.committed) ? { ...owned, how: standing === 'same' ? 'resumed' : 'caught-up' } : 'other-history';
  } catch (error) {
    if (error instanceof PortError && error.code === 'unknown-position') return 'elsewhere';
    throw error;
  }
}

/** From an emptied store. */
async function fromReset(options: TakeOverOptions, log: PartitionLog, store: StateStore, owner: Owner): Promise<Owned> {
  const head: CheckpointHead = { at: log.start, clocks: [], counts: noCounts() };
  accepted(await store.reset(owner, head));
  return await fromStart(options, log, new Checkpointer(store, owner, log.start));
}

async function fromStart(options: TakeOverOptions, log: PartitionLog, checkpointer: Checkpointer | null): Promise<Owned> {
  const owned = await catchUp(options, log, partitionOf(options, null), log.start, checkpointer);
  if (samePoint(owned.at, log.committed)) return owned;
  const reached = `${owned.at.id} at ${JSON.stringify(owned.at.position)}`;
  const expected = `${log.committed.id} at ${JSON.stringify(log.committed.position)}`;
  throw new PortError('log-broken', `a replay of the whole log came to ${reached}, expected ${expected}`, { retryable: false });
}

function partitionOf({ settings, log }: TakeOverOptions, image: PartitionImage | null): Partition {
  return new Partition(settings, 1 + Math.max(...log.inputs.map(({ clock }) => clock)), image);
}

/** Replays committed history from `from` to its end (V2). */
async function catchUp(
  options: TakeOverOptions, log: PartitionLog, partition: Partition, from: HistoryPoint, checkpointer: Checkpointer | null,
): Promise<Owned> {
  let at = from;
  let replayed = 0;
  let unsaved = 0;
  if (!samePoint(from, log.committed)) {
    for await (const { records, commit } of log.replay(from.position)) {
      const inputs = records.map(({ input }) => input);
      const until = Math.max(...commit.clocks);
      await checkpointer?.prefetch(partition, inputs, until, Infinity);
      at = repeat(partition, options.log.inputs, at, records, commit);
      replayed += records.length;
      options.onReplayed?.(replayed);
      unsaved += records.length;
      if (checkpointer?.isDue(unsaved, options) !== true) continue;
      await checkpointer.begin(partition, at);
      partition.state.evict(options.ordersInMemory);
      unsaved = 0;
    }
  }
  await checkpointer?.settled();
  return { partition, log, at, checkpointer, how: 'rebuilt', replayed, lost: null };
}
