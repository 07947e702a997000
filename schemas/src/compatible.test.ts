import assert from 'node:assert/strict';
import { test } from 'node:test';

import { incompatibilities } from './compatible.ts';
import { TOPICS, schemaTextOf } from './schemas.ts';

const KINDS = [{ type: 'record', name: 'Tick', fields: [] }, { type: 'record', name: 'Raw', fields: [] }];
const BASE = {
  type: 'record', name: 'Thing', namespace: 'a.v1', fields: [
    { name: 'id', type: 'string' },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'sums', type: { type: 'map', values: 'string' } },
    { name: 'runs', type: { type: 'array', items: { type: 'record', name: 'Run', fields: [{ name: 'count', type: 'long' }] } } },
    { name: 'body', type: KINDS },
  ],
};

/** Another field at the end. */
function withField(field: object): object {
  return { ...BASE, fields: [...BASE.fields, field] };
}

/** A field with other attributes, or without it. */
function changed(name: string, attributes: object | null): object {
  return { ...BASE, fields: BASE.fields.flatMap((field) => (field.name !== name ? [field] : attributes === null ? [] : [{ ...field, ...attributes }])) };
}

const CASES: readonly (readonly [string, object, readonly string[]])[] = [
  ['nothing but words', changed('id', { doc: 'What it is.' }), []],
  ['a new field with a default', withField({ name: 'more', type: 'long', default: 0 }), []],
  ['a new field without one', withField({ name: 'more', type: 'long' }), ['the new field more of Thing has no default']],
  ['a field with a default is gone', changed('note', null), []],
  ['a field without one is gone', changed('id', null), ['the field id of Thing, which has no default, would be gone']],
  ['another type', changed('id', { type: 'long' }), ['the field id of Thing was string and would be long']],
  ['a type that may be null now', changed('id', { type: ['null', 'string'] }), ['the field id of Thing was string and would be null or string']],
  ['one more choice', changed('note', { type: ['null', 'string', 'long'] }), ['the field note of Thing could be long']],
  ['choices in another order', changed('note', { type: ['string', 'null'], default: '' }), [
    'the field note of Thing was null and would be string', 'the field note of Thing was string and would be null',
  ]],
  ['the entries of a map', changed('sums', { type: { type: 'map', values: 'double' } }), ['an entry of the field sums of Thing was string and would be double']],
  ['a field of an item', changed('runs', { type: { type: 'array', items: { type: 'record', name: 'Run', fields: [{ name: 'count', type: 'int' }] } } }), [
    'the field count of Run was long and would be int',
  ]],
  ['one more kind of record', changed('body', { type: [...KINDS, { type: 'record', name: 'New', fields: [] }] }), []],
  ['a kind of record is gone', changed('body', { type: KINDS.slice(0, 1) }), ['the field body of Thing would no longer be Raw']],
  ['another name', { ...BASE, name: 'Other' }, ['the value was Thing and would be Other']],
];

for (const [what, after, expected] of CASES) {
  test(`two schemas: ${what}`, () => {
    assert.deepEqual(incompatibilities(JSON.stringify(BASE), JSON.stringify(after)), expected);
  });
}

test('every topic\'s schema is compatible with itself, and with no other topic\'s', () => {
  for (const topic of TOPICS) {
    assert.deepEqual(incompatibilities(schemaTextOf(topic), schemaTextOf(topic)), [], topic);
    for (const other of TOPICS) if (other !== topic) assert.notDeepEqual(incompatibilities(schemaTextOf(topic), schemaTextOf(other)), [], `${topic} ${other}`);
  }
});

test('what is no schema is refused', () => {
  for (const text of ['', '"string"', '{"type":"what"}']) assert.throws(() => incompatibilities(text, schemaTextOf('signals')), { code: 'unreadable-body' });
});
