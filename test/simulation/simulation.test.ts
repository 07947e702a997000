// The simulation itself: a thousand seeds without a failure, and the proof that one would be found.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { campaign, type CampaignOptions } from './campaign.ts';
import { neverHappened } from './coverage.ts';
import { summaryOf } from './simulate.ts';

const RUN = { events: 2_000, only: null, skipFaults: [], keepTrace: false } as const;
const WORKERS = 2;

const BASE: CampaignOptions = { first: 1, seeds: 1_000, workers: WORKERS, patches: [], shrinks: 3, run: RUN };

/** Leaves the first signal of a commit out, once in a while. */
const DROPPED_SIGNAL = {
  file: 'test/simulation/partition-log.ts',
  was: '...commit.signals.map(signalRecord),',
  becomes: '...commit.signals.slice(commit.to.position.offsets[0] === 300 || commit.signals.length > 8 ? 1 : 0).map(signalRecord),',
};

test('a thousand seeds of two thousand events have no anomaly, and twice the same log', async () => {
  const outcome = await campaign(BASE);
  console.log(summaryOf(outcome));
  assert.deepEqual(outcome.failures.map(({ problem, command }) => `${problem}; repeat it: ${command}`), []);
  assert.equal(outcome.seeds, BASE.seeds);
  assert.ok(outcome.twice >= BASE.seeds / 100);
  assert.deepEqual(neverHappened(outcome.counts), [], 'what never happened');
});

test('a signal that is dropped is found, made small, and told with the line that repeats it', async () => {
  const outcome = await campaign({ ...BASE, seeds: 200, patches: [DROPPED_SIGNAL], shrinks: 1, stopAtFailure: true, run: { ...RUN, only: 'journal' } });
  const [failure] = outcome.failures;
  assert.ok(failure !== undefined);
  assert.match(failure.problem, /^lost: signal/);
  const [, seed = '', events = ''] = /--seed (\d+) --seeds 1 --only journal --events (\d+)/.exec(failure.command) ?? [];
  assert.equal(Number(seed), failure.seed);
  assert.ok(Number(events) < RUN.events);
});

test('the same seed gives the same run, another seed another', async () => {
  const hashes = async (first: number): Promise<readonly string[]> => {
    const found: string[] = [];
    await campaign({ ...BASE, first, seeds: 1, run: { ...RUN, events: 300 }, onResult: ({ hash }) => found.push(hash) });
    return found;
  };
  assert.deepEqual(await hashes(7), await hashes(7));
  assert.notDeepEqual(await hashes(7), await hashes(8));
});

test('a patch that no longer fits its source is an error, not a run without it', async () => {
  const patches = [{ file: 'packages/runtime/src/loop.ts', was: 'no such text', becomes: '' }];
  await assert.rejects(campaign({ ...BASE, seeds: 1, patches, run: RUN }), /fits 0 times/);
});
