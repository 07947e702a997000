import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { Backlog, type FetchedRecord } from './backlog.ts';

type Value = { readonly fetch: number; readonly bytes: Buffer | null };
const values: fc.Arbitrary<Value[]> = fc.array(fc.record({
  fetch: fc.nat({ max: 2 }), bytes: fc.option(fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))),
}));

/** Values that lie one after the other in the bytes of their fetch, as a client hands them over. */
function messagesOf(list: readonly Value[], first: number): KafkaMessage[] {
  const fetches = [0, 1, 2].map((fetch) => Buffer.concat(list.flatMap((each) => (each.fetch === fetch && each.bytes !== null ? [each.bytes] : []))));
  const places = [0, 0, 0];
  return list.map(({ fetch, bytes }, place) => {
    const start = places[fetch] ?? 0;
    places[fetch] = start + (bytes?.length ?? 0);
    return {
      key: null, attributes: 0, offset: String(first + place), timestamp: String(1_000 + place),
      headers: place % 3 === 0 ? { place: String(place) } : {},
      value: bytes === null ? null : fetches[fetch]!.subarray(start, start + bytes.length),
    };
  });
}

function drained(backlog: Backlog): FetchedRecord[] {
  const records = [];
  for (let record = backlog.shift(); record !== null; record = backlog.shift()) records.push(record);
  return records;
}

test('records come out as they went in, whichever fetch their values lie in', () => {
  fc.assert(fc.property(fc.array(values, { maxLength: 4 }), (batches) => {
    const backlog = new Backlog();
    const messages = batches.flatMap((list, place) => messagesOf(list, 100 * place));
    for (const [place, list] of batches.entries()) backlog.add(messagesOf(list, 100 * place), 0);
    assert.equal(backlog.length, messages.length);
    assert.equal(Number.isNaN(backlog.nextTimestamp), messages.length === 0);
    assert.deepEqual(drained(backlog), messages.map(({ offset, timestamp, value, headers }) => (
      { offset: Number(offset), timestamp: Number(timestamp), value, headers }
    )));
    assert.equal(backlog.length, 0);
  }));
});

test('records before the offset that is wanted are left out', () => {
  const backlog = new Backlog();
  backlog.add(messagesOf([{ fetch: 0, bytes: Buffer.from('a') }, { fetch: 0, bytes: Buffer.from('b') }, { fetch: 0, bytes: null }], 5), 6);
  assert.deepEqual(drained(backlog).map(({ offset }) => offset), [6, 7]);
});

test('the next timestamp is that of the record that comes next', () => {
  const backlog = new Backlog();
  backlog.add(messagesOf([{ fetch: 0, bytes: Buffer.from('a') }, { fetch: 1, bytes: Buffer.from('b') }], 0), 0);
  assert.equal(backlog.nextTimestamp, 1_000);
  backlog.shift();
  assert.equal(backlog.nextTimestamp, 1_001);
});
