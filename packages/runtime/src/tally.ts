// What a batch was made of, and what each of its signals came from: for whoever measures. Nothing of it decides anything.

import { copyCounts, type Counts, type Input, type Partition, type Signal } from '@fillstream/core';
import type { LogRecord } from './ports.ts';

/** The kinds of records; `raw`: so little of it can be read that its kind isn't known. */
export const TALLY_KINDS = ['fill', 'order_update', 'account', 'tick', 'raw'] as const;
export type TallyKind = (typeof TALLY_KINDS)[number];

/** The record that made a signal go out. Milliseconds since the epoch; NaN: it has no such time. */
export type SignalCause = {
  readonly receivedAt: number;
  /** The exchange's clock; NaN also for a timer's signal, which waited by a setting. */
  readonly exchangeAt: number;
};

export class Tally {
  /** By topic, how many records of each of TALLY_KINDS. */
  readonly kinds: readonly number[][];
  /** Of each record with a time of the exchange: this time, then its receivedAt. */
  readonly times: number[] = [];
  /** One for each of the commit's signals. */
  readonly causes: SignalCause[] = [];
  #counts: Counts | null = null;

  constructor(topics: number) {
    this.kinds = Array.from({ length: topics }, () => TALLY_KINDS.map(() => 0));
  }

  /** What had been counted in the partition once the batch was decided; null before. */
  get counts(): Counts | null {
    return this.#counts;
  }

  /** A record moved time, and timers may have fired. */
  moved({ input }: LogRecord, signals: readonly Signal[]): void {
    this.#causeOf(signals, input, NaN);
  }

  applied({ topic, input }: LogRecord, signals: readonly Signal[]): void {
    const kinds = this.kinds[topic];
    const place = placeOf(input);
    if (kinds !== undefined) kinds[place] = (kinds[place] ?? 0) + 1;
    const exchangeAt = exchangeTimeOf(input);
    if (!Number.isNaN(exchangeAt)) this.times.push(exchangeAt, input.receivedAt ?? NaN);
    this.#causeOf(signals, input, exchangeAt);
  }

  decided({ state }: Partition): void {
    this.#counts = copyCounts(state.counts);
  }

  /** Of the signals that came since the last call. */
  #causeOf(signals: readonly Signal[], { receivedAt }: Input, exchangeAt: number): void {
    while (this.causes.length < signals.length) this.causes.push({ receivedAt: receivedAt ?? NaN, exchangeAt });
  }
}

/** In TALLY_KINDS. */
function placeOf(input: Input): number {
  const kind = input.kind === 'unusable' ? input.record : input.kind;
  switch (kind) {
    case 'fill': case 'noTrade': return 0;
    case 'orderUpdate': return 1;
    case 'account': return 2;
    case 'tick': return 3;
    case null: return 4;
  }
}

function exchangeTimeOf(input: Input): number {
  if (input.kind === 'fill') return input.fill.time;
  return input.kind === 'orderUpdate' ? input.update.statusTimestamp : NaN;
}
