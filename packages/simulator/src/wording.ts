// How the exchange words an order's life: its updates, and what it adds to the fills that it forces.

import type { Account } from './account.ts';
import { decimalOf } from './decimal.ts';
import { itemAt } from './invariant.ts';
import type { Order } from './order.ts';
import type { Liquidation, OrderUpdateData } from './record.ts';

/** An update that ends nothing: what is left is what hasn't been filled. */
export function updateOf(order: Order, status: string, at: number): OrderUpdateData {
  return updateWith(order, status, at, order.origLots - order.filledLots);
}

/** The terminal update: `filled` only when all of it was. */
export function endOf(order: Order, at: number): OrderUpdateData {
  const left = order.origLots - order.filledLots;
  if (left === 0) return updateWith(order, 'filled', at, 0);
  const ending = order.updates.kind === 'sent' ? order.updates.ending : null;
  if (ending === null || ending.kind === 'filled') {
    return updateWith(order, order.reduceOnly ? 'reduceOnlyCanceled' : 'canceled', at, left);
  }
  return updateWith(order, ending.status, at, ending.shrunk ? 0 : left);
}

function updateWith(order: Order, status: string, at: number, left: number): OrderUpdateData {
  const { asset } = order;
  return {
    order: {
      coin: asset.coin,
      side: order.side,
      limitPx: decimalOf(order.limit, asset.priceScale),
      sz: decimalOf(left, asset.sizeScale),
      oid: order.oid,
      timestamp: order.createdAt,
      origSz: decimalOf(order.origLots, asset.sizeScale),
      ...(order.cloid === null ? {} : { cloid: order.cloid }),
      ...(order.reduceOnly ? { reduceOnly: true } as const : {}),
    },
    status,
    statusTimestamp: at,
  };
}

/** The `dir` of a fill that the venue forced without the market; null for all others. */
export function forcedDir(order: Order): string | null {
  if (order.force === 'deleveraging') return 'Auto-Deleveraging';
  if (order.force === 'backstop') return order.side === 'A' ? 'Liquidated Cross Long' : 'Liquidated Cross Short';
  return null;
}

/** The exchange puts the object on both sides' fills; a counterparty's names the other account. */
export function liquidationOf(order: Order, accounts: readonly Account[], prices: readonly number[]): Liquidation | null {
  if (order.force === 'none' || order.force === 'deleveraging') return null;
  const { account, asset } = order;
  const own = accounts.indexOf(account);
  const other = accounts.length > 1 ? itemAt(accounts, (own + 1) % accounts.length).address : `0x${'d'.repeat(40)}`;
  return {
    liquidatedUser: order.force === 'counterparty' ? other : account.address,
    markPx: decimalOf(itemAt(prices, asset.index), asset.priceScale),
    method: order.force === 'backstop' ? 'backstop' : 'market',
  };
}
