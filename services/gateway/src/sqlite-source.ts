// The topic `signals` of the embedded log as a gateway reads it, beside the process that writes it or within it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Signal } from '@fillstream/client';
import { PortError } from '@fillstream/runtime';
import { decodeSignal } from '@fillstream/schemas';
import { LogReader } from '@fillstream/sqlite';
import type { SignalBatch, SignalRecord, SignalSource } from './ports.ts';

const TOPIC = 'signals';
/** Of one partition before it's the others' turn. */
const SHARE = 500;
/** How often it is looked for news that nobody told of. */
const POLL_MS = 200;

export class SqliteSource implements SignalSource {
  readonly partitions: number;
  readonly identity: string;
  readonly #log: LogReader;
  #woken = new AbortController();
  /** Wall clock; null: nobody tells of what is written. */
  #writtenAt: number | null = null;

  /** Throws PortError when there is no log, or an earlier version wrote it. */
  static open(folder: string): SqliteSource {
    const log = LogReader.open(folder);
    const [partitions, identity] = [Number(log.fact('partitions') ?? 0), log.fact('log id')];
    if (partitions > 0 && identity !== null) return new SqliteSource(log, partitions, identity);
    log.close();
    throw new PortError('mismatch', `the log in ${folder} has no id yet: \`npm start\` gives it one`, { retryable: false });
  }

  private constructor(log: LogReader, partitions: number, identity: string) {
    this.#log = log;
    this.partitions = partitions;
    this.identity = identity;
  }

  /** The process that writes the log has written. */
  wake(): void {
    this.#writtenAt = Date.now();
    this.#woken.abort();
  }

  async bounds(): Promise<{ low: number; high: number }[]> {
    return await Promise.resolve(this.#all().map((partition) => ({ low: 0, high: this.#log.end(TOPIC, partition) })));
  }

  async recordsAt(places: readonly { readonly partition: number; readonly offset: number }[]): Promise<SignalRecord[]> {
    return await Promise.resolve(places.flatMap(({ partition, offset }) => this.#read(partition, offset, 1).filter((record) => record.offset === offset)));
  }

  async *follow(from: readonly number[], stop: AbortSignal): AsyncGenerator<SignalBatch> {
    const next = [...from];
    while (!stop.aborted) {
      this.#woken = new AbortController();
      const records = this.#all().flatMap((partition) => this.#read(partition, next[partition] ?? 0, SHARE));
      for (const { partition, offset } of records) next[partition] = offset + 1;
      if (records.length > 0) yield { records, next: [...next] };
      else await sleep(POLL_MS, undefined, { signal: AbortSignal.any([stop, this.#woken.signal]) }).catch(() => undefined);
    }
  }

  close(): void {
    this.#log.close();
  }

  #all(): number[] {
    return Array.from({ length: this.partitions }, (_, partition) => partition);
  }

  #read(partition: number, from: number, limit: number): SignalRecord[] {
    return this.#log.read(TOPIC, partition, from, limit).map(({ offset, body }) => (
      // The schema's texts are those of the protocol (contract §9).
      // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
      { partition, offset, appendedAt: this.#writtenAt, signal: decodeSignal(body) as Signal }
    ));
  }
}
