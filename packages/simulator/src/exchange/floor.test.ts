import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Happening, Parcel } from './floor.ts';
import { Floor } from './floor.ts';

const START = 1_780_000_000_000;
const OPTIONS = { seed: 6, addresses: 3, startAt: START, ordersPerSecond: 40, shares: { duplicates: 0, lateFills: 0.1 } };

type Event = Happening | Parcel;

function floorOf(events: Event[], shares = OPTIONS.shares): Floor {
  const note = (event: Event): void => {
    events.push(event);
  };
  return new Floor({ ...OPTIONS, shares }, { happened: note, sent: note });
}

test('a fill is told when its time has come, not earlier, and before the frame that sends it', () => {
  const events: Event[] = [];
  const floor = floorOf(events);
  const happened = new Set<unknown>();
  let unsent = 0;
  for (let ms = 0; ms < 30_000; ms += 1) {
    events.length = 0;
    floor.advanceTo(START + ms);
    for (const event of events) {
      if ('at' in event) assert.equal(event.at, START + ms);
      if ('at' in event) happened.add(event.data);
      else if (event.kind === 'fills') for (const fill of event.fills) assert.ok(happened.has(fill));
    }
    if (events.some((event) => event.kind === 'fill') && !events.some((event) => event.kind === 'fills')) unsent += 1;
  }
  assert.ok(happened.size > 2_000 && unsent > 500);
});

test('in one long step too, a happening comes before the frames that are due after it', () => {
  const events: Event[] = [];
  floorOf(events).advanceTo(START + 60_000);
  const happened = new Set<unknown>();
  let latest = 0;
  for (const event of events) {
    if ('at' in event) {
      happened.add(event.data);
      assert.ok(event.at >= latest);
      latest = event.at;
    } else if (event.kind === 'fills') {
      for (const fill of event.fills) assert.ok(happened.has(fill) && fill.time <= latest);
    }
  }
});

test('steps of few records come as far as one of many', () => {
  const [whole, parts]: [Event[], Event[]] = [[], []];
  assert.equal(floorOf(whole).advanceTo(START + 20_000), true);
  const floor = floorOf(parts);
  let steps = 1;
  while (!floor.advanceTo(START + 20_000, 10)) steps += 1;
  assert.ok(steps > 50);
  assert.deepEqual(parts, whole);
});

test('a halt sends what has happened, late ones too, and nothing that would happen', () => {
  const events: Event[] = [];
  const floor = floorOf(events);
  floor.advanceTo(START + 20_000);
  floor.halt(START + 20_000);
  const happened = events.flatMap((event) => (event.kind === 'fill' ? [event.data] : []));
  const sent = events.flatMap((event) => (event.kind === 'fills' ? event.fills : []));
  assert.deepEqual(new Set(sent), new Set(happened));
  assert.equal(sent.length, happened.length);
  assert.ok(happened.every(({ time }) => time <= START + 20_000));
  const count = events.length;
  assert.equal(floor.advanceTo(START + 90_000), true);
  floor.halt(START + 90_000);
  assert.deepEqual([events.length, floor.nextAt], [count, Infinity]);
});
