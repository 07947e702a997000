// Health is progress, readiness is work.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Standing } from '@fillstream/runtime';
import { healthOf, type HealthFacts } from './health.ts';

const NOW = 1_000_000;
const FACTS: HealthFacts = { answeredAt: NOW - 1_000, silentMs: 60_000, standings: new Map(), stalledMs: new Map() };

function at(stage: Standing['stage'], progressAt: number): Standing {
  return { stage, progressAt, replayed: 0 };
}

test('it is ready while the group answers and it works on all that it has', () => {
  assert.equal(healthOf({ ...FACTS, answeredAt: null }, NOW).ready, false);
  assert.equal(healthOf({ ...FACTS, answeredAt: NOW - 60_000 }, NOW).ready, false);
  assert.equal(healthOf(FACTS, NOW).ready, true);
  assert.equal(healthOf({ ...FACTS, standings: new Map([[0, at('working', NOW)], [1, at('taking over', NOW)]]) }, NOW).ready, false);
});

test('it is healthy while everything got on within the last minute', () => {
  assert.equal(healthOf({ ...FACTS, standings: new Map([[0, at('taking over', NOW - 59_000)]]) }, NOW).healthy, true);
  const { healthy, partitions } = healthOf({ ...FACTS, standings: new Map([[0, at('working', NOW)], [7, at('working', NOW - 60_000)]]) }, NOW);
  assert.equal(healthy, false);
  assert.deepEqual(partitions[1], { partition: 7, stage: 'working', replayed: 0, sinceProgressMs: 60_000, stalledMs: 0 });
});

test('a loop that turns while records wait for a minute is not well', () => {
  const standings = new Map([[0, at('working', NOW)]]);
  assert.equal(healthOf({ ...FACTS, standings, stalledMs: new Map([[0, 59_000]]) }, NOW).healthy, true);
  assert.equal(healthOf({ ...FACTS, standings, stalledMs: new Map([[0, 60_000]]) }, NOW).healthy, false);
  const replaying = new Map([[0, at('taking over', NOW)]]);
  assert.equal(healthOf({ ...FACTS, standings: replaying, stalledMs: new Map([[0, 600_000]]) }, NOW).healthy, true);
});
