// The market: accounts trade on a clock of the market's own, and what they do comes out as journal records.
//
// I1  Nothing but the options decides what comes out: no wall clock, no other chance than the seed.
// I2  receivedAt never decreases from record to record.
// I3  A fill takes effect when it happens, not when its order was made: positions chain however orders overlap.
// I4  A non-reversing order stops exactly at zero before it goes on: reversals keep their share.
// I5  A witness is told in order of exchange time, and of everything up to a record's receivedAt before that record is given.

import type { Account } from './account.ts';
import { closableLots, execute, newAccount, worthAt } from './account.ts';
import { Agenda } from './agenda.ts';
import { ASSETS, MONEY_SCALE, walkedPrice } from './assets.ts';
import { decimalOf } from './decimal.ts';
import type { Arrival } from './delivery.ts';
import { Delivery } from './delivery.ts';
import { assertNever, itemAt } from './invariant.ts';
import type { MarketOptions, MarketSettings } from './options.ts';
import { settingsOf } from './options.ts';
import type { Order } from './order.ts';
import type { Programme } from './planner.ts';
import { Planner } from './planner.ts';
import { hash32, Random, tradeId } from './random.ts';
import type { AccountData, FillData, FillRecord, JournalRecord, OrderUpdateData } from './record.ts';
import { endOf, forcedDir, liquidationOf, updateOf } from './wording.ts';

const ZERO_HASH = `0x${'0'.repeat(64)}`;

type Happening =
  | Arrival
  | { readonly kind: 'trigger'; readonly order: Order }
  | { readonly kind: 'burst'; readonly order: Order }
  | { readonly kind: 'cancel'; readonly order: Order }
  | { readonly kind: 'slice'; readonly programme: Programme };

/** Told what happens on the exchange when it happens, whenever it is delivered, and whether it ever is. */
export type Witness = {
  /** `left`: what of the order's size hasn't been filled after this fill */
  readonly filled: (address: string, data: FillData, left: string) => void;
  /** also the statuses that no update tells: an order's opening, and the end of one whose updates are missing */
  readonly changed: (address: string, data: OrderUpdateData) => void;
  readonly valued: (address: string, data: AccountData) => void;
};

const NO_WITNESS: Witness = { filled: () => undefined, changed: () => undefined, valued: () => undefined };

/**
 * The records of a seeded market (contract §1), in order of arrival. Ends by `orders` or `records`; endless without either.
 * A witness changes nothing about them. Throws RangeError for an option that makes no sense.
 */
export function market(options: MarketOptions, witness: Witness = NO_WITNESS): Generator<JournalRecord, void, void> {
  return recordsOf(settingsOf(options), witness);
}

function* recordsOf(settings: MarketSettings, witness: Witness): Generator<JournalRecord, void, void> {
  const exchange = new Exchange(settings, witness);
  for (let made = 0; made < settings.records; made += 1) {
    const record = exchange.next();
    if (record === null) return;
    yield record;
  }
}

class Exchange {
  readonly #settings: MarketSettings;
  readonly #witness: Witness;
  readonly #random: Random;
  readonly #agenda = new Agenda<Happening>();
  readonly #prices: number[] = ASSETS.map((asset) => asset.startPrice);
  readonly #accounts: readonly Account[];
  readonly #planner: Planner;
  readonly #delivery: Delivery;
  readonly #tradeKey: number;
  #trades = 0;
  #orderAt: number;
  #tickAt: number;
  #accountAt: number;
  #accountTurn = 0;

