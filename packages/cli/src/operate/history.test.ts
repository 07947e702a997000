// What lies on a log, as the stretches that were committed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_HISTORY_ID, HistoryId, PortError, type LogRecord, type Run } from '@fillstream/runtime';
import type { Committed } from '@fillstream/topics';
import { recordedStretches } from './history.ts';

const INPUT = { kind: 'tick', receivedAt: 1_760_000_000_000 } as const;

/** Two topics of so many records, and commits of so many runs each. */
class Log {
  readonly commits: Committed[] = [];
  #id = EMPTY_HISTORY_ID;
  #at = [0, 0];

  commit(...merge: readonly Run[]): void {
    const id = new HistoryId(this.#id);
    const from = [...this.#at];
    for (const { topic, count } of merge) for (let left = count; left > 0; left -= 1) id.add(topic, this.#at[topic]!++);
    this.#id = id.toString();
    this.commits.push({ from, to: { id: this.#id, position: { offsets: [...this.#at], fired: 0 } }, merge, clocks: [] });
  }

  async places(commits: readonly Committed[] = this.commits, lows: readonly number[] = [0, 0], counts: readonly number[] = this.#at): Promise<string[]> {
    const next = [...lows];
    const left = [...commits];
    const stretches = recordedStretches({
      lows,
      hasAllCommits: commits[0] === this.commits[0],
      nextCommit: async () => await Promise.resolve(left.shift() ?? null),
      nextRecord: async (topic) => {
        const offset = next[topic]!++;
        const record: LogRecord = { topic, offset, next: offset + 1, input: INPUT, original: '' };
        return await Promise.resolve(offset < counts[topic]! ? record : null);
      },
    });
    const places: string[] = [];
    for await (const { records } of stretches) places.push(records.map(({ topic, offset }) => `${String(topic)}:${String(offset)}`).join(' '));
    return places;
  }
}

function example(): Log {
  const log = new Log();
  log.commit({ topic: 0, count: 2 }, { topic: 1, count: 1 });
  log.commit({ topic: 1, count: 1 }, { topic: 0, count: 1 }, { topic: 1, count: 1 });
  log.commit();
  log.commit({ topic: 0, count: 1 });
  return log;
}

const PLACES = ['0:0 0:1 1:0', '1:1 0:2 1:2', '', '0:3'];

test('records come in the recorded merge, commit by commit', async () => {
  assert.deepEqual(await example().places(), PLACES);
});

test('a commit that was written again by an owner that knew no better is left out', async () => {
  const log = example();
  const [first, second, third, last] = log.commits as [Committed, Committed, Committed, Committed];
  assert.deepEqual((await log.places([first, second, first, second, third, last])).filter((places) => places !== ''), PLACES.filter((places) => places !== ''));
});

test('a log that lost its beginning begins with the first commit that is whole', async () => {
  assert.deepEqual(await example().places(undefined, [1, 1]), PLACES.slice(1));
  assert.deepEqual(await example().places(undefined, [3, 3]), PLACES.slice(2));
  const log = example();
  assert.deepEqual(await log.places(log.commits.slice(1), [2, 1]), PLACES.slice(1));
});

test('a log that isn\'t what was committed is an error', async () => {
  const log = example();
  const [first, second, , last] = log.commits as [Committed, Committed, Committed, Committed];
  await assert.rejects(log.places([first, last]), (error) => error instanceof PortError && /a commit begins at 3, 3, expected 2, 1/.test(error.message));
  await assert.rejects(log.places([first, { ...second, to: { ...second.to, id: EMPTY_HISTORY_ID } }]), /aren't those that were committed/);
  await assert.rejects(log.places(undefined, [0, 0], [2, 3]), /fills ends before what was committed/);
});
