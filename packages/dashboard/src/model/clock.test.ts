import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOf, fromNow, isoTime, localTime, spanOf, timeOfDay, utcTime } from './clock.ts';

const AT = Date.UTC(2026, 2, 1, 13, 3, 7, 50);

test('UTC is told in full, to the millisecond', () => {
  assert.equal(utcTime(AT), '2026-03-01 13:03:07.050 UTC');
  assert.equal(isoTime(AT), '2026-03-01T13:03:07.050Z');
});

test('the day is left out on the day itself', () => {
  assert.equal(localTime(AT, AT + 1_000), timeOfDay(AT));
  assert.equal(localTime(AT, AT + 3 * 86_400_000), `${dayOf(AT)} ${timeOfDay(AT)}`);
  assert.match(timeOfDay(AT), /^\d\d:\d3?\d?:07\.050$/);
});

test('a span is told in two units at most', () => {
  assert.deepEqual([0, 412, 1_000, 4_250, 12_900, 60_000, 299_000, 7_380_000, 273_600_000].map(spanOf),
    ['0 ms', '412 ms', '1 s', '4.2 s', '12 s', '1 min', '4 min 59 s', '2 h 3 min', '3 d 4 h']);
});

test('a time is before, now or to come', () => {
  assert.deepEqual([-3_000, 200, 125_000].map((ms) => fromNow(AT + ms, AT)), ['3 s ago', 'now', 'in 2 min 5 s']);
});
