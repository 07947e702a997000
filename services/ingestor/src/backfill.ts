// The past of addresses, as far as the exchange has it, onto the input topics or into a journal.
//
// B1  What is fetched waits in a file for each address, in a folder that goes away with the work: nothing is written elsewhere
//     before all of it is there.
// B2  All addresses are written together, by time: stream time is a partition's, and would be at its end for the second one.
// B3  It ends with a tick at `to`: until then nothing more happened.
// B4  Progress follows its fills, and never goes back: an ingestor that watches the address later goes on from there.
// B5  Done again, it writes everything again: repeated records change nothing but the counts of duplicates.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JournalMerge, JournalReader, openJournal } from '@fillstream/hyperliquid';
import { PastClient, type Past, type PastOptions } from '@fillstream/hyperliquid/past';
import { KafkaInputWriter, readTopic, type KafkaOptions, type RegistryOptions } from '@fillstream/kafka';
import { PortError } from '@fillstream/runtime';
import { KafkaLiveLog } from './live/kafka-live-log.ts';
import { importMerged } from './merged-import.ts';
import { Watchlist } from './watchlist.ts';

export type FetchOptions = PastOptions & {
  /** In lower case, each once. */
  readonly addresses: readonly string[];
  /** ms, the exchange's clock; both inclusive. */
  readonly from: number;
  readonly to: number;
  /** Of an address: see PastRequest. */
  readonly statuses: number;
  /** Told of each address. */
  readonly onFetched?: (past: AddressPast) => void;
};

export type AddressPast = Omit<Past, 'records'> & { readonly address: string };

export type Fetched = {
  readonly pasts: readonly AddressPast[];
  /** Journals of the addresses' records, and one of the tick (B3). */
  readonly paths: readonly string[];
};

const BATCH_LINES = 10_000;

/** Fetches, and hands it over for as long as `use` takes. Throws InfoError, PortError for a full disk, or the signal's reason. */
export async function withPast<T>(options: FetchOptions, use: (fetched: Fetched) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'fillstream-past-'));
  try {
    return await use(await fetchInto(folder, options));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fetchInto(folder: string, { addresses, from, to, statuses, onFetched, ...options }: FetchOptions): Promise<Fetched> {
  const client = await PastClient.connect(options);
  const pasts: AddressPast[] = [];
  const paths: string[] = [];
  for (const address of addresses) {
    const { records, ...past } = await client.fetch({ address, from, to, statuses });
    paths.push(await keep(join(folder, `${address}.ndjson`), records));
    pasts.push({ address, ...past });
    onFetched?.({ address, ...past });
  }
  return { pasts, paths: [...paths, await keep(join(folder, 'tick.ndjson'), [{ kind: 'tick', receivedAt: to }])] };
}

async function keep(path: string, records: readonly object[]): Promise<string> {
  try {
    await writeFile(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    return path;
  } catch (error) {
    const message = `can't write ${path}: ${error instanceof Error ? error.message : String(error)}`;
    throw new PortError('log-broken', message, { retryable: false, cause: error });
  }
}

/** The records of journals merged by receivedAt, as lines of one. Throws the signal's reason. */
export async function* mergedLines(paths: readonly string[], stop: AbortSignal): AsyncGenerator<string, void, void> {
  const opened = await Promise.all(paths.map(async (path) => await openJournal(path, 0, process.stdin)));
  const readers = opened.map((bytes) => new JournalReader(bytes, 0, (line) => lineOf(line.kind === 'text' ? line.text : '')));
  const merge = new JournalMerge(readers, ({ receivedAt }) => receivedAt);
  try {
    for (;;) {
      const batch = await merge.take(BATCH_LINES);
      stop.throwIfAborted();
      if (batch.length === 0) return;
      yield batch.map(({ text }) => `${text}\n`).join('');
    }
  } finally {
    await merge.close();
  }
}

/** Of a line that was written above. */
function lineOf(text: string): { readonly text: string; readonly receivedAt: number | null } {
  const value: unknown = JSON.parse(text);
  const { receivedAt }: { readonly receivedAt?: unknown } = typeof value === 'object' && value !== null ? value : {};
  return { text, receivedAt: typeof receivedAt === 'number' ? receivedAt : null };
}

export type BackfillOptions = {
  readonly kafka: KafkaOptions;
  readonly registry: RegistryOptions;
  /** How far beyond `to` the last tick is: with the longest period all timers fire, and nothing can follow. */
  readonly endAfterMs: number;
  readonly stop: AbortSignal;
};

/** Resolves with `stopped` when it was; then a part of it is on the topics. Throws PortError. */
export async function writePast({ pasts, paths }: Fetched, { kafka, registry, endAfterMs, stop }: BackfillOptions): Promise<'written' | 'stopped'> {
  return await withWriter(kafka, registry, async (writer) => {
    const log = new KafkaLiveLog(kafka, writer);
    for (const { address, gaps } of pasts) for (const gap of gaps) await log.gap({ address, ...gap });
    await importMerged({
      paths, endAfterMs, stop,
      append: async (records) => {
        await writer.append(records);
      },
    });
    if (stop.aborted) return 'stopped';
    if (endAfterMs === 0) for (const past of pasts) await saveProgress(log, past);
    return 'written';
  });
}

/** B4. */
async function saveProgress(log: KafkaLiveLog, { address, progress }: AddressPast): Promise<void> {
  if (progress === null) return;
  const held = await log.progress(address);
  if (held === null || held.lastFillAt < progress.lastFillAt) await log.saveProgress(address, progress);
}

/**
 * Throws PortError when an address is watched on these topics, or in topics that are `isShared` was once: its past would be older
 * than what is there, and count as stale (contract §7). Also when the topics aren't there.
 */
export async function refuseKnown(addresses: readonly string[], { kafka, registry, isShared }: {
  readonly kafka: KafkaOptions; readonly registry: RegistryOptions; readonly isShared: boolean;
}): Promise<void> {
  await withWriter(kafka, registry, async (writer) => {
    const watchlist = new Watchlist();
    for (const record of await readTopic(kafka, 'watchlist')) watchlist.add(record);
    const log = new KafkaLiveLog(kafka, writer);
    for (const address of addresses) {
      if (watchlist.get(address) !== null) throw known(address, 'is on the watchlist');
      if (isShared && await log.progress(address) !== null) throw known(address, 'has fills on the topics already (ingest-progress)');
    }
  });
}

function known(address: string, why: string): PortError {
  const message = `${address} ${why}: its past would come after newer fills, and count as stale; give it a --namespace of its own`;
  return new PortError('mismatch', message, { retryable: false });
}

async function withWriter<T>(kafka: KafkaOptions, registry: RegistryOptions, use: (writer: KafkaInputWriter) => Promise<T>): Promise<T> {
  const writer = await KafkaInputWriter.connect(kafka, registry);
  try {
    return await use(writer);
  } finally {
    await writer.close();
  }
}
