// The inputs of a namespace copied into another one with another number of partitions, each record once, in order of time.
//
// Y1  The old namespace is only read.
// Y2  Each run goes on where the last transaction was: progress is read after whoever copied before is fenced.
// Y3  A run while ingestors write copies up to the time that all old partitions have reached; the last one copies the rest,
//     the watchlist and where repairs begin, and closes: nothing is copied after that.
// Y4  Every run ends with a tick outside any transaction, so that the new topics end with a record: a processor that waits for
//     a topic's end would wait for markers in vain.
// Y5  A copy is begun only in topics that are empty, and from topics that still have their beginning.

import { PortError } from '@fillstream/runtime';
import { TOPICS, type Topic } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import { connectionOf, nameIn, withAdmin, type KafkaOptions } from './connection.ts';
import { Chunk, type ChunkOptions } from './repartition-chunk.ts';
import { TimeMerge, type Merged, type Place } from './repartition-merge.ts';
import { newProgress, readProgress, type CopyProgress, type CopyState, type Standing } from './repartition-progress.ts';
import { RepartitionWriter, type Share } from './repartition-writer.ts';
import { StretchReader, boundsOf, type Bounds } from './stretch-reader.ts';
import { readTopic } from './topic-reader.ts';
import { WireFormat, registryOf, type RegistryOptions } from './wire-format.ts';

export type CopyOptions = {
  readonly from: KafkaOptions;
  readonly to: KafkaOptions;
  readonly registry: RegistryOptions;
  /** Of the new topics, which are there. */
  readonly partitions: number;
  /** Nobody writes the old topics any more (Y3). */
  readonly isLast: boolean;
  readonly stop: AbortSignal;
  /** Of what there is to copy in this run. */
  readonly onProgress: (progress: { readonly records: number; readonly share: number; readonly streamTime: number }) => void;
};

export type Copied = {
  readonly progress: CopyProgress;
  /** What was read in this run, ticks included. */
  readonly read: number;
  /** What held the rest back, and to which time. */
  readonly heldBy: (Place & { readonly time: number }) | null;
};

/** The last record of a key counts. The last two an old namespace may be without. */
const LAST_WORDS = ['watchlist', 'ingest-progress', 'tokens', 'webhooks'] as const satisfies readonly Topic[];

/** Throws PortError. When it was stopped, the progress is that of what was done. */
export async function copyInputs(options: CopyOptions): Promise<Copied> {
  const bounds = await oldBounds(options.from);
  const writer = await RepartitionWriter.open(options.to);
  try {
    const progress = await readProgress(options.to) ?? await begun(options, bounds);
    check(options, progress, bounds);
    if (progress.state.kind !== 'copying') return { progress, read: 0, heldBy: null };
    const copy = await Copy.open(options, writer, progress, bounds);
    return await copy.run();
  } finally {
    await writer.close();
  }
}

type OldBounds = { readonly inputs: readonly (readonly Bounds[])[]; readonly gaps: readonly Bounds[] };

async function oldBounds(from: KafkaOptions): Promise<OldBounds> {
  const [gaps, ...inputs] = await Promise.all(['gaps', ...INPUT_TOPICS].map(async (topic) => await boundsOf(from, topic)));
  return { inputs, gaps: gaps ?? [] };
}

/** Y5. */
async function begun({ from, to, partitions }: CopyOptions, { gaps }: OldBounds): Promise<CopyProgress> {
  for (const topic of TOPICS) {
    const filled = (await boundsOf(to, topic)).some(({ high }) => high > 0);
    if (filled) throw mismatch(`${nameIn(to.namespace, topic)} has records that no copy put there: expected a namespace without any`);
  }
  return newProgress(from.namespace ?? '', gaps.length, partitions);
}

