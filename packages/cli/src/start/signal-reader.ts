import type { Database, SqliteLog } from '@fillstream/sqlite';
import type { Signal } from '@fillstream/schemas';

const FACT = 'signals shown';
const READ_SIGNALS = 1_000;

/** Reads the topic `signals` for the terminal: each signal once, a later start going on where this one ended. */
export class SignalReader {
  readonly #database: Database;
  readonly #log: SqliteLog;
  readonly #onSignal: (signal: Signal) => void;
  /** By partition. */
  readonly #offsets: number[];

  constructor(database: Database, log: SqliteLog, onSignal: (signal: Signal) => void) {
    this.#database = database;
    this.#log = log;
    this.#onSignal = onSignal;
    const held = database.fact(FACT)?.split(' ').map(Number) ?? [];
    this.#offsets = Array.from({ length: log.partitions }, (_, partition) => held[partition] ?? 0);
  }

  /** Hands out what was committed since the last call. Throws PortError. */
  read(): void {
    let count = 0;
    for (const [partition, from] of this.#offsets.entries()) {
      const offset = this.#readPartition(partition, from);
      this.#offsets[partition] = offset;
      count += offset - from;
    }
    if (count === 0) return;
    this.#database.transaction(() => {
      this.#database.setFact(FACT, this.#offsets.join(' '));
    });
  }

  #readPartition(partition: number, from: number): number {
    let offset = from;
    for (;;) {
      const signals = this.#log.readSignals(partition, offset, READ_SIGNALS);
      for (const { signal } of signals) this.#onSignal(signal);
      offset = (signals.at(-1)?.offset ?? offset - 1) + 1;
      if (signals.length < READ_SIGNALS) return offset;
    }
  }
}
