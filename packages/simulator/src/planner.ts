// Decides which order comes next: who trades what, how large, in how many fills and how it ends.
//
// I1  Shares of a rare kind (reversals, slices) are steered by what has happened so far, so a journal keeps them closely.

import type { Account } from './account.ts';
import { closableLots, holdingOf } from './account.ts';
import type { Asset } from './assets.ts';
import { MONEY_SCALE, PERPS, SPOTS } from './assets.ts';
import { itemAt } from './invariant.ts';
import type { MarketSettings } from './options.ts';
import type { Ending, Force, Order, Place, Updates } from './order.ts';
import { drawFillCount, drawRest, drawSpread, splitLots, spreadTimes } from './order.ts';
import type { Random } from './random.ts';
import type { Side } from './record.ts';

const LEAST_ORDER = 12 * 10 ** MONEY_SCALE;
const GREATEST_ORDER = 2_000_000 * 10 ** MONEY_SCALE;
const FIRST_OID = 410_000_000_000;
const TAKER_PPM = 450;
const MAKER_PPM = 150;
const REBATE_PPM = -20;
const SPOT_TAKER_PPM = 700;
const SPOT_MAKER_PPM = 400;

/** A TWAP on its way: its slices share twapId, coin and side. */
export type Programme = {
  readonly account: Account;
  readonly asset: Asset;
  readonly side: Side;
  readonly twapId: number;
  readonly sliceLots: number;
  left: number;
};

type Intent = { readonly side: Side; readonly lots: number; readonly reverses: boolean; readonly reduceOnly: boolean };

export class Planner {
  readonly #settings: MarketSettings;
  readonly #random: Random;
  readonly #accounts: readonly Account[];
  readonly #prices: readonly number[];
  #lastOid = FIRST_OID;
  #lastTwapId = 1_200_000;
  #slicesPlanned = 0;
  #reversalsExpected = 0;
  #reversals = 0;
  #fills = 0;
  ordersMade = 0;

  constructor(settings: MarketSettings, random: Random, accounts: readonly Account[], prices: readonly number[]) {
    this.#settings = settings;
    this.#random = random;
    this.#accounts = accounts;
    this.#prices = prices;
  }

  noteFill(isReversal: boolean): void {
    this.#fills += 1;
    if (isReversal) this.#reversals += 1;
  }

  /** An expected reversal has happened, or will not any more. */
  settleReversal(): void {
    this.#reversalsExpected -= 1;
  }

