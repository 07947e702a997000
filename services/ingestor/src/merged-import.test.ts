// Journals and a node's files as records of the topics.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { decodeInput, type EncodedInput } from '@fillstream/schemas';
import { importMerged, type Imported } from './merged-import.ts';

const START_AT = 1_760_000_000_000;
const [A, B] = [`0x${'a1'.repeat(20)}`, `0x${'b2'.repeat(20)}`];
const folder = mkdtempSync(join(tmpdir(), 'fillstream-import-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, values: readonly unknown[]): string {
  const path = join(folder, name);
  writeFileSync(path, values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join(''));
  return path;
}

function fill(user: string, second: number): unknown {
  return [user, { coin: 'BTC', px: '1', sz: '1', side: 'B', time: START_AT + second * 1_000, startPosition: '0', dir: 'Open Long', oid: second, tid: second }];
}

function block(second: number, events: readonly unknown[]): unknown {
  return { block_time: new Date(START_AT + second * 1_000).toISOString(), block_number: second, events };
}

function status(user: string, second: number): unknown {
  return { time: new Date(START_AT + second * 1_000).toISOString(), user, status: 'open', order: { coin: 'BTC', side: 'B', sz: '1', oid: second, origSz: '1' } };
}

async function imported(options: Pick<Parameters<typeof importMerged>[0], 'paths' | 'nodeFiles' | 'addresses'>): Promise<{ readonly told: Imported; readonly records: readonly EncodedInput[] }> {
  const records: EncodedInput[] = [];
  const append = async (batch: readonly EncodedInput[]): Promise<void> => {
    await Promise.resolve();
    records.push(...batch);
  };
  const told = await importMerged({ ...options, append, endAfterMs: 60_000, stop: new AbortController().signal });
  return { told, records };
}

function secondsOf(records: readonly EncodedInput[], topic: EncodedInput['topic']): (number | null)[] {
  return records.filter((record) => record.topic === topic && record.kind !== 'tick').map(({ timestamp }) => timestamp === null ? null : (timestamp - START_AT) / 1_000);
}

suite('importMerged', () => {
  const fills = file('fills', [block(1, [fill(A, 1), fill(B, 1)]), block(4, [fill(A, 4)]), fill(B, 6)]);
  const statuses = file('statuses', [status(A, 2), status(B, 3), status(A, 5)]);
  const journal = file('journal', [{ kind: 'account', address: A, receivedAt: START_AT, data: { time: START_AT, accountValue: '1' } }, { kind: 'tick', receivedAt: START_AT + 3_500 }]);

  test('puts all of them in ascending time on each topic, with ticks before them, and one at the end', async () => {
    const { told, records } = await imported({ paths: [journal], nodeFiles: [statuses, fills] });
    assert.deepEqual(told, { records: 9, orderUpdates: 3, unknown: 0, leftOut: 0, isWhole: true });
    assert.deepEqual(secondsOf(records, 'fills'), [0, 1, 1, 4, 6]);
    assert.deepEqual(secondsOf(records, 'order-updates'), [2, 3, 5]);
    const times = records.map(({ timestamp }) => timestamp ?? 0);
    assert.deepEqual(times, times.toSorted());
    assert.deepEqual([records.at(-1)?.kind, records.at(-1)?.timestamp], ['tick', START_AT + 66_000]);
    const ticks = records.filter(({ kind }) => kind === 'tick').map(({ timestamp }) => (timestamp ?? 0) - START_AT);
    assert.deepEqual(ticks, [-1, 999, 1_999, 2_999, 3_500, 3_999, 4_999, 5_999, 66_000]);
  });

  test('keeps one address\' records and those of nobody, and counts what it leaves out', async () => {
    const odd = file('odd', ['{', block(7, [{ inner: 1 }, fill('0x12', 7), fill(B, 7)])]);
    const { told, records } = await imported({ paths: [journal], nodeFiles: [fills, statuses, odd], addresses: new Set([B]) });
    assert.deepEqual(told, { records: 8, orderUpdates: 3, unknown: 2, leftOut: 5, isWhole: true });
    assert.deepEqual([...new Set(records.map(({ key }) => key))].sort(), [B, null].sort());
  });

  test('a record without a usable time has that of the one before (I4)', async () => {
    const untimed = file('untimed', [block(1, [fill(A, 1)]), '{', block(4, [fill(A, 4)])]);
    const { records } = await imported({ paths: [], nodeFiles: [untimed] });
    assert.deepEqual(records.filter(({ kind }) => kind !== 'tick').map(({ kind, timestamp }) => [kind, (timestamp ?? 0) - START_AT]), [['fill', 1_000], ['raw', 1_000], ['fill', 4_000]]);
  });

  test('what is too large for a record goes on as its head', async () => {
    const long = 'x'.repeat(1_100_000);
    const oversized = file('large', [block(1, [{ long }, fill(A, 1), [A, { long }]])]);
    const { told, records } = await imported({ paths: [], nodeFiles: [oversized] });
    assert.deepEqual(told, { records: 3, orderUpdates: 0, unknown: 2, leftOut: 0, isWhole: true });
    const cuts = records.flatMap(({ kind, topic, body }) => {
      const decoded = kind === 'raw' ? decodeInput(topic, body) : null;
      return decoded?.kind === 'raw' ? [decoded.cut] : [];
    });
    assert.deepEqual(cuts.map((cut) => [cut?.file, cut?.position]), [[oversized, 0], [oversized, 0]]);
    assert.equal(cuts[0]?.length, JSON.stringify({ long }).length);
  });
});
