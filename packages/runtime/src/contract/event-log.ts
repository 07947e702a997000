// What every EventLog must keep, as a suite that any adapter runs on its own server.
//
// A law here is one that the partition loop relies on; what a failed call leaves behind is the adapter's own test.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_SETTINGS, Partition, format, type Address, type RefusalReason, type Signal } from '@fillstream/core';
import { decide, decideEnd, repeat } from '../decide.ts';
import { samePoint, type HistoryPoint } from '../history.ts';
import { PortError, type Commit, type EventLog, type LogRecord, type PartitionLog, type Replayed } from '../ports.ts';
import { START, accountRecord, addressIn, fillRecord, topicsOf, updateRecord, type JournalRecord } from './records.ts';

/** What readers of the committed outputs of one partition see, each in the order in which it was written. */
export type Outputs = { readonly signals: readonly Signal[]; readonly refused: readonly RefusalReason[] };

/** A fresh log and the hands that the suite needs. */
export type LogUnderTest = {
  readonly log: EventLog;
  /** Appends records to the input topics, each to the partition of its address (`partitionOf`). */
  append(records: readonly JournalRecord[]): Promise<void>;
  outputs(partition: number): Promise<Outputs>;
  /** The same log as a new process finds it after a crash of the one that had it. */
  reopen(): Promise<EventLog>;
  close(): Promise<void>;
};

export type EventLogTraits = {
  readonly partitions: number;
  /** With 2 topics, order updates travel on the second. */
  readonly topics: 1 | 2;
  /** Ends with what was appended before it was opened. */
  readonly bounded: boolean;
};

/** How often `take` may find nothing before what was appended counts as lost. */
const MAX_IDLE = 50;

