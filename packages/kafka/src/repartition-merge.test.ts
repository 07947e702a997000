// What goes into new partitions, and in which order, without a server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '@fillstream/runtime';
import { decodeInput, encodeRecord, encodeTick } from '@fillstream/schemas';
import type { Message } from 'kafkajs';
import { MinHeap } from './min-heap.ts';
import { Chunk } from './repartition-chunk.ts';
import { TimeMerge, type Merged } from './repartition-merge.ts';
import type { StretchRecord } from './stretch-reader.ts';

const TOPICS = ['fills', 'order-updates'];
const AT = 1_760_000_000_000;
/** Bodies without a frame. */
const FORMAT = { learn: async () => await Promise.resolve(), unframe: (value: Buffer | null) => value, frame: (body: Uint8Array) => Buffer.from(body) };

type Given = { readonly topic?: number; readonly partition: number; readonly times: readonly (number | 'unreadable')[]; readonly greatest?: number };

function recordOf(topic: number, partition: number, offset: number, time: number | 'unreadable'): StretchRecord {
  const value = time === 'unreadable' ? Buffer.from([9]) : encodeRecord({ kind: 'odd', receivedAt: AT + time, address: null }).body;
  return { topic: TOPICS[topic] ?? '', partition, offset, timestamp: 1, key: null, value, headers: {} };
}

function mergeOf(given: readonly Given[], isFinal: boolean): TimeMerge {
  const queues = new Map(given.map(({ topic = 0, partition, times }) => [`${TOPICS[topic] ?? ''}/${String(partition)}`, times.map((time, offset) => recordOf(topic, partition, offset, time))]));
  return new TimeMerge({
    reader: { next: async (topic, partition) => await Promise.resolve(queues.get(`${topic}/${String(partition)}`)?.shift() ?? null) },
    formats: [FORMAT, FORMAT], isFinal,
    places: given.map(({ topic = 0, partition, greatest = -Infinity }) => ({ topic, partition, greatest })),
  });
}

/** As topic, partition, offset and time. */
async function mergedOf(given: readonly Given[], isFinal = true): Promise<string[]> {
  const merge = mergeOf(given, isFinal);
  const all: string[] = [];
  for (let next = await merge.next(); next !== null; next = await merge.next()) {
    all.push(`${next.topic === 0 ? 'f' : 'u'}${String(next.partition)}.${String(next.record.offset)}@${String(next.time - AT)}`);
  }
  return all;
}

test('records of several partitions come in order of time, at a tie fills first, then by partition', async () => {
  assert.deepEqual(await mergedOf([{ partition: 1, times: [1, 5] }, { topic: 1, partition: 0, times: [1, 4] }, { partition: 0, times: [1, 5] }]), [
    'f0.0@1', 'f1.0@1', 'u0.0@1', 'u0.1@4', 'f0.1@5', 'f1.1@5',
  ]);
});

test('a record that was late in its partition keeps its order, and is as late beside others', async () => {
  assert.deepEqual(await mergedOf([{ partition: 0, times: [10, 2, 11] }, { partition: 1, times: [3, 10, 12] }]), [
    'f1.0@3', 'f0.0@10', 'f0.1@10', 'f1.1@10', 'f0.2@11', 'f1.2@12',
  ]);
});

test('a record without a readable time goes with the one before it', async () => {
  assert.deepEqual(await mergedOf([{ partition: 0, times: [10, 'unreadable', 12] }, { partition: 1, times: [11] }]), ['f0.0@10', 'f0.1@10', 'f1.0@11', 'f0.2@12']);
  assert.deepEqual(await mergedOf([{ partition: 0, times: ['unreadable'] }]), ['f0.0@-Infinity']);
});

test('a partition at its end holds the others back to its time, one that never had a record does not', async () => {
  const given: readonly Given[] = [{ partition: 0, times: [1, 4] }, { partition: 1, times: [2, 3, 4, 5] }, { partition: 2, times: [] }];
  assert.deepEqual(await mergedOf(given, false), ['f0.0@1', 'f1.0@2', 'f1.1@3', 'f0.1@4', 'f1.2@4']);
  const merge = mergeOf(given, false);
  while (await merge.next() !== null);
  assert.deepEqual(merge.heldBy, { topic: 0, partition: 0, time: AT + 4 });
  assert.equal((await mergedOf(given)).length, 6);
});

test('what was read of a partition before holds back too', async () => {
  assert.deepEqual(await mergedOf([{ partition: 0, times: [], greatest: AT + 2 }, { partition: 1, times: [2, 3] }], false), ['f1.0@2']);
});

test('a heap gives what it was given, the least first', () => {
  const heap = new MinHeap<number>((a, b) => a < b);
  const given = Array.from({ length: 500 }, (_, place) => (place * 7_919) % 503);
  for (const each of given) heap.push(each);
  assert.deepEqual(given.map(() => heap.pop()), [...given].sort((a, b) => a - b));
  assert.equal(heap.pop(), undefined);
});

function chunkOf(ticked = -Infinity): Chunk {
  return new Chunk({ partitions: 4, formats: [FORMAT, FORMAT], oldNamespace: 'old', ticked });
}

function merged(time: number, more: Partial<StretchRecord> = {}): Merged {
  return { topic: 0, partition: 0, time: AT + time, isTick: false, record: { ...recordOf(0, 0, 0, time), ...more } };
}

function ticksIn(chunk: Chunk, topic: string, partition: number): number[] {
  const messages = chunk.shares.find((share) => share.topic === topic && share.partition === partition)?.messages ?? [];
  return messages.flatMap(({ value, timestamp }) => {
    const decoded = decodeInput('fills', value as Buffer);
    if (decoded.kind !== 'record') return [];
    assert.deepEqual(value, encodeTick(Number(timestamp)));
    return [Number(timestamp) - AT];
  });
}

test('every new partition of both topics hears the time: before a record after a silence, and each tick once', () => {
  const chunk = chunkOf(AT);
  for (const next of [merged(999), merged(1_000), merged(1_100), { ...merged(1_498), isTick: true }, { ...merged(1_499), isTick: true }, { ...merged(1_499), isTick: true }, merged(2_498), merged(2_499)]) chunk.add(next);
  for (const topic of TOPICS) for (const partition of [0, 1, 2, 3]) assert.deepEqual(ticksIn(chunk, topic, partition), [999, 1_499, 2_498], `${topic}/${String(partition)}`);
  assert.equal(chunk.ticked, AT + 2_498);
});

test('before the first readable time nobody is told one', () => {
  const chunk = chunkOf();
  chunk.add(merged(-Infinity));
  assert.deepEqual([ticksIn(chunk, 'fills', 1), chunk.ticked], [[], -Infinity]);
  chunk.add(merged(3));
  assert.deepEqual([ticksIn(chunk, 'fills', 1), chunk.ticked], [[2], AT + 2]);
});

test('a record keeps key, value, time and headers, and goes where its key belongs', () => {
  const chunk = chunkOf(AT + 5);
  const key = Buffer.from(`0x${'ab'.repeat(20)}`);
  chunk.add(merged(6, { key, timestamp: 77, headers: { retryOf: Buffer.from('fills/0/12'), other: 'kept' } }));
  const [share] = chunk.shares;
  assert.deepEqual([chunk.shares.length, share?.topic, share?.partition], [1, 'fills', partitionOf(key.toString(), 4)]);
  const message: Message | undefined = share?.messages[0];
  assert.deepEqual(message, { key, value: recordOf(0, 0, 0, 6).value, partition: share?.partition, timestamp: '77', headers: { retryOf: 'old:fills/0/12', other: 'kept' } });
});
