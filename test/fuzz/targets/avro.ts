// Bodies of the topics: each decoder, bodies of another version's schema, and the frame before them.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { registryOf, WireFormat } from '@fillstream/kafka';
import {
  SchemaError, bodyReader, decodeCommit, decodeGap, decodeIngestProgress, decodeInput, decodeQuarantined, decodeRepair, decodeSignal,
  decodeToken, decodeWatched, decodeWebhook, decodeWebhookDeadLetter, encodeCommit, encodeGap, encodeIngestProgress, encodeQuarantined,
  encodeRecord, encodeRepair, encodeSignal, encodeToken, encodeWatched, encodeWebhook, encodeWebhookDeadLetter, incompatibilities, schemaTextOf,
  type Topic,
} from '@fillstream/schemas';
import { unreadableRecord } from '@fillstream/topics';
import { anyBytes, damaged, twistedJson } from '../damage.ts';
import { START, address, record, signal } from '../records.ts';
import { bytesTarget, fieldsOf, jsonOf, only } from '../target.ts';

/** Reads a body, writes what it read, reads that: what came of both. */
type Coder = { readonly topic: Topic; readonly good: fc.Arbitrary<Buffer>; readonly again: (body: Buffer) => readonly [first: unknown, second: unknown] };

function coder<T>(topic: Topic, good: fc.Arbitrary<T>, encode: (value: T) => Buffer, decode: (body: Buffer) => T): Coder {
  return {
    topic, good: good.map(encode), again: (body) => {
      const first = decode(body);
      return [first, decode(encode(first))];
    },
  };
}

const count = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(0, 2 ** 53 - 1));
const whole = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(0, 2 ** 31 - 1));
const counts = fc.array(count, { maxLength: 4 });
const text = fc.constantFrom('', 'x', 'no status', 'ü€😀');
const time = fc.constantFrom(START, 1e12, 1e13);
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });
const cut = maybe(fc.record({ length: count, sha256: text, file: maybe(text), position: maybe(count) }));

const CODERS: readonly Coder[] = [
  coder('signals', signal, encodeSignal, decodeSignal),
  coder('commits', fc.record({
    id: text, partition: whole, topics: fc.array(text, { maxLength: 2 }), from: counts, to: counts, fired: whole, clocks: counts,
    merge: fc.array(fc.record({ topic: whole, count: whole }), { maxLength: 3 }), counts: fc.dictionary(fc.constantFrom('a', 'constructor'), count, { noNullPrototype: true }),
  }), encodeCommit, decodeCommit),
  coder('quarantine', fc.record({
    reason: text, topic: text, partition: whole, offset: count, receivedAt: maybe(time), original: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)), cut,
  }), encodeQuarantined, decodeQuarantined),
  coder('tokens', fc.record({
    id: text, name: text, hash: text, actions: fc.array(text, { maxLength: 2 }), addresses: maybe(fc.array(address, { maxLength: 2 })), createdAt: time, expiresAt: maybe(time), revokedAt: maybe(time),
  }), encodeToken, decodeToken),
  coder('webhooks', fc.record({ id: text, url: text, filter: text, secret: text, createdAt: time, from: counts, label: maybe(text) }), encodeWebhook, decodeWebhook),
  coder('webhook-dead-letters', fc.record({
    webhook: text, signal: text, revision: whole, body: text, attempts: whole, reason: text, at: time, resentAt: maybe(time),
  }), encodeWebhookDeadLetter, decodeWebhookDeadLetter),
  coder('watchlist', fc.record({ address, addedAt: time, label: maybe(text) }), encodeWatched, decodeWatched),
  coder('ingest-progress', fc.record({ address, lastFillAt: time, tids: counts }), encodeIngestProgress, decodeIngestProgress),
  coder('repairs', fc.record({ address, oid: count, reason: text }), encodeRepair, decodeRepair),
  coder('gaps', fc.record({ address, from: time, to: time, reason: text }), encodeGap, decodeGap),
];

/** The coder's place stands before the body. */
const bodies = bytesTarget({
  name: 'avro', law: 'a body of any topic is read, and written again gives the same, or refused by name', share: 2_000,
  cases: fc.nat({ max: CODERS.length - 1 }).chain((place) => anyBytes(CODERS[place]?.good ?? fc.constant(Buffer.alloc(0))).map((body) => Buffer.concat([Buffer.from([place]), body]))),
  check: (bytes) => {
    const body = Buffer.from(bytes.subarray(1));
    const [first, second] = only([SchemaError], () => CODERS[(bytes[0] ?? 0) % CODERS.length]?.again(body)) ?? [null, null];
    assert.deepEqual(second, first);
  },
});

