import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Signal as FoldSignal } from '@fillstream/core';
import { encodeSignal } from '@fillstream/schemas';
import { Comparison, type Difference } from './compare.ts';

const ADDRESS = `0x${'a1'.repeat(20)}`;

function signal(oid: number, revision = 1, other: Partial<Record<keyof FoldSignal, unknown>> = {}): FoldSignal {
  return {
    id: `${ADDRESS}/${String(oid)}/open-long`, revision, address: ADDRESS, oid, coin: 'BTC', symbol: 'BTC', cloid: null, assetType: 'futures', direction: 'open',
    side: 'LONG', size: '1', notional: '100', price: '100', positionSize: 'small', positionBefore: '0', positionAfter: '1', closeRate: '0', positionRate: null,
    fees: { USDC: '0.1' }, closedPnl: '0', fillCount: 1, firstFillAt: 1_760_000_000_000, lastFillAt: 1_760_000_000_000, orderStatus: 'filled', trigger: 'complete',
    complete: true, reversal: false, cause: 'trade', twapId: null, ...other,
  } as FoldSignal;
}

function compared(emitted: readonly FoldSignal[], replayed: readonly FoldSignal[], { size = 2, heldIds = 100 } = {}): { readonly same: number; readonly differences: readonly string[] } {
  const comparison = new Comparison(heldIds);
  const differences: Difference[] = [];
  for (let place = 0; place < Math.max(emitted.length, replayed.length); place += size) {
    differences.push(...comparison.add(emitted.slice(place, place + size).map((each) => encodeSignal(each)), replayed.slice(place, place + size)));
  }
  differences.push(...comparison.end());
  return { same: comparison.same, differences: differences.map(textOf) };
}

function textOf(difference: Difference): string {
  const oid = 'id' in difference ? difference.id.split('/')[1] ?? '' : '';
  switch (difference.kind) {
    case 'changed': return `changed ${oid} r${String(difference.revision)} ${Object.keys(difference.fields).join()}`;
    case 'otherRevisions': return `revised ${oid} ${[difference.emitted, difference.replayed].map((steps) => steps.map(({ revision }) => revision).join('+')).join(' to ')}`;
    case 'unreadable': return 'unreadable';
    default: return `${difference.kind} ${oid} r${String(difference.revision)}`;
  }
}

suite('a replay compared with what was emitted', () => {
  test('the same signals are the same, in another order too', () => {
    const all = [1, 2, 3, 4, 5].map((oid) => signal(oid));
    assert.deepEqual(compared(all, all), { same: 5, differences: [] });
    assert.deepEqual(compared(all, all.toReversed()), { same: 5, differences: [] });
  });

  test('one in between that is missing or extra costs no other', () => {
    const all = [1, 2, 3, 4, 5].map((oid) => signal(oid));
    assert.deepEqual(compared(all, all.toSpliced(1, 1)), { same: 4, differences: ['missing 2 r1'] });
    assert.deepEqual(compared(all.toSpliced(3, 1), all), { same: 4, differences: ['extra 4 r1'] });
  });

  test('another value in a field is a change, told with the fields', () => {
    assert.deepEqual(compared([signal(1), signal(2)], [signal(1, 1, { size: '2', fees: { USDC: '0.2' } }), signal(2)]), { same: 1, differences: ['changed 1 r1 size,fees'] });
  });

  test('the same totals by other revisions are told by id, and no change', () => {
    const late = signal(1, 2, { size: '2', fillCount: 2 });
    const once = signal(1, 1, { size: '2', fillCount: 2 });
    assert.deepEqual(compared([signal(1, 1, { trigger: 'timeout' }), late, signal(2)], [once, signal(2)]), { same: 1, differences: ['revised 1 1+2 to 1'] });
    assert.deepEqual(compared([signal(1, 1, { trigger: 'grace' }), late], [signal(1, 1, { trigger: 'timeout' }), late]), { same: 1, differences: ['revised 1 1 to 1'] });
  });

  test('other totals at the end are no other revisions', () => {
    const emitted = [signal(1, 1, { size: '3' }), signal(1, 2, { size: '4' })];
    assert.deepEqual(compared(emitted, [signal(1, 1, { size: '3.5' })]), { same: 0, differences: ['changed 1 r1 size', 'missing 1 r2'] });
    assert.deepEqual(compared([signal(1), signal(1, 2, { size: '2' })], [signal(1)]), { same: 1, differences: ['missing 1 r2'] });
  });

  test('an id that begins again at revision 1 is matched by its contents', () => {
    const [first, again] = [signal(1), signal(1, 1, { lastFillAt: 1_770_000_000_000 })];
    assert.deepEqual(compared([first, again], [first, again]), { same: 2, differences: [] });
    assert.deepEqual(compared([first, again], [again, first], { size: 1 }), { same: 2, differences: [] });
  });

  test('no more ids than allowed are held: the one held longest is judged', () => {
    const all = [1, 2, 3, 4].map((oid) => signal(oid));
    assert.deepEqual(compared(all, [], { size: 1, heldIds: 2 }), { same: 0, differences: ['missing 1 r1', 'missing 2 r1', 'missing 3 r1', 'missing 4 r1'] });
    const comparison = new Comparison(2);
    assert.equal(comparison.add(all.map((each) => encodeSignal(each)), []).length, 2);
  });

  test('a record that is no signal is told, and costs no other', () => {
    const comparison = new Comparison();
    const differences = [...comparison.add([null, Buffer.from([1]), encodeSignal(signal(1))], [signal(1)]), ...comparison.end()];
    assert.deepEqual([comparison.same, differences.map(({ kind }) => kind)], [1, ['unreadable', 'unreadable']]);
  });
});
