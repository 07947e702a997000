import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../errors.ts';
import { timesOf } from './range.ts';

const NOW = Date.parse('2026-03-01T00:00:00Z');

test('a range is written as times, as so long ago, and by its ends', () => {
  assert.deepEqual(timesOf({ from: 'earliest', to: 'latest' }, NOW), { warmUp: -Infinity, from: -Infinity, to: Infinity });
  assert.deepEqual(timesOf({ from: '2026-01-31', to: '1769904000123' }, NOW), { warmUp: -Infinity, from: Date.parse('2026-01-31T00:00:00Z'), to: 1_769_904_000_123 });
  assert.deepEqual(timesOf({ from: '1h', to: '30m', warmup: '1d' }, NOW), { warmUp: NOW - 86_400_000, from: NOW - 3_600_000, to: NOW - 1_800_000 });
  assert.deepEqual(timesOf({ from: '2026-01-31T12:00:00Z', to: 'latest', warmup: 'none' }, NOW).warmUp, Date.parse('2026-01-31T12:00:00Z'));
});

test('what is no time, or a range the wrong way round, is bad usage', () => {
  for (const flags of [
    { from: 'yesterday', to: 'latest' }, { from: '5', to: 'latest' }, { from: 'latest', to: 'latest' }, { from: 'earliest', to: '2026-13-01' },
    { from: '2026-01-02', to: '2026-01-01' }, { from: '2026-01-01', to: '2026-01-01' }, { from: '2026-01-01', to: 'latest', warmup: '2026-01-02' },
  ]) assert.throws(() => timesOf(flags, NOW), UsageError, JSON.stringify(flags));
});
