// The fields of a signal (contract §9), given the fills of one order.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ZERO, add, format, parseDecimal } from './decimal.ts';
import type { Settings } from './settings.ts';
import type { Signal } from './signal.ts';
import { ALICE, Story, T0, type FillParts } from './test-records.ts';

/** The signals of an order with these fills, once time has run on. */
function signalsOf(fills: readonly FillParts[], settings: Partial<Settings> = {}, before?: (story: Story) => void): readonly Signal[] {
  const story = new Story(settings);
  before?.(story);
  for (const parts of fills) story.fill(0, parts);
  return story.fire(T0 + 300_000);
}

function only(signals: readonly Signal[]): Signal {
  const [signal] = signals;
  if (signal === undefined || signals.length > 1) throw new Error(`${String(signals.length)} signals, expected one`);
  return signal;
}

const CLOSE = { side: 'A', dir: 'Close Long' } as const;

suite('a signal', () => {
  test('has its fields in the order of the contract', () => {
    assert.deepEqual(Object.keys(only(signalsOf([{}]))), [
      'id', 'revision', 'address', 'oid', 'coin', 'symbol', 'cloid', 'assetType', 'direction', 'side', 'size', 'notional', 'price',
      'positionSize', 'positionBefore', 'positionAfter', 'closeRate', 'positionRate', 'fees', 'closedPnl', 'fillCount', 'firstFillAt',
      'lastFillAt', 'orderStatus', 'trigger', 'complete', 'reversal', 'cause', 'twapId',
    ]);
  });

  test('names address, order and leg in its id', () => {
    assert.equal(only(signalsOf([{ oid: 77 }])).id, `${ALICE}/77/open-long`);
  });

  test('of a buy opens a long, of a sell closes one', () => {
    const facts = (parts: FillParts): unknown => {
      const { direction, side, assetType, closeRate } = only(signalsOf([{ coin: '@1', ...parts }]));
      return [direction, side, assetType, closeRate];
    };
    assert.deepEqual(facts({ dir: 'Buy' }), ['open', 'LONG', 'spot', '0']);
    assert.deepEqual(facts({ dir: 'Sell', side: 'A', startPosition: '4' }), ['close', 'LONG', 'spot', '0.25']);
  });

  test('rounds its price half-even at 18 decimals and its notional never', () => {
    const { price, notional } = only(signalsOf([{ tid: 1, px: '1', sz: '1' }, { tid: 2, px: '1.0000000001', sz: '2' }]));
    assert.equal(notional, '3.0000000002');
    assert.equal(price, '1.000000000066666667');
  });
});

suite('the position size', () => {
  test('is small below, medium from and large from its thresholds', () => {
    const sizeAt = (px: string): string => only(signalsOf([{ px }])).positionSize;
    assert.deepEqual(['9999.99', '10000', '99999.99', '100000.0'].map(sizeAt), ['small', 'medium', 'medium', 'large']);
  });

  test('follows the settings', () => {
    const settings = { smallBelow: parseDecimal('1.5'), mediumBelow: parseDecimal('2') };
    assert.deepEqual(['1.49', '1.5', '2'].map((px) => only(signalsOf([{ px }], settings)).positionSize), ['small', 'medium', 'large']);
  });
});

suite('the positions', () => {
  test('run from the start of the first part to the end of the last, in whatever order the fills came', () => {
    const chain = [0, 1, 2, 3, 4].map((start) => ({ tid: 9 - start, startPosition: String(start), time: T0 }));
    fc.assert(fc.property(fc.shuffledSubarray(chain, { minLength: chain.length }), (fills) => {
      const { positionBefore, positionAfter } = only(signalsOf(fills));
      assert.deepEqual([positionBefore, positionAfter], ['0', '5']);
    }));
  });

  test('of a sell descend', () => {
    const fills = [2, 3, 1].map((start) => ({ ...CLOSE, tid: 10 + start, startPosition: String(start) }));
    const { positionBefore, positionAfter } = only(signalsOf(fills));
    assert.deepEqual([positionBefore, positionAfter], ['3', '0']);
  });

  test('time goes before start, and start before tid', () => {
    const fills = [{ tid: 1, startPosition: '5', time: T0 }, { tid: 2, startPosition: '0', time: T0 + 1 }];
    const { positionBefore, positionAfter } = only(signalsOf(fills));
    assert.deepEqual([positionBefore, positionAfter], ['5', '1']);
  });

  test("a reversal's open part starts at zero", () => {
    const [close, open] = signalsOf([{ side: 'A', startPosition: '2', sz: '3', dir: 'Long > Short' }]);
    assert.deepEqual([close?.id, close?.positionBefore, close?.positionAfter], [`${ALICE}/1/close-long`, '2', '0']);
    assert.deepEqual([open?.id, open?.positionBefore, open?.positionAfter], [`${ALICE}/1/open-short`, '0', '-1']);
    assert.ok(close?.reversal === true && open?.reversal === true);
  });

  test('parts on one side of zero are no reversal, though the order has two legs', () => {
    const signals = signalsOf([{ tid: 1, ...CLOSE, startPosition: '1' }, { tid: 2, startPosition: '-1', dir: 'Close Short' }]);
    assert.deepEqual(signals.map(({ reversal }) => reversal), [false, false]);
  });

  test('parts on both sides of zero are a reversal without a reversing fill', () => {
    const signals = signalsOf([{ tid: 1, ...CLOSE, startPosition: '1' }, { tid: 2, side: 'A', startPosition: '0', dir: 'Open Short' }]);
    assert.deepEqual(signals.map(({ reversal }) => reversal), [true, true]);
  });
});