  pickAccount(): Account {
    const random = this.#random;
    const share = this.#settings.activity === 'even' ? random.unit() : random.unit() * random.unit();
    return itemAt(this.#accounts, Math.floor(share * this.#accounts.length));
  }

  /** An order that gets no fill: rejected or canceled at once. */
  planUnfilled(at: number, ending: Ending, open: boolean): Order {
    const account = this.pickAccount();
    const asset = this.#random.pick(PERPS);
    const side = this.#random.pick(['A', 'B'] as const);
    const lots = this.#lotsWorth(account, asset);
    const updates: Updates = { kind: 'sent', open, triggered: false, place: 'after', ending };
    return { ...this.#newOrder(at, account, asset, side), crossed: false, origLots: lots, updates };
  }

  planTrade(at: number): Order {
    const random = this.#random;
    const { shares } = this.#settings;
    const account = this.pickAccount();
    const reversing = this.#reversalDue() ? this.#held(account) : null;
    const asset = reversing ?? (random.chance(shares.spot) ? random.pick(SPOTS) : random.pick(PERPS));
    const intent = reversing === null ? this.#intend(account, asset) : this.#intendReversal(account, reversing);
    const count = Math.min(intent.lots, drawFillCount(random));
    const spread = count > 1 ? drawSpread(random) : 0;
    const crossed = spread === 0 && random.chance(0.5);
    const first = crossed || intent.reverses ? at : at + drawRest(random);
    const parts = splitLots(intent.lots, count, random);
    const updates = this.#updatesFor(intent, crossed);
    if (intent.reverses) this.#reversalsExpected += 1;
    return {
      ...this.#newOrder(at, account, asset, intent.side),
      limit: this.#limitPrice(asset, intent.side, crossed),
      crossed,
      reduceOnly: intent.reduceOnly,
      feePpm: this.#feePpm(asset, crossed),
      origLots: intent.lots + this.#lotsLeft(intent.lots, updates),
      parts,
      times: spreadTimes(first, spread, parts.length, random),
      updates,
      isLate: random.chance(shares.lateFills),
      force: random.chance(shares.forced) && asset.kind === 'perp' ? 'counterparty' : 'none',
      reverses: intent.reverses,
    };
  }

  /** The venue closes a whole position; null when the account that was picked has none. */
  planForced(at: number): Order | null {
    const account = this.pickAccount();
    const asset = this.#held(account);
    if (asset === null) return null;
    const { amount } = holdingOf(account, asset);
    const parts = splitLots(Math.abs(amount), drawFillCount(this.#random), this.#random);
    const force: Force = this.#random.pick(['liquidation', 'liquidation', 'backstop', 'deleveraging'] as const);
    return {
      ...this.#newOrder(at, account, asset, amount > 0 ? 'A' : 'B'),
      cloid: null,
      reduceOnly: true,
      origLots: Math.abs(amount),
      parts,
      times: spreadTimes(at, 0, parts.length, this.#random),
      force,
    };
  }

  /** The next TWAP, when slices are behind their share. */
  planProgramme(): Programme | null {
    if (this.#slicesPlanned >= this.#settings.shares.twap * this.ordersMade) return null;
    const account = this.pickAccount();
    const asset = this.#random.pick(PERPS);
    const left = this.#random.between(3, 40);
    this.#slicesPlanned += left;
    this.#lastTwapId += this.#random.between(1, 9);
    const sliceLots = Math.max(1, Math.floor(this.#lotsWorth(account, asset) / left));
    return { account, asset, side: this.#random.pick(['A', 'B'] as const), twapId: this.#lastTwapId, sliceLots, left };
  }

  planSlice(at: number, programme: Programme): Order {
    const { account, asset, side, twapId, sliceLots } = programme;
    const parts = splitLots(sliceLots, this.#random.between(1, 3), this.#random);
    const times = spreadTimes(at, 0, parts.length, this.#random);
    return { ...this.#newOrder(at, account, asset, side), cloid: null, origLots: sliceLots, parts, times, twapId };
  }

  #newOrder(at: number, account: Account, asset: Asset, side: Side): Order {
    const random = this.#random;
    this.ordersMade += 1;
    this.#lastOid += random.between(1, 900);
    return {
      oid: this.#lastOid, account, asset, side, createdAt: at,
      limit: this.#limitPrice(asset, side, true),
      cloid: random.chance(this.#settings.shares.cloid) ? `0x${random.hex(16)}` : null,
      crossed: true, reduceOnly: false, feePpm: this.#feePpm(asset, true),
      origLots: 0, parts: [], times: [], updates: { kind: 'none' },
      isLate: false, twapId: null, force: 'none', reverses: false, done: 0, filledLots: 0, fillCount: 0,
    };
  }

  #reversalDue(): boolean {
    return this.#reversals + this.#reversalsExpected < this.#settings.shares.reversals * this.#fills;
  }

  /** A perp of which the account holds some, from a random one on. */
  #held(account: Account): Asset | null {
    const from = this.#random.below(PERPS.length);
    for (let i = 0; i < PERPS.length; i += 1) {
      const asset = itemAt(PERPS, (from + i) % PERPS.length);
      if (holdingOf(account, asset).amount !== 0) return asset;
    }
    return null;
  }

  #intendReversal(account: Account, asset: Asset): Intent {
    const { amount } = holdingOf(account, asset);
    const lots = Math.abs(amount) + this.#lotsWorth(account, asset);
    return { side: amount > 0 ? 'A' : 'B', lots, reverses: true, reduceOnly: false };
  }

  #intend(account: Account, asset: Asset): Intent {
    const random = this.#random;
    const lots = this.#lotsWorth(account, asset);
    if (asset.kind === 'spot') return this.#intendSpot(account, asset, lots);
    const { amount } = holdingOf(account, asset);
    if (amount === 0) return { side: random.pick(['A', 'B'] as const), lots, reverses: false, reduceOnly: false };
    const isHeavy = Math.abs(amount) * itemAt(this.#prices, asset.index) * asset.lotStep > account.worth;
    const reduceOnly = random.chance(this.#settings.shares.reduceOnly);
    const closes = reduceOnly || isHeavy || random.chance(0.55);
    if (!closes) return { side: amount > 0 ? 'B' : 'A', lots, reverses: false, reduceOnly: false };
    const held = Math.abs(amount);
    const closing = random.chance(0.4) ? held : Math.min(held, lots);
    return { side: amount > 0 ? 'A' : 'B', lots: closing, reverses: false, reduceOnly };
  }

  #intendSpot(account: Account, asset: Asset, lots: number): Intent {
    const sellable = closableLots(account, asset, 'A');
    const cost = lots * itemAt(this.#prices, asset.index) * asset.lotStep;
    const buys = sellable === 0 || (account.cash > cost * 2 && this.#random.chance(0.5));
    return { side: buys ? 'B' : 'A', lots: buys ? lots : Math.min(lots, sellable), reverses: false, reduceOnly: false };
  }

  // From a fifth of a percent to a third of the account, small ones far more often.
  #lotsWorth(account: Account, asset: Asset): number {
    const random = this.#random;
    const perMille = random.pick([2, 4, 8, 15, 15, 30, 60, 120, 240]) * (0.7 + random.unit() * 0.6);
    const value = Math.min(GREATEST_ORDER, Math.max(LEAST_ORDER, (Math.max(0, account.worth) * perMille) / 1_000));
    return Math.max(1, Math.floor(value / (itemAt(this.#prices, asset.index) * asset.lotStep)));
  }

  #limitPrice(asset: Asset, side: Side, crossed: boolean): number {
    const price = itemAt(this.#prices, asset.index);
    const reach = crossed ? Math.floor(price / 20) : -this.#random.between(1, 1 + Math.floor(price / 2_000));
    return side === 'B' ? price + reach : price - reach;
  }

  #feePpm(asset: Asset, crossed: boolean): number {
    if (asset.kind === 'spot') return crossed ? SPOT_TAKER_PPM : SPOT_MAKER_PPM;
    if (crossed) return TAKER_PPM;
    return this.#random.chance(this.#settings.shares.rebates) ? REBATE_PPM : MAKER_PPM;
  }

  #updatesFor(intent: Intent, crossed: boolean): Updates {
    const random = this.#random;
    const { shares } = this.#settings;
    if (random.chance(shares.statusMissing)) return { kind: 'none' };
    const at = random.unit();
    const between: Place = at < shares.statusBefore + shares.statusBetween ? 'between' : 'after';
    return {
      kind: 'sent',
      open: random.chance(shares.open),
      triggered: random.chance(shares.triggered),
      place: at < shares.statusBefore ? 'before' : between,
      ending: this.#endingFor(intent, crossed),
    };
  }

  #endingFor(intent: Intent, crossed: boolean): Ending {
    const random = this.#random;
    if (intent.reduceOnly) {
      if (random.chance(0.5)) return { kind: 'filled' };
      return { kind: 'canceled', status: 'reduceOnlyCanceled', afterMs: 0, shrunk: random.chance(0.5) };
    }
    if (!random.chance(this.#settings.shares.canceled)) return { kind: 'filled' };
    const status = random.pick(['canceled', 'canceled', 'canceled', 'canceled', 'scheduledCancel', 'marginCanceled']);
    return { kind: 'canceled', status, afterMs: crossed ? 0 : random.between(0, 60_000), shrunk: false };
  }

  #lotsLeft(lots: number, updates: Updates): number {
    if (updates.kind === 'none' || updates.ending.kind === 'filled') return 0;
    return 1 + this.#random.below(lots);
  }
}
