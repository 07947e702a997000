// What is right: records, signals and frames, as the exchange and the topics have them, their fields from the edges of what they may be.

import fc from 'fast-check';
import type { Signal } from '@fillstream/schemas';

const ADDRESSES = [`0x${'a1'.repeat(20)}`, `0x${'B2'.repeat(20)}`, `0x${'00'.repeat(20)}`];
export const address = fc.constantFrom(...ADDRESSES);
export const START = 1_760_000_000_000;

const time = fc.oneof(fc.integer({ min: START, max: START + 3_600_000 }), fc.constantFrom(1e12, 1e13, START));
const id = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(0, 2 ** 31, 2 ** 53 - 1));
const digits = fc.oneof(fc.integer({ min: 1, max: 99 }).map(String), fc.constantFrom('1', '0.5', '2.50', '00.10', '123456789012345678901234567890.000000000000000001', '0.00000001'));
const signed = fc.tuple(fc.constantFrom('', '-'), fc.oneof(digits, fc.constant('0'))).map((parts) => parts.join(''));
const coin = fc.constantFrom('BTC', '@107', 'PURR/USDC', '#12', 'xyz:GOLD', '+3', 'HYPE');
const dir = fc.constantFrom(
  'Open Long', 'Close Long', 'Open Short', 'Close Short', 'Long > Short', 'Short > Long', 'Buy', 'Sell', 'Settlement', 'Auto-Deleveraging',
  'Liquidated Isolated Long', 'Spot Dust Conversion', 'Net Child Vaults', 'Backstop',
);
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null, freq: 3 });

export const exchangeFill = fc.record({
  coin, px: digits, sz: digits, side: fc.constantFrom('A', 'B'), time, startPosition: signed, dir, oid: id,
  closedPnl: signed, hash: fc.constantFrom('0xab', `0x${'0'.repeat(64)}`), crossed: fc.boolean(), fee: signed, tid: id, feeToken: fc.constantFrom('USDC', 'HYPE', '__proto__'),
  cloid: maybe(fc.constant('0x01')), twapId: maybe(id), liquidation: maybe(fc.record({ liquidatedUser: address, markPx: digits, method: fc.constant('market') })),
  builderFee: digits,
}, { requiredKeys: ['coin', 'px', 'sz', 'side', 'time', 'startPosition', 'dir', 'oid'] });

const STATUSES = ['open', 'triggered', 'filled', 'canceled', 'rejected', 'marginCanceled', 'reduceOnlyCanceled', 'scheduledCancel', 'tickRejected', 'resting'];
export const orderUpdate = fc.record({
  order: fc.record({
    coin, side: fc.constantFrom('A', 'B'), limitPx: digits, sz: fc.oneof(digits, fc.constant('0')), oid: id, timestamp: time,
    origSz: fc.oneof(digits, fc.constant('0')), cloid: fc.constant('0x01'), reduceOnly: fc.boolean(),
  }, { requiredKeys: ['coin', 'side', 'sz', 'oid', 'origSz'] }),
  status: fc.constantFrom(...STATUSES), statusTimestamp: time,
});

export const record: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({ kind: fc.constant('fill'), address, receivedAt: time, symbol: fc.constant('HYPE/USDC'), source: fc.constantFrom('ws', 'repair'), data: exchangeFill }, { requiredKeys: ['kind', 'address', 'receivedAt', 'data'] }),
  fc.record({ kind: fc.constant('orderUpdate'), address, receivedAt: time, data: orderUpdate }),
  fc.record({ kind: fc.constant('account'), address, receivedAt: time, data: fc.record({ time, accountValue: signed }) }),
  fc.record({ kind: fc.constant('tick'), receivedAt: time }),
);

const iso = fc.constantFrom('2025-07-27T08:50:10.334741319', '2025-07-27T08:50:10Z', '2024-02-29T23:59:59.999+00:00');
const event = fc.oneof(
  fc.tuple(address, exchangeFill),
  fc.record({ time: fc.oneof(iso, time), user: address, status: fc.constantFrom(...STATUSES), order: orderUpdate.map(({ order }) => order) }),
);
export const nodeLine: fc.Arbitrary<unknown> = fc.oneof(
  event, fc.record({ local_time: iso, block_time: iso, block_number: id, events: fc.array(event, { maxLength: 4 }) }),
);

export const signal: fc.Arbitrary<Signal> = fc.record({
  id: fc.constant(`${ADDRESSES[0] ?? ''}/7/open-long`), revision: fc.integer({ min: 1, max: 9 }), address: fc.constant(ADDRESSES[0] ?? ''), oid: id, coin, symbol: coin,
  cloid: maybe(fc.constant('0x01')), assetType: fc.constantFrom('futures', 'spot'), direction: fc.constantFrom('open', 'close'), side: fc.constantFrom('LONG', 'SHORT'),
  size: digits, notional: digits, price: digits, positionSize: fc.constantFrom('small', 'large'), positionBefore: signed, positionAfter: signed, closeRate: fc.constant('0'),
  positionRate: maybe(digits), fees: fc.dictionary(fc.constantFrom('USDC', 'HYPE', 'toString'), signed, { noNullPrototype: true }), closedPnl: signed, fillCount: fc.nat({ max: 9 }),
  firstFillAt: time, lastFillAt: time, orderStatus: maybe(fc.constant('filled')), trigger: fc.constantFrom('complete', 'grace'), complete: fc.boolean(),
  reversal: fc.boolean(), cause: fc.constantFrom('trade', 'adl'), twapId: maybe(id),
});
