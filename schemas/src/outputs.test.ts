import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { decodeCommit, encodeCommit } from './commit.ts';
import { decodeQuarantined, encodeQuarantined } from './quarantined.ts';
import { SchemaError } from './schema-error.ts';
import { decodeSignal, encodeSignal, type Signal } from './signal.ts';
import {
  decodeToken, decodeWebhook, decodeWebhookDeadLetter, encodeToken, encodeWebhook, encodeWebhookDeadLetter,
} from './subscribers.ts';
import {
  decodeGap, decodeIngestProgress, decodeRepair, decodeWatched, encodeGap, encodeIngestProgress, encodeRepair, encodeWatched,
} from './upkeep.ts';

const plain = { noNullPrototype: true } as const;
const text = fc.string({ unit: 'grapheme' });
const whole = fc.nat();
const time = fc.integer({ min: 1e12, max: 1e13 });
const token = fc.oneof(text, fc.constantFrom('USDC', 'HYPE', '__proto__', '10', '9', 'constructor'));

const signal: fc.Arbitrary<Signal> = fc.record({
  id: text, revision: whole, address: text, oid: whole, coin: text, symbol: text, cloid: fc.option(text), assetType: text,
  direction: fc.constantFrom('open', 'close'), side: fc.constantFrom('LONG', 'SHORT'), size: text, notional: text, price: text,
  positionSize: text, positionBefore: text, positionAfter: text, closeRate: text, positionRate: fc.option(text),
  fees: fc.array(fc.tuple(token, text)).map((entries) => Object.fromEntries(entries)), closedPnl: text, fillCount: whole,
  firstFillAt: time, lastFillAt: time, orderStatus: fc.option(text), trigger: text, complete: fc.boolean(),
  reversal: fc.boolean(), cause: text, twapId: fc.option(whole),
}, plain);

test('a signal comes back as the same JSON text, its fees sorted by token', () => {
  fc.assert(fc.property(signal, (value) => {
    const tokens = Object.keys(value.fees).sort();
    const sorted = { ...value, fees: Object.fromEntries(tokens.map((name) => [name, value.fees[name]])) };
    assert.equal(JSON.stringify(decodeSignal(encodeSignal(value))), JSON.stringify(sorted));
  }));
});

test('the order in which a signal names its fees does not show in its body', () => {
  fc.assert(fc.property(signal, (value) => {
    const fees = Object.fromEntries(Object.entries(value.fees).reverse());
    assert.deepEqual(encodeSignal({ ...value, fees }), encodeSignal(value));
  }));
});

test('a signal that does not fit its schema is refused by name', () => {
  const [value] = fc.sample(signal, 1);
  assert.ok(value !== undefined);
  assert.throws(() => encodeSignal({ ...value, oid: 1.5 }),
    (error: unknown) => error instanceof SchemaError && error.code === 'unwritable-value');
});

test('a commit comes back whole', () => {
  const commit = fc.record({
    id: text, partition: whole, topics: fc.array(text), from: fc.array(whole), to: fc.array(whole),
    merge: fc.array(fc.record({ topic: whole, count: whole }, plain)), fired: whole,
    clocks: fc.array(time), counts: fc.dictionary(text, whole, plain),
  }, plain);
  fc.assert(fc.property(commit, (value) => { assert.deepEqual(decodeCommit(encodeCommit(value)), value); }));
});

test('a refused record comes back with every byte', () => {
  const cut = fc.record({ length: whole, sha256: text, file: fc.option(text), position: fc.option(whole) }, plain);
  const quarantined = fc.record({
    reason: text, topic: text, partition: whole, offset: whole, receivedAt: fc.option(time),
    original: fc.uint8Array().map((bytes) => Buffer.from(bytes)), cut: fc.option(cut),
  }, plain);
  fc.assert(fc.property(quarantined, (value) => { assert.deepEqual(decodeQuarantined(encodeQuarantined(value)), value); }));
});

test('the records that processor, ingestor and operator exchange come back whole', () => {
  fc.assert(fc.property(text, time, fc.array(whole), fc.option(text), (address, at, tids, label) => {
    const watched = { address, addedAt: at, label };
    const progress = { address, lastFillAt: at, tids };
    const repair = { address, oid: at, reason: address };
    const gap = { address, from: at, to: at, reason: address };
    assert.deepEqual(decodeWatched(encodeWatched(watched)), watched);
    assert.deepEqual(decodeIngestProgress(encodeIngestProgress(progress)), progress);
    assert.deepEqual(decodeRepair(encodeRepair(repair)), repair);
    assert.deepEqual(decodeGap(encodeGap(gap)), gap);
  }));
});

test('the records that gateway, webhooks and operator exchange come back whole', () => {
  const maybe = fc.option(time);
  const token = fc.record({
    id: text, name: text, hash: text, actions: fc.array(text), addresses: fc.option(fc.array(text)), createdAt: time, expiresAt: maybe, revokedAt: maybe,
  }, plain);
  const webhook = fc.record({
    id: text, url: text, filter: text, secret: text, createdAt: time, from: fc.array(whole), label: fc.option(text),
  }, plain);
  const letter = fc.record({
    webhook: text, signal: text, revision: whole, body: text, attempts: whole, reason: text, at: time, resentAt: maybe,
  }, plain);
  fc.assert(fc.property(token, webhook, letter, (first, second, third) => {
    assert.deepEqual(decodeToken(encodeToken(first)), first);
    assert.deepEqual(decodeWebhook(encodeWebhook(second)), second);
    assert.deepEqual(decodeWebhookDeadLetter(encodeWebhookDeadLetter(third)), third);
  }));
});
