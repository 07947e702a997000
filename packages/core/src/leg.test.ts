// What a fill means, row by row of contract §3, and the conservation law L1.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ZERO, absolute, add, compare, format, multiply, parseDecimal, signOf, subtract, type Decimal } from './decimal.ts';
import type { Side } from './input.ts';
import { LEG_FACTS, assetTypeOf, isNoTrade, meaningOf, positionAfter, type Meaning, type Part } from './leg.ts';
import { ALICE, BOB, fillOf, type FillParts } from './test-records.ts';

const PERP_DIRS = ['Open Long', 'Open Short', 'Close Long', 'Close Short', 'Long > Short', 'Short > Long'] as const;

type Row = { readonly side: Side; readonly s: string; readonly q: string; readonly legs: readonly string[]; readonly dir: string };

/** `legs`: name, size, start. */
const TABLE: readonly Row[] = [
  { side: 'B', s: '0', q: '1', legs: ['open-long 1 from 0'], dir: 'Open Long' },
  { side: 'B', s: '2.5', q: '1', legs: ['open-long 1 from 2.5'], dir: 'Open Long' },
  { side: 'B', s: '-2.5', q: '1', legs: ['close-short 1 from -2.5'], dir: 'Close Short' },
  { side: 'B', s: '-2.5', q: '2.50', legs: ['close-short 2.5 from -2.5'], dir: 'Close Short' },
  { side: 'B', s: '-2.5', q: '3', legs: ['close-short 2.5 from -2.5', 'open-long 0.5 from 0'], dir: 'Short > Long' },
  { side: 'A', s: '0', q: '1', legs: ['open-short 1 from 0'], dir: 'Open Short' },
  { side: 'A', s: '-2.5', q: '1', legs: ['open-short 1 from -2.5'], dir: 'Open Short' },
  { side: 'A', s: '2.5', q: '1', legs: ['close-long 1 from 2.5'], dir: 'Close Long' },
  { side: 'A', s: '2.5', q: '2.50', legs: ['close-long 2.5 from 2.5'], dir: 'Close Long' },
  { side: 'A', s: '2.5', q: '3', legs: ['close-long 2.5 from 2.5', 'open-short 0.5 from 0'], dir: 'Long > Short' },
];

function shown(meaning: Meaning): readonly string[] | string {
  if (meaning.kind === 'refused') return meaning.reason;
  return meaning.parts.map(({ leg, size, start }) => `${leg} ${format(size)} from ${format(start)}`);
}

function meaning(parts: FillParts): Meaning {
  return meaningOf(fillOf(parts), ALICE);
}

/** The cause, or why the fill is refused. */
function causeOf(parts: FillParts): string {
  const found = meaning(parts);
  return found.kind === 'trade' ? found.cause : found.reason;
}

const nonZero = (text: string): boolean => parseDecimal(text).units !== 0n;
const amounts = fc.stringMatching(/^[0-9]{1,6}(?:\.[0-9]{1,6})?$/);
const signed = fc.tuple(fc.boolean(), amounts).map(([minus, text]) => (minus ? `-${text}` : text));
/** Fills of any perp position, often just as large as it. */
const perpFills = fc
  .record({ side: fc.constantFrom<Side>('B', 'A'), s: signed, q: amounts.filter(nonZero), flat: fc.boolean(), fee: signed, pnl: signed })
  .map(({ side, s, q, flat, fee, pnl }) => ({
    side, startPosition: s, sz: flat && nonZero(s) ? s.replace('-', '') : q, fee, closedPnl: pnl, dir: 'Settlement',
  }));

function partsOf(parts: FillParts): readonly Part[] {
  const found = meaning(parts);
  if (found.kind === 'refused') throw new Error(found.reason);
  return found.parts;
}

function sumOf(amount: (part: Part) => Decimal, parts: readonly Part[]): string {
  return format(parts.map(amount).reduce(add, ZERO));
}

