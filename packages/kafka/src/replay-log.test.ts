// What of a replay needs no broker: its cuts, its merges, and time as it was. test/end-to-end/replay.test.ts has the rest.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_SETTINGS, Partition, parseDecimal, type Address, type Input, type Oid, type Signal } from '@fillstream/core';
import { HistoryId, MemoryLog, PartitionLoop, PortError, startOf, type Commit, type LogRecord } from '@fillstream/runtime';
import type { FetchedRecord } from './backlog.ts';
import { Clocks, RecordedMerge, TimestampMerge, type Source, type Taken } from './replay-merge.ts';
import { planOf, type Cut, type RecordedCommit } from './replay-plan.ts';

const T0 = 1_760_000_000_000;
const ALL = { warmUp: -Infinity, from: -Infinity, to: Infinity };
const ADDRESS = `0x${'a1'.repeat(20)}` as Address;

/** A commit's end (offsets, timers), stream time and counts. */
type Told = { readonly to: readonly number[]; readonly fired?: number; readonly at: number; readonly signals?: number };

async function* commits(...list: readonly Told[]): AsyncGenerator<RecordedCommit> {
  let from: readonly number[] = [5, 7];
  for (const [next, { to, fired = 0, at, signals = 0 }] of list.entries()) {
    await Promise.resolve();
    const merge = to.map((offset, topic) => ({ topic, count: offset - (from[topic] ?? 0) })).filter(({ count }) => count > 0);
    yield { from, to: { position: { offsets: to, fired }, id: '00' }, merge, clocks: [at, at + 1], records: merge.reduce((sum, { count }) => sum + count, 0), signals, next: next + 1 };
    from = to;
  }
}

function cutText(cut: Cut | undefined): string {
  return cut === undefined ? '' : `${cut.offsets.join()} records ${String(cut.records)} signals ${String(cut.signals)}`;
}

suite('cuts', () => {
  const list: readonly Told[] = [
    { to: [6, 7], at: 100, signals: 1 }, { to: [6, 9], at: 200, signals: 2 },
    { to: [7, 9], fired: 3, at: 300, signals: 3 }, { to: [7, 9], fired: 5, at: 300, signals: 2 }, { to: [8, 9], at: 320, signals: 1 },
    { to: [9, 9], at: 400 },
  ];

  test('without times they are where history begins and ends', async () => {
    const plan = await planOf(commits(...list), ALL);
    assert.deepEqual([cutText(plan?.warmUp), cutText(plan?.from), cutText(plan?.to), plan?.signalsBehind], ['5,7 records 0 signals 0', '5,7 records 0 signals 0', '9,9 records 6 signals 9', 0]);
    assert.equal(await planOf(commits(), ALL), null);
  });

  test('a time cuts before the first commit at or after it', async () => {
    const plan = await planOf(commits(...list), { warmUp: 101, from: 200, to: 201 });
    assert.deepEqual([cutText(plan?.warmUp), cutText(plan?.from), cutText(plan?.to), plan?.signalsBehind], ['6,7 records 1 signals 1', '6,7 records 1 signals 1', '6,9 records 3 signals 3', null]);
  });

  test('commits of timers are never cut from the record that let them fire', async () => {
    for (const time of [201, 300, 320]) assert.equal(cutText((await planOf(commits(...list), { ...ALL, from: time }))?.from), '6,9 records 3 signals 3');
    const unfinished = await planOf(commits(...list.slice(0, 4)), ALL);
    assert.deepEqual([cutText(unfinished?.to), unfinished?.signalsBehind], ['6,9 records 3 signals 3', 5]);
  });
});

/** Records of a topic: timestamps by offset from 0. */
function source(...timestamps: readonly number[]): Source {
  const left = timestamps.map((timestamp, offset): FetchedRecord => ({ offset, timestamp, value: null, headers: {} }));
  const shift = (): FetchedRecord | null => left.shift() ?? null;
  return { where: 'here', shift, next: async () => await Promise.resolve(shift()) };
}

function cutAt(offsets: readonly number[]): Cut {
  return { offsets, id: '0000000000000000', commitsAt: 0, records: offsets.reduce((sum, offset) => sum + offset, 0), signals: 0 };
}

function order(taken: readonly Taken[]): string {
  return taken.map(({ topic, message }) => `${topic === 0 ? 'f' : 'u'}${String(message.offset)}`).join(' ');
}

suite('merges', () => {
  test('by timestamp the earlier goes first, at a tie the topic named first, and a cut is never crossed', async () => {
    const merge = new TimestampMerge([source(10, 20, 30), source(5, 20, 25)], cutAt([0, 0]));
    assert.equal(order(await merge.take(9, cutAt([2, 1]))), 'u0 f0 f1');
    assert.equal(order(await merge.take(9, cutAt([2, 1]))), '');
    assert.equal(order(await merge.take(2, cutAt([3, 3]))), 'u1 u2');
    assert.equal(order(await merge.take(9, cutAt([3, 3]))), 'f2');
  });

  test('the recorded one goes as the commits say, whatever the timestamps, and a cut is never crossed', async () => {
    const merge = new RecordedMerge([source(1, 2, 3), source(1, 2)], recorded([[1, 2], [0, 1]], [[0, 2]]), cutAt([0, 0]));
    assert.equal(order(await merge.take(2, cutAt([1, 2]))), 'u0 u1');
    assert.equal(order(await merge.take(9, cutAt([1, 2]))), 'f0');
    assert.equal(order(await merge.take(9, cutAt([3, 2]))), 'f1 f2');
  });

  test('a merge that doesn\'t lead to the recorded history ends with an error', async () => {
    const other = recorded([[0, 1], [1, 1]]);
    const swapped = (async function* () {
      for await (const commit of other) yield { ...commit, merge: commit.merge.toReversed() };
    })();
    const merge = new RecordedMerge([source(1), source(1)], swapped, cutAt([0, 0]));
    await assert.rejects(merge.take(9, cutAt([1, 1])), /the recorded merge led to the history \w+, expected \w+/);
    const short = new RecordedMerge([source(), source(1)], recorded([[1, 1], [0, 1]]), cutAt([0, 0]));
    assert.equal(order(await short.take(9, cutAt([1, 1]))), 'u0');
    await assert.rejects(short.take(9, cutAt([1, 1])), /here gives no more of what was committed/);
  });
});

