// A consumer whose wall clock is set back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from 'kafkajs';
import { enduring } from './enduring.ts';

test('a consumer begins anew when the wall clock goes back, as its heartbeats would wait for that time', async (t) => {
  const calls: string[] = [];
  const noted = (name: string) => async () => {
    calls.push(name);
    await Promise.resolve();
  };
  const consumer = { on: () => () => undefined, events: { CRASH: 'crash' }, run: noted('run'), stop: noted('stop'), disconnect: noted('disconnect') };
  const reading = enduring(consumer as unknown as Consumer, 'the consumer', {}, (error) => assert.fail(error));
  const right = Date.now;
  t.after(() => {
    Date.now = right;
  });
  await reading.run();
  Date.now = () => right() + 3_600_000;
  await sleep(1_200);
  assert.deepEqual(calls, ['run']);
  Date.now = right;
  while (calls.length < 3) await sleep(50);
  await reading.end();
  assert.deepEqual(calls, ['run', 'stop', 'run', 'disconnect']);
});
