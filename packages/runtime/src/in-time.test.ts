import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTime } from './in-time.ts';

test('work that ends in time is waited for, other work is not', async () => {
  assert.equal(await inTime(Promise.resolve('done'), 60_000), true);
  assert.equal(await inTime(new Promise(() => undefined), 1), false);
});

test('an error in time is the caller\'s, a later one is nobody\'s', async () => {
  await assert.rejects(inTime(Promise.reject(new Error('broken')), 60_000), { message: 'broken' });
  const later = Promise.withResolvers<never>();
  assert.equal(await inTime(later.promise, 1), false);
  later.reject(new Error('too late to be told'));
});