const inputs = bytesTarget({
  name: 'input-body', law: 'a body of an input topic is a record whose body gives it back, raw bytes, or refused by name', share: 2_000,
  cases: anyBytes(record.map((value) => encodeRecord(value).body)),
  check: (bytes) => {
    for (const topic of ['fills', 'order-updates'] as const) {
      const decoded = only([SchemaError], () => decodeInput(topic, bytes));
      if (decoded?.kind !== 'record') continue;
      const { body, topic: at } = encodeRecord(decoded.json);
      const again = decodeInput(at, body);
      assert.deepEqual(again.kind === 'record' ? again.json : jsonOf(again.raw.toString('utf8')), jsonOf(JSON.stringify(decoded.json)));
    }
  },
});

type Versioned = { readonly topic: Topic; readonly schema: string; readonly body: Buffer };

function versionedIn(bytes: Uint8Array): Versioned {
  const { place, schema, body } = fieldsOf(jsonOf(Buffer.from(bytes).toString('utf8')));
  return { topic: CODERS[Number(place)]?.topic ?? 'signals', schema: String(schema), body: Buffer.from(String(body), 'hex') };
}

/** What another version may have made of a schema, right or not. */
const versions = fc.nat({ max: CODERS.length - 1 }).chain((place) => fc.record({
  place: fc.constant(place),
  schema: fc.oneof(
    { weight: 3, arbitrary: twistedJson(fc.constant(jsonOf(schemaTextOf(CODERS[place]?.topic ?? 'signals')))) },
    { weight: 1, arbitrary: fc.constantFrom(
      '{"type":"record","name":"fillstream.v1.Gap","fields":[{"name":"more","type":{"type":"array","items":"string"}}]}', '"string"', '[]', 'null', '{"type":"array","items":"null"}',
    ) },
  ),
  body: damaged(CODERS[place]?.good ?? fc.constant(Buffer.alloc(0))).map((body) => Buffer.from(body).toString('hex')),
}));

const schemas = bytesTarget({
  name: 'schema', law: 'a body of another version\'s schema is read as ours or refused by name, whatever that schema is', share: 100,
  cases: versions.map((version) => Buffer.from(JSON.stringify(version))),
  check: (bytes) => {
    const { topic, schema, body } = versionedIn(bytes);
    const read = only([SchemaError], () => bodyReader(topic, schema));
    if (read !== undefined) only([SchemaError], () => read(body));
    only([SchemaError], () => incompatibilities(schemaTextOf(topic), schema));
  },
});

/** A registry that knows our schema by 7, a later version's by 8, what is none by 9, and no other. */
const registry = Object.assign(registryOf({ url: 'http://127.0.0.1:9' }), {
  getRegistryIdBySchema: async () => await Promise.resolve(7),
  getSchema: async (id: number) => {
    await Promise.resolve();
    if (id === 8) return { ...fieldsOf(jsonOf(schemaTextOf('signals'))), doc: 'later' };
    if (id === 9) return { type: 'nothing' };
    throw Object.assign(new Error('no such schema'), { status: 404 });
  },
});
const format = WireFormat.of(registry, 'signals', 'signals');

const frames = bytesTarget({
  name: 'wire-format', law: 'a value of Kafka is framed right and read, or quarantined as its bytes', share: 500,
  cases: anyBytes(fc.tuple(fc.constantFrom(7, 8, 9, 10), signal).map(([id, value]) => Buffer.concat([Buffer.from([0, 0, 0, 0, id]), encodeSignal(value)]))),
  check: async (bytes) => {
    const value = Buffer.from(bytes);
    await (await format).learn([value, null]);
    const body = (await format).unframe(value);
    if (body === null) {
      const { original } = unreadableRecord(0, 1, value);
      assert.deepEqual(original, { bytes: value });
      return;
    }
    const first = only([SchemaError], () => decodeSignal(body));
    if (first !== undefined) assert.deepEqual(decodeSignal(Buffer.from((await format).unframe((await format).frame(encodeSignal(first))) ?? [])), first);
  },
});

export const AVRO_TARGETS = [bodies, inputs, schemas, frames];
