// The seam to avsc: typed records in, Avro binary out, and back.
//
// A1  A body is the Avro binary of its topic's schema, without Confluent's header.
// A2  A value of an input topic is a record around one union, so its body is the branch's index and the branch's record:
//     a codec of a branch writes that index itself, which spares avsc's wrapping of unions.
// A3  A map is read and written as the list of its entries, which is the same in Avro binary: no key is special (`__proto__`).
// A4  A long is a safe integer, all of them.
// A5  An array has at most as many items as bytes are left: no body asks for more memory or time than it is long.

import avsc from 'avsc';

import { isObject } from './json.ts';
import { SchemaError } from './schema-error.ts';
import { schemaTextOf, type Topic } from './schemas.ts';

/** The binary of one record type, at a position in a buffer. */
export type Codec<Value> = {
  /** The position after the value; negative: the buffer lacks that many bytes. */
  readonly encode: (value: Value, buffer: Buffer, position: number) => number;
  /** `offset` is the position after the value; -1: the buffer ends before it. */
  readonly decode: (buffer: Buffer, position: number) => { value: Value; offset: number };
};

/** A map as it is read and written (A3). */
export type Entries<Value> = readonly { readonly key: string; readonly value: Value }[];

const SCRATCH_BYTES = 16_384;
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** The codec of a topic whose values are one record. */
export function codecOf<Value>(topic: Topic): Codec<Value> {
  return codec(compile(topic));
}

/** The types of the union that a value of an input topic is wrapped around, in the order of the schema. */
export function branchesOf(topic: Topic): readonly avsc.Type[] {
  const type = compile(topic);
  const body = type instanceof avsc.types.RecordType ? type.field('body').type : type;
  if (!(body instanceof avsc.types.WrappedUnionType)) throw new TypeError(`${topic}.avsc: expected a union named body`);
  return body.types;
}

/** The codec of `Value`, the type at `branch` of a union. */
export function branchCodec<Value>(branches: readonly avsc.Type[], branch: number): Codec<Value> {
  const type = branches[branch];
  if (type === undefined) throw new RangeError(`expected a branch ${String(branch)}, there are ${String(branches.length)}`);
  return codec(type);
}

/** A body that is one record. */
export function encodeBody<Value>(codec: Codec<Value>, value: Value): Buffer {
  return encodeAfter(codec, value, 0);
}

/** A body that is a union's branch; `branch` < 64 (A2). */
export function encodeBranch<Value>(codec: Codec<Value>, branch: number, value: Value): Buffer {
  scratch[0] = branch << 1;
  return encodeAfter(codec, value, 1);
}

/** Reads a body from `position` to its very end; throws SchemaError `unreadable-body`. */
export function decodeBody<Value>(codec: Codec<Value>, body: Uint8Array, position = 0): Value {
  const { value, offset } = decodeAt(codec, viewOf(body), position);
  if (offset !== body.length) {
    const end = offset === -1 ? 'more' : String(offset);
    throw new SchemaError('unreadable-body', `expected a body of ${end} bytes, there are ${String(body.length)}`);
  }
  return value;
}

/** The same bytes as a Buffer, which is what avsc reads. */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function codec<Value>(type: avsc.Type): Codec<Value> {
  return {
    encode: (value, buffer, position) => type.encode(value, buffer, position),
    decode: (buffer, position) => type.decode(buffer, position),
  };
}

/** The scratch buffer already holds what stands before `position`. */
function encodeAfter<Value>(codec: Codec<Value>, value: Value, position: number): Buffer {
  const end = encodeAt(codec, value, scratch, position);
  const body = Buffer.allocUnsafe(end >= 0 ? end : scratch.length - end);
  if (end >= 0) {
    scratch.copy(body, 0, 0, end);
  } else {
    scratch.copy(body, 0, 0, position);
    encodeAt(codec, value, body, position);
  }
  return body;
}

function encodeAt<Value>(codec: Codec<Value>, value: Value, buffer: Buffer, position: number): number {
  try {
    return codec.encode(value, buffer, position);
  } catch (error) {
    throw new SchemaError('unwritable-value', `expected a value of the schema: ${String(error)}`, error);
  }
}

