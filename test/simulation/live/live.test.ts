import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryLaws } from './test-thread.ts';

for (const part of ['network', 'runs', 'subscribers']) {
  const outcomes = await tryLaws(new URL(`test-laws-${part}.ts`, import.meta.url));
  for (const [law, failure] of outcomes) {
    test(law, () => {
      assert.equal(failure, null, failure ?? '');
    });
  }
}
