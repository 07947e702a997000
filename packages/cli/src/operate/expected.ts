// What a refused record should have been, as far as it can be told from the record alone.
//
// X1  The judge is the code that refused it: a field is wrong when an otherwise good record is unreadable with it, and a `dir`
//     fits when the core takes the fill with it. No rule of the contract is written here again.

import { isUtf8 } from 'node:buffer';
import { meaningOf, type Input } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import type { Quarantined } from '@fillstream/schemas';
import { isObject, parsedJson } from './record-json.ts';

type Json = Readonly<Record<string, unknown>>;
type Path = readonly string[];

const AT = 1_760_000_000_000;
const ADDRESS = `0x${'0'.repeat(40)}`;
/** A record of each kind that can be read, with a value for every field that is looked at. */
const GOOD: Readonly<Record<string, Json>> = {
  fill: {
    kind: 'fill', address: ADDRESS, receivedAt: AT, symbol: '', source: '',
    data: {
      coin: 'BTC', px: '1', sz: '1', side: 'B', time: AT, startPosition: '0', dir: 'Open Long', oid: 1, closedPnl: '0', fee: '0', builderFee: '0',
      feeToken: 'USDC', tid: 1, hash: '0x0', crossed: true, cloid: '0x0', twapId: 1, liquidation: { liquidatedUser: ADDRESS },
    },
  },
  orderUpdate: {
    kind: 'orderUpdate', address: ADDRESS, receivedAt: AT,
    data: { order: { coin: 'BTC', side: 'B', sz: '0', oid: 1, origSz: '1', reduceOnly: false }, status: 'filled', statusTimestamp: AT },
  },
  account: { kind: 'account', address: ADDRESS, receivedAt: AT, data: { time: AT, accountValue: '1' } },
  tick: { kind: 'tick', receivedAt: AT },
};

const TIME = 'milliseconds since the epoch, from 1e12 to 1e13';
const DECIMAL = 'a decimal as text, such as "1.5"';
const ID = 'a whole number from 0 to 2^53 - 1';
const WORDS: Readonly<Record<string, string>> = {
  receivedAt: TIME, time: TIME, statusTimestamp: TIME,
  px: `${DECIMAL}, at least 0`, sz: `${DECIMAL}, of a fill above 0`, origSz: DECIMAL, startPosition: DECIMAL, closedPnl: DECIMAL, fee: DECIMAL,
  builderFee: DECIMAL, accountValue: DECIMAL,
  oid: ID, tid: ID, twapId: ID, side: '"B" or "A"', crossed: 'true or false', reduceOnly: 'true or false',
  data: 'an object', order: 'an object', liquidation: 'an object',
};
const DIRS = ['Open Long', 'Open Short', 'Close Long', 'Close Short', 'Long > Short', 'Short > Long', 'Buy', 'Sell'];
/** Of a wrong value that is told. */
const SHOWN_CHARS = 80;
/** A zero byte and a schema's id. */
const FRAME_BYTES = 5;

/** A line each; none where nothing can be told. */
export function expectedOf({ reason, original, cut }: Pick<Quarantined, 'reason' | 'original' | 'cut'>): string[] {
  if (cut !== null) return [`a record of at most 1,048,576 bytes, got ${String(cut.length)}`];
  const record = isUtf8(original) ? parsedJson(original.toString('utf8')) : undefined;
  if (record === undefined) return [notJson(original)];
  if (!isObject(record)) return [`a JSON object, got ${shown(record)}`];
  switch (reason) {
    case 'malformed': return wrongFields(record);
    case 'bad-address': return [`address: 0x and 40 hex digits, got ${shown(record['address'])}`];
    case 'unknown-dir': case 'dir-contradiction': return fittingDirs(record);
    case 'conflict': return [`the px, sz and side of the fill of this order that had the same identity before; ${explainHint(record)}`];
    case 'late': return [`nothing newer of an order that is over for good; ${explainHint(record)}`];
    default: return [];
  }
}

function notJson(original: Buffer): string {
  if (original.length >= FRAME_BYTES && original[0] === 0) {
    return `a value of one of the topic's schemas, or JSON; its header names schema ${String(original.readUInt32BE(1))}`;
  }
  return isUtf8(original) ? 'JSON' : 'JSON, in UTF-8';
}

function wrongFields(record: Json): string[] {
  const { kind } = record;
  const good = typeof kind === 'string' && Object.hasOwn(GOOD, kind) ? GOOD[kind] : undefined;
  if (good === undefined) return [`kind: fill, orderUpdate, account or tick, got ${shown(record['kind'])}`];
  return pathsOf(good).flatMap((path) => {
    const value = at(record, path);
    if (isReadable(replaced(good, path, value)) || !isObject(at(record, path.slice(0, -1)))) return [];
    return [`${path.join('.')}: ${WORDS[path.at(-1) ?? ''] ?? 'text'}, ${value === undefined ? 'but it is missing' : `got ${shown(value)}`}`];
  });
}

/** The dirs that the core takes this fill with. */
function fittingDirs(record: Json): string[] {
  const input = readRecord(record);
  if (input.kind !== 'fill') return [];
  const { fill, address } = input;
  const fitting = DIRS.filter((dir) => meaningOf({ ...fill, dir }, address).kind === 'trade');
  return [`dir: ${fitting.join(' or ')}, by coin, side, sz and startPosition; got ${shown(fill.dir)}`];
}

function explainHint(record: Json): string {
  const input = readRecord(record);
  const order = orderOf(input);
  return order === null ? 'its order isn\'t known' : `see \`fillstream explain ${order}\``;
}

function orderOf(input: Input): string | null {
  return input.kind === 'fill' ? `${input.address}/${String(input.fill.oid)}` : null;
}

function isReadable(record: unknown): boolean {
  const input = readRecord(record);
  return input.kind !== 'unusable' || input.reason !== 'malformed';
}

/** All fields of a record, those that hold others first. */
function pathsOf(record: Json, before: Path = []): Path[] {
  return Object.entries(record).flatMap(([name, value]) => {
    const path = [...before, name];
    return isObject(value) ? [path, ...pathsOf(value, path)] : [path];
  });
}

function at(record: unknown, path: Path): unknown {
  let value = record;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return value;
}

/** The record with another value there; undefined leaves the field out. */
function replaced(record: Json, [name = '', ...rest]: Path, value: unknown): Json {
  const held = record[name];
  if (rest.length > 0 && isObject(held)) return { ...record, [name]: replaced(held, rest, value) };
  // A field that holds others is judged by what it is: what is in it has lines of its own.
  return { ...record, [name]: isObject(held) && isObject(value) ? held : value };
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : textOf(value);
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return 'what is nested too deeply to be shown';
    throw error;
  }
}
