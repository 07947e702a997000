// An endless market for a partition: records by the step, most of them of orders that end, on a clock that no wall clock moves.

import { readRecord } from '@fillstream/hyperliquid';
import { DEFAULT_SETTINGS, type Input, type Settings } from '@fillstream/core';
import { market, type JournalRecord } from '@fillstream/simulator';

const ADDRESSES = 20;
const ORDERS_PER_SECOND = 5;
const START_AT = 1_760_000_000_000;
const MINUTE = 60_000;

/** The periods of the contract, those of days in minutes: what they bound is full soon. */
export const SHORT_SETTINGS: Settings = {
  ...DEFAULT_SETTINGS, unfinishedMs: 10 * MINUTE, quietFinishedMs: 10 * MINUTE, finishedMs: 2 * MINUTE, statusMs: 2 * MINUTE, timeoutMs: MINUTE, memory: 64,
};

export type Given = { readonly json: JournalRecord; readonly input: Input };

export class MarketFeed {
  readonly #records = market({ seed: 11, addresses: ADDRESSES, startAt: START_AT, ordersPerSecond: ORDERS_PER_SECOND });
  #now = START_AT;

  /** Simulated milliseconds since the start. */
  get elapsedMs(): number {
    return this.#now - START_AT;
  }

  take(count: number): Given[] {
    const given: Given[] = [];
    while (given.length < count) {
      const { value: json, done } = this.#records.next();
      if (done === true) throw new Error('the market has ended');
      this.#now = json.receivedAt;
      given.push({ json, input: readRecord(json) });
    }
    return given;
  }
}
