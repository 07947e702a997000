import type { Signal } from '@fillstream/schemas';
import type { Database, SqliteLog } from '@fillstream/sqlite';

const FACT = 'signals shown';
const READ_SIGNALS = 1_000;

/**
 * Reads the topic `signals` for the terminal. How far it came is noted once the signals have been handed over: a later start
 * goes on from there, and only what a kill came in between is shown again.
 */
export class SignalReader {
  readonly #database: Database;
  readonly #log: SqliteLog;
  readonly #show: (signals: readonly Signal[]) => Promise<void>;
  /** By partition. */
  readonly #offsets: number[];
  #reading: Promise<void> | null = null;
  #more = false;

  /** `show` resolves when the signals have left the process. */
  constructor(database: Database, log: SqliteLog, show: (signals: readonly Signal[]) => Promise<void>) {
    this.#database = database;
    this.#log = log;
    this.#show = show;
    const held = database.fact(FACT)?.split(' ').map(Number) ?? [];
    this.#offsets = Array.from({ length: log.partitions }, (_, partition) => held[partition] ?? 0);
  }

  /** Resolves when all that was committed before the call has been shown. Throws PortError. */
  async read(): Promise<void> {
    this.#more = true;
    this.#reading ??= this.#readAll().finally(() => (this.#reading = null));
    await this.#reading;
  }

  async #readAll(): Promise<void> {
    while (this.#more) {
      this.#more = false;
      for (const partition of this.#offsets.keys()) await this.#readPartition(partition);
    }
  }

  async #readPartition(partition: number): Promise<void> {
    const read = this.#log.readSignals(partition, this.#offsets[partition] ?? 0, READ_SIGNALS);
    const last = read.at(-1);
    if (last === undefined) return;
    await this.#show(read.map(({ signal }) => signal));
    this.#offsets[partition] = last.offset + 1;
    this.#database.transaction(() => {
      this.#database.setFact(FACT, this.#offsets.join(' '));
    });
    this.#more = true;
  }
}