/** A commit for each list of runs, with the ids that they lead to. */
async function* recorded(...merges: readonly (readonly (readonly [topic: number, count: number])[])[]): AsyncGenerator<RecordedCommit> {
  const id = new HistoryId('0000000000000000');
  const offsets = [0, 0];
  for (const [next, runs] of merges.entries()) {
    await Promise.resolve();
    const from = [...offsets];
    for (const [topic, count] of runs) for (let left = count; left > 0; left -= 1) id.add(topic, offsets[topic]!++);
    const merge = runs.map(([topic, count]) => ({ topic, count }));
    yield { from, to: { position: { offsets: [...offsets], fired: 0 }, id: id.toString() }, merge, clocks: [T0, T0], records: 0, signals: 0, next };
  }
}

// ---- Time as it was (M3)

function fill(oid: number, receivedAt: number): Input {
  return {
    kind: 'fill', address: ADDRESS, receivedAt, symbol: 'BTC',
    fill: {
      coin: 'BTC', px: parseDecimal('100'), sz: parseDecimal('1'), side: 'B', time: receivedAt, startPosition: parseDecimal('0'), dir: 'Open Long', oid: oid as Oid,
      closedPnl: parseDecimal('0'), fee: parseDecimal('0'), feeToken: 'USDC', tid: oid, hash: null, cloid: null, twapId: null, liquidatedUser: null,
    },
  };
}

function filled(oid: number, receivedAt: number): Input {
  const update = { oid: oid as Oid, status: 'filled', statusTimestamp: receivedAt, sz: parseDecimal('0'), origSz: parseDecimal('1'), reduceOnly: false };
  return { kind: 'orderUpdate', address: ADDRESS, receivedAt, update };
}

const told = ({ oid, trigger }: Signal): string => `${String(oid)} ${trigger}`;

test('where an owner died while timers fired and the next one took another record first, they fire again as they did', async () => {
  const LATER = T0 + 400_000;
  const inputs = [{ name: 'fills', clock: 0 }, { name: 'order-updates', clock: 1 }];
  const kept: Commit[] = [];
  let [isFirstOwner, isDown] = [true, false];
  const log = new MemoryLog({
    inputs, bounded: true,
    // The first owner takes a fill, a tick of updates, a fill, the tick of fills; the second one the update before that tick.
    choose: (heads) => heads.find(({ topic, offset }) => topic === 1 && (isFirstOwner ? offset === 0 && heads[0]?.offset === 1 : true)) ?? heads[0] as LogRecord,
    fault: (point) => {
      if (point !== 'before commit' || !isFirstOwner || kept.at(-1)?.to.position.fired !== 1) return;
      isFirstOwner = false;
      isDown = true;
      throw new PortError('unknown-outcome', 'killed', { retryable: true });
    },
  });
  for (const input of [fill(1, T0), fill(2, T0), { kind: 'tick', receivedAt: LATER } as const]) log.append(0, 0, input);
  for (const input of [{ kind: 'tick', receivedAt: LATER } as const, filled(2, LATER)]) log.append(0, 1, input);
  await new PartitionLoop({
    partition: 0, log, store: null, settings: DEFAULT_SETTINGS, limits: { batchTimers: 1 },
    onEvent: (event) => {
      if (event.kind === 'committed' && !event.commit.afterEnd) kept.push(event.commit);
    },
  }).run();
  assert.deepEqual([isDown, kept.flatMap(({ signals }) => signals).map(told)], [true, ['1 timeout', '2 timeout']]);
  assert.equal(kept[0]?.to.position.fired, 1);
  assert.deepEqual((await replayedAgain(log, kept)).map(told), ['1 timeout', '2 timeout']);
});

async function replayedAgain(log: MemoryLog, kept: readonly Commit[]): Promise<readonly Signal[]> {
  const topics = log.data(0).topics;
  const list = kept.map((commit): RecordedCommit => ({ ...commit, from: commit.from.position.offsets, records: 0, signals: 0, next: 0 }));
  const merge = new RecordedMerge(topics.map((records) => source(...records.map(() => 0))), inTurn(list), cutAt([0, 0]));
  const end = cutAt(kept.at(-1)?.to.position.offsets ?? []);
  const clocks = new Clocks(startOf(2).position.offsets);
  const partition = new Partition(DEFAULT_SETTINGS, 2);
  const signals: Signal[] = [];
  for (let taken = await merge.take(1, end); taken.length > 0; taken = await merge.take(1, end)) {
    for (const { topic, message, clocks: recordedClocks } of taken) {
      for (const { topic: clock, input } of clocks.withTicks(topics[topic]?.[message.offset] as LogRecord, recordedClocks)) {
        if (input.receivedAt !== null) partition.state.advance(clock, input.receivedAt);
        while (partition.fireNext(signals) === 'fired');
        partition.apply(input, signals);
      }
    }
  }
  return signals;
}

async function* inTurn<T>(list: readonly T[]): AsyncGenerator<T> {
  for (const each of list) yield await Promise.resolve(each);
}