  constructor(settings: MarketSettings, witness: Witness) {
    const random = new Random(settings.seed);
    this.#settings = settings;
    this.#witness = witness;
    this.#random = random;
    this.#tradeKey = hash32(`${settings.seed}/tid`);
    this.#accounts = settings.addresses.map((address) => newAccount(address, random));
    this.#planner = new Planner(settings, random, this.#accounts, this.#prices);
    this.#delivery = new Delivery(this.#agenda, random);
    this.#orderAt = settings.startAt;
    this.#tickAt = settings.tickEveryMs === 0 ? Infinity : settings.startAt + settings.tickEveryMs;
    this.#accountAt = settings.accountEveryMs === 0 ? Infinity : settings.startAt;
    if (settings.accountEveryMs > 0) for (const account of this.#accounts) this.#snapshot(account, settings.startAt);
  }

  /** The next record; null when all orders are made and delivered. */
  next(): JournalRecord | null {
    for (;;) {
      const happensAt = this.#agenda.nextAt;
      const hasOrders = this.#planner.ordersMade < this.#settings.orders;
      const orderAt = hasOrders ? Math.floor(this.#orderAt) : Infinity;
      if (happensAt === Infinity && !hasOrders) return null;
      const accountAt = hasOrders ? Math.floor(this.#accountAt) : Infinity;
      if (this.#tickAt <= Math.min(happensAt, orderAt, accountAt)) return this.#tick();
      if (accountAt <= Math.min(happensAt, orderAt)) this.#nextSnapshot(accountAt);
      else if (orderAt < happensAt) this.#newOrder(orderAt);
      else {
        const record = this.#happen(this.#agenda.take(), happensAt);
        if (record !== null) return record;
      }
    }
  }

  #tick(): JournalRecord {
    const receivedAt = this.#tickAt;
    this.#tickAt += this.#settings.tickEveryMs;
    return { kind: 'tick', receivedAt };
  }

  #happen(happening: Happening, at: number): JournalRecord | null {
    switch (happening.kind) {
      case 'arrival':
        if (happening.record.kind === 'fill') this.#perhapsRepeat(happening.record);
        return happening.record;
      case 'repeat':
        return happening.record;
      case 'trigger':
        this.#sendUpdate(happening.order, at, updateOf(happening.order, 'triggered', at));
        return null;
      case 'burst':
        this.#burst(happening.order, at);
        return null;
      case 'cancel':
        this.#sendUpdate(happening.order, at, endOf(happening.order, at));
        return null;
      case 'slice':
        this.#slice(happening.programme, at);
        return null;
      default:
        return assertNever(happening);
    }
  }

  #perhapsRepeat(record: FillRecord): void {
    if (this.#random.chance(this.#settings.shares.duplicates)) this.#delivery.repeat(record);
  }

  // Accounts take turns, so that their snapshots don't come all at once.
  #nextSnapshot(at: number): void {
    this.#accountAt += this.#settings.accountEveryMs / this.#accounts.length;
    this.#snapshot(itemAt(this.#accounts, this.#accountTurn), at);
    this.#accountTurn = (this.#accountTurn + 1) % this.#accounts.length;
  }

  #snapshot(account: Account, at: number): void {
    const worth = worthAt(account, this.#prices);
    if (worth * 5 < account.stake) account.cash += account.stake - worth;
    account.worth = worthAt(account, this.#prices);
    const data = { time: at, accountValue: decimalOf(account.worth, MONEY_SCALE) };
    this.#witness.valued(account.address, data);
    this.#delivery.sendAccount(account, data);
  }

  #newOrder(at: number): void {
    const { noise, unfilled, forced } = this.#settings.shares;
    this.#orderAt += this.#random.unit() * 2 * this.#settings.orderEveryMs;
    this.#walkPrice();
    const programme = this.#planner.planProgramme();
    if (programme !== null) this.#agenda.add(at + this.#random.between(1, 30_000), { kind: 'slice', programme });
    const kind = this.#random.unit();
    if (kind < noise) this.#reject(at);
    else if (kind < noise + unfilled) this.#cancelUnfilled(at);
    else this.#place((kind < noise + unfilled + forced ? this.#planner.planForced(at) : null) ?? this.#planner.planTrade(at), at);
  }

  #walkPrice(): void {
    const asset = this.#random.pick(ASSETS);
    this.#prices[asset.index] = walkedPrice(asset, itemAt(this.#prices, asset.index), this.#random);
  }

