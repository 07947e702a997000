// The page of an order, from a journal: its text is the one in docs/operate.md.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { DEFAULT_SETTINGS, type Address, type Oid, type Settings } from '@fillstream/core';
import { openJournalHistory } from './journal-history.ts';
import { orderPage } from './order-page.ts';
import { storyOf, type Story } from './story.ts';

const ADDRESS = `0x${'a1'.repeat(20)}` as Address;
const AT = 1_760_000_000_000;

function fill(at: number, tid: number, more: object = {}, source?: string): object {
  const data = { coin: 'BTC', px: '100', sz: '1', side: 'B', time: AT + at - 40, startPosition: '0', dir: 'Open Long', oid: 1, tid, ...more };
  return { kind: 'fill', address: ADDRESS, receivedAt: AT + at, data, ...(source === undefined ? {} : { source }) };
}

function status(at: number, name: string, sz: string, origSz = '3'): object {
  return { kind: 'orderUpdate', address: ADDRESS, receivedAt: AT + at, data: { order: { coin: 'BTC', side: 'B', sz, oid: 1, origSz }, status: name, statusTimestamp: AT + at - 30 } };
}

function tick(at: number): object {
  return { kind: 'tick', receivedAt: AT + at };
}

async function storyFrom(lines: readonly (object | string)[], settings: Settings = DEFAULT_SETTINGS): Promise<Story> {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-story-'));
  try {
    const path = join(folder, 'day.ndjson');
    writeFileSync(path, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
    const history = await openJournalHistory([path]);
    const story = await storyOf({ address: ADDRESS, oid: 1 as Oid, settings, history, remembered: null });
    await history.close();
    return { ...story, about: 'day.ndjson' };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function reasonsOf(lines: readonly object[], settings?: Settings): Promise<string[]> {
  return (await storyFrom(lines, settings)).events.flatMap((event) => (event.kind === 'signal' ? [event.why] : []));
}

const EXAMPLE = [
  status(10, 'open', '3'), fill(100, 11, {}, 'ws'), fill(200, 12, { startPosition: '1' }, 'ws'), fill(210, 12, { startPosition: '1' }, 'snapshot'),
  status(250, 'filled', '0'), tick(6_000), fill(7_000, 13, { startPosition: '2' }, 'repair'),
];

test('the page in the documentation is what explain prints', async () => {
  const page = stripVTControlCharacters(orderPage(await storyFrom(EXAMPLE)));
  const documented = readFileSync(join(import.meta.dirname, '../../../../docs/operate.md'), 'utf8');
  assert.ok(documented.includes(page), page);
});

test('a signal says why it went out just then', async () => {
  assert.match((await reasonsOf([fill(0, 1), status(10, 'filled', '0', '1')])).join(), /^went out at once: the status `filled` says that 1 was filled, and the fills sum to just that$/);
  assert.match((await reasonsOf([status(0, 'filled', '0', '1'), fill(10, 1)])).join(), /^went out at once: with this fill the sum is 1/);
  assert.match((await reasonsOf([fill(0, 1), status(10, 'filled', '0')])).join(), /^went out 5 s after the status `filled` came, because the fills sum to 1 of the 3 /);
  assert.match((await reasonsOf([status(0, 'filled', '0'), fill(10, 7)])).join(), /^went out 5 s after the fill with tid 7 came, because/);
  assert.match((await reasonsOf([fill(0, 1, { sz: '4' }), status(10, 'filled', '0')])).join(), /the fills sum to 4, more than the 3 /);
  assert.match((await reasonsOf([fill(0, 1), tick(300_000)])).join(), /^went out 5 min after the first fill that no signal had counted, because no status/);
  assert.match((await reasonsOf([fill(0, 1, { twapId: 9 })])).join(), /^went out 2 s after its only fill, because no status will tell/);
  assert.match((await reasonsOf([fill(0, 1, { twapId: 9 }), fill(500, 2, { twapId: 9, startPosition: '1' })])).join(), /^went out 2 s after its last fill, 2.5 s after the first that/);
});

test('a fill after a signal is told as the reason of the revision, and as none where late fills are dropped', async () => {
  const lines = [fill(0, 1), tick(300_000), fill(300_100, 2, { startPosition: '1' }), status(300_200, 'filled', '0', '2')];
  assert.match((await reasonsOf(lines))[1] ?? '', /^went out at once: the status.*; revision 2, as a fill came after revision 1$/);
  const settings: Settings = { ...DEFAULT_SETTINGS, lateFills: 'drop' };
  assert.equal((await reasonsOf(lines, settings)).length, 1);
  const story = await storyFrom(lines, settings);
  assert.ok(story.events.some(({ why }) => /no revision follows \(lateFills is drop\)/.test(why)));
});

test('of two statuses it is told which one is kept, and why', async () => {
  const statuses = async (lines: readonly object[]): Promise<string[]> => (await storyFrom(lines)).events.flatMap((event) => (event.kind === 'record' ? [`${event.verdict.kind}: ${event.why}`] : []));
  const [, later, earlier] = await statuses([status(0, 'canceled', '1'), status(5, 'filled', '0'), status(1, 'canceled', '1')]);
  assert.match(later ?? '', /^won: kept instead of `canceled`, as it is the later one/);
  assert.match(earlier ?? '', /^lost: without effect: the status `filled` stays, as it is the later one/);
  const [, same] = await statuses([status(0, 'filled', '0'), status(0, 'filled', '0')]);
  assert.match(same ?? '', /^same: a repeat/);
});

test('what can\'t be read, and still names the order, is on its page', async () => {
  const { events } = await storyFrom([fill(0, 1, { px: 5 }), fill(10, 2, { dir: 'Net Child Vaults' }), fill(20, 3, { dir: 'Frobnicate' }), '{"kind":']);
  assert.deepEqual(events.map((event) => (event.kind === 'record' ? event.verdict : null)), [
    { kind: 'refused', reason: 'malformed' }, { kind: 'noTrade' }, { kind: 'refused', reason: 'unknown-dir' },
  ]);
});

test('text of the exchange\'s can\'t change the terminal', async () => {
  const page = orderPage(await storyFrom([fill(0, 1, { dir: 'Open\u001b[2J\u202e Long', coin: '\u001b]0;x\u0007' })]));
  assert.doesNotMatch(page.replace(/\u001b\[\d+m/g, ''), /[\u001b\u0007\u202e]/);
});

test('an order that nothing speaks of is told so', async () => {
  const story = await storyFrom([tick(0)]);
  assert.deepEqual([story.events, story.now], [[], 'nothing of this order is in the log']);
});

test('of many fills that just add up, the page shows the first and the last; all of them when asked', async () => {
  const fills = Array.from({ length: 55 }, (_, place) => fill(place, place + 1, { startPosition: String(place) }));
  const story = await storyFrom([...fills, status(100, 'filled', '0', '55')]);
  const [page, all] = [orderPage(story), orderPage(story, { all: true })].map(stripVTControlCharacters);
  assert.deepEqual(page?.match(/tid \d+|\d+ more fills/g), ['tid 1', 'tid 2', '52 more fills', 'tid 55']);
  assert.equal(all?.match(/tid \d+/g)?.length, 55);
  assert.equal(page?.match(/deadline/g)?.length, 2);
  const six = stripVTControlCharacters(orderPage(await storyFrom([...fills.slice(0, 6), status(100, 'filled', '0', '6')])));
  assert.equal(six.match(/tid \d+/g)?.length, 6);
});
