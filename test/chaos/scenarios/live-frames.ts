// A million damaged frames between the right ones, over real sockets.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../judge.ts';
import { launchScript } from '../launch.ts';
import { killed, type Counts, type Scenario } from '../world.ts';

const SCRIPT = join(import.meta.dirname, '../frames/main.ts');
const FRAMES = { thorough: 1_000_000, quick: 10_000 };
/** One that takes longer hangs. */
const LIMIT_MS = 60 * 60_000;

export const mutatedFrames: Scenario = {
  name: 'mutated frames',
  promise: 'A million damaged frames neither end a feed nor hold it up, and hide no right one.',
  rounds: 1,
  elsewhere: '`fuzz.test.ts` feeds a hundred thousand, without sockets',
  run: async (world, rounds) => {
    const counts: Counts = {};
    for (let round = 0; round < rounds; round += 1) {
      const { seed } = world.next();
      const more = await seeded(seed, async () => await oneRound(seed, world.thorough ? FRAMES.thorough : FRAMES.quick));
      for (const [what, count] of Object.entries(more)) counts[what] = (counts[what] ?? 0) + count;
    }
    return counts;
  },
};

async function oneRound(seed: number, frames: number): Promise<Counts> {
  const running = launchScript(SCRIPT, [String(seed), String(frames)]);
  const timer = new AbortController();
  const late = sleep(LIMIT_MS, 'hangs', { signal: timer.signal }).catch(() => 'ended');
  const outcome = await Promise.race([running.ended.then(() => 'ended'), late]);
  timer.abort();
  await killed(running);
  const { code, stderr } = await running.ended;
  assert.deepEqual([outcome, code], ['ended', 0], stderr);
  return countsIn(stderr.trimEnd().split('\n').at(-1) ?? '');
}

/* Written by the script. */
function countsIn(line: string): Counts {
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions
  return JSON.parse(line) as Counts;
}
