// One round of every reliability scenario that no other test does; `npm run chaos` has all of them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SEED } from '../end-to-end/journals.ts';
import { SCENARIOS } from './scenarios.ts';
import { World } from './world.ts';

/** Most of them mostly wait. */
const AT_ONCE = 3;
let world: World | null = null;

before(async () => {
  world = await World.start({ name: 'chaos', seed: SEED, thorough: false });
});

after(async () => {
  await world?.close();
});

describe('reliability', { concurrency: AT_ONCE }, () => {
  for (const { name, promise, run } of SCENARIOS.filter(({ elsewhere }) => elsewhere === undefined)) {
    test(`${name}: ${promise}`, async () => {
      assert.ok(world !== null);
      const counts = await run(world, 1);
      assert.ok(Object.values(counts).every((count) => count > 0), `${name}: ${JSON.stringify(counts)}`);
    });
  }
});
