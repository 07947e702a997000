// Inputs for the contract suites and the runtime's own tests: records as JSON and as what a parser makes of them.
//
// K1  The same seed and size give the same journal.
// K2  A journal has all that moves a partition: fills and updates in any order, repeats, refusals, jumps of time.

import { parseDecimal, type Address, type Fill, type Input, type Oid, type OrderUpdate } from '@fillstream/core';
import { partitionOf } from '../partitioner.ts';

/** `json` is the record as a journal holds it (contract §1), `input` what it is read as. */
export type JournalRecord = { readonly json: Readonly<Record<string, unknown>>; readonly input: Input };

export const START = 1_760_000_000_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const JUMPS = [6 * SECOND, 6 * MINUTE, 11 * MINUTE, 61 * MINUTE, 31 * 1_440 * MINUTE];

/** An address whose key belongs to a partition; `nth` tells several of them apart. */
export function addressIn(partition: number, partitions: number, nth = 0): Address {
  let left = nth;
  for (let number = 0; number < 10_000; number += 1) {
    const text = `0x${number.toString(16).padStart(40, '0')}`;
    if (isAddress(text) && partitionOf(text, partitions) === partition && left-- === 0) return text;
  }
  throw new RangeError(`no address ${String(nth)} of partition ${String(partition)}`);
}

function isAddress(text: string): text is Address {
  return /^0x[0-9a-f]{40}$/.test(text);
}

export function oidOf(value: number): Oid {
  if (!isOid(value)) throw new TypeError(`${String(value)} is no oid`);
  return value;
}

function isOid(value: number): value is Oid {
  return Number.isSafeInteger(value) && value >= 0;
}

type FillJson = {
  readonly oid: number;
  readonly tid: number;
  readonly px?: string;
  readonly sz?: string;
  readonly side?: 'B' | 'A';
  readonly startPosition?: string;
  readonly dir?: string;
  readonly time?: number;
  readonly fee?: string;
  readonly twapId?: number | null;
};

/** A fill that opens 1 BTC at 100 from flat, unless told otherwise. */
export function fillRecord(address: Address, receivedAt: number, parts: FillJson): JournalRecord {
  const data = {
    coin: 'BTC', px: '100', sz: '1', side: 'B' as const, startPosition: '0', dir: 'Open Long', time: receivedAt, fee: '0.1', twapId: null, ...parts,
  };
  const fill: Fill = {
    ...data,
    oid: oidOf(data.oid),
    px: parseDecimal(data.px),
    sz: parseDecimal(data.sz),
    startPosition: parseDecimal(data.startPosition),
    fee: parseDecimal(data.fee),
    closedPnl: parseDecimal('0'),
    feeToken: 'USDC', hash: null, cloid: null, liquidatedUser: null,
  };
  return { json: { kind: 'fill', address, receivedAt, data }, input: { kind: 'fill', address, receivedAt, symbol: fill.coin, fill } };
}

type UpdateJson = {
  readonly oid: number;
  readonly status?: string;
  readonly statusTimestamp?: number;
  readonly sz?: string;
  readonly origSz?: string;
};

/** `filled` for 1, unless told otherwise. */
export function updateRecord(address: Address, receivedAt: number, parts: UpdateJson): JournalRecord {
  const { oid, status, statusTimestamp, sz, origSz } = { status: 'filled', statusTimestamp: receivedAt, sz: '0', origSz: '1', ...parts };
  const update: OrderUpdate = {
    oid: oidOf(oid), status, statusTimestamp, sz: parseDecimal(sz), origSz: parseDecimal(origSz), reduceOnly: false,
  };
  const data = { order: { coin: 'BTC', side: 'B', sz, oid, origSz }, status, statusTimestamp };
  return { json: { kind: 'orderUpdate', address, receivedAt, data }, input: { kind: 'orderUpdate', address, receivedAt, update } };
}

export function accountRecord(address: Address, receivedAt: number, accountValue: string): JournalRecord {
  return {
    json: { kind: 'account', address, receivedAt, data: { time: receivedAt, accountValue } },
    input: { kind: 'account', address, receivedAt, time: receivedAt, accountValue: parseDecimal(accountValue) },
  };
}

