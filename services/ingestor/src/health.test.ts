// When an ingestor is healthy, and when it is ready.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedStatus, WatchStatus } from '@fillstream/hyperliquid/live';
import { healthOf } from './health.ts';
import type { RosterStatus } from './roster.ts';

const NOW = 1_000_000;
const USAGE = { used: 0, limit: 1, waiting: 0 };

type Status = FeedStatus & RosterStatus & { readonly isSpilling: boolean; readonly sinceTickMs: number };

function statusOf(watches: readonly Partial<WatchStatus>[], some: Partial<Status> = {}): Status {
  return {
    capacity: 10, connections: USAGE, connects: USAGE, messages: USAGE, weight: USAGE, unknownCoins: 0, counts: {},
    addresses: watches.map((watch, place) => ({ address: `0x${String(place)}`, state: 'live', held: 0, queued: 0, isPaused: false, progress: null, ...watch })),
    isSpilling: false, sinceTickMs: 0, isLeader: false, listed: 1, withoutRoom: 0, answeredAt: NOW - 500, ...some,
  };
}

test('it is unhealthy only when records wait and none was written for a minute', () => {
  assert.equal(healthOf(statusOf([{ queued: 5 }]), NOW - 59_000, NOW).healthy, true);
  assert.equal(healthOf(statusOf([{}, { queued: 5 }]), NOW - 61_000, NOW).healthy, false);
  assert.equal(healthOf(statusOf([{}]), NOW - 3_600_000, NOW).healthy, true, 'nothing waits');
});

test('it is ready when the group answers, all it was given is live, time is told, and nothing is in the spill file', () => {
  assert.equal(healthOf(statusOf([{}]), NOW, NOW).ready, true);
  assert.equal(healthOf(statusOf([]), NOW, NOW).ready, true, 'it stands by');
  for (const state of ['connecting', 'holding', 'waiting'] as const) assert.equal(healthOf(statusOf([{}, { state }]), NOW, NOW).ready, false, state);
  assert.equal(healthOf(statusOf([{}], { isSpilling: true }), NOW, NOW).ready, false);
  assert.equal(healthOf(statusOf([{}], { sinceTickMs: 29_000 }), NOW, NOW).ready, true);
  assert.equal(healthOf(statusOf([{}], { sinceTickMs: 30_000 }), NOW, NOW).ready, false);
  assert.equal(healthOf(statusOf([{}], { answeredAt: null }), NOW, NOW).ready, false);
  assert.equal(healthOf(statusOf([{}], { answeredAt: NOW - 16_000 }), NOW, NOW).ready, false);
});
