// Some hundred cases for each reader of bytes from outside, of a new seed each time, and all cases that ever failed.
//
// `npm run fuzz -- --runs N --seed S --only NAME` repeats what failed here, and keeps the case.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { runGuarded, type Job, type Outcome } from './guarded.ts';
import { TARGETS } from './targets/all.ts';

const RUNS = 100;
const CORPUS = join(import.meta.dirname, 'corpus');

async function outcomesOf(job: Job): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await runGuarded(job, TARGETS.map(({ name }) => name), (outcome) => outcomes.push(outcome));
  return outcomes;
}

test('every case that ever failed is met as it should be', async () => {
  const files = readdirSync(CORPUS).flatMap((target) => readdirSync(join(CORPUS, target)).map((name) => ({ target, path: join(CORPUS, target, name) })));
  const outcomes = await outcomesOf({ kind: 'replay', files });
  assert.deepEqual(outcomes.flatMap(({ target, file, failure }) => (failure === null ? [] : [`${target} ${String(file)}: ${failure.message}`])), []);
  assert.equal(outcomes.length, files.length);
});

suite('whatever comes', async () => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const outcomes = await outcomesOf({ kind: 'fuzz', runs: RUNS, seed, only: [] });
  for (const { name, law } of TARGETS) {
    test(law, () => {
      const failure = outcomes.find(({ target, failure: found }) => target === name && found !== null)?.failure ?? null;
      assert.equal(failure, null, `${failure?.message ?? ''}\nrepeat: npm run fuzz -- --runs ${RUNS} --seed ${seed} --only ${name}`);
      assert.ok(outcomes.some(({ target }) => target === name), 'it was not run');
    });
  }
});