export function tickRecord(receivedAt: number): JournalRecord {
  return { json: { kind: 'tick', receivedAt }, input: { kind: 'tick', receivedAt } };
}

function malformedRecord(address: Address, receivedAt: number): JournalRecord {
  return {
    json: { kind: 'fill', address, receivedAt, data: {} },
    input: { kind: 'unusable', reason: 'malformed', receivedAt, record: null },
  };
}

/** Which of two topics a record travels on; a tick on both. */
export function topicsOf({ input }: JournalRecord): readonly number[] {
  if (input.kind === 'tick') return [0, 1];
  return input.kind === 'orderUpdate' ? [1] : [0];
}

// ---- Random journals

export type Random = () => number;

/** A small generator (mulberry32): numbers from 0 up to 1. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A whole number from 0 up to `count`. */
export function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

type Scene = {
  readonly random: Random;
  readonly addresses: readonly Address[];
  readonly waiting: ((now: number) => JournalRecord)[];
  readonly sent: JournalRecord[];
  now: number;
  oid: number;
  tid: number;
};

/** A journal of `size` records of three addresses, all of one partition (K1, K2). */
export function journalOf(seed: number, size: number): readonly JournalRecord[] {
  const addresses = [0, 1, 2].map((nth) => addressIn(0, 1, nth));
  const scene: Scene = { random: randomOf(seed), addresses, waiting: [], sent: [], now: START, oid: 0, tid: 0 };
  while (scene.sent.length < size) scene.sent.push(nextRecord(scene));
  return scene.sent;
}

function nextRecord(scene: Scene): JournalRecord {
  const { random, waiting } = scene;
  moveTime(scene);
  if (waiting.length === 0 || random() < 0.2) planOrder(scene);
  const roll = random();
  const address = pick(scene, scene.addresses);
  if (roll < 0.03) return malformedRecord(address, scene.now);
  if (roll < 0.06) return accountRecord(address, scene.now, `${String(1 + below(random, 900))}.5`);
  if (roll < 0.1) return tickRecord(scene.now);
  if (roll < 0.2 && scene.sent.length > 0) return pick(scene, scene.sent);
  const [make] = waiting.splice(below(random, Math.min(waiting.length, 6)), 1);
  return make?.(scene.now) ?? tickRecord(scene.now);
}

function moveTime(scene: Scene): void {
  const roll = scene.random();
  if (roll < 0.04) scene.now += pick(scene, JUMPS);
  else if (roll < 0.5) scene.now += below(scene.random, 900);
}

/** Fills of one order along its side, some of them later corrected or missing, and mostly a status. */
function planOrder(scene: Scene): void {
  const { random, waiting } = scene;
  const address = pick(scene, scene.addresses);
  scene.oid += 1;
  const { oid } = scene;
  const side = random() < 0.5 ? 'B' : 'A';
  const twapId = random() < 0.15 ? oid : null;
  const fills = 1 + below(random, 4);
  let position = below(random, 9) - 4;
  let total = 0;
  for (let count = 0; count < fills; count += 1) {
    const size = 1 + below(random, 3);
    scene.tid += 1;
    const parts = { oid, tid: scene.tid, sz: String(size), side, startPosition: String(position), dir: dirOf(side, position, size), twapId } as const;
    position += side === 'B' ? size : -size;
    total += size;
    if (random() < 0.95) waiting.push((now) => fillRecord(address, now, parts));
    if (random() < 0.04) waiting.push((now) => fillRecord(address, now, { ...parts, px: '99' }));
  }
  if (random() < 0.75) waiting.push((now) => updateRecord(address, now, { oid, origSz: String(total) }));
  if (random() < 0.15) waiting.push((now) => updateRecord(address, now, { oid, status: 'canceled', sz: '1', origSz: String(total) }));
}

function dirOf(side: 'B' | 'A', position: number, size: number): string {
  const [open, close] = side === 'B' ? ['Long', 'Short'] : ['Short', 'Long'];
  const held = side === 'B' ? -position : position;
  if (held <= 0) return `Open ${open}`;
  return size <= held ? `Close ${close}` : `${close} > ${open}`;
}

function pick<T>(scene: Scene, values: readonly T[]): T {
  const value = values[below(scene.random, values.length)];
  if (value === undefined) throw new RangeError('nothing to pick from');
  return value;
}