suite('the legs of a perp fill', () => {
  for (const { side, s, q, legs, dir } of TABLE) {
    test(`${side} ${q} from ${s} is ${legs.join(' and ')}`, () => {
      assert.deepEqual(shown(meaning({ side, startPosition: s, sz: q, dir })), legs);
    });
    test(`${side} ${q} from ${s} is refused with a dir that says otherwise`, () => {
      const isFlat = dir.startsWith('Close') && compare(parseDecimal(q), absolute(parseDecimal(s))) === 0;
      const reversal = dir === 'Close Long' ? 'Long > Short' : 'Short > Long';
      for (const other of PERP_DIRS) {
        const agrees = other === dir || (isFlat && other === reversal);
        assert.deepEqual(shown(meaning({ side, startPosition: s, sz: q, dir: other })), agrees ? legs : 'dir-contradiction', other);
      }
    });
    test(`${side} ${q} from ${s} takes its legs from the position with any dir that names a cause`, () => {
      for (const other of ['Liquidated Cross Long', 'Auto-Deleveraging', 'Settlement', 'Backstop']) {
        assert.deepEqual(shown(meaning({ side, startPosition: s, sz: q, dir: other })), legs, other);
      }
    });
  }

  test('the parts of a fill sum to its size, fee and closedPnl (L1)', () => {
    fc.assert(fc.property(perpFills, (fill) => {
      const parts = partsOf(fill);
      assert.equal(sumOf(({ size }) => size, parts), format(parseDecimal(fill.sz)));
      assert.equal(sumOf(({ fee }) => fee, parts), format(parseDecimal(fill.fee)));
      assert.equal(sumOf(({ closedPnl }) => closedPnl, parts), format(parseDecimal(fill.closedPnl)));
    }));
  });

  test('the parts lead from the start position to the start position plus or minus the size, close before open', () => {
    fc.assert(fc.property(perpFills, (fill) => {
      const parts = partsOf(fill);
      let position = parseDecimal(fill.startPosition);
      for (const { start, size, leg } of parts) {
        assert.equal(format(start), format(position));
        assert.equal(signOf(size), 1);
        assert.equal(LEG_FACTS[leg].trade, fill.side);
        position = positionAfter(start, size, fill.side);
        const grew = compare(absolute(position), absolute(start)) > 0;
        assert.equal(grew, LEG_FACTS[leg].direction === 'open');
      }
      assert.equal(format(position), format(positionAfter(parseDecimal(fill.startPosition), parseDecimal(fill.sz), fill.side)));
      assert.deepEqual(parts.map(({ leg }) => LEG_FACTS[leg].direction).sort(), parts.map(({ leg }) => LEG_FACTS[leg].direction));
    }));
  });

  test("a reversal's close part pays the share of the fee nearest in 8 decimals, and has all of the closedPnl", () => {
    fc.assert(fc.property(perpFills, (fill) => {
      const [close, open] = partsOf(fill);
      if (close === undefined || open === undefined) return;
      assert.equal(format(close.closedPnl), format(parseDecimal(fill.closedPnl)));
      assert.equal(format(open.closedPnl), '0');
      const exact = multiply(parseDecimal(fill.fee), close.size);
      const error = absolute(subtract(multiply(close.fee, parseDecimal(fill.sz)), exact));
      assert.ok(compare(error, multiply(parseDecimal('0.000000005'), parseDecimal(fill.sz))) <= 0);
      assert.ok((format(close.fee).split('.')[1] ?? '').length <= 8);
    }));
  });

  test('a fee split that is a tie goes to the even digit', () => {
    const parts = partsOf({ side: 'A', startPosition: '1', sz: '2', dir: 'Long > Short', fee: '0.00000003' });
    assert.deepEqual(parts.map(({ fee }) => format(fee)), ['0.00000002', '0.00000001']);
    const negative = partsOf({ side: 'A', startPosition: '1', sz: '2', dir: 'Long > Short', fee: '-0.00000005' });
    assert.deepEqual(negative.map(({ fee }) => format(fee)), ['-0.00000002', '-0.00000003']);
  });
});