function check({ from, to, partitions }: CopyOptions, progress: CopyProgress, { inputs }: OldBounds): void {
  if (progress.from !== (from.namespace ?? '')) {
    throw mismatch(`${to.namespace ?? ''} holds a copy of the namespace ${JSON.stringify(progress.from)}, expected one of ${JSON.stringify(from.namespace ?? '')}`);
  }
  const counts = `${String(progress.oldPartitions)} into ${String(progress.partitions)}`;
  const expected = `${String(inputs[0]?.length ?? 0)} into ${String(partitions)}`;
  if (counts !== expected) throw mismatch(`the copy in ${to.namespace ?? ''} is one of ${counts} partitions, expected ${expected}`);
  for (const [topic, all] of inputs.entries()) {
    for (const { partition, low, high } of all) {
      const next = progress.inputs[topic]?.[partition]?.next ?? 0;
      const where = `${nameIn(from.namespace, INPUT_TOPICS[topic] ?? '')}/${String(partition)}`;
      if (low > next) throw broken(`${where} begins at offset ${String(low)}, and ${String(next)} wasn't copied yet: its records were deleted`);
      if (high < next) throw broken(`${where} ends at offset ${String(high)}, and all before ${String(next)} was copied: the topic was made anew`);
    }
  }
}

type Opened = {
  readonly reader: StretchReader;
  readonly merge: TimeMerge;
  readonly formats: ChunkOptions['formats'];
  readonly bounds: OldBounds;
  /** Offsets to be read. */
  readonly total: number;
};

class Copy {
  readonly #options: CopyOptions;
  readonly #writer: RepartitionWriter;
  readonly #reader: StretchReader;
  readonly #merge: TimeMerge;
  readonly #formats: ChunkOptions['formats'];
  readonly #bounds: OldBounds;
  readonly #total: number;
  /** By input topic and old partition. */
  readonly #inputs: Standing[][];
  readonly #gaps: number[];
  #progress: CopyProgress;
  #chunk: Chunk;
  #latest: number;
  #read = 0;
  #records: number;

  static async open(options: CopyOptions, writer: RepartitionWriter, progress: CopyProgress, bounds: OldBounds): Promise<Copy> {
    const { from, to, registry, isLast } = options;
    const schemas = registryOf(registry);
    const formatsOf = async ({ namespace }: KafkaOptions): Promise<WireFormat[]> => await Promise.all(INPUT_TOPICS.map(async (topic) => (
      await WireFormat.of(schemas, topic, nameIn(namespace, topic), options.to.onTrouble)
    )));
    const [formats, ownFormats] = [await formatsOf(from), await formatsOf(to)];
    const places = progress.inputs.flatMap((all, topic) => all.map(({ greatest }, partition) => ({ topic, partition, greatest: greatest ?? -Infinity })));
    const stretches = [
      ...places.map(({ topic, partition }) => ({
        topic: INPUT_TOPICS[topic] ?? '', partition,
        from: progress.inputs[topic]?.[partition]?.next ?? 0, to: bounds.inputs[topic]?.[partition]?.high ?? 0,
      })),
      ...bounds.gaps.map(({ partition, high }) => ({ topic: 'gaps', partition, from: progress.gaps[partition] ?? 0, to: high })),
    ];
    const reader = await StretchReader.open(from, stretches);
    const total = stretches.reduce((sum, stretch) => sum + Math.max(0, stretch.to - stretch.from), 0);
    return new Copy(options, writer, progress, { reader, bounds, merge: new TimeMerge({ reader, formats, places, isFinal: isLast }), formats: ownFormats, total });
  }

  private constructor(
    options: CopyOptions, writer: RepartitionWriter, progress: CopyProgress,
    { reader, merge, formats, total, bounds }: Opened,
  ) {
    this.#options = options;
    this.#writer = writer;
    this.#reader = reader;
    this.#merge = merge;
    this.#formats = formats;
    this.#bounds = bounds;
    this.#total = total;
    this.#progress = progress;
    this.#inputs = progress.inputs.map((all) => [...all]);
    this.#gaps = [...progress.gaps];
    this.#latest = progress.latest ?? -Infinity;
    this.#records = progress.records;
    this.#chunk = this.#newChunk(progress.ticked ?? -Infinity);
  }

