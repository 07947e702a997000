// The short form of `npm run soak`: nothing that is kept grows with the records that pass, faults or not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grownIn, type Sample } from './measure.ts';
import { leaking, soak, type Kind } from './part.ts';
import { KINDS } from './parts/all.ts';
import { RUNTIME } from './parts/runtime.ts';

async function grown(kind: Kind): Promise<string[]> {
  const { slopes } = await soak(kind, (steps) => steps >= kind.shortSteps);
  return slopes.filter(({ growth, allowed }) => growth > allowed).map(({ what, slope, growth }) => `${what} grows by ${slope.toFixed(2)} a record, by ${growth.toFixed(0)} in all`);
}

for (const kind of KINDS) {
  test(`${kind.name}: memory and descriptors are flat under load and faults`, async () => {
    assert.deepEqual(await grown(kind), []);
  });
}

test('what is kept of each record is found', async () => {
  assert.match((await grown(leaking(RUNTIME))).join(), /heap grows/);
});

test('descriptors that are left open are found, and a few samples that are off hide nothing', () => {
  const samples = Array.from({ length: 20 }, (_, place): Sample => (
    { work: place * 1_000, heap: 20_000_000 + (place % 5 === 0 ? 5_000_000 : 0), external: 1_000_000, descriptors: 20 + 3 * place, resources: 5 }
  ));
  assert.deepEqual(grownIn(samples).map(({ what }) => what), ['descriptors']);
});
