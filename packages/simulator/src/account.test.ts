import assert from 'node:assert/strict';
import { test } from 'node:test';
import { perpDir } from './account.ts';

test('a perp fill is named by its start, side and size', () => {
  const cases: readonly (readonly [number, 'A' | 'B', number, string])[] = [
    [0, 'B', 5, 'Open Long'], [3, 'B', 5, 'Open Long'], [-5, 'B', 5, 'Close Short'], [-5, 'B', 6, 'Short > Long'],
    [0, 'A', 5, 'Open Short'], [-3, 'A', 5, 'Open Short'], [5, 'A', 5, 'Close Long'], [5, 'A', 6, 'Long > Short'],
  ];
  for (const [start, side, lots, dir] of cases) assert.equal(perpDir(start, side, lots), dir);
});
