// A sink that is slow, down or killed, and a file that is torn: nothing is lost, nothing overtakes.

import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InputRecord, Sink } from '@fillstream/hyperliquid/live';
import { SpillFile } from './spill-file.ts';
import { SpillingSink } from './spilling-sink.ts';

const ADDRESS = `0x${'ab'.repeat(20)}`;

function recordOf(number: number): InputRecord {
  return { kind: 'fill', address: ADDRESS, receivedAt: 1_760_000_000_000 + number, source: 'ws', data: { tid: number } };
}

const OTHER = `0x${'cd'.repeat(20)}`;

function numbersOf(records: readonly InputRecord[]): number[] {
  return records.map(({ receivedAt }) => receivedAt - 1_760_000_000_000);
}

/** A sink that does as it is told. */
class Behind implements Sink {
  readonly taken: number[] = [];
  readonly saved: number[] = [];
  mode: 'up' | 'down' | 'hangs' = 'up';

  async append(records: readonly InputRecord[]): Promise<void> {
    await this.#answer();
    this.taken.push(...numbersOf(records));
  }

  async progress(): Promise<null> {
    return await Promise.resolve(null);
  }

  async saveProgress(_: string, { lastFillAt }: { readonly lastFillAt: number }): Promise<void> {
    await this.#answer();
    this.saved.push(lastFillAt);
    this.taken.push(-lastFillAt);
  }

  async gap(): Promise<void> {
    await this.#answer();
  }

  async #answer(): Promise<void> {
    while (this.mode === 'hangs') await sleep(5);
    if (this.mode === 'down') throw new Error('it is down');
  }
}

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-spill-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return join(folder, 'spill.ndjson');
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(5);
}

test('what a sink refuses waits in the file, and follows in order before anything newer', async (t) => {
  const [behind, path, changes] = [new Behind(), fileFor(t), new Array<string>()];
  const sink = new SpillingSink({ sink: behind, file: new SpillFile(path), retryMs: 5, onChange: (change) => changes.push(change) });
  await sink.append([recordOf(1)]);
  behind.mode = 'down';
  for (let number = 2; number < 50; number += 1) await sink.append([recordOf(number)]);
  await sink.saveProgress(ADDRESS, { lastFillAt: 49, tids: [] });
  assert.deepEqual([behind.taken, sink.isBehind, await sink.progress(ADDRESS)], [[1], true, { lastFillAt: 49, tids: [] }]);
  behind.mode = 'up';
  await sink.append([recordOf(50)]);
  await until(() => !sink.isBehind);
  await sink.append([recordOf(51)]);
  assert.deepEqual(behind.taken, [...Array.from({ length: 49 }, (_, place) => place + 1), -49, 50, 51]);
  assert.deepEqual([changes.at(0), changes.at(-1), statSync(path).size], ['spilling', 'drained', 0]);
  await sink.close();
});

test('a sink that gives no answer in time is gone round, and gets everything once it answers', async (t) => {
  const behind = new Behind();
  const sink = new SpillingSink({ sink: behind, file: new SpillFile(fileFor(t)), retryMs: 5, patienceMs: 20 });
  behind.mode = 'hangs';
  await sink.append([recordOf(1)]);
  await sink.append([recordOf(2)]);
  assert.deepEqual(behind.taken, []);
  behind.mode = 'up';
  await until(() => !sink.isBehind);
  assert.deepEqual([...new Set(behind.taken)].sort(), [1, 2]);
  assert.deepEqual(behind.taken.slice(-2), [1, 2], 'in order, whatever came of the call that was given up');
  await sink.close();
});

test('what an earlier process left comes first, without a line that was torn', async (t) => {
  const [behind, path] = [new Behind(), fileFor(t)];
  behind.mode = 'down';
  const first = new SpillingSink({ sink: behind, file: new SpillFile(path), retryMs: 5 });
  await first.append([recordOf(1), recordOf(2)]);
  await first.close();
  assert.match(readFileSync(path, 'utf8'), /\n$/);
  appendFileSync(path, '{"append":[{"kind":"fi');
  behind.mode = 'up';
  const second = new SpillingSink({ sink: behind, file: new SpillFile(path), retryMs: 5 });
  await second.append([recordOf(3)]);
  await until(() => !second.isBehind);
  assert.deepEqual(behind.taken, [1, 2, 3]);
  await second.close();
});

test('what waited leaves the file in few calls: each of one address, its progress behind its records', async (t) => {
  const calls: string[] = [];
  let isUp = false;
  const note = async (address: string, what: string): Promise<void> => {
    await sleep(1);
    if (!isUp) throw new Error('it is down');
    calls.push(`${address === ADDRESS ? 'one' : 'other'}: ${what}`);
  };
  const behind: Sink = {
    append: async (records) => await note(records[0]?.address ?? '', numbersOf(records).join(' ')),
    progress: async () => await Promise.resolve(null),
    saveProgress: async (address, { lastFillAt }) => await note(address, `up to ${String(lastFillAt)}`),
    gap: async ({ address, from, to }) => await note(address, `gap ${String(from)}-${String(to)}`),
  };
  const sink = new SpillingSink({ sink: behind, file: new SpillFile(fileFor(t)), retryMs: 50 });
  for (let number = 1; number < 5; number += 1) {
    await sink.append([recordOf(number)]);
    await sink.append([{ ...recordOf(number * 10), address: OTHER }]);
    await sink.saveProgress(ADDRESS, { lastFillAt: number, tids: [] });
  }
  await sink.gap({ address: OTHER, from: 1, to: 2, reason: 'a test' });
  await sink.append([{ ...recordOf(50), address: OTHER }]);
  await sink.append([recordOf(5)]);
  isUp = true;
  await until(() => !sink.isBehind);
  const callsOf = (who: string): string[] => calls.filter((call) => call.startsWith(`${who}:`));
  assert.deepEqual([callsOf('one'), callsOf('other')], [
    ['one: 1 2 3 4', 'one: up to 4', 'one: 5'], ['other: 10 20 30 40', 'other: gap 1-2', 'other: 50'],
  ]);
  await sink.close();
});

test('a full file holds back whoever appends, and lets go when it has room', async (t) => {
  const behind = new Behind();
  const sink = new SpillingSink({ sink: behind, file: new SpillFile(fileFor(t)), retryMs: 5, limitBytes: 500 });
  behind.mode = 'down';
  const appended: number[] = [];
  const all = Array.from({ length: 20 }, async (_, number) => {
    await sink.append([recordOf(number)]);
    appended.push(number);
  });
  await sleep(300);
  assert.ok(appended.length < 10, `${String(appended.length)} were taken`);
  behind.mode = 'up';
  await Promise.all(all);
  await until(() => !sink.isBehind);
  assert.deepEqual([...behind.taken].sort((a, b) => a - b), Array.from({ length: 20 }, (_, number) => number));
  await sink.close();
});

test('a file larger than what is read at once keeps its order', (t) => {
  const file = new SpillFile(fileFor(t));
  const long = 'x'.repeat(400_000);
  for (let number = 0; number < 8; number += 1) file.append([{ number, long }]);
  file.append([{ number: 8, long: long.repeat(4) }]);
  const seen: unknown[] = [];
  while (file.bytes > 0) {
    const { entries, leave } = file.first();
    seen.push(...entries.map((entry) => (typeof entry === 'object' && entry !== null && 'number' in entry ? entry.number : null)));
    leave();
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  file.close();
});
