import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CursorCodec, CursorError } from './cursor.ts';

const codec = new CursorCodec('a log', 4);
const offsets = fc.array(fc.maxSafeNat(), { minLength: 4, maxLength: 4 });

test('a cursor that was given is read back as it was', () => {
  fc.assert(fc.property(offsets, (given) => {
    assert.deepEqual(codec.decode(codec.encode(given)), given);
  }));
});

test('a cursor of which any character is another, or that is cut off, is refused', () => {
  fc.assert(fc.property(offsets, fc.nat(), fc.constantFrom('A', 'b', '7', '_', '.', ' '), (given, where, other) => {
    const text = codec.encode(given);
    const place = where % text.length;
    const changed = text.slice(0, place) + other + text.slice(place + 1);
    // The last character has bits that are no part of the bytes.
    if (Buffer.from(changed.slice(2), 'base64url').equals(Buffer.from(text.slice(2), 'base64url')) && changed.startsWith('1.')) return;
    assert.throws(() => codec.decode(changed), CursorError);
    assert.throws(() => codec.decode(text.slice(0, place)), CursorError);
  }));
});

test('a cursor of another log, or of one with other partitions, is refused', () => {
  assert.throws(() => codec.decode(new CursorCodec('another', 4).encode([1, 2, 3, 4])), /of another log/);
  assert.throws(() => codec.decode(new CursorCodec('a log', 3).encode([1, 2, 3])), CursorError);
});

test('anything else is refused without harm', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String(), fc.constant(`1.${'A'.repeat(200_000)}`)), (text) => {
    assert.throws(() => codec.decode(text), CursorError);
  }));
});
