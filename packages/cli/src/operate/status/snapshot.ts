// How an installation stands at one moment, from what its servers and its processes say.
//
// S1  What nobody says is null here, and named in `unknown`: a number is never guessed.

import { quarantinedTotal } from '@fillstream/core';
import type { ClusterFacts, GroupReport, Progress, TopicRecord } from '@fillstream/kafka';
import type { Deadlines, StoredPartition } from '@fillstream/redis';
import type { Topic } from '@fillstream/schemas';
import { INPUT_TOPICS, readCommit } from '@fillstream/topics';
import { claimOf, shareOf } from './roster-texts.ts';

export type Snapshot = {
  /** By this machine's clock (ms). */
  readonly at: number;
  readonly namespace: string;
  readonly processors: Group<{ readonly partitions: readonly number[] }>;
  readonly partitions: readonly PartitionStatus[];
  readonly ingestors: Group<{ readonly capacity: number | null; readonly addresses: readonly string[]; readonly ticks: readonly number[] }>;
  /** Addresses on the watchlist, and those of them that no ingestor has. */
  readonly watched: number | null;
  readonly withoutRoom: readonly string[] | null;
  /** Records on these topics; of the quarantine at most so many, unless `isExact`. */
  readonly quarantined: { readonly records: number; readonly isExact: boolean } | null;
  readonly gaps: number | null;
  readonly unknown: readonly string[];
};

export type Group<T> = { readonly group: string; readonly state: string; readonly members: readonly (T & { readonly member: string; readonly host: string })[] };

/** Times are ms since the epoch, or lengths in ms. */
export type PartitionStatus = {
  readonly partition: number;
  /** Of the group; null: nobody has it. */
  readonly member: string | null;
  /** Records after the committed offsets. */
  readonly unread: number;
  /** The newest input's own time, and how far the last one that was applied is behind it. */
  readonly newestAt: number | null;
  readonly lagMs: number | null;
  /** As of the last commit, and how far it is behind this machine's clock. */
  readonly streamTime: number | null;
  readonly behindMs: number | null;
  /** Orders that are not over for good, and when the first of them has its next say (stream time); as of the checkpoint. */
  readonly orders: number | null;
  readonly nextDeadline: number | null;
  /** Records that are committed, and not in the checkpoint. */
  readonly uncheckpointed: number | null;
  /** What the processor that has it says: `taking over`, `working`, …; and the records that it replayed. */
  readonly stage: string | null;
  readonly replayed: number | null;
};

export type Stage = { readonly partition: number; readonly stage: string; readonly replayed: number };

/** What was asked of each side; null: it wasn't, or didn't answer, which `unknown` tells. */
export type Sources = {
  readonly at: number;
  readonly namespace: string;
  readonly cluster: ClusterFacts;
  readonly processors: GroupReport;
  readonly ingestors: GroupReport;
  readonly newest: ReadonlyMap<Topic, ReadonlyMap<number, TopicRecord>>;
  readonly watchlist: readonly string[] | null;
  readonly ends: { readonly quarantine: number | null; readonly gaps: number | null };
  readonly state: ReadonlyMap<number, { readonly stored: StoredPartition; readonly deadlines: Deadlines | null }> | null;
  readonly stages: readonly Stage[];
  readonly unknown: readonly string[];
};

export function snapshotOf(sources: Sources): Snapshot {
  const { at, namespace, processors, ingestors, cluster, watchlist, ends, unknown } = sources;
  const fills = cluster.topics.find(({ topic }) => topic === 'fills')?.name ?? 'fills';
  const members = processors.members.map(({ memberId, host, partitions }) => ({ member: shortName(memberId), host, partitions: [...partitions[fills] ?? []].sort((a, b) => a - b) }));
  const sharers = ingestors.members.map(({ memberId, host, claim, share }) => ({
    member: shortName(memberId), host, capacity: claimOf(claim)?.capacity ?? null, addresses: shareOf(share)?.addresses ?? [], ticks: shareOf(share)?.ticks ?? [],
  }));
  const progress = cluster.progress.kind === 'told' ? cluster.progress.value : [];
  const given = new Set(sharers.flatMap(({ addresses }) => addresses));
  return {
    at, namespace,
    processors: { group: processors.groupId, state: processors.state, members },
    partitions: progress.map((each) => partitionStatus(each, members, sources)),
    ingestors: { group: ingestors.groupId, state: ingestors.state, members: sharers },
    watched: watchlist?.length ?? null,
    withoutRoom: watchlist?.filter((address) => !given.has(address)) ?? null,
    quarantined: quarantinedOf(sources),
    gaps: ends.gaps,
    unknown: cluster.progress.kind === 'told' ? unknown : [...unknown, `unread records: ${cluster.progress.why}`],
  };
}