  #reject(at: number): void {
    const ending = { kind: 'canceled', status: 'badAloPxRejected', afterMs: 0, shrunk: false } as const;
    const order = this.#planner.planUnfilled(at, ending, false);
    this.#sendUpdate(order, at, endOf(order, at));
  }

  #cancelUnfilled(at: number): void {
    const ending = { kind: 'canceled', status: 'canceled', afterMs: this.#random.between(0, 60_000), shrunk: false } as const;
    const order = this.#planner.planUnfilled(at, ending, true);
    this.#sendUpdate(order, at, updateOf(order, 'open', at));
    this.#agenda.add(at + ending.afterMs, { kind: 'cancel', order });
  }

  #place(order: Order, at: number): void {
    const firstAt = itemAt(order.times, 0);
    const opening = updateOf(order, 'open', at);
    if (isKnown(order)) this.#witness.changed(order.account.address, opening);
    if (order.updates.kind === 'sent') {
      if (order.updates.open) this.#delivery.sendUpdate(order.account, at, opening);
      if (order.updates.triggered) this.#agenda.add(firstAt, { kind: 'trigger', order });
    }
    this.#agenda.add(firstAt, { kind: 'burst', order });
  }

  #slice(programme: Programme, at: number): void {
    if (this.#planner.ordersMade >= this.#settings.orders) return;
    programme.left -= 1;
    this.#burst(this.#planner.planSlice(at, programme), at);
    if (programme.left > 0) this.#agenda.add(at + this.#random.between(29_000, 31_000), { kind: 'slice', programme });
  }

  #burst(order: Order, at: number): void {
    const fills: FillData[] = [];
    const hash = order.twapId === null ? `0x${this.#random.hex(32)}` : ZERO_HASH;
    while (order.done < order.parts.length && itemAt(order.times, order.done) <= at) {
      this.#fillPart(order, itemAt(order.parts, order.done), at, hash, fills);
      order.done += 1;
    }
    const isOver = order.done >= order.parts.length;
    if (!isOver) this.#agenda.add(itemAt(order.times, order.done), { kind: 'burst', order });
    this.#send(order, at, fills, isOver);
  }

  // A part is one fill, or two where it would cross zero and shouldn't, or none where nothing is left to close.
  #fillPart(order: Order, lots: number, at: number, hash: string, fills: FillData[]): void {
    let left = lots;
    while (left > 0) {
      const size = executableLots(order, left);
      if (size === 0) {
        order.done = order.parts.length;
        return;
      }
      fills.push(this.#fill(order, size, at, hash));
      left -= size;
    }
  }

  #fill(order: Order, lots: number, at: number, hash: string): FillData {
    const { account, asset, side, oid } = order;
    const price = this.#fillPrice(order);
    const done = execute(account, asset, side, lots, price, order.feePpm);
    this.#planner.noteFill(done.isReversal);
    if (done.isReversal) this.#expectNoReversal(order);
    order.filledLots += lots;
    order.fillCount += 1;
    this.#trades += 1;
    const liquidation = liquidationOf(order, this.#accounts, this.#prices);
    const data = {
      coin: asset.coin,
      px: decimalOf(price, asset.priceScale),
      sz: decimalOf(lots, asset.sizeScale),
      side,
      time: at,
      startPosition: done.startPosition,
      dir: forcedDir(order) ?? done.dir,
      closedPnl: done.closedPnl,
      hash,
      oid,
      crossed: order.crossed,
      fee: done.fee,
      tid: tradeId(this.#trades, this.#tradeKey),
      ...(order.cloid === null ? {} : { cloid: order.cloid }),
      ...(liquidation === null ? {} : { liquidation }),
      feeToken: done.feeToken,
      twapId: order.twapId,
    };
    this.#witness.filled(account.address, data, decimalOf(order.origLots - order.filledLots, asset.sizeScale));
    return data;
  }

  #expectNoReversal(order: Order): void {
    if (!order.reverses) return;
    order.reverses = false;
    this.#planner.settleReversal();
  }

  // A taker eats into the book level by level; a resting order fills at its own price.
  #fillPrice(order: Order): number {
    if (!order.crossed) return order.limit;
    const price = itemAt(this.#prices, order.asset.index);
    const levels = Math.min(Math.floor(price / 100), order.fillCount + this.#random.below(2));
    return order.side === 'B' ? price + levels : price - levels;
  }

  #send(order: Order, at: number, fills: FillData[], isOver: boolean): void {
    const { account, asset, updates } = order;
    if (isOver) this.#expectNoReversal(order);
    const late = isOver && order.isLate ? fills.pop() : undefined;
    if (late !== undefined) this.#delivery.sendLate(account, at, asset.symbol, late);
    const endsLater = updates.kind === 'sent' && updates.ending.kind === 'canceled' && updates.ending.afterMs > 0;
    const status = isOver && updates.kind === 'sent' && !endsLater ? endOf(order, at) : null;
    const end = status ?? (isOver && updates.kind === 'none' && isKnown(order) ? endOf(order, at) : null);
    if (end !== null) this.#witness.changed(account.address, end);
    const place = updates.kind === 'sent' ? updates.place : 'after';
    this.#delivery.sendBurst(account, { at, symbol: asset.symbol, fills, status, place });
    if (isOver && endsLater) this.#agenda.add(at + updates.ending.afterMs, { kind: 'cancel', order });
  }

  #sendUpdate(order: Order, at: number, data: OrderUpdateData): void {
    this.#witness.changed(order.account.address, data);
    this.#delivery.sendUpdate(order.account, at, data);
  }
}

/** Whether the exchange has a status of it, told or not: slices and what it forces have none. */
function isKnown(order: Order): boolean {
  return order.updates.kind === 'sent' || (order.twapId === null && order.force === 'none');
}

/** How much of `left` the next fill of the order may take; 0 when it can't go on. */
function executableLots(order: Order, left: number): number {
  const closable = closableLots(order.account, order.asset, order.side);
  if (order.asset.kind === 'spot') return order.side === 'A' ? Math.min(left, closable) : left;
  if (order.reduceOnly) return Math.min(left, closable);
  return closable > 0 && left > closable && !order.reverses ? closable : left;
}
