// A replay from its beginning to its end: partitions side by side, what each gives compared as it comes.

import { noCounts, type Settings } from '@fillstream/core';
import type { KafkaOptions, PlannedPartition, RegistryOptions, ReplayLog, ReplayOutput, Times } from '@fillstream/kafka';
import { PartitionLoop, PortError, partitionOf, type Commit, type LoopEvent } from '@fillstream/runtime';
import { decodeSignal } from '@fillstream/schemas';
import type { Progress } from '../../run/run-journals.ts';
import { Comparison, type Difference } from './compare.ts';

export type ReplayOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  readonly times: Times;
  readonly merge: 'recorded' | 'timestamp';
  readonly settings: Settings;
  /** null: all. */
  readonly addresses: ReadonlySet<string> | null;
  /** null: a dry run. */
  readonly output: ReplayOutput | null;
  readonly stop: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** Waited for. */
  readonly onDifference: (difference: Difference, partition: number) => Promise<void>;
};

export type ReplayCounts = {
  readonly partitions: number;
  readonly records: number;
  /** Of them, those before the range. */
  readonly warmUpRecords: number;
  readonly emitted: number;
  readonly replayed: number;
  readonly same: number;
  readonly otherRevisions: number;
  readonly missing: number;
  readonly extra: number;
  readonly changed: number;
  readonly unreadable: number;
  /** Signals that were on the topic more than once, and counted once. */
  readonly repeats: number;
  /** Records refused by the replay, warm-up included. */
  readonly quarantined: number;
};

/** Partitions that are in memory at the same time. */
const SIDE_BY_SIDE = 4;
const BATCH = 1_000;

const NOTHING: ReplayCounts = {
  partitions: 0, records: 0, warmUpRecords: 0, emitted: 0, replayed: 0, same: 0,
  otherRevisions: 0, missing: 0, extra: 0, changed: 0, unreadable: 0, repeats: 0, quarantined: 0,
};

type Part = PlannedPartition & { readonly comparison: Comparison };
/** null for what can't be read. */
type Bodies = readonly (Buffer | null)[];
type Tally = { -readonly [Name in keyof ReplayCounts]: number };

/** Throws PortError. When it was stopped the counts are those of what was done. */
export async function replay(options: ReplayOptions): Promise<ReplayCounts> {
  const { ReplayLog: Log } = await import('@fillstream/kafka');
  const tally: Tally = { ...NOTHING };
  const parts = new Map<number, Part>();
  const log = await Log.connect({
    ...options,
    onCommit: async (partition, commit) => {
      const part = parts.get(partition);
      if (part !== undefined) await compareCommit(options, part, commit, tally);
    },
  });
  const onStop = (): void => log.fail(new PortError('fenced', 'the replay was stopped', { retryable: false }));
  options.stop.addEventListener('abort', onStop);
  try {
    const planned = await log.plan(partitionsOf(options.addresses, log.partitions));
    for (const each of planned) parts.set(each.partition, { ...each, comparison: new Comparison() });
    await replayParts(options, log, [...parts.values()], tally);
    return tally;
  } finally {
    options.stop.removeEventListener('abort', onStop);
    await log.close();
  }
}

function partitionsOf(addresses: ReadonlySet<string> | null, count: number): readonly number[] {
  if (addresses === null) return Array.from({ length: count }, (_, partition) => partition);
  return [...new Set(Array.from(addresses, (address) => partitionOf(address, count)))].sort((a, b) => a - b);
}

async function replayParts(options: ReplayOptions, log: ReplayLog, parts: readonly Part[], tally: Tally): Promise<void> {
  const total = parts.reduce((sum, { plan: { warmUp, to } }) => sum + to.records - warmUp.records, 0);
  const waiting = [...parts];
  tally.partitions = parts.length;
  tally.warmUpRecords = parts.reduce((sum, { plan: { warmUp, from } }) => sum + from.records - warmUp.records, 0);
  const onEvent = (event: LoopEvent): void => {
    if (event.kind !== 'committed' || event.commit.afterEnd) return;
    for (const { count } of event.commit.merge) tally.records += count;
    const share = total === 0 ? null : Math.min(1, tally.records / total);
    options.onProgress({ records: tally.records, share, streamTime: event.streamTime });
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const loop = new PartitionLoop({ partition: part.partition, log, store: null, settings: options.settings, onEvent });
      await replayPart(options, loop, part, tally);
    }
  }));
}

async function replayPart(options: ReplayOptions, loop: PartitionLoop, part: Part, tally: Tally): Promise<void> {
  const { partition, comparison, emitted } = part;
  await loop.run();
  for (let bodies = await emitted.take(BATCH); bodies.length > 0; bodies = await emitted.take(BATCH)) {
    await note(options, partition, comparison.add(accepted(options, bodies, tally), []), tally);
  }
  await note(options, partition, comparison.end(), tally);
  tally.same += comparison.same;
  tally.repeats += emitted.repeats;
  tally.quarantined += Object.values((loop.counts ?? noCounts()).quarantined).reduce((sum, count) => sum + count, 0);
}

async function compareCommit(options: ReplayOptions, part: Part, { signals }: Commit, tally: Tally): Promise<void> {
  const { partition, comparison, emitted } = part;
  await options.output?.write(partition, signals);
  tally.replayed += signals.length;
  const bodies = await nextOf(options, emitted, signals.length, tally);
  await note(options, partition, comparison.add(bodies, signals), tally);
}

/** As many as the replay gave, of the addresses asked for: so both sides stay side by side. */
async function nextOf(options: ReplayOptions, emitted: Part['emitted'], count: number, tally: Tally): Promise<Bodies> {
  const bodies: (Buffer | null)[] = [];
  while (bodies.length < count) {
    const some = await emitted.take(count - bodies.length);
    if (some.length === 0) break;
    bodies.push(...accepted(options, some, tally));
  }
  return bodies;
}

function accepted({ addresses }: ReplayOptions, bodies: Bodies, tally: Tally): Bodies {
  const kept = addresses === null ? bodies : bodies.filter((body) => addresses.has(addressIn(body)));
  tally.emitted += kept.length;
  return kept;
}

/** '' where there is none. */
function addressIn(body: Buffer | null): string {
  try {
    return body === null ? '' : decodeSignal(body).address;
  } catch {
    return ''; // No signal of anybody's.
  }
}

async function note(options: ReplayOptions, partition: number, differences: readonly Difference[], tally: Tally): Promise<void> {
  for (const difference of differences) {
    tally[difference.kind] += 1;
    await options.onDifference(difference, partition);
  }
}
