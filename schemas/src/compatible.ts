// Whether two schemas of a topic can live beside each other: what either of them wrote, the other one reads. A field that is new
// or gone needs a default for that. One thing may be added that an earlier version doesn't read: a kind of record, at the end of
// its union (docs/upgrading.md says in which order).

import avsc from 'avsc';

import { isObject } from './json.ts';
import { SchemaError } from './schema-error.ts';

/** What makes the one unreadable for the other, each as a clause; empty when they are compatible. Throws SchemaError for what is no schema. */
export function incompatibilities(before: string, after: string): readonly string[] {
  return typeChanges('the value', compiled(before), compiled(after));
}

function typeChanges(what: string, before: avsc.Type, after: avsc.Type): readonly string[] {
  const { types } = avsc;
  if (before instanceof types.RecordType && after instanceof types.RecordType && before.name === after.name) return fieldChanges(before, after);
  if (before instanceof types.ArrayType && after instanceof types.ArrayType) {
    return typeChanges(`an item of ${what}`, before.itemsType, after.itemsType);
  }
  if (before instanceof types.MapType && after instanceof types.MapType) {
    return typeChanges(`an entry of ${what}`, valuesOf(before), valuesOf(after));
  }
  const [branchesBefore, branchesAfter] = [branchesOf(before), branchesOf(after)];
  if (branchesBefore !== null && branchesAfter !== null) return branchChanges(what, branchesBefore, branchesAfter);
  return nameOf(before) === nameOf(after) ? [] : [`${what} was ${nameOf(before)} and would be ${nameOf(after)}`];
}

function fieldChanges(before: avsc.types.RecordType, after: avsc.types.RecordType): readonly string[] {
  const gone = before.fields.filter(({ name }) => !has(after, name));
  const added = after.fields.filter(({ name }) => !has(before, name));
  return [
    ...gone.filter(isRequired).map(({ name }) => `the field ${name} of ${nameOf(before)}, which has no default, would be gone`),
    ...added.filter(isRequired).map(({ name }) => `the new field ${name} of ${nameOf(after)} has no default`),
    ...before.fields.filter(({ name }) => has(after, name)).flatMap((field) => (
      typeChanges(`the field ${field.name} of ${nameOf(before)}`, field.type, after.field(field.name).type)
    )),
  ];
}

/** Branches keep their places. Records may be added to a union of records. */
function branchChanges(what: string, before: readonly avsc.Type[], after: readonly avsc.Type[]): readonly string[] {
  const { types } = avsc;
  const mayGrow = after.every((type) => type instanceof types.RecordType);
  return [
    ...before.flatMap((type, place) => {
      const there = after[place];
      return there === undefined ? [`${what} would no longer be ${nameOf(type)}`] : typeChanges(what, type, there);
    }),
    ...(mayGrow ? [] : after.slice(before.length).map((type) => `${what} could be ${nameOf(type)}`)),
  ];
}

function branchesOf(type: avsc.Type): readonly avsc.Type[] | null {
  const { types } = avsc;
  return type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType ? [...type.types] : null;
}

function valuesOf(map: avsc.types.MapType): avsc.Type {
  const values: unknown = map.valuesType; // Left open by its declaration.
  if (isType(values)) return values;
  throw new TypeError('expected the type of a map\'s values');
}

function has(record: avsc.types.RecordType, name: string): boolean {
  return record.fields.some((field) => field.name === name);
}

function isRequired(field: avsc.types.Field): boolean {
  return field.defaultValue() === undefined;
}

/** As a schema names it: `Signal`, `string`, `null or string`. */
function nameOf(type: avsc.Type): string {
  const branches = branchesOf(type);
  return branches === null ? (type.name ?? type.typeName).replace(/^.*\./, '') : branches.map(nameOf).join(' or ');
}

function compiled(text: string): avsc.Type {
  try {
    const schema: unknown = JSON.parse(text);
    if (isSchema(schema)) return avsc.Type.forSchema(schema);
  } catch (error) {
    throw new SchemaError('unreadable-body', `expected an Avro schema: ${String(error)}`, error);
  }
  throw new SchemaError('unreadable-body', 'expected an Avro schema that is an object');
}

function isType(value: unknown): value is avsc.Type {
  return avsc.Type.isType(value);
}

function isSchema(value: unknown): value is Exclude<Parameters<typeof avsc.Type.forSchema>[0], string> {
  return isObject(value);
}
