// Health is progress, readiness is work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Standing } from '@fillstream/runtime';
import { healthOf } from './health.ts';

const NOW = 1_000_000;

function at(stage: Standing['stage'], progressAt: number): Standing {
  return { stage, progressAt, replayed: 0 };
}

test('it is ready when it has joined and works on all that it has', () => {
  assert.equal(healthOf(false, new Map(), NOW).ready, false);
  assert.equal(healthOf(true, new Map(), NOW).ready, true);
  assert.equal(healthOf(true, new Map([[0, at('working', NOW)], [1, at('taking over', NOW)]]), NOW).ready, false);
});

test('it is healthy while everything got on within the last minute', () => {
  assert.equal(healthOf(true, new Map([[0, at('taking over', NOW - 59_000)]]), NOW).healthy, true);
  const { healthy, partitions } = healthOf(true, new Map([[0, at('working', NOW)], [7, at('working', NOW - 60_000)]]), NOW);
  assert.equal(healthy, false);
  assert.deepEqual(partitions[1], { partition: 7, stage: 'working', replayed: 0, sinceProgressMs: 60_000 });
});
