// The fixtures of a version, one file a format: where each of its programs was in the middle of the same journal, and what the
// version itself made of the rest.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTopic } from '@fillstream/kafka';
import { decodeCommit, decodeGap, decodeIngestProgress, decodeQuarantined, decodeRepair, decodeWatched } from '@fillstream/schemas';
import type { Installation } from '../end-to-end/cluster.ts';
import type { OffsetsDump, RedisDump, SchemasDump, TopicsDump } from './cluster-dump.ts';
import { readDump, type SqliteDump } from './dump.ts';

const FOLDER = join(import.meta.dirname, 'fixtures');
/** Confluent's header. */
const FRAME_BYTES = 5;

/** A whole journal, and the signals of a run. */
export type JournalFixture = { readonly journal: string; readonly signals: string };

/** The state and the output of `run --state`, from a journal that is the beginning of the whole one. */
export type RunFixture = {
  readonly journal: string;
  readonly signals: { readonly name: string; readonly text: string };
  readonly state: SqliteDump;
};

/** The data of `start --journal`, and what it went on to show, all from the first signal on. */
export type EmbeddedFixture = { readonly journal: string; readonly data: SqliteDump; readonly signals: string };

/** An installation: its state stands before the end of its history, and that one before the end of its input. */
export type ClusterFixture = {
  readonly namespace: string;
  readonly partitions: number;
  readonly schemas: SchemasDump;
  readonly topics: TopicsDump;
  readonly offsets: OffsetsDump;
  readonly redis: RedisDump;
  /** All that the version came to emit, in the order of the log; `body` is a character each byte, and has the schema's id before it. */
  readonly signals: readonly { readonly partition: number; readonly body: string }[];
  /** What the version read on the topics that no processor reads: JSON lines by topic, sorted. */
  readonly said: Readonly<Record<string, readonly string[]>>;
};

export type Fixtures = {
  readonly journal: JournalFixture;
  readonly run: RunFixture;
  readonly start: EmbeddedFixture;
  readonly cluster: ClusterFixture;
};

const DECODERS: Readonly<Record<string, (body: Buffer) => object>> = {
  quarantine: (body) => ({ ...decodeQuarantined(body), original: decodeQuarantined(body).original.toString('latin1') }),
  commits: decodeCommit, watchlist: decodeWatched, 'ingest-progress': decodeIngestProgress, repairs: decodeRepair, gaps: decodeGap,
};

/** As this version reads it. */
export async function saidOn({ kafka }: Installation): Promise<ClusterFixture['said']> {
  return Object.fromEntries(await Promise.all(Object.entries(DECODERS).map(async ([topic, decode]): Promise<[string, string[]]> => {
    const records = await readTopic(kafka, topic);
    return [topic, records.map(({ key, value }) => JSON.stringify([key, value === null ? null : decode(value.subarray(FRAME_BYTES))])).sort()];
  })));
}

export function fixtureVersions(): readonly string[] {
  return readdirSync(FOLDER).sort();
}

/** Put back into `folder`. */
export function fixturesOf(version: string, folder: string): Fixtures {
  const read = <T>(name: string): T => readDump<T>(join(FOLDER, version, `${name}.json.br`), folder);
  return { journal: read('journal'), run: read('run'), start: read('start'), cluster: read('cluster') };
}
