// The exchange of `npm start` alone: a fake one on this machine, watched over its real WebSocket and REST as the real one is.
//
// X1  A later start opens the exchange of the one before, at the same moment of the same market: what nobody listened to is
//     there to be fetched. One that would have to make up more than GREATEST_PAST records first opens a market of other addresses.

import type { Endpoint } from '@fillstream/hyperliquid/live';
import { FakeExchange } from '@fillstream/simulator/exchange';
import type { Database } from '@fillstream/sqlite';
import { tell } from '../flags.ts';
import type { DemoSource } from './pipeline.ts';

export type DemoExchange = {
  readonly endpoint: Endpoint;
  readonly addresses: readonly string[];
  readonly close: () => Promise<void>;
};

type Opened = { readonly seed: number; readonly ratePerSecond: number; readonly number: number; readonly beganAt: number };

const FACT = 'demo market';
/** Records an order leads to, measured with these shares. */
const RECORDS_PER_ORDER = 3.6;
const SHARES = { duplicates: 0.01, lateFills: 0.01 };
/** Some seconds of work: a day and more of the usual rate. */
const GREATEST_PAST = 2_000_000;

export async function openDemoExchange(database: Database, source: DemoSource): Promise<DemoExchange> {
  const market = marketOf(database, source);
  const exchange = await FakeExchange.start({
    seed: market.number === 1 ? market.seed : `${String(market.seed)}/${String(market.number)}`,
    beganAt: market.beganAt, ordersPerSecond: market.ratePerSecond / RECORDS_PER_ORDER, shares: SHARES, activity: 'skewed', keepLedger: false,
  });
  tell(`a fake exchange trades at ${exchange.url}`);
  return {
    endpoint: { ws: exchange.wsUrl, info: `${exchange.url}/info` },
    addresses: exchange.addresses,
    close: async () => {
      await exchange.close();
    },
  };
}

/** The one of the last start, or the next (X1). */
function marketOf(database: Database, { seed, ratePerSecond }: DemoSource): Opened {
  const text = database.fact(FACT);
  // Written below.
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  const last = text === null ? null : JSON.parse(text) as Opened;
  const past = last === null ? 0 : (Date.now() - last.beganAt) / 1_000 * ratePerSecond;
  if (last?.seed === seed && last.ratePerSecond === ratePerSecond && past <= GREATEST_PAST) return last;
  const next = { seed, ratePerSecond, number: (last?.number ?? 0) + 1, beganAt: Date.now() };
  database.transaction(() => {
    database.setFact(FACT, JSON.stringify(next));
  });
  return next;
}
