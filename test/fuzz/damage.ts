// How what is right gets wrong: bytes cut, flipped and spliced; fields of JSON replaced, left out and nested.

import fc from 'fast-check';
import { textOf } from './target.ts';

/** Where in the bytes, as a share. */
const place = fc.nat({ max: 65_535 });
/** Counts and lengths that a reader may believe, as Avro and varints write them. */
const COUNTS = ['02', '01', '7f', 'feffffff0f', 'ffffffff0f', 'feffffffffffffff3f', 'ffffffffffffffffff01', '8080808080808080808080', '00000000', 'ffffffff', '80', '0a0d0a', 'efbbbf', 'c3', 'eda080', '1f8b', '28b52ffd', '04224d18'];

type Edit = { readonly kind: number; readonly from: number; readonly to: number; readonly bytes: Uint8Array };

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.nat({ max: 5 }), from: place, to: place,
  bytes: fc.oneof(fc.constantFrom(...COUNTS).map((hex) => Buffer.from(hex, 'hex')), fc.uint8Array({ maxLength: 12 })),
});

/** None to four damages. */
export function damaged(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(good, fc.array(edit, { maxLength: 4 })).map(([bytes, edits]) => edits.reduce(edited, bytes));
}

export function damagedText(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return damaged(good.map((text) => Buffer.from(text))).map((bytes) => Buffer.from(bytes).toString('utf8'));
}

/** Right ones damaged, and anything. */
export function anyBytes(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.oneof({ weight: 4, arbitrary: damaged(good) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) });
}

function edited(bytes: Uint8Array, { kind, from, to, bytes: own }: Edit): Uint8Array {
  const at = (share: number): number => Math.floor((share / 65_536) * (bytes.length + 1));
  const [start, end] = [Math.min(at(from), at(to)), Math.max(at(from), at(to))];
  const [before, between, after] = [bytes.subarray(0, start), bytes.subarray(start, end), bytes.subarray(end)];
  switch (kind) {
    case 0: return before;
    case 1: return Buffer.concat([before, after]);
    case 2: return Buffer.concat([before, own, between, after]);
    case 3: return Buffer.concat([before, own, bytes.subarray(start + own.length)]);
    case 4: return Buffer.concat([before, between, between, after]);
    default: return Buffer.concat([before, Buffer.from([(bytes[start] ?? 0) ^ (1 << (from & 7))]), bytes.subarray(start + 1)]);
  }
}

const DEEP = 20_000;
const nested = fc.constantFrom(3, 33, 200, 1_200, DEEP).map((depth) => ({ depth }));

/** Values that no field expects. A deep one is told by its depth, so that a case stays small. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null, true, false, 0, -1, 1.5, 1e12, 1e13, 1e300, 2 ** 53, Number.MAX_SAFE_INTEGER, '', '0', '-0', '-1', '1e5', '0x1', '.5', '5.', '00.10',
    'NaN', '\ud800', '\u0000', '__proto__', 'constructor', [], {}, [null], { length: -1 }, '9'.repeat(400), `0.${'1'.repeat(400)}`,
  ),
  fc.string({ maxLength: 8 }), fc.integer(), fc.double(), fc.jsonValue({ maxDepth: 2 }),
);

type Twist = { readonly at: number; readonly kind: number; readonly value: unknown; readonly key: string };

const twist: fc.Arbitrary<Twist> = fc.record({
  at: fc.nat(), kind: fc.nat({ max: 4 }), value: oddValue, key: fc.constantFrom('__proto__', 'constructor', 'toString', '', 'v', 'time', 'oid', 'more'),
});

/** Up to three fields, however deep, that are replaced, left out, or joined by another. */
export function twisted(good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(good, fc.array(twist, { maxLength: 3 })).map(([value, twists]) => twists.reduce((held, each) => parsed(twistedText(held, each)), value));
}

/** The same as text, which may hold what no value has: numbers without end, nesting, fields twice. */
export function twistedJson(good: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const texts = twisted(good).map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 4, arbitrary: texts },
    { weight: 2, arbitrary: damagedText(texts) },
    { weight: 1, arbitrary: fc.tuple(texts, fc.nat(), nested).map(([text, at, { depth }]) => withNested(text, at, depth)) },
  );
}

/** One of the text's values nested. */
function withNested(text: string, at: number, depth: number): string {
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?=[,}\]])|-?\d[\d.e+-]*(?=[,}\]])|null|true|false/g)];
  const chosen = values[at % Math.max(1, values.length)];
  const deep = '['.repeat(depth) + ']'.repeat(depth);
  return chosen === undefined ? deep : text.slice(0, chosen.index) + deep + text.slice(chosen.index + chosen[0].length);
}

function twistedText(value: unknown, { at, kind, value: odd, key }: Twist): string {
  const places = placesIn(value);
  const chosen = places[at % Math.max(1, places.length)];
  const text: unknown = JSON.stringify(value, function replaced(this: unknown, name: string, held: unknown): unknown {
    if (chosen === undefined || chosen.holder !== this || chosen.name !== name) return held;
    switch (kind) {
      case 0: return undefined;
      case 1: return [held];
      case 2: return typeof held === 'object' && held !== null ? parsed(withKey(JSON.stringify(held), key, odd)) : odd;
      default: return odd;
    }
  });
  return typeof text === 'string' ? text : 'null';
}

/** `__proto__` too becomes a key of its own. */
function withKey(text: string, key: string, value: unknown): string {
  if (!text.startsWith('{')) return text;
  const own = `${JSON.stringify(key)}:${textOf(value) || 'null'}`;
  return text === '{}' ? `{${own}}` : `{${own},${text.slice(1)}`;
}

type Place = { readonly holder: object; readonly name: string };

function placesIn(value: unknown): readonly Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => [{ holder: value, name }, ...placesIn(part)]);
}

function parsed(text: string): unknown {
  return JSON.parse(text);
}
