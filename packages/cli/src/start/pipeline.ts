// The whole pipeline in one process: a source → the embedded log → partition loops → signals, in one SQLite file.

import { join, resolve } from 'node:path';
import { createHash } from 'node:crypto';
import type { Counts } from '@fillstream/core';
import type { Endpoint, LiveFeed, OnEvent } from '@fillstream/hyperliquid/live';
import { importJournal, type InputSink } from '@fillstream/ingestor';
import type { Arrival, LiveIngestStatus } from '@fillstream/ingestor/live';
import { Processor } from '@fillstream/processor';
import { PortError, type LoopEvent } from '@fillstream/runtime';
import { Database, SqliteLog, SqliteStore } from '@fillstream/sqlite';
import type { Signal } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import { foldSettingsText, longestPeriodMs, type AllSettings } from '../settings.ts';
import { liveLogOf } from './live-log.ts';
import { SignalReader } from './signal-reader.ts';

export type DemoSource = { readonly kind: 'demo'; readonly seed: number; readonly ratePerSecond: number };
export type LiveSource = { readonly kind: 'live'; readonly endpoint: Endpoint; readonly addresses: readonly string[] };
export type Source = DemoSource | LiveSource | { readonly kind: 'journal'; readonly path: string };

export type PipelineOptions = {
  readonly source: Source;
  readonly folder: string;
  /** Delete what an earlier start left. */
  readonly fresh: boolean;
  readonly settings: AllSettings;
  readonly stop: AbortSignal;
  /** Gets each signal once, over all starts; resolves when they have left the process. */
  readonly show: (signals: readonly Signal[]) => Promise<void>;
  /** Told of what a live feed meets. */
  readonly onLiveEvent?: OnEvent;
  readonly observers: readonly PipelineObserver[];
};

/** Told of what happens; and, before anything runs, how to ask where everything is: the log is there by then. */
export type PipelineObserver = {
  readonly onStarted: (parts: PipelineParts) => Promise<void> | void;
  readonly onLoopEvent: (event: LoopEvent) => void;
  readonly onDurable?: (arrivals: readonly Arrival[]) => void;
  readonly onTicked?: () => void;
};

export type PipelineParts = {
  readonly processor: Pick<Processor, 'standings' | 'holdings'>;
  /** By input topic, the records of a partition that aren't committed. */
  readonly unread: (partition: number) => readonly number[];
  /** null as long as nothing is watched. */
  readonly ingest: () => LiveIngestStatus | null;
};

/** Records appended, but not processed yet: beyond it the import waits. */
const GREATEST_BACKLOG = 50_000;
const POLL_MS = 20;