suite('the legs of a spot or outcome fill', () => {
  for (const coin of ['PURR/USDC', '@107', '#5', '+5']) {
    test(`${coin}: a buy is a buy and a sell a sell, whatever the position`, () => {
      assert.deepEqual(shown(meaning({ coin, side: 'B', startPosition: '-3', sz: '5', dir: 'Buy' })), ['buy 5 from -3']);
      assert.deepEqual(shown(meaning({ coin, side: 'A', startPosition: '3', sz: '5', dir: 'Sell' })), ['sell 5 from 3']);
      assert.deepEqual([LEG_FACTS.buy.trade, LEG_FACTS.sell.trade], ['B', 'A']);
    });
    test(`${coin}: a dir against the side is a contradiction, and a perp's dir is unknown`, () => {
      assert.equal(shown(meaning({ coin, side: 'A', dir: 'Buy' })), 'dir-contradiction');
      assert.equal(shown(meaning({ coin, side: 'B', dir: 'Sell' })), 'dir-contradiction');
      for (const dir of [...PERP_DIRS, 'Auto-Deleveraging', 'Backstop', '', 'buy']) assert.equal(shown(meaning({ coin, dir })), 'unknown-dir', dir);
    });
    test(`${coin}: liquidations and settlements go by side`, () => {
      for (const dir of ['Spot Liquidation', 'Settlement']) {
        assert.deepEqual(shown(meaning({ coin, side: 'B', dir })), ['buy 1 from 0']);
        assert.deepEqual(shown(meaning({ coin, side: 'A', dir })), ['sell 1 from 0']);
      }
    });
  }
});

suite('the cause of a fill', () => {
  test('a perp dir names its cause, or is unknown', () => {
    const causes = {
      'Open Long': 'trade',
      'Liquidated Cross Long': 'liquidation',
      'Partial Liquidation': 'liquidation',
      'Some Backstop Thing': 'liquidation',
      'Auto-Deleveraging': 'adl',
      Settlement: 'settlement',
      'auto-deleveraging': 'unknown-dir',
      'Settlement!': 'unknown-dir',
      liquidated: 'unknown-dir',
      Buy: 'unknown-dir',
      '': 'unknown-dir',
    };
    for (const [dir, cause] of Object.entries(causes)) assert.equal(causeOf({ dir }), cause, dir);
  });

  test('a spot dir names its cause', () => {
    assert.equal(causeOf({ coin: '@1', dir: 'Buy' }), 'trade');
    assert.equal(causeOf({ coin: '@1', dir: 'Liquidated' }), 'liquidation');
    assert.equal(causeOf({ coin: '@1', dir: 'Settlement' }), 'settlement');
  });

  test('the liquidated user is liquidated; its counterparty just trades', () => {
    assert.equal(causeOf({ liquidatedUser: ALICE }), 'liquidation');
    assert.equal(causeOf({ liquidatedUser: BOB }), 'trade');
    assert.equal(causeOf({ coin: '@1', dir: 'Buy', liquidatedUser: ALICE }), 'liquidation');
    assert.equal(causeOf({ dir: 'Settlement', liquidatedUser: ALICE }), 'liquidation');
  });

  test("the liquidated user's fill is refused like any other", () => {
    assert.equal(causeOf({ dir: 'Close Long', liquidatedUser: ALICE }), 'dir-contradiction');
    assert.equal(causeOf({ dir: 'gossip', liquidatedUser: ALICE }), 'unknown-dir');
  });
});

suite('coins and no-trades', () => {
  test('a coin tells its asset type', () => {
    const types = { BTC: 'futures', 'xyz:GOLD': 'futures', kPEPE: 'futures', '@107': 'spot', 'PURR/USDC': 'spot', '#5': 'outcome', '+5': 'outcome' };
    for (const [coin, type] of Object.entries(types)) assert.equal(assetTypeOf(coin), type, coin);
    assert.equal(assetTypeOf('#5/USDC'), 'spot');
  });

  test('six dirs are no trades, and no other', () => {
    const noTrades = ['Spot Dust Conversion', 'Net Child Vaults', 'Split Outcome', 'Merge Outcome', 'Merge Question', 'Negate Outcome'];
    for (const dir of noTrades) assert.ok(isNoTrade(dir), dir);
    for (const dir of [...PERP_DIRS, 'Buy', 'Sell', 'Settlement', 'split outcome', '']) assert.ok(!isNoTrade(dir), dir);
  });
});