export function eventLogContract(name: string, traits: EventLogTraits, make: () => Promise<LogUnderTest>): void {
  const law = (sentence: string, check: (under: LogUnderTest) => Promise<void>): void => {
    test(sentence, async () => {
      const under = await make();
      try {
        await check(under);
      } finally {
        await under.close();
      }
    });
  };
  const orders = (count: number, partition = 0): JournalRecord[] => ordersOf(addressIn(partition, traits.partitions), count);

  suite(`${name} as an EventLog`, () => {
    law('a new log has nothing committed, and no records', async ({ log }) => {
      const opened = await log.open(0);
      assert.ok(samePoint(opened.committed, opened.start));
      assert.equal((await opened.take(10)).kind, traits.bounded ? 'ended' : 'idle');
    });

    law("take gives each topic's records in its order, each once, at most as many as asked", async (under) => {
      const records = orders(8);
      await under.append(records);
      const taken = await takeAll(await under.log.open(0), records.length, 3);
      for (let topic = 0; topic < traits.topics; topic += 1) {
        const expected = records.filter((record) => topicOf(record, traits) === topic);
        assert.deepEqual(taken.filter((record) => record.topic === topic).map(shown), expected.map(shown));
      }
    });

    law("a record's next is where its topic goes on", async (under) => {
      const records = orders(5);
      await under.append(records);
      const opened = await under.log.open(0);
      const positions = [...opened.start.position.offsets];
      for (const { topic, offset, next } of await takeAll(opened, records.length)) {
        assert.ok(offset >= (positions[topic] ?? NaN) && next > offset);
        positions[topic] = next;
      }
    });

    if (!traits.bounded) {
      law('what is appended later is taken later', async (under) => {
        const records = orders(4);
        const opened = await under.log.open(0);
        await under.append(records.slice(0, 3));
        await takeAll(opened, 3);
        await under.append(records.slice(3));
        assert.equal((await takeAll(opened, 5)).length, 5);
        assert.equal((await opened.take(5)).kind, 'idle');
      });
    }

    law('a commit makes its signals and refusals visible, all of them, and nothing before it does', async (under) => {
      const owner = await ownerOf(under, [...orders(3), ...rivals(addressIn(0, traits.partitions))]);
      const { commit } = await owner.decideNext(8);
      assert.deepEqual([commit.signals.length, commit.refused.length], [3, 1]);
      assert.deepEqual(await under.outputs(0), { signals: [], refused: [] });
      await owner.log.commit(commit);
      assert.deepEqual(text(await under.outputs(0)), text({ signals: commit.signals, refused: ['conflict'] }));
    });

    law('outputs stand in the order of their commits', async (under) => {
      const commits = await commitAll(await ownerOf(under, orders(6)), 12, 5);
      assert.ok(commits.length > 1);
      const signals = commits.flatMap((commit) => commit.signals);
      assert.equal(signals.length, 6);
      assert.deepEqual(text(await under.outputs(0)), text({ signals, refused: [] }));
    });

    law('the committed point and id survive a crash, and take goes on after it', async (under) => {
      const owner = await ownerOf(under, orders(6));
      const { commit } = await owner.decideNext(5);
      await owner.log.commit(commit);
      const lost = await owner.decideNext(4);
      const again = await (await under.reopen()).open(0);
      assert.deepEqual(again.committed, commit.to);
      assert.deepEqual(again.start, owner.log.start);
      const taken = await takeAll(again, 7);
      assertBeginsWith(taken, lost.records);
      assert.equal((await again.take(1)).kind, traits.bounded ? 'ended' : 'idle');
    });

    law('whoever opens a partition fences the owner before: its commit fails, and nothing of it becomes visible', async (under) => {
      const old = await ownerOf(under, orders(4));
      const { commit } = await old.decideNext(4);
      const opened = await under.log.open(0);
      await assert.rejects(old.log.commit(commit), (error) => error instanceof PortError && error.retryable);
      assert.deepEqual(await under.outputs(0), { signals: [], refused: [] });
      const owner = new Hand(under.log, opened);
      const commits = await commitAll(owner, 8, 3);
      const signals = commits.flatMap((next) => next.signals);
      assert.deepEqual(text(await under.outputs(0)), text({ signals, refused: [] }));
    });

    law('a replay repeats committed history, commit by commit, in the recorded merge', async (under) => {
      const commits = await commitAll(await ownerOf(under, orders(7)), 14, 4);
      const opened = await (await under.reopen()).open(0);
      await assertReplay(under, opened, opened.start, commits);
    });

    law('a replay begins at the end of any commit', async (under) => {
      const commits = await commitAll(await ownerOf(under, orders(7)), 14, 3);
      const opened = await under.log.open(0);
      for (const [place, { to }] of commits.slice(0, -1).entries()) await assertReplay(under, opened, to, commits.slice(place + 1));
    });

    law('a replay ends where history ended when the partition was opened', async (under) => {
      const owner = await ownerOf(under, orders(5));
      const first = await owner.decideNext(4);
      await owner.log.commit(first.commit);
      const opened = await under.log.open(0);
      const next = new Hand(under.log, opened, first.commit.to, owner.partition);
      await commitAll(next, 6, 6);
      assert.equal((await collect(opened.replay(opened.start.position))).length, 1);
    });

    law('a commit that holds timers only keeps how many fired and the clocks', async (under) => {
      const owner = await ownerOf(under, overdue(addressIn(0, traits.partitions)));
      const commits = await commitAll(owner, 5, 5, 1);
      const bare = commits.filter(({ merge }) => merge.length === 0);
      assert.deepEqual(bare.map(({ to }) => to.position.fired), [2, 3]);
      const [before] = bare;
      if (before === undefined) return;
      const opened = await (await under.reopen()).open(0);
      await assertReplay(under, opened, opened.start, commits);
      await assertReplay(under, opened, before.to, commits.slice(commits.indexOf(before) + 1));
    });

    law('a history that ends in timers is opened there', async (under) => {
      const owner = await ownerOf(under, overdue(addressIn(0, traits.partitions)));
      const [first, second] = [await owner.decideNext(5, 1), await owner.decideNext(0, 1)];
      await owner.log.commit(first.commit);
      await owner.log.commit(second.commit);
      const opened = await (await under.reopen()).open(0);
      assert.deepEqual(opened.committed, second.commit.to);
      assert.equal(opened.committed.position.fired, 2);
      assert.equal((await takeAll(opened, 1)).length, 1);
    });

    if (traits.partitions > 1) {
      law('partitions know nothing of each other', async (under) => {
        await under.append([...orders(2, 0), ...orders(3, 1)]);
        const [one, other] = [new Hand(under.log, await under.log.open(0)), new Hand(under.log, await under.log.open(1))];
        const commits = await commitAll(one, 4, 4);
        assert.deepEqual(text(await under.outputs(0)), text({ signals: commits.flatMap(({ signals }) => signals), refused: [] }));
        assert.deepEqual(await under.outputs(1), { signals: [], refused: [] });
        const reopened = await under.log.open(1);
        assert.ok(samePoint(reopened.committed, reopened.start));
        const { commit } = await new Hand(under.log, reopened).decideNext(6);
        await assert.rejects(other.log.commit({ ...commit, from: other.log.start }));
        await reopened.commit(commit);
        assert.equal((await under.outputs(1)).signals.length, 3);
      });
    }

    if (traits.bounded) {
      law('what is committed past the end is visible, but no part of history: the next owner does it again', async (under) => {
        const address = addressIn(0, traits.partitions);
        const owner = await ownerOf(under, [...orders(1), fillRecord(address, START, { oid: 50, tid: 50 })]);
        const [commit] = await commitAll(owner, 3, 3);
        if (commit === undefined) throw new Error('nothing was committed');
        const end = decideEnd(owner.partition, commit.to, Infinity);
        assert.equal(end.commit.signals.length, 1);
        await owner.log.commit(end.commit);
        const all = { signals: [...commit.signals, ...end.commit.signals], refused: [] };
        assert.deepEqual(text(await under.outputs(0)), text(all));
        const again = await (await under.reopen()).open(0);
        assert.deepEqual(again.committed, commit.to);
        await again.commit(end.commit);
        assert.deepEqual(text(await under.outputs(0)), text(all));
      });
    }
  });
}