/** Where the data of a source goes by default. */
export function folderOf(source: Source): string {
  switch (source.kind) {
    case 'demo': return join('.fillstream', 'demo');
    case 'journal': return join('.fillstream', `journal-${shortHash(resolve(source.path))}`);
    case 'live': return join('.fillstream', `live-${shortHash(source.endpoint.info)}`);
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Runs until the source ends or `stop` is aborted. Throws PortError and JournalError. */
export async function runPipeline(options: PipelineOptions): Promise<{ readonly end: 'ended' | 'stopped'; readonly counts: Counts }> {
  const database = Database.open(options.folder, { fresh: options.fresh });
  try {
    return await new Pipeline(options, database).run();
  } finally {
    database.close();
  }
}

class Pipeline {
  readonly #options: PipelineOptions;
  readonly #log: SqliteLog;
  readonly #database: Database;
  readonly #processor: Processor;
  readonly #reader: SignalReader;
  readonly #sink: InputSink;
  /** Aborted when the source has to end, for whatever reason. */
  readonly #stopSource = new AbortController();
  #feed: Pick<LiveFeed, 'repair'> | null = null;
  #ingest: () => LiveIngestStatus | null = () => null;
  readonly #onStop = (): void => this.#stopSource.abort();

  constructor(options: PipelineOptions, database: Database) {
    const { settings, observers } = options;
    checkSettings(database, settings);
    this.#options = options;
    const log = new SqliteLog({ database, partitions: settings.partitions, limitBytes: settings.logLimitBytes });
    this.#log = log;
    this.#database = database;
    this.#reader = new SignalReader(database, log, options.show);
    this.#processor = new Processor({
      log, store: new SqliteStore(database), partitions: settings.partitions, settings, tallies: observers.length > 0,
      onEvent: (event) => {
        for (const { onLoopEvent } of observers) onLoopEvent(event);
        if (event.kind !== 'committed') return;
        if (event.commit.signals.length > 0) this.#reader.read().catch(this.#onStop); // Met by the last read.
        for (const lack of event.commit.lacks) this.#feed?.repair(lack.address, lack);
      },
    });
    this.#sink = {
      append: async (records, cursor) => {
        await Promise.resolve();
        log.append(records, cursor);
      },
      cursor: async (name) => await Promise.resolve(database.fact(name)),
    };
  }

  async run(): Promise<{ readonly end: 'ended' | 'stopped'; readonly counts: Counts }> {
    const { observers, stop } = this.#options;
    const parts = { processor: this.#processor, unread: (partition: number) => this.#unread(partition), ingest: () => this.#ingest() };
    for (const { onStarted } of observers) await onStarted(parts);
    stop.addEventListener('abort', this.#onStop);
    if (stop.aborted) this.#onStop();
    await this.#reader.read();
    const processing = this.#processor.run().finally(this.#onStop);
    processing.catch(() => undefined); // Met below, once the source has ended.
    try {
      const end = await this.#runSource();
      if (end === 'ended') await this.#backlogBelow(0);
      return { end, counts: this.#processor.counts() };
    } finally {
      this.#processor.stop();
      await processing;
      await this.#reader.read();
      stop.removeEventListener('abort', this.#onStop);
    }
  }

  async #runSource(): Promise<'ended' | 'stopped'> {
    const { source, settings } = this.#options;
    switch (source.kind) {
      case 'demo': return await this.#runDemo(source);
      case 'live': return await this.#runLive(source);
      case 'journal': return await importJournal({
        path: source.path, sink: this.#sink, endAfterMs: longestPeriodMs(settings), stop: this.#stopSource.signal,
        onAppended: async () => {
          await this.#backlogBelow(GREATEST_BACKLOG);
        },
      });
    }
  }

  async #runDemo(source: DemoSource): Promise<'stopped'> {
    const { openDemoExchange } = await import('./demo-exchange.ts');
    const exchange = await openDemoExchange(this.#database, source);
    try {
      return await this.#runLive(exchange);
    } finally {
      await exchange.close();
    }
  }

  async #runLive({ endpoint, addresses }: Omit<LiveSource, 'kind'>): Promise<'stopped'> {
    const { runLive } = await import('@fillstream/ingestor/live');
    const { onLiveEvent, observers } = this.#options;
    await runLive({
      endpoint, addresses, stop: this.#stopSource.signal, log: liveLogOf(this.#log, this.#database),
      onStarted: (feed, status) => ([this.#feed, this.#ingest] = [feed, status]),
      onDurable: (arrivals) => {
        for (const { onDurable } of observers) onDurable?.(arrivals);
      },
      onTicked: () => {
        for (const { onTicked } of observers) onTicked?.();
      },
      ...(onLiveEvent === undefined ? {} : { onEvent: onLiveEvent }),
    });
    return 'stopped';
  }

  /** Resolves when at most so many records wait in each partition, or when the pipeline stops. */
  async #backlogBelow(limit: number): Promise<void> {
    while (!this.#stopSource.signal.aborted) {
      if (this.#partitions().every((partition) => this.#processor.hasReached(partition, this.#ends(partition).map((end) => Math.max(0, end - limit))))) return;
      await new Promise((resolveLater) => setTimeout(resolveLater, POLL_MS));
    }
  }

  #unread(partition: number): readonly number[] {
    const { offsets } = this.#processor.position(partition) ?? { offsets: [] };
    return this.#ends(partition).map((end, topic) => end - (offsets[topic] ?? 0));
  }

  #partitions(): readonly number[] {
    return Array.from({ length: this.#log.partitions }, (_, partition) => partition);
  }

  #ends(partition: number): readonly number[] {
    return INPUT_TOPICS.map((topic) => this.#log.end(topic, partition));
  }
}

/** State folded by some settings can't go on with others. */
function checkSettings(database: Database, settings: AllSettings): void {
  const text = foldSettingsText(settings);
  const held = database.fact('settings');
  if (held === null) {
    database.transaction(() => {
      database.setFact('settings', text);
    });
  } else if (held !== text) {
    const message = `the data in ${database.folder} was made with other settings: ${held}, now ${text}; begin anew with --fresh, or use another --data folder`;
    throw new PortError('mismatch', message, { retryable: false });
  }
}