function partitionStatus(progress: Progress, members: Snapshot['processors']['members'], { at, newest, state, stages }: Sources): PartitionStatus {
  const { partition, bounds, committed, point } = progress;
  const unread = bounds.reduce((sum, { low, high }, place) => sum + Math.max(0, high - Math.max(low, committed[place] ?? low)), 0);
  const held = state?.get(partition);
  const stored = held?.stored.kind === 'stored' ? held.stored : null;
  const streamTime = leastOf(clocksOf(newest.get('commits')?.get(partition)) ?? stored?.clocks ?? []);
  const stage = stages.find((each) => each.partition === partition);
  const times = INPUT_TOPICS.flatMap((topic) => newest.get(topic)?.get(partition)?.timestamp ?? []);
  return {
    partition,
    member: members.find(({ partitions }) => partitions.includes(partition))?.member ?? null,
    unread,
    newestAt: times.length === 0 ? null : Math.max(...times),
    lagMs: unread === 0 ? 0 : lagOf(progress, newest),
    streamTime,
    behindMs: streamTime === null ? null : at - streamTime,
    orders: stored?.orders ?? null,
    nextDeadline: held?.deadlines?.isWhole === true ? held.deadlines.earliest : null,
    uncheckpointed: stored === null || point === null ? null : stored.at.position.offsets.reduce((sum, offset, place) => sum + Math.max(0, (point.point.position.offsets[place] ?? 0) - offset), 0),
    stage: stage?.stage ?? null,
    replayed: stage?.replayed ?? null,
  };
}

/** By the topic that is furthest behind, among those of which a record was applied. */
function lagOf({ partition, point }: Progress, newest: Sources['newest']): number | null {
  const lags = INPUT_TOPICS.flatMap((topic, place) => {
    const [last, applied] = [newest.get(topic)?.get(partition), point?.last[place] ?? null];
    return last === undefined || applied === null ? [] : [last.timestamp - Number(applied.timestamp)];
  });
  return lags.length === 0 ? null : Math.max(0, ...lags);
}

/** Of a record of `commits`; null when there is none, or it is another version's. */
function clocksOf(record: TopicRecord | undefined): readonly number[] | null {
  try {
    const body = record?.value?.subarray(HEADER_BYTES);
    return body === undefined ? null : readCommit(body).clocks;
  } catch {
    return null;
  }
}

/** A zero byte and the schema's id. */
const HEADER_BYTES = 5;

function leastOf(clocks: readonly number[]): number | null {
  return clocks.length === 0 ? null : Math.min(...clocks);
}

/** What was refused is counted in the checkpoints; the topic's offsets count a transaction's markers too. */
function quarantinedOf({ state, cluster, ends }: Sources): Snapshot['quarantined'] {
  const progress = cluster.progress.kind === 'told' ? cluster.progress.value : [];
  const counts = progress.flatMap(({ partition }) => {
    const stored = state?.get(partition)?.stored;
    return stored?.kind === 'stored' ? [quarantinedTotal(stored.counts)] : [];
  });
  if (counts.length > 0 && counts.length === progress.length) return { records: counts.reduce((sum, count) => sum + count, 0), isExact: true };
  return ends.quarantine === null ? null : { records: ends.quarantine, isExact: ends.quarantine === 0 };
}

/** The client's ids end in a random part; so much of it tells members apart. */
function shortName(memberId: string): string {
  const [uuid] = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.exec(memberId) ?? [];
  return uuid?.slice(0, 8) ?? memberId;
}
