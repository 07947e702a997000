// For tests: signals.

import type { Signal } from './protocol.ts';

const ADDRESS = `0x${'ab'.repeat(20)}`;

/** The first revision of an order's open-long, unless told otherwise. */
export function testSignal(oid: number, part: Partial<Signal> = {}): Signal {
  const address = part.address ?? ADDRESS;
  return {
    id: `${address}/${String(oid)}/open-long`, revision: 1, address, oid, coin: 'BTC', symbol: 'BTC', cloid: null, assetType: 'futures',
    direction: 'open', side: 'LONG', size: '0.5', notional: '50000.5', price: '100001', positionSize: 'medium', positionBefore: '0',
    positionAfter: '0.5', closeRate: '0', positionRate: '12.5', fees: { USDC: '1.25' }, closedPnl: '0', fillCount: 2,
    firstFillAt: 1_700_000_000_000, lastFillAt: 1_700_000_000_500, orderStatus: null, trigger: 'timeout', complete: false, reversal: false,
    cause: 'trade', twapId: null, ...part,
  };
}
