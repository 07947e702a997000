// A workload whose measures are exact: so many addresses, orders under way at any time, and fills of each order.
//
//   fill, fill, …, fill, `filled`    is an order; its turn comes once in so many records as there are orders under way
//
// W1  After `warmUp` records every address is known and every place of the ring has been through one order at least.
// W2  Time runs so that no order under way waits long enough for a timer, and finished ones leave the record at the rate they come.

import { DEFAULT_SETTINGS, type Settings } from '@fillstream/core';

export type Shape = {
  readonly addresses: number;
  /** Orders under way. */
  readonly pending: number;
  readonly fillsPerOrder: number;
};

export type SyntheticRecord = Readonly<Record<string, unknown>>;

const START_AT = 1_760_000_000_000;
const RECORDS_A_MS = 2;
const LEAST_WARM_UP = 30_000;
const LEAST_RECORDS = 60_000;

/** Finished orders stay for 20,000 records (W2). */
export const WORKLOAD_SETTINGS: Settings = { ...DEFAULT_SETTINGS, finishedMs: 10_000 };

/** Records before what is measured (W1), and of that, in whole turns of the ring. */
export function lengthsOf(
  { addresses, pending, fillsPerOrder }: Shape,
  scale = 1,
): { readonly warmUp: number; readonly measured: number } {
  const turn = pending * (fillsPerOrder + 1);
  return {
    warmUp: Math.max(LEAST_WARM_UP * scale, addresses * (fillsPerOrder + 1), turn),
    measured: Math.ceil((LEAST_RECORDS * scale) / turn) * turn,
  };
}

/** Endless. */
export function* workload({ addresses, pending, fillsPerOrder }: Shape): Generator<SyntheticRecord, never, void> {
  const ring = Array.from({ length: pending }, (_, oid) => ({ oid: oid + 1, filled: 0 }));
  let nextOid = pending + 1;
  for (let place = 0; ; place += 1) {
    const order = ring[place % pending] ?? { oid: 0, filled: 0 };
    const at = START_AT + Math.floor(place / RECORDS_A_MS);
    const address = addressOf(order.oid % addresses);
    if (order.filled < fillsPerOrder) {
      order.filled += 1;
      yield fillOf(address, order.oid, order.oid * 1_000 + order.filled, at);
    } else {
      yield filledOf(address, order.oid, fillsPerOrder, at);
      [order.oid, order.filled] = [nextOid, 0];
      nextOid += 1;
    }
  }
}

export function addressOf(number: number): string {
  return `0x${number.toString(16).padStart(8, '0').repeat(5)}`;
}

function fillOf(address: string, oid: number, tid: number, at: number): SyntheticRecord {
  return {
    kind: 'fill',
    address,
    receivedAt: at,
    source: 'ws',
    symbol: 'BTC',
    data: {
      coin: 'BTC',
      px: (60_000 + (oid % 5_000) / 10).toFixed(1),
      sz: '0.01',
      side: 'B',
      time: at,
      startPosition: '0.0',
      dir: 'Open Long',
      closedPnl: '0.0',
      hash: `0x${oid.toString(16).padStart(64, '0')}`,
      oid,
      crossed: true,
      fee: '0.21',
      tid,
      feeToken: 'USDC',
    },
  };
}

function filledOf(address: string, oid: number, fills: number, at: number): SyntheticRecord {
  const order = { coin: 'BTC', side: 'B', limitPx: '66000.0', sz: '0.0', oid, timestamp: at, origSz: (fills / 100).toFixed(2) };
  return { kind: 'orderUpdate', address, receivedAt: at, data: { order, status: 'filled', statusTimestamp: at } };
}