/** An owner that takes, decides and commits by hand, as the loop does. */
class Hand {
  readonly log: PartitionLog;
  readonly partition: Partition;
  readonly #inputs: EventLog['inputs'];
  #at: HistoryPoint;
  #pending: LogRecord[] = [];

  constructor({ inputs }: EventLog, log: PartitionLog, at = log.committed, partition?: Partition) {
    this.log = log;
    this.partition = partition ?? freshPartition(inputs);
    this.#inputs = inputs;
    this.#at = at;
  }

  /** Takes some more records and decides about them and those left over. */
  async decideNext(count: number, maxTimers = Infinity): Promise<{ readonly commit: Commit; readonly records: readonly LogRecord[] }> {
    this.#pending.push(...await takeAll(this.log, count));
    const { commit, taken } = decide(this.partition, this.#inputs, this.#at, this.#pending, maxTimers);
    this.#at = commit.to;
    return { commit, records: this.#pending.splice(0, taken) };
  }

  get isDone(): boolean {
    return this.#pending.length === 0;
  }
}

async function ownerOf(under: LogUnderTest, records: readonly JournalRecord[]): Promise<Hand> {
  await under.append(records);
  return new Hand(under.log, await under.log.open(0));
}

/** Commits `count` records, in batches of at most `batch`. */
async function commitAll(owner: Hand, count: number, batch: number, maxTimers = Infinity): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  for (let left = count; left > 0 || !owner.isDone; left -= batch) {
    const { commit } = await owner.decideNext(Math.max(0, Math.min(batch, left)), maxTimers);
    await owner.log.commit(commit);
    commits.push(commit);
  }
  return commits;
}

/** As many records as asked for, by however many takes it needs. */
async function takeAll(log: PartitionLog, count: number, limit = count): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let idle = 0; records.length < count;) {
    const asked = Math.min(limit, count - records.length);
    const taken = await log.take(asked);
    if (taken.kind === 'records') {
      assert.ok(taken.records.length > 0 && taken.records.length <= asked, `${String(taken.records.length)} records, ${String(asked)} asked for`);
      records.push(...taken.records);
    } else if (taken.kind === 'ended' || ++idle > MAX_IDLE) {
      throw new Error(`${String(records.length)} records of ${String(count)}`);
    }
  }
  return records;
}