suite('the close rate', () => {
  test('is the share of the position before that was closed, half-even at 6 decimals', () => {
    const rate = (startPosition: string, sz: string): string => only(signalsOf([{ ...CLOSE, startPosition, sz }])).closeRate;
    assert.deepEqual([rate('4', '1'), rate('3', '2'), rate('3', '3'), rate('2000000', '1'), rate('2000000', '3')],
      ['0.25', '0.666667', '1', '0', '0.000002']);
  });

  test('is at most 1', () => {
    const fills = [{ tid: 1, ...CLOSE, startPosition: '1' }, { tid: 2, ...CLOSE, startPosition: '3', sz: '3', time: T0 + 1 }];
    assert.equal(only(signalsOf(fills)).closeRate, '1');
  });

  test('of a short is positive, and of an open leg or a position of 0 is 0', () => {
    assert.equal(only(signalsOf([{ startPosition: '-4', dir: 'Close Short' }])).closeRate, '0.25');
    assert.equal(only(signalsOf([{ startPosition: '4' }])).closeRate, '0');
    assert.equal(only(signalsOf([{ coin: '@1', side: 'A', dir: 'Sell', startPosition: '0' }])).closeRate, '0');
  });
});

suite('the position rate', () => {
  const rateWith = (values: readonly (readonly [value: string, time: number])[]): string | null => (
    only(signalsOf([{}], {}, (story) => {
      for (const [value, time] of values) story.account(0, value, time);
    })).positionRate
  );

  test('is the percentage of the account value, half-even at 6 decimals', () => {
    assert.equal(rateWith([['300', 0]]), '33.333333');
  });

  test('is null when the value is unknown, zero or negative', () => {
    assert.deepEqual([rateWith([]), rateWith([['0.0', 0]]), rateWith([['-5', 0]])], [null, null, null]);
  });

  test('takes the value of the greatest time; an equal or older one has no effect', () => {
    assert.equal(rateWith([['200', 5], ['50', 5], ['25', 4]]), '50');
    assert.equal(rateWith([['200', 5], ['50', 6]]), '200');
  });

  test("stays with the value known at the order's first fill", () => {
    const story = new Story();
    story.account(0, '200');
    story.fill(1);
    story.account(2, '100');
    assert.equal(story.update(3).signals[0]?.positionRate, '50');
    story.fill(4);
    assert.equal(story.tick(600_000).fired[0]?.positionRate, '100');
  });
});

suite('revisions', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }).map((tenths) => (tenths / 10).toFixed(1)), { minLength: 1, maxLength: 6 });

  test('hold totals: the last one sums all fills, and the numbers run from 1', () => {
    fc.assert(fc.property(sizes, (all) => {
      const story = new Story();
      const signals: Signal[] = [];
      for (const [place, sz] of all.entries()) {
        signals.push(...story.fill(place * 400_000, { sz, fee: '0.1', closedPnl: '-1' }).fired);
      }
      signals.push(...story.tick(all.length * 400_000).fired);
      assert.deepEqual(signals.map(({ revision }) => revision), all.map((_, place) => place + 1));
      for (const [place, signal] of signals.entries()) {
        const told = all.slice(0, place + 1).map(parseDecimal);
        assert.equal(signal.size, format(told.reduce(add, ZERO)));
        assert.equal(signal.fillCount, told.length);
        assert.equal(signal.closedPnl, String(-told.length));
        assert.deepEqual(signal.fees, { USDC: format(told.map(() => parseDecimal('0.1')).reduce(add, ZERO)) });
      }
    }), { numRuns: 30 });
  });

  test('are told apart by leg: the other leg of an order keeps its own', () => {
    const story = new Story();
    story.fill(0, { startPosition: '-2', dir: 'Close Short' });
    const told = story.fill(300_000, { startPosition: '-1', sz: '2', dir: 'Short > Long' }).fired;
    assert.deepEqual(told.map(({ id, revision }) => [id, revision]), [[`${ALICE}/1/close-short`, 1]]);
    assert.deepEqual(story.tick(600_000).fired.map(({ id, revision }) => [id, revision]), [
      [`${ALICE}/1/close-short`, 2], [`${ALICE}/1/open-long`, 1],
    ]);
  });
});

suite('fees', () => {
  test('are named by token in the order of their names, zero sums included', () => {
    const { fees } = only(signalsOf([
      { tid: 1, fee: '1', feeToken: 'USDC' }, { tid: 2, fee: '-1', feeToken: 'USDC' }, { tid: 3, fee: '0.5', feeToken: 'HYPE' },
    ]));
    assert.equal(JSON.stringify(fees), '{"HYPE":"0.5","USDC":"0"}');
  });

  test('of a token with a name of the language are just fees', () => {
    assert.equal(JSON.stringify(only(signalsOf([{ fee: '1', feeToken: '__proto__' }])).fees), '{"__proto__":"1"}');
  });
});