  async run(): Promise<Copied> {
    const { stop, isLast } = this.#options;
    try {
      for (let merged = await this.#next(); merged !== null; merged = await this.#next()) {
        this.#take(merged);
        if (this.#chunk.isFull) await this.#flush();
      }
      for (const partition of this.#gaps.keys()) await this.#copyGaps(partition);
      await this.#flush();
      if (!stop.aborted) await this.#end(isLast);
      return { progress: this.#progress, read: this.#read, heldBy: this.#merge.heldBy };
    } finally {
      await this.#reader.close();
    }
  }

  async #next(): Promise<Merged | null> {
    return this.#options.stop.aborted ? null : await this.#merge.next();
  }

  #take(merged: Merged): void {
    const { topic, partition, record, time, isTick } = merged;
    this.#chunk.add(merged);
    this.#reach(topic, partition, record.offset + 1, finite(time));
    this.#latest = Math.max(this.#latest, time);
    this.#read += 1;
    if (!isTick) this.#records += 1;
  }

  #reach(topic: number, partition: number, next: number, greatest = this.#inputs[topic]?.[partition]?.greatest ?? null): void {
    const standings = this.#inputs[topic];
    if (standings !== undefined) standings[partition] = { next, greatest };
  }

  async #copyGaps(partition: number): Promise<void> {
    while (!this.#options.stop.aborted) {
      const record = await this.#reader.next('gaps', partition);
      if (record === null) return;
      this.#chunk.copy(record);
      this.#gaps[partition] = record.offset + 1;
      if (this.#chunk.isFull) await this.#flush();
    }
  }

  async #flush(state: CopyState = this.#progress.state, more: readonly Share[] = []): Promise<void> {
    this.#progress = {
      ...this.#progress, inputs: this.#inputs.map((all) => [...all]), gaps: [...this.#gaps], records: this.#records,
      ticked: finite(this.#chunk.ticked), latest: finite(this.#latest), state,
    };
    await this.#writer.commit({ shares: [...this.#chunk.shares, ...more], progress: this.#progress });
    this.#chunk = this.#newChunk(this.#chunk.ticked);
    this.#options.onProgress({ records: this.#read, share: this.#total === 0 ? 1 : this.#read / this.#total, streamTime: this.#latest });
  }

  /** Y3, Y4. */
  async #end(isLast: boolean): Promise<void> {
    const ends = INPUT_TOPICS.map(() => Array.from({ length: this.#options.partitions }, () => 0));
    if (this.#latest > -Infinity) {
      const last = this.#newChunk(this.#latest);
      last.tick(this.#latest);
      const offsets = await this.#writer.append({ shares: last.shares, progress: this.#progress });
      for (const [place, { topic, partition }] of last.shares.entries()) {
        const all = ends[INPUT_TOPICS.findIndex((name) => name === topic)];
        if (all !== undefined) all[partition] = offsets[place] ?? NaN;
      }
    }
    if (!isLast) return;
    for (const [topic, all] of this.#bounds.inputs.entries()) for (const { partition, high } of all) this.#reach(topic, partition, high);
    await this.#flush({ kind: 'closed', ends }, await this.#lastWords());
  }

  /** The last record of each key that has one. */
  async #lastWords(): Promise<readonly Share[]> {
    const chunk = this.#newChunk(0);
    for (const topic of await existingOf(this.#options.from, LAST_WORDS)) {
      const records = (await readTopic(this.#options.from, topic)).filter(({ key }) => key !== null);
      for (const { value, key, ...record } of new Map(records.map((each) => [each.key, each])).values()) {
        if (value !== null && key !== null) chunk.copy({ ...record, topic, value, key: Buffer.from(key), headers: {} });
      }
    }
    return chunk.shares;
  }

  #newChunk(ticked: number): Chunk {
    const { partitions, from } = this.#options;
    return new Chunk({ partitions, formats: this.#formats, oldNamespace: from.namespace ?? '', ticked });
  }
}

async function existingOf(options: KafkaOptions, topics: readonly Topic[]): Promise<readonly Topic[]> {
  const existing = await withAdmin(connectionOf(options), async (admin) => await admin.listTopics());
  return topics.filter((topic) => existing.includes(nameIn(options.namespace, topic)));
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}

function mismatch(message: string): PortError {
  return new PortError('mismatch', message, { retryable: false });
}

function broken(message: string): PortError {
  return new PortError('log-broken', message, { retryable: false });
}
