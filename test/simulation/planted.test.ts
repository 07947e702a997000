// The planted bugs can be planted: they haven't rotted.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { hunt } from './planted-run.ts';
import { PLANTED, patchesOf, type Planted } from './planted.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Found by almost any seed: one of the fold, of the loop, and of a server's twin. */
const CANARIES = ['no dedupe', 'emission in a replay', 'offsets read before the fence'];

function planted(bug: Planted): string {
  let source = readFileSync(join(ROOT, bug.file), 'utf8');
  for (const { was, becomes } of patchesOf(bug)) {
    assert.equal(source.split(was).length - 1, 1, `${bug.name}: expected once in ${bug.file}: ${was}`);
    source = source.replace(was, () => becomes);
  }
  return source;
}

test('there are at least 20 bugs, each of its own name', () => {
  assert.ok(PLANTED.length >= 20);
  assert.equal(new Set(PLANTED.map(({ name }) => name)).size, PLANTED.length);
});

test('each bug has its place in its file exactly once, and leaves a source that can be read', () => {
  for (const bug of PLANTED) assert.doesNotThrow(() => stripTypeScriptTypes(planted(bug)), bug.name);
});

for (const name of CANARIES) {
  test(`a canary must fail: ${name}`, { timeout: 600_000 }, async () => {
    const bug = PLANTED.find((each) => each.name.startsWith(name));
    assert.ok(bug !== undefined);
    const { seeds, problem } = await hunt(bug, { first: 1, seeds: 100, events: 1_000, workers: 1 });
    assert.ok(seeds !== null, 'not found');
    assert.match(problem, /^(?:lost|duplicated|different|reordered|unseen|aborted read|ahead|broken)/);
  });
}
