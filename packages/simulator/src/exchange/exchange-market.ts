// The exchange's books over time: the market moved along its clock, a history of each address, and the ledger of all.
//
// M1  Exchange time never goes back. All that happened up to it is in the histories and the ledger before anybody is answered.
// M2  Nothing but time moves the market: not who listens, not what goes wrong.

import { assertNever } from '../invariant.ts';
import { ASSETS } from '../assets.ts';
import { ExchangeLedger } from './exchange-ledger.ts';
import type { Happening, Parcel } from './floor.ts';
import { Floor } from './floor.ts';
import type { Subscription } from './frames.ts';
import { fillsFrame, slicesFrame, webDataFrame } from './frames.ts';
import { History } from './history.ts';
import type { FakeExchangeSettings } from './options.ts';

const SYMBOLS = new Map(ASSETS.map(({ coin, symbol }) => [coin, symbol]));
/** Never traded here; nobody writes to it. */
const EMPTY = new History();

export class ExchangeMarket {
  readonly ledger: ExchangeLedger;
  readonly #settings: FakeExchangeSettings;
  readonly #floor: Floor;
  readonly #histories = new Map<string, History>();
  #skippedMs = 0;
  #at: number;
  #isHalted = false;

  constructor(settings: FakeExchangeSettings, onSent: (parcel: Parcel, now: number) => void) {
    this.#settings = settings;
    this.ledger = new ExchangeLedger(settings.keepLedger);
    this.#at = settings.now();
    this.#floor = new Floor(settings.market, {
      happened: (happening) => this.#note(happening),
      sent: (parcel) => onSent(parcel, this.#at),
    });
    this.#floor.advanceTo(this.#at);
  }

  /** In order of their first account values. */
  get addresses(): readonly string[] {
    return [...this.#histories.keys()];
  }

  /** Exchange time, ms since the epoch. */
  get now(): number {
    return this.#at;
  }

  /** When the next frame is due; Infinity after a halt. */
  get nextAt(): number {
    return this.#floor.nextAt;
  }

  historyOf(address: string): History {
    return this.#histories.get(address) ?? EMPTY;
  }

  /** Moves on to the clock's time, or by about `most` records; true when it has come there. */
  catchUp(most = Infinity): boolean {
    const { drive, now } = this.#settings;
    if (this.#isHalted || drive === 'manual') return true;
    this.#at = Math.max(this.#at, now() + this.#skippedMs);
    return this.#floor.advanceTo(this.#at, most);
  }

  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`expected milliseconds, 0 or more; got ${ms}`);
    if (this.#isHalted) return;
    this.#skippedMs += ms;
    this.#at += ms;
    this.#floor.advanceTo(this.#at);
  }

  emit(records: number): void {
    const until = this.#floor.delivered + records;
    while (this.#floor.delivered < until && !this.#isHalted) this.advance(Math.max(0, this.#floor.nextAt - this.#at));
  }

  halt(): void {
    this.catchUp();
    this.#isHalted = true;
    this.#floor.halt(this.#at);
  }

  /** The frame that greets a subscription; null for a channel without one. */
  snapshotOf({ type, user }: Subscription): string | null {
    this.catchUp();
    const history = this.historyOf(user);
    const ordered = <T>(rows: readonly T[]): readonly T[] =>
      (this.#settings.snapshotOrder === 'newest-first' ? rows : [...rows].reverse());
    switch (type) {
      case 'userFills':
        return fillsFrame(user, ordered(history.lastFills()), true);
      case 'userTwapSliceFills':
        return slicesFrame(user, ordered(history.lastFills('slices')), true);
      case 'webData2':
        return webDataFrame(user, history.value, this.#at);
      case 'orderUpdates':
        return null;
      default:
        return assertNever(type);
    }
  }

  #note(happening: Happening): void {
    const { address, at } = happening;
    const history = this.#histories.get(address) ?? new History();
    this.#histories.set(address, history);
    switch (happening.kind) {
      case 'fill': {
        const symbol = SYMBOLS.get(happening.data.coin) ?? null;
        history.addFill(happening.data, happening.left);
        this.ledger.add({ kind: 'fill', address, receivedAt: at, ...(symbol === null ? {} : { symbol }), data: happening.data });
        return;
      }
      case 'status':
        history.addStatus(happening.data);
        this.ledger.add({ kind: 'orderUpdate', address, receivedAt: at, data: happening.data });
        return;
      case 'value':
        history.setValue(happening.data);
        this.ledger.add({ kind: 'account', address, receivedAt: at, data: happening.data });
        return;
      default:
        assertNever(happening);
    }
  }
}
