import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RETRY, parseRetryAfter, waitMs } from './retry.ts';

test('waits double up to the greatest one, and are anything below by chance', () => {
  const settings = { attempts: 8, firstWaitMs: 100, greatestWaitMs: 1_000 };
  assert.deepEqual([1, 2, 3, 4, 5, 6].map((tries) => waitMs(tries, null, settings, 1)), [100, 200, 400, 800, 1_000, 1_000]);
  assert.deepEqual([0, 0.25, 0.5].map((random) => waitMs(3, null, settings, random)), [0, 100, 200]);
});

test('all waits together are about ten minutes at most by default', () => {
  const waits = Array.from({ length: DEFAULT_RETRY.attempts - 1 }, (_, place) => waitMs(place + 1, null, DEFAULT_RETRY, 1));
  const sum = waits.reduce((left, right) => left + right, 0);
  assert.ok(sum > 9 * 60_000 && sum < 12 * 60_000, String(sum));
});

test('a receiver is not asked again before it says, within the greatest wait', () => {
  const settings = { attempts: 8, firstWaitMs: 100, greatestWaitMs: 1_000 };
  assert.equal(waitMs(1, 500, settings, 1), 500);
  assert.equal(waitMs(1, 50, settings, 1), 100);
  assert.equal(waitMs(1, 3_600_000, settings, 0), 1_000);
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(parseRetryAfter('2', now), 2_000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:03 GMT', now), 3_000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 2025 00:00:03 GMT', now), 0);
  assert.deepEqual([undefined, '', 'soon', '-1x'].map((text) => parseRetryAfter(text, now)), [null, null, null, null]);
});
