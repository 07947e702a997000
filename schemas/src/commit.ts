// One transaction of a partition as a body of the topic `commits`: what a replay needs to repeat it exactly (contract §9).

import { codecOf, decodeBody, encodeBody, type Entries } from './avro.ts';

/** So many records of one topic in a row; `topic` is an index in the commit's topics. */
export type Run = { readonly topic: number; readonly count: number };

export type Commit = {
  /** Running hash of the history. */
  readonly id: string;
  readonly partition: number;
  /** The input topics; `from` and `to` follow their order. */
  readonly topics: readonly string[];
  /** Per topic, the first offset applied. */
  readonly from: readonly number[];
  /** Per topic, the offset after the last one applied. */
  readonly to: readonly number[];
  /** The order in which the topics were merged; empty when only timers fired. */
  readonly merge: readonly Run[];
  /** Timers fired since the last record applied. */
  readonly fired: number;
  /** Per clock, the greatest receivedAt; empty before the first record. */
  readonly clocks: readonly number[];
  /** What this transaction counted (contract §10). */
  readonly counts: Readonly<Record<string, number>>;
};

type CommitBody = Omit<Commit, 'counts'> & { readonly counts: Entries<number> };

const codec = codecOf<CommitBody>('commits');

export function encodeCommit(commit: Commit): Buffer {
  const counts = Object.entries(commit.counts).map(([key, value]) => ({ key, value }));
  return encodeBody(codec, { ...commit, counts });
}

/** Throws SchemaError `unreadable-body`. */
export function decodeCommit(body: Uint8Array): Commit {
  const commit = decodeBody(codec, body);
  const counts = Object.fromEntries(commit.counts.map(({ key, value }) => [key, value]));
  return { ...commit, merge: commit.merge.map((run) => ({ ...run })), counts };
}
