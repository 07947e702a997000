// How what was received is handed out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Handout, type Delivery } from './handout.ts';
import { testSignal } from './test-signals.ts';

function delivery(oid: number): Delivery {
  return { cursor: `c${String(oid)}`, signal: testSignal(oid), live: true };
}

async function oidOf(handout: Handout): Promise<number | undefined> {
  return (await handout.take()).value?.signal.oid;
}

test('who waits gets what comes, in order, and the cursor follows what was handed out', async () => {
  const handout = new Handout(() => undefined);
  const asked = [oidOf(handout), oidOf(handout)];
  for (const oid of [1, 2, 3]) handout.push(delivery(oid));
  assert.deepEqual([await Promise.all(asked), handout.cursor, handout.size], [[1, 2], 'c2', 1]);
  handout.progress('p9');
  assert.equal(handout.cursor, 'c2');
  assert.deepEqual([await oidOf(handout), handout.cursor, handout.isOver], [3, 'p9', false]);
});

test('an error comes behind what is left, once; then it is at its end', async () => {
  const handout = new Handout(() => undefined);
  handout.push(delivery(1));
  handout.end(new Error('so it is'));
  handout.end(new Error('too late'));
  assert.equal(await oidOf(handout), 1);
  await assert.rejects(handout.take(), /so it is/);
  assert.equal((await handout.take()).done, true);
});

test('a stop lets go of what is left, and of an error', async () => {
  const handout = new Handout(() => undefined);
  handout.push(delivery(1));
  handout.end(new Error('so it is'));
  handout.stop();
  assert.deepEqual([(await handout.take()).done, handout.cursor, handout.isOver], [true, null, true]);
});

test('many signals are held and handed out in order, with takes in between', async () => {
  const handout = new Handout(() => undefined);
  const taken: (number | undefined)[] = [];
  for (let oid = 0; oid < 1_000; oid += 1) {
    handout.push(delivery(oid));
    if (oid % 3 !== 0) taken.push(await oidOf(handout));
  }
  while (handout.size > 0) taken.push(await oidOf(handout));
  assert.deepEqual(taken, Array.from({ length: 1_000 }, (_, oid) => oid));
});
