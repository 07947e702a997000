// A paper trader that copies what some addresses do, in proportion. It opens with the share of its equity that they opened with
// of theirs (`positionRate`), and closes the share of its position that they closed of theirs (`closeRate`). A signal's later
// revisions restate its totals: what they add is traded too. Nothing is ordered anywhere; it prints each trade, and its book at
// the end.
//
//     npm install @fillstream/client
//     node copy-trade.ts --url http://127.0.0.1:8080 --address 0x… --address 0x… --equity 10000
//     node copy-trade.ts --url http://127.0.0.1:8080 --from earliest --until-live        # what would have been
//
// Ctrl-C ends it. A token, where one is needed, comes from FILLSTREAM_TOKEN. Sizes are cut off after 8 decimals and prices after
// 18; everything else is exact.

import { parseArgs } from 'node:util';
import { decimal, delta, subscribe, type Delta, type Signal } from '@fillstream/client';

const { add, compare, divide, multiply, subtract } = decimal;

type Trade = Pick<Signal, 'coin' | 'side' | 'direction' | 'size' | 'price'>;

/** What is held for one address, in one coin, on one side; `size` is never negative. */
type Holding = { readonly address: string; readonly coin: string; readonly side: 'LONG' | 'SHORT'; size: string; price: string };

/** What was copied of a leg, up to this revision. `equity` and `held` are as they were before its first one. */
type Leg = { signal: Signal; readonly equity: string; readonly held: string; closed: string };

const SIZE_DECIMALS = 8;
const PRICE_DECIMALS = 18;

class PaperTrader {
  /** USD: what was paid and got. It may be negative: what is held is worth something. */
  cash: string;
  readonly #holdings = new Map<string, Holding>();
  readonly #legs = new Map<string, Leg>();

  constructor(equity: string) {
    this.cash = equity;
  }

  /** Cash and what is held, at the last prices that were seen. */
  get equity(): string {
    return this.holdings.reduce((sum, { side, size, price }) => add(sum, worth(side, multiply(size, price))), this.cash);
  }

  get holdings(): Holding[] {
    return [...this.#holdings.values()].filter(({ size }) => size !== '0');
  }

  /** Trades what the revision adds; null when that is nothing. */
  apply(signal: Signal): Trade | null {
    const holding = this.#holdingOf(signal);
    const leg = this.#legs.get(signal.id) ?? null;
    const added = delta(leg?.signal ?? null, signal);
    // Of an order, or of one that was forgotten and fills again.
    const isFirst = leg === null || added.fillCount === signal.fillCount;
    const current = isFirst ? { signal, equity: this.equity, held: holding.size, closed: '0' } : leg;
    this.#legs.set(signal.id, { ...current, signal });
    if (compare(added.size, '0') <= 0) return null;
    holding.price = divide(added.notional, added.size, PRICE_DECIMALS);
    const size = signal.direction === 'open' ? sizeToOpen(signal, added, current.equity) : this.#sizeToClose(signal, holding);
    if (compare(size, '0') <= 0) return null;
    const isOpen = signal.direction === 'open';
    holding.size = isOpen ? add(holding.size, size) : subtract(holding.size, size);
    const paid = worth(holding.side, multiply(size, holding.price));
    this.cash = isOpen ? subtract(this.cash, paid) : add(this.cash, paid);
    return { coin: signal.symbol, side: signal.side, direction: signal.direction, size, price: holding.price };
  }

  /** The share that was closed in all, of what was held before, less what was closed already. */
  #sizeToClose(signal: Signal, holding: Holding): string {
    const leg = this.#legs.get(signal.id);
    if (leg === undefined) return '0';
    const target = cut(multiply(leg.held, signal.closeRate));
    const size = least(subtract(target, leg.closed), holding.size);
    leg.closed = compare(size, '0') > 0 ? add(leg.closed, size) : leg.closed;
    return size;
  }

  #holdingOf({ address, symbol, coin, side }: Signal): Holding {
    const key = `${address} ${coin} ${side}`;
    const holding = this.#holdings.get(key) ?? { address, coin: symbol, side, size: '0', price: '0' };
    this.#holdings.set(key, holding);
    return holding;
  }
}

/** Of our equity the share that they took of theirs; nothing where theirs is unknown. */
function sizeToOpen({ positionRate, notional }: Signal, added: Delta, equity: string): string {
  if (positionRate === null || compare(notional, '0') === 0 || compare(equity, '0') <= 0) return '0';
  return divide(multiply(multiply(added.size, equity), positionRate), multiply('100', notional), SIZE_DECIMALS);
}

/** What a short holds is owed. */
function worth(side: 'LONG' | 'SHORT', notional: string): string {
  return side === 'LONG' ? notional : subtract('0', notional);
}

function cut(size: string): string {
  return divide(size, '1', SIZE_DECIMALS);
}

function least(a: string, b: string): string {
  return compare(a, b) < 0 ? a : b;
}

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    address: { type: 'string', multiple: true },
    equity: { type: 'string', default: '10000' },
    from: { type: 'string', default: 'latest' },
    'until-live': { type: 'boolean', default: false },
  },
});
if (values.from !== 'latest' && values.from !== 'earliest') throw new Error('--from: expected latest or earliest');
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stop.abort());

const trader = new PaperTrader(values.equity);
const signals = subscribe({
  url: values.url,
  token: process.env['FILLSTREAM_TOKEN'],
  filter: values.address === undefined ? {} : { addresses: values.address },
  from: values.from,
  until: values['until-live'] ? 'live' : undefined,
  signal: stop.signal,
  onState: (state) => {
    if (state.kind === 'waiting') console.error(`not connected (${state.reason}), again in ${String(state.delayMs)} ms`);
  },
});
for await (const signal of signals) {
  const trade = trader.apply(signal);
  if (trade !== null) console.log(JSON.stringify({ ...trade, copies: signal.id, revision: signal.revision }));
}
console.log(JSON.stringify({ equity: trader.equity, cash: trader.cash, holdings: trader.holdings }));
