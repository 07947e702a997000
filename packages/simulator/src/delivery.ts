// When what happened on the exchange reaches the ingestor: two channels an account, each in its own order.
//
// I1  receivedAt is later than the exchange's time, and never decreases within a channel; late and repeated fills stand outside.

import type { Account } from './account.ts';
import type { Agenda } from './agenda.ts';
import type { Place } from './order.ts';
import type { Random } from './random.ts';
import type { AccountData, FillData, FillRecord, JournalRecord, OrderUpdateData } from './record.ts';

/** What the market's agenda holds for delivery. */
export type Arrival =
  | { readonly kind: 'arrival'; readonly record: JournalRecord }
  | { readonly kind: 'repeat'; readonly record: FillRecord };

export type Burst = {
  readonly at: number;
  readonly symbol: string | null;
  readonly fills: readonly FillData[];
  readonly status: OrderUpdateData | null;
  readonly place: Place;
};

export class Delivery {
  readonly #agenda: Pick<Agenda<Arrival>, 'add'>;
  readonly #random: Random;

  constructor(agenda: Pick<Agenda<Arrival>, 'add'>, random: Random) {
    this.#agenda = agenda;
    this.#random = random;
  }

  /** A burst's fills, and the status that belongs to it (or null) before, between or after them. */
  sendBurst(account: Account, burst: Burst): void {
    const { at, symbol, fills, status, place } = burst;
    const ahead = status === null ? fills.length : this.#fillsAhead(fills.length, place);
    // `due` starts from the exchange's time and not from the channels', so that a busy account's delay cannot add up.
    let due = at + this.#latency();
    let after = this.#sendFills(account, due, symbol, fills.slice(0, ahead));
    if (status === null) return;
    if (ahead > 0) due += this.#random.below(40);
    after = this.#sendUpdate(account, Math.max(due, after), status);
    if (ahead === fills.length) return;
    due += this.#random.below(40);
    this.#sendFills(account, Math.max(due, after), symbol, fills.slice(ahead));
  }

  sendUpdate(account: Account, at: number, data: OrderUpdateData): void {
    this.#sendUpdate(account, at + this.#latency(), data);
  }

  sendAccount(account: Account, data: AccountData): void {
    const receivedAt = Math.max(data.time + this.#latency(), account.fillsAt);
    account.fillsAt = receivedAt;
    this.#agenda.add(receivedAt, { kind: 'arrival', record: { kind: 'account', address: account.address, receivedAt, data } });
  }

  /** A fill that its channel lost for 10 to 60 s. */
  sendLate(account: Account, at: number, symbol: string | null, data: FillData): void {
    this.#addFill(account, at + this.#random.between(10_100, 60_000), symbol, data);
  }

  /** The same fill again: nine in ten within 3 s, the rest within an hour. */
  repeat(record: FillRecord): void {
    const delay = this.#random.chance(0.9) ? this.#random.between(0, 3_000) : this.#random.between(3_000, 3_600_000);
    const receivedAt = record.receivedAt + delay;
    this.#agenda.add(receivedAt, { kind: 'repeat', record: { ...record, receivedAt } });
  }

  #fillsAhead(count: number, place: Place): number {
    if (place === 'before') return 0;
    if (place === 'after') return count;
    return count > 1 ? this.#random.between(1, count - 1) : this.#random.between(0, count);
  }

  #sendFills(account: Account, due: number, symbol: string | null, fills: readonly FillData[]): number {
    if (fills.length === 0) return due;
    account.fillsAt = Math.max(due, account.fillsAt);
    for (const data of fills) this.#addFill(account, account.fillsAt, symbol, data);
    return account.fillsAt;
  }

  #sendUpdate(account: Account, due: number, data: OrderUpdateData): number {
    const receivedAt = Math.max(due, account.updatesAt);
    account.updatesAt = receivedAt;
    const { address } = account;
    this.#agenda.add(receivedAt, { kind: 'arrival', record: { kind: 'orderUpdate', address, receivedAt, data } });
    return receivedAt;
  }

  #addFill(account: Account, receivedAt: number, symbol: string | null, data: FillData): void {
    const { address } = account;
    this.#agenda.add(receivedAt, {
      kind: 'arrival',
      record: symbol === null
        ? { kind: 'fill', address, receivedAt, data }
        : { kind: 'fill', address, receivedAt, symbol, data },
    });
  }

  #latency(): number {
    const random = this.#random;
    return random.chance(0.02) ? random.between(50, 600) : random.between(4, 45);
  }
}