function decodeAt<Value>(codec: Codec<Value>, body: Buffer, position: number): { value: Value; offset: number } {
  try {
    return codec.decode(body, position);
  } catch (error) {
    throw new SchemaError('unreadable-body', `expected a body of the schema: ${String(error)}`, error);
  }
}

/**
 * Rewrites bodies that were written by another version of a topic's schema, given as JSON text. Throws SchemaError
 * `unreadable-body` when ours can't read that version, and the reader throws it for what is no body of it.
 */
export function bodyReader(topic: Topic, writerSchema: string): (body: Buffer) => Buffer {
  try {
    const reader = compile(topic);
    const resolver = reader.createResolver(compileText(writerSchema));
    return (body) => {
      try {
        const value: unknown = reader.fromBuffer(body, resolver);
        return reader.toBuffer(value);
      } catch (error) {
        throw new SchemaError('unreadable-body', `expected a body of the schema: ${String(error)}`, error);
      }
    };
  } catch (error) {
    throw new SchemaError('unreadable-body', `expected a schema that ${topic} can be read by: ${String(error)}`, error);
  }
}

function compile(topic: Topic): avsc.Type {
  return compileText(schemaTextOf(topic));
}

function compileText(text: string): avsc.Type {
  const schema: unknown = JSON.parse(text, mapAsEntries);
  if (!isSchema(schema)) throw new TypeError('expected a schema that is an object');
  return avsc.Type.forSchema(schema, { omitRecordMethods: true, typeHook: ownType });
}

function ownType(schema: avsc.Schema, options: unknown): avsc.Type | undefined {
  const type: unknown = isObject(schema) ? schema['type'] : schema;
  if (type === 'long') return new WholeLong();
  return type === 'array' ? new BoundedArray(schema, options) : undefined;
}

/** avsc's long, but up to 2^53 - 1: its own stops one short of the greatest safe integer (A4). */
class WholeLong extends avsc.types.LongType {
  _check(value: unknown): boolean {
    return Number.isSafeInteger(value);
  }

  _read(tap: Tap): number {
    return safe(tap.readLong());
  }

  _write(tap: Tap, value: number): void {
    tap.writeLong(safe(value));
  }
}

/** avsc's array, but for the counts that it believes: its own goes on behind the end of the bytes, billions of times (A5). */
class BoundedArray extends avsc.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const { itemsType } = this;
    if (!isReader(itemsType)) throw new TypeError('expected a type that reads');
    const items: unknown[] = [];
    for (let count = countIn(tap); count > 0; count = countIn(tap)) {
      for (let left = count; left > 0; left -= 1) items.push(itemsType._read(tap));
    }
    return items;
  }

  _skip(tap: Tap): void {
    this._read(tap);
  }
}

/** Items of the block that begins; 0 ends the array. */
function countIn(tap: Tap): number {
  const count = tap.readLong();
  if (count < 0) tap.skipLong(); // How long the block is.
  const left = tap.buf.length - tap.pos;
  if (Math.abs(count) <= left) return Math.abs(count);
  throw new RangeError(`expected at most ${String(left)} items, as so many bytes are left, got ${String(Math.abs(count))}`);
}

function isReader(type: object): type is { readonly _read: (tap: Tap) => unknown } {
  return '_read' in type;
}

/** What avsc's types read from and write to. */
type Tap = {
  readonly buf: Uint8Array;
  readonly pos: number;
  readonly readLong: () => number;
  readonly skipLong: () => void;
  readonly writeLong: (value: number) => void;
};

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`expected a safe integer, got ${String(value)}`);
}

/** Revives a schema with its maps, and their defaults, as lists of entries (A3). */
function mapAsEntries(key: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  if (key === 'default') return [];
  if (value['type'] !== 'map') return value;
  const fields = [{ name: 'key', type: 'string' }, { name: 'value', type: value['values'] }];
  return { type: 'array', items: { type: 'record', fields } };
}

function isSchema(value: unknown): value is Exclude<Parameters<typeof avsc.Type.forSchema>[0], string> {
  return isObject(value);
}
