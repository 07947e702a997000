// Where a replay begins, where what it compares begins, and where it ends: cuts through a partition's history, as `commits` has it.
//
// C1  A cut lies behind a commit that ended with a record: commits of timers belong to the one that applies the next record.
// C2  A time cuts before the first of these whose stream time, at its end, is at or after it.
// C3  What was written again (at least once) is left out: each commit begins where the one before ended.
// C4  Signals lie on their topic in the order of commits, so a cut's place there is the sum of what the commits counted.

import { EMPTY_HISTORY_ID, comparePositions, type Position } from '@fillstream/runtime';
import { decodeCommit } from '@fillstream/schemas';
import type { Committed } from '@fillstream/topics';
import { brokenLog, type TopicRun } from './replay-reader.ts';
import type { WireFormat } from './wire-format.ts';

/** `next` is the offset behind it on `commits`. */
export type RecordedCommit = Committed & { readonly records: number; readonly signals: number; readonly next: number };

export type Cut = {
  /** Of each input topic, the next offset. */
  readonly offsets: readonly number[];
  readonly id: string;
  /** The next offset on `commits`. */
  readonly commitsAt: number;
  /** Applied before it, and signals emitted before it, since history began. */
  readonly records: number;
  readonly signals: number;
};

/** Milliseconds since the epoch; infinite for an end of history. */
export type Times = { readonly warmUp: number; readonly from: number; readonly to: number };

export type Plan = {
  readonly warmUp: Cut;
  readonly from: Cut;
  readonly to: Cut;
  /** Signals that were emitted behind `to` by the end of `commits`; null when that wasn't looked at. */
  readonly signalsBehind: number | null;
};

/** The commits of a partition in order, from where `run` stands, which is at a cut or at the start (C3). Throws PortError. */
export async function* commitsOf(run: TopicRun, format: WireFormat | undefined): AsyncGenerator<RecordedCommit> {
  let at: Position | null = null;
  for (let message = await run.next(); message !== null; message = await run.next()) {
    await format?.learn([message.value]);
    const body = format?.unframe(message.value) ?? null;
    if (body === null) throw brokenLog(`${run.where} at offset ${String(message.offset)}: expected a commit`);
    const { from, to: offsets, fired, id, merge, clocks, counts } = decodeCommit(body);
    const to: Position = { offsets, fired };
    at ??= { offsets: from, fired: 0 };
    const isNext = comparePositions({ offsets: from, fired: 0 }, { ...at, fired: 0 }) === 'same';
    if (!isNext || comparePositions(to, at) !== 'after') continue;
    at = to;
    const records = merge.reduce((sum, { count }) => sum + count, 0);
    yield { from, to: { position: to, id }, merge, clocks, records, signals: counts['signals'] ?? 0, next: message.offset + 1 };
  }
}

/** null: nothing was committed. */
export async function planOf(commits: AsyncIterable<RecordedCommit>, times: Times): Promise<Plan | null> {
  let cuts: { readonly warmUp: Cut | null; readonly from: Cut | null } = { warmUp: null, from: null };
  let last: Cut | null = null;
  let ahead: Cut | null = null;
  for await (const commit of commits) {
    last ??= { offsets: commit.from, id: EMPTY_HISTORY_ID, commitsAt: 0, records: 0, signals: 0 };
    ahead = behind(ahead ?? last, commit);
    if (commit.to.position.fired > 0) continue; // C1
    const time = Math.min(...commit.clocks);
    cuts = { warmUp: cuts.warmUp ?? (time >= times.warmUp ? last : null), from: cuts.from ?? (time >= times.from ? last : null) };
    if (time >= times.to) return { warmUp: cuts.warmUp ?? last, from: cuts.from ?? last, to: last, signalsBehind: null };
    last = ahead;
  }
  if (last === null || ahead === null) return null;
  return { warmUp: cuts.warmUp ?? last, from: cuts.from ?? last, to: last, signalsBehind: ahead.signals - last.signals };
}

function behind({ records, signals }: Cut, commit: RecordedCommit): Cut {
  return {
    offsets: commit.to.position.offsets, id: commit.to.id, commitsAt: commit.next,
    records: records + commit.records, signals: signals + commit.signals,
  };
}