async function assertReplay(under: LogUnderTest, log: PartitionLog, from: HistoryPoint, commits: readonly Commit[]): Promise<void> {
  const replayed = await collect(log.replay(from.position));
  assert.deepEqual(replayed.map(({ commit: { to, clocks } }) => ({ to, clocks })), commits.map(({ to, clocks }) => ({ to, clocks })));
  for (const [place, { merge }] of commits.entries()) {
    const topics = merge.flatMap(({ topic, count }) => new Array<number>(count).fill(topic));
    assert.deepEqual(replayed[place]?.records.map(({ topic }) => topic), topics);
  }
  if (!samePoint(from, log.start)) return;
  let at = from;
  const partition = freshPartition(under.log.inputs);
  for (const { records, commit } of replayed) at = repeat(partition, under.log.inputs, at, records, commit);
  assert.deepEqual(at, log.committed);
}

async function collect(replay: AsyncIterable<Replayed>): Promise<Replayed[]> {
  const all: Replayed[] = [];
  for await (const replayed of replay) all.push(replayed);
  return all;
}

function freshPartition(inputs: EventLog['inputs']): Partition {
  return new Partition(DEFAULT_SETTINGS, 1 + Math.max(...inputs.map(({ clock }) => clock)));
}

/** Orders of one fill and its status: a signal each. */
function ordersOf(address: Address, count: number): JournalRecord[] {
  return Array.from({ length: count }, (_, place) => place + 1).flatMap((oid) => [
    fillRecord(address, START + oid, { oid, tid: oid }), updateRecord(address, START + oid, { oid }),
  ]);
}

/** A fill and another of the same identity: a refusal. */
function rivals(address: Address): JournalRecord[] {
  return ['100', '99'].map((px) => fillRecord(address, START, { oid: 90, tid: 90, px }));
}

/** Three fills, and a record on each topic that together make their three timers due. */
function overdue(address: Address): JournalRecord[] {
  const later = START + 400_000;
  return [1, 2, 3].map((oid) => fillRecord(address, START, { oid, tid: oid })).concat(
    [accountRecord(address, later, '5'), updateRecord(address, later, { oid: 9, status: 'open' })],
  );
}

function topicOf(record: JournalRecord, { topics }: EventLogTraits): number {
  return topics === 1 ? 0 : topicsOf(record)[0] ?? 0;
}

/** Topic by topic, as their merge is free until it is committed. */
function assertBeginsWith(all: readonly LogRecord[], before: readonly LogRecord[]): void {
  for (const topic of [0, 1]) {
    const earlier = before.filter((record) => record.topic === topic).map(({ offset }) => offset);
    const later = all.filter((record) => record.topic === topic).map(({ offset }) => offset);
    assert.deepEqual(later.slice(0, earlier.length), earlier);
  }
}

/** An input with its decimals as text: by their value, whatever their scale. */
function shown({ input }: Pick<LogRecord, 'input'>): unknown {
  return JSON.parse(JSON.stringify(input, (_, value: unknown) => {
    const isDecimal = typeof value === 'object' && value !== null && 'units' in value && 'scale' in value;
    if (!isDecimal || typeof value.units !== 'bigint' || typeof value.scale !== 'number') return value;
    return format({ units: value.units, scale: value.scale });
  }));
}

/** Outputs as a subscriber compares them: byte for byte. */
function text({ signals, refused }: Outputs): readonly string[] {
  return [...signals.map((signal) => JSON.stringify(signal)), ...refused];
}
