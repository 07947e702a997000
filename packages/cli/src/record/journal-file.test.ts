// A journal that grows: what is on disk after each call, and what a file that is there is taken for.

import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { JournalError } from '@fillstream/hyperliquid';
import type { InputRecord } from '@fillstream/hyperliquid/live';
import { JournalFile } from './journal-file.ts';

const ADDRESS = `0x${'ab'.repeat(20)}`;
const OTHER = `0x${'cd'.repeat(20)}`;
const T0 = 1_760_000_000_000;

function fillOf(tid: number, time: number, address = ADDRESS): InputRecord {
  return { kind: 'fill', address, receivedAt: T0, source: 'ws', data: { tid, time } };
}

function pathFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-journal-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'live.ndjson');
}

const linesIn = (path: string): unknown[] => readFileSync(path, 'utf8').split('\n').slice(0, -1).map((line): unknown => JSON.parse(line));

test('lines stand in the order of the calls, whoever waits for them', async (t) => {
  const path = pathFor(t);
  const journal = await JournalFile.open(path);
  const records = Array.from({ length: 500 }, (_, place) => fillOf(place, T0 + place));
  const calls = records.map(async (record, place) => {
    if (place % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    await (place % 3 === 0 ? journal.tick(T0 + place) : journal.append([record]));
    assert.ok(readFileSync(path, 'utf8').includes(place % 3 === 0 ? `"receivedAt":${T0 + place}}` : JSON.stringify(record)));
  });
  await Promise.all(calls);
  await journal.append([fillOf(500, T0), fillOf(501, T0)]);
  await journal.close();
  assert.equal(linesIn(path).length, 502);
  assert.deepEqual(linesIn(path).slice(-2), [fillOf(500, T0), fillOf(501, T0)]);
  const tids = linesIn(path).flatMap((line) => ((line as InputRecord).kind === 'fill' ? [(line as { data: { tid: number } }).data.tid] : []));
  const inTime = tids.filter((tid) => tid % 7 !== 0);
  assert.deepEqual(inTime, inTime.toSorted((a, b) => a - b));
});

test('progress is that of the last fill of each address, with all tids of its millisecond; wrong times don\'t count', async (t) => {
  const path = pathFor(t);
  const first = await JournalFile.open(path);
  assert.equal(await first.progress(ADDRESS), null);
  await first.append([fillOf(1, T0), fillOf(2, T0 + 5), fillOf(3, T0 + 5), fillOf(4, T0 + 1), fillOf(5, 9e15), fillOf(6, T0 + 9, OTHER.toUpperCase().replace('X', 'x'))]);
  await first.close();
  const next = await JournalFile.open(path);
  assert.deepEqual(await next.progress(ADDRESS), { lastFillAt: T0 + 5, tids: [2, 3] });
  assert.deepEqual(await next.progress(OTHER), { lastFillAt: T0 + 9, tids: [6] });
  await next.close();
});

for (const [name, tail, kept] of [
  ['half a record', '{"kind":"fill","addr', 1], ['a record without its newline', '{"kind":"tick","receivedAt":1760000000000}', 2], ['zeros', '\0\0\0\0', 1],
] as const) {
  test(`a last line of ${name} leaves whole lines, and what follows stands on its own`, async (t) => {
    const path = pathFor(t);
    writeFileSync(path, `${JSON.stringify(fillOf(1, T0))}\n${tail}`);
    const journal = await JournalFile.open(path);
    await journal.tick(T0 + 7);
    await journal.close();
    assert.equal(linesIn(path).length, kept + 1);
    assert.deepEqual(linesIn(path).at(-1), { kind: 'tick', receivedAt: T0 + 7 });
  });
}

test('a first record that was torn is begun anew', async (t) => {
  for (const torn of ['{', '{"kind":"f']) {
    const path = pathFor(t);
    writeFileSync(path, torn);
    const journal = await JournalFile.open(path);
    await journal.tick(T0);
    await journal.close();
    assert.deepEqual(linesIn(path), [{ kind: 'tick', receivedAt: T0 }]);
  }
});

test('a file with anything else in it is refused, and stays as it is', async (t) => {
  const path = pathFor(t);
  writeFileSync(path, `${JSON.stringify(fillOf(1, T0))}\n`);
  appendFileSync(path, 'a note\n{"kind":"tick"}');
  const before = readFileSync(path);
  await assert.rejects(JournalFile.open(path), (error) => error instanceof JournalError && error.message.includes('line 2 is no record'));
  writeFileSync(path, 'no journal');
  await assert.rejects(JournalFile.open(path), JournalError);
  assert.deepEqual([before.length > 0, readFileSync(path, 'utf8')], [true, 'no journal']);
});

test('after a write that failed nothing is written any more', async (t) => {
  const path = pathFor(t);
  const journal = await JournalFile.open(path);
  await journal.tick(T0);
  await journal.close();
  await assert.rejects(journal.tick(T0 + 1), { name: 'PortError' });
  await assert.rejects(journal.append([fillOf(1, T0)]), { name: 'PortError' });
  assert.equal(linesIn(path).length, 1);
});
