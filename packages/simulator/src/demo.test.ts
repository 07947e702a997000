import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DemoBatch, DemoCursor, DemoOptions, FillRecord, JournalRecord } from './index.ts';
import { demoFeed } from './index.ts';

const START = 1_780_000_000_000;

/** A clock that moves only when the feed sleeps. */
class Clock {
  at: number;
  constructor(at: number) {
    this.at = at;
  }

  options(from?: DemoCursor): DemoOptions {
    const sleep = (ms: number): Promise<void> => {
      this.at += ms;
      return Promise.resolve();
    };
    return { seed: 5, now: () => this.at, sleep, ratePerSecond: 50, ...(from === undefined ? {} : { from }) };
  }
}

async function run(options: DemoOptions, until: (batch: DemoBatch) => boolean): Promise<readonly DemoBatch[]> {
  const batches: DemoBatch[] = [];
  for await (const batch of demoFeed(options)) {
    batches.push(batch);
    if (until(batch)) break;
  }
  return batches;
}

const after = (count: number) => (batch: DemoBatch): boolean => batch.cursor.records >= count;
const recordsOf = (batches: readonly DemoBatch[]): readonly JournalRecord[] => batches.flatMap((batch) => batch.records);
const marketOf = (records: readonly JournalRecord[]): readonly JournalRecord[] =>
  records.filter((record) => record.kind !== 'tick');
const fillsOf = (records: readonly JournalRecord[]): readonly FillRecord[] => records.filter((record) => record.kind === 'fill');

// What no clock moves: all but the times.
function timeless(record: JournalRecord): unknown {
  return JSON.parse(JSON.stringify(record), (key, value: unknown) =>
    ['receivedAt', 'time', 'timestamp', 'statusTimestamp'].includes(key) ? 0 : value);
}

test('records come at about the rate asked for, stamped with the clock, with a tick each second', async () => {
  const clock = new Clock(START);
  const records = recordsOf(await run(clock.options(), after(20_000)));
  const seconds = (clock.at - START) / 1_000;
  assert.ok(Math.abs(marketOf(records).length / seconds - 50) < 5, `${marketOf(records).length / seconds} a second`);
  const ticks = records.length - marketOf(records).length;
  assert.ok(ticks > seconds * 0.95 && ticks <= seconds);
  records.reduce((before, record) => {
    assert.ok(record.receivedAt >= before.receivedAt && record.receivedAt <= clock.at);
    return record;
  });
  for (const { data, receivedAt } of fillsOf(records)) assert.ok(data.time < receivedAt && data.time >= START);
});

test('a feed stopped anywhere and started from its cursor gives what an undisturbed one gives', async () => {
  const whole = marketOf(recordsOf(await run(new Clock(START).options(), after(6_000))));
  const parts: JournalRecord[] = [];
  let cursor: DemoCursor | undefined;
  let at = START;
  for (const stop of [1, 137, 1_500, 1_501, 4_000, 6_000]) {
    const clock = new Clock(at);
    const batches = await run(clock.options(cursor), after(stop));
    parts.push(...marketOf(recordsOf(batches)));
    cursor = batches.at(-1)?.cursor;
    assert.deepEqual(JSON.parse(JSON.stringify(cursor)), cursor);
    at = clock.at + 86_400_000;
  }
  const length = Math.min(whole.length, parts.length);
  assert.ok(length >= 6_000);
  assert.deepEqual(parts.slice(0, length).map(timeless), whole.slice(0, length).map(timeless));
});

test('a fill repeated after a restart is the same fill to the letter', async () => {
  const shares = { duplicates: 0.5 };
  const first = await run({ ...new Clock(START).options(), shares }, after(3_000));
  const cursor = first.at(-1)?.cursor;
  const second = await run({ ...new Clock(START + 7_200_000).options(cursor), shares }, after(6_000));
  const known = new Map(fillsOf(recordsOf(first)).map((fill) => [fill.data.tid, JSON.stringify(fill.data)]));
  const again = fillsOf(recordsOf(second)).filter((fill) => known.has(fill.data.tid));
  assert.ok(again.length > 0);
  for (const fill of again) assert.equal(JSON.stringify(fill.data), known.get(fill.data.tid));
});

test('receivedAt never decreases over a restart with a clock that was set back', async () => {
  const first = recordsOf(await run(new Clock(START).options(), after(500)));
  const cursor = (await run(new Clock(START).options(), after(500))).at(-1)?.cursor;
  const second = recordsOf(await run(new Clock(START - 60_000).options(cursor), after(600)));
  assert.ok((second[0]?.receivedAt ?? 0) >= (first.at(-1)?.receivedAt ?? Infinity));
});

test('a machine that slept for a day goes on without a flood', async () => {
  const clock = new Clock(START);
  let slept = false;
  const batches = await run(clock.options(), (batch) => {
    if (!slept && batch.cursor.records > 500) {
      slept = true;
      clock.at += 86_400_000;
    }
    return batch.cursor.records > 2_000;
  });
  assert.ok(batches.every((batch) => batch.records.length < 500));
});

test('a feed ends by its signal', async () => {
  const stop = new AbortController();
  let batches = 0;
  for await (const batch of demoFeed({ ...new Clock(START).options(), signal: stop.signal })) {
    batches += 1;
    if (batch.cursor.records > 10) stop.abort();
  }
  assert.ok(batches > 0);
});

test('a cursor of another market is refused', async () => {
  const cursor = (await run(new Clock(START).options(), after(10))).at(-1)?.cursor;
  await assert.rejects(run({ ...new Clock(START).options(cursor), seed: 6 }, after(20)), /expected a cursor of market 6-/);
});
