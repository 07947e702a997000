import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random, tradeId } from './random.ts';

test('the same seed draws the same numbers and another seed others', () => {
  const draw = (seed: string): readonly number[] => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => random.uint32());
  };
  assert.deepEqual(draw('a'), draw('a'));
  assert.notDeepEqual(draw('a'), draw('b'));
});

test('an integer stays within its bounds and reaches both', () => {
  const random = new Random('bounds');
  const seen = new Set(Array.from({ length: 1_000 }, () => random.between(3, 7)));
  assert.deepEqual([...seen].sort(), [3, 4, 5, 6, 7]);
});

test('a share of chances comes true within a percent', () => {
  const random = new Random('chance');
  let hits = 0;
  for (let i = 0; i < 100_000; i += 1) if (random.chance(0.3)) hits += 1;
  assert.ok(Math.abs(hits / 100_000 - 0.3) < 0.01);
});

test('trade ids never repeat and are safe integers of 50 bits', () => {
  const ids = new Set<number>();
  for (let i = 0; i < 200_000; i += 1) ids.add(tradeId(i, 12345));
  assert.equal(ids.size, 200_000);
  fc.assert(fc.property(fc.nat(), fc.nat(), (index, key) => {
    const id = tradeId(index, key);
    return Number.isSafeInteger(id) && id >= 0 && id < 2 ** 50;
  }));
});
