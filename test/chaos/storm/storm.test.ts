// A short storm; `npm run chaos -- --storm` has the hour.
//
// TEST_SEED repeats a run's plan.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEED } from '../../end-to-end/journals.ts';
import { KINDS } from './plan.ts';
import { storm } from './storm.ts';

const SHORT = { minutes: 0.4, faults: KINDS.length + 1, brokers: 1, ordersPerSecond: 12, drainMs: Infinity } as const;

test('a short storm of every kind of fault loses, doubles and changes nothing, and all drains after it', async () => {
  const lines: string[] = [];
  const { findings, counts, clocks, ends } = await storm({ ...SHORT, seed: SEED, tell: (line) => lines.push(line) });
  if (!clocks) console.error('SKIPPED: no libfaketime is to be had here; NO clock went wrong in the storm');
  assert.deepEqual(findings, [], `seed ${String(SEED)}\n${lines.join('\n')}\n${ends.join('\n')}`);
  for (const what of ['fills', 'signals', 'commits', 'deliveries to clients']) assert.ok((counts[what] ?? 0) > 0, what);
});
