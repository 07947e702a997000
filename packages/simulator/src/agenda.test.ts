import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Agenda } from './agenda.ts';

test('entries leave by time, and within one time in the order in which they came', () => {
  fc.assert(fc.property(fc.array(fc.nat(20)), (times) => {
    const agenda = new Agenda<readonly [number, number]>();
    times.forEach((at, arrival) => agenda.add(at, [at, arrival]));
    const left = times.map(() => agenda.take());
    const sorted = times.map((at, arrival) => [at, arrival] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    assert.deepEqual(left, sorted);
    assert.equal(agenda.nextAt, Infinity);
  }));
});
