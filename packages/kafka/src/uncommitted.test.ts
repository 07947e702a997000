// The oldest record that is taken and not committed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Uncommitted } from './uncommitted.ts';

test('what a commit covers is forgotten, of each topic by itself, and what it cuts is kept', () => {
  const uncommitted = new Uncommitted(2);
  assert.equal(uncommitted.oldestOf(0), null);
  uncommitted.took(0, 1_000, 5);
  uncommitted.took(0, 2_000, 9);
  uncommitted.took(1, 500, 3);
  assert.deepEqual([uncommitted.oldestOf(0), uncommitted.oldestOf(1)], [1_000, 500]);
  uncommitted.committed([4, 3]);
  assert.deepEqual([uncommitted.oldestOf(0), uncommitted.oldestOf(1)], [1_000, null], 'one of the first batch is left');
  uncommitted.committed([5, 3]);
  assert.equal(uncommitted.oldestOf(0), 2_000);
  uncommitted.committed([9, 3]);
  assert.equal(uncommitted.oldestOf(0), null);
});
