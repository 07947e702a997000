// The market behind the exchange, moved along the exchange's time: what happens, and what is to be sent.
//
// F1  A happening is told before the frame that sends it, and when its time has come, not earlier.
// F2  Frames are cut by the seed and the market alone, whoever listens and however time is moved.
// F3  After a halt nothing happens; what had happened has been sent.

import { invariant } from '../invariant.ts';
import { market } from '../market.ts';
import type { MarketOptions } from '../options.ts';
import { Random } from '../random.ts';
import type { AccountData, AccountRecord, FillData, FillRecord, JournalRecord, OrderUpdateData, OrderUpdateRecord } from '../record.ts';

/** Of fills and updates that could share a frame: those that are cut in two. */
const CUT_SHARE = 0.2;
/** Longer than any delivery takes, and longer than a late one. */
const LONGEST_DELIVERY_MS = 5_000;
const LONGEST_LATE_DELIVERY_MS = 70_000;

export type Happening =
  | { readonly kind: 'fill'; readonly at: number; readonly address: string; readonly data: FillData; readonly left: string }
  | { readonly kind: 'status'; readonly at: number; readonly address: string; readonly data: OrderUpdateData }
  | { readonly kind: 'value'; readonly at: number; readonly address: string; readonly data: AccountData };

/** What one frame carries; all of one address and one moment. */
export type Parcel =
  | { readonly kind: 'fills'; readonly address: string; readonly fills: readonly FillData[] }
  | { readonly kind: 'updates'; readonly address: string; readonly updates: readonly OrderUpdateData[] }
  | { readonly kind: 'value'; readonly address: string; readonly value: AccountData };

export type Listener = {
  readonly happened: (happening: Happening) => void;
  readonly sent: (parcel: Parcel) => void;
};

type Sendable = FillRecord | OrderUpdateRecord | AccountRecord;

export class Floor {
  readonly #listener: Listener;
  readonly #random: Random;
  readonly #records: Generator<JournalRecord, void, void>;
  readonly #longestDeliveryMs: number;
  #ahead: Happening[] = [];
  #told = 0;
  #group: Sendable[] = [];
  #upcoming: Sendable;
  #haltedAt = Infinity;
  #delivered = 0;

  constructor(options: MarketOptions, listener: Listener) {
    this.#listener = listener;
    this.#random = new Random(`${options.seed}/frames`);
    this.#longestDeliveryMs = (options.shares?.lateFills ?? 0) > 0 ? LONGEST_LATE_DELIVERY_MS : LONGEST_DELIVERY_MS;
    const ahead = (happening: Happening): void => {
      this.#ahead.push(happening);
    };
    this.#records = market({ ...options, tickEveryMs: 0 }, {
      filled: (address, data, left) => ahead({ kind: 'fill', at: data.time, address, data, left }),
      changed: (address, data) => ahead({ kind: 'status', at: data.statusTimestamp, address, data }),
      valued: (address, data) => ahead({ kind: 'value', at: data.time, address, data }),
    });
    this.#upcoming = this.#next();
  }

  /** Records that were due so far. */
  get delivered(): number {
    return this.#delivered;
  }

  /** When the next record is due (ms, exchange time); Infinity after a halt. */
  get nextAt(): number {
    return this.#haltedAt === Infinity ? this.#upcoming.receivedAt : Infinity;
  }

  /** Moves time on to `at`, or as far as about `most` records go; true when it has come there. */
  advanceTo(at: number, most = Infinity): boolean {
    if (this.#haltedAt !== Infinity) return true;
    const stop = this.#delivered + most;
    while (this.#upcoming.receivedAt <= at && this.#delivered < stop) this.#deliverMoment();
    const isThere = this.#upcoming.receivedAt > at;
    if (isThere) this.#tellUntil(at);
    return isThere;
  }

  halt(at: number): void {
    if (this.#haltedAt !== Infinity) return;
    this.advanceTo(at);
    this.#haltedAt = at;
    while (this.#upcoming.receivedAt <= at + this.#longestDeliveryMs) this.#deliverMoment();
    this.#records.return();
  }

  // All records of the next moment, so that no frame depends on where time was stopped.
  #deliverMoment(): void {
    const at = this.#upcoming.receivedAt;
    this.#tellUntil(at);
    while (this.#upcoming.receivedAt === at) {
      this.#deliver(this.#upcoming);
      this.#upcoming = this.#next();
    }
    this.#sendGroup();
  }

  #deliver(record: Sendable): void {
    if (happenedAt(record) > this.#haltedAt) return;
    this.#delivered += 1;
    const [first] = this.#group;
    if (first !== undefined && (first.kind !== record.kind || first.address !== record.address)) this.#sendGroup();
    this.#group.push(record);
  }

  #sendGroup(): void {
    const group = this.#group;
    if (group.length === 0) return;
    this.#group = [];
    const isCut = group.length > 1 && this.#random.chance(CUT_SHARE);
    const cut = isCut ? this.#random.between(1, group.length - 1) : group.length;
    for (const records of [group.slice(0, cut), group.slice(cut)]) {
      for (const parcel of parcelsOf(records)) this.#listener.sent(parcel);
    }
  }

  #tellUntil(at: number): void {
    const until = Math.min(at, this.#haltedAt);
    for (let next = this.#ahead[this.#told]; next !== undefined && next.at <= until; next = this.#ahead[this.#told]) {
      this.#told += 1;
      this.#listener.happened(next);
    }
    if (this.#told < 1_000) return;
    this.#ahead = this.#ahead.slice(this.#told);
    this.#told = 0;
  }

  #next(): Sendable {
    const { value } = this.#records.next();
    invariant(value !== undefined && value.kind !== 'tick', 'an endless market without ticks');
    return value;
  }
}

function happenedAt(record: Sendable): number {
  return record.kind === 'orderUpdate' ? record.data.statusTimestamp : record.data.time;
}

// A group is of one kind and one address; account values go out one by one.
function parcelsOf(records: readonly Sendable[]): readonly Parcel[] {
  const [first] = records;
  if (first === undefined) return [];
  const { address } = first;
  if (first.kind === 'fill') {
    return [{ kind: 'fills', address, fills: records.flatMap((record) => (record.kind === 'fill' ? [record.data] : [])) }];
  }
  if (first.kind === 'orderUpdate') {
    return [{ kind: 'updates', address, updates: records.flatMap((record) => (record.kind === 'orderUpdate' ? [record.data] : [])) }];
  }
  return [{ kind: 'value', address, value: first.data }];
}
