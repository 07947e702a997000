// The laws of the stream as properties, over the packages that make it, on journals of the simulated market.
//
// L1  Interleaving, repetition and batches change nothing of an order, unless a record comes later than the periods (contract §8).
// L2  For journals whose receivedAt never decreases, the number of partitions changes nothing of an address.
// L3  A crash of the embedded pair changes nothing that was or will be committed.
// L4  Size, notional, fees and closedPnl of all fills are in the highest revisions, and nothing else is.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_SETTINGS, type Input, type Settings, type Signal } from '@fillstream/core';
import { readRecord } from '@fillstream/hyperliquid';
import {
  MemoryLog, MemoryStore, PartitionLoop, partitionOf,
  type EventLog, type LogRecord, type LoopLimits, type PartitionLog, type StateStore, type Taken,
} from '@fillstream/runtime';
import { encodeInput } from '@fillstream/schemas';
import { Ledger, market, type JournalRecord, type MarketOptions } from '@fillstream/simulator';
import { Database, SqliteLog, SqliteStore } from '@fillstream/sqlite';
import { journal as oracleJournal } from '../oracle/journals.ts';
import { fold } from '../oracle/oracle.ts';
import { SEED, START_AT } from './journals.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const seedOf = fc.integer({ min: 1, max: 2 ** 31 });

/** A failure tells fast-check's seed and path; TEST_SEED=… repeats the run. */
async function property<T>(arbitrary: fc.Arbitrary<T>, numRuns: number, check: (value: T) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, check), { seed: SEED, numRuns, endOnFailure: true });
}

// ---- Journals

function records(options: Partial<MarketOptions> & Pick<MarketOptions, 'seed'>): JournalRecord[] {
  return [...market({ addresses: 5, startAt: START_AT, orders: 120, ...options })];
}

const textOf = (record: unknown): string => JSON.stringify(record);
const inputOf = (line: string): Input => readRecord(parse(line));

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function keyOf(input: Input): string | null {
  return input.kind === 'tick' || input.kind === 'unusable' ? null : input.address;
}

function topicsOf(input: Input): readonly number[] {
  if (input.kind === 'tick') return [0, 1];
  return [input.kind === 'orderUpdate' ? 1 : 0];
}

/** A journal of the oracle's with time that never goes back, and its settings. */
function risingOracleJournal(seed: number, size: number): { readonly lines: readonly string[]; readonly settings: Settings } {
  const { lines, settings } = oracleJournal(seed, size);
  let now = 0;
  const rising = lines.filter((line) => {
    const { receivedAt } = inputOf(line);
    if (receivedAt === null) return true;
    if (receivedAt < now) return false;
    now = receivedAt;
    return true;
  });
  const { smallBelow: _, mediumBelow: __, ...periods } = settings;
  return { lines: rising, settings: { ...DEFAULT_SETTINGS, ...periods } };
}

const oracleSettings = ({ smallBelow: _, mediumBelow: __, ...periods }: Settings) => periods;

/** A tick before each record whose time is new: two clocks then tell the same time, in every partition. */
function withTicks(lines: readonly string[]): string[] {
  let now = 0;
  return lines.flatMap((line) => {
    const { receivedAt } = inputOf(line);
    if (receivedAt === null || receivedAt <= now) return [line];
    now = receivedAt;
    return [textOf({ kind: 'tick', receivedAt }), line];
  });
}

// ---- Signals

type Sent = Readonly<Record<string, unknown>>;

type Belongs = (signal: Signal | Sent) => string;
const byOrder: Belongs = ({ address, oid }) => `${String(address)}/${String(oid)}`;
const byAddress: Belongs = ({ address }) => String(address);

/** What must be the same: the signals of each order, or of each address, as texts in the order in which they went out. */
function sequencesOf(signals: readonly (Signal | Sent)[], belongs: Belongs): string[] {
  const sequences = Map.groupBy(signals, belongs);
  return Array.from(sequences.values(), (sequence) => sequence.map((signal) => textOf(signal)).join('\n'));
}

function byAddressOf(signals: readonly (Signal | Sent)[]): string[] {
  return sequencesOf(signals, byAddress);
}

function assertSameSet(actual: readonly string[], expected: readonly string[]): void {
  const [missing, extra] = [difference(expected, actual), difference(actual, expected)];
  assert.deepEqual({ missing: missing.slice(0, 3), extra: extra.slice(0, 3), count: actual.length }, { missing: [], extra: [], count: expected.length });
}

function difference(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of b) left.set(text, (left.get(text) ?? 0) + 1);
  return a.filter((text) => {
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count <= 0;
  });
}

/** The highest revision of each id. */
function latest(signals: readonly Signal[]): Map<string, Signal> {
  const byId = new Map<string, Signal>();
  for (const signal of signals) if (signal.revision > (byId.get(signal.id)?.revision ?? 0)) byId.set(signal.id, signal);
  return byId;
}

/** What revisions and triggers on the way don't change. */
function totalsOf({ id, size, notional, price, positionBefore, positionAfter, closeRate, fees, closedPnl, fillCount, firstFillAt, lastFillAt, reversal, cause }: Signal): string {
  return textOf({ id, size, notional, price, positionBefore, positionAfter, closeRate, fees, closedPnl, fillCount, firstFillAt, lastFillAt, reversal, cause });
}

// ---- Runs in memory

type MemoryRun = {
  readonly lines: readonly string[];
  readonly settings?: Settings;
  readonly partitions?: number;
  readonly clocks?: readonly [number, number];
  readonly choose?: (heads: readonly LogRecord[]) => LogRecord;
  readonly limits?: Partial<LoopLimits>;
};

async function runInMemory({ lines, settings = DEFAULT_SETTINGS, partitions = 1, clocks = [0, 0], choose, limits = {} }: MemoryRun): Promise<Signal[]> {
  const inputs = [{ name: 'fills', clock: clocks[0] }, { name: 'order-updates', clock: clocks[1] }];
  const log = new MemoryLog({ inputs, bounded: true, ...(choose === undefined ? {} : { choose }) });
  for (const line of lines) {
    const input = inputOf(line);
    const homes = input.kind === 'tick' ? Array.from({ length: partitions }, (_, index) => index) : [partitionOf(keyOf(input), partitions)];
    for (const partition of homes) for (const topic of topicsOf(input)) log.append(partition, topic, input, line);
  }
  const signals: Signal[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    assert.equal(await new PartitionLoop({ partition, log, store: new MemoryStore(), settings, limits }).run(), 'ended');
    signals.push(...log.outputs(partition).signals);
  }
  return signals;
}

const limitsOf = fc.record({
  batchRecords: fc.integer({ min: 1, max: 400 }),
  batchTimers: fc.integer({ min: 1, max: 50 }),
  checkpointRecords: fc.integer({ min: 1, max: 600 }),
  ordersInMemory: fc.integer({ min: 0, max: 100 }),
});

// ---- L1

/** Later records of an address stay within the periods: no fill is delivered late. */
const IN_TIME = { lateFills: 0, reversals: 0.1, duplicates: 0 } as const;
/** How far one topic may run ahead of the other: less than any distance to a period that matters. */
const AHEAD_MS = 800;

/** Ids whose order had all its records so close together that no period could end between them. */
function idsInTime(journal: readonly JournalRecord[], signals: readonly Signal[]): Set<string> {
  const spans = new Map<string, [number, number]>();
  for (const record of journal) {
    if (record.kind !== 'fill' && record.kind !== 'orderUpdate') continue;
    if (record.kind === 'orderUpdate' && record.data.status === 'open') continue;
    const key = `${record.address}/${record.kind === 'fill' ? record.data.oid : record.data.order.oid}`;
    const [from] = spans.get(key) ?? [record.receivedAt];
    spans.set(key, [from, record.receivedAt]);
  }
  const isInTime = ({ address, oid, trigger }: Signal): boolean => {
    const [from, to] = spans.get(`${address}/${String(oid)}`) ?? [0, Infinity];
    return to - from < (trigger === 'quiet' || trigger === 'grace' ? SECOND : 5 * MINUTE - 2 * AHEAD_MS);
  };
  return new Set(signals.filter(isInTime).map(({ id }) => id));
}

/** Repeats some records, anywhere later, in their own words. */
function repeated(journal: readonly JournalRecord[], share: number, random: () => number): JournalRecord[] {
  const copies = journal.flatMap((record, place) => random() < share ? [{ record, at: place + 1 + random() * (journal.length - place) }] : []);
  return [...journal.map((record, at) => ({ record, at })), ...copies].sort((a, b) => a.at - b.at).map(({ record }) => record);
}

test('L1 any interleaving of the topics, any repetition and any batches give the same signals', async () => {
  const arbitrary = fc.record({ seed: seedOf, limits: limitsOf, share: fc.constantFrom(0, 0.1, 1), chances: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })) });
  let compared = 0;
  let whole = 0;
  await property(arbitrary, 30, async ({ seed, limits, share, chances }) => {
    const random = (): number => Number(chances.next().value);
    const journal = records({ seed, shares: IN_TIME });
    const expected = fold(journal.map(textOf)).signals as unknown as Signal[];
    const choose = (heads: readonly LogRecord[]): LogRecord => {
      const soonest = Math.min(...heads.map(({ input }) => input.receivedAt ?? 0));
      const near = heads.filter(({ input }) => (input.receivedAt ?? 0) <= soonest + AHEAD_MS);
      return near[Math.min(near.length - 1, Math.floor(random() * near.length))] ?? heads[0]!;
    };
    const lines = repeated(journal, share, random).map(textOf);
    const signals = await runInMemory({ lines, choose, limits, clocks: [0, 1] });
    const ids = idsInTime(journal, expected);
    assertSameSet(sequencesOf(signals.filter(({ id }) => ids.has(id)), byOrder), sequencesOf(expected.filter(({ id }) => ids.has(id)), byOrder));
    assertSameSet([...latest(signals).values()].map(totalsOf).sort(), [...latest(expected).values()].map(totalsOf).sort());
    compared += ids.size;
    whole += latest(expected).size;
  });
  assert.ok(compared > whole * 0.8, `only ${compared} of ${whole} ids were in time`);
});

test('L1 any batches and checkpoints give the same signals in the same order, whatever the journal', async () => {
  await property(fc.record({ seed: seedOf, limits: limitsOf }), 30, async ({ seed, limits }) => {
    const { lines, settings } = oracleJournal(seed, 250);
    const { smallBelow: _, mediumBelow: __, ...periods } = settings;
    const signals = await runInMemory({ lines, settings: { ...DEFAULT_SETTINGS, ...periods }, limits });
    assert.deepEqual(signals.map(textOf), fold(lines, periods).signals.map(textOf));
  });
});

// ---- L2

const partitionsOf = fc.integer({ min: 1, max: 8 });

test('L2 one to eight partitions give the same signals of journals whose time never goes back', async () => {
  await property(fc.record({ seed: seedOf, partitions: partitionsOf, limits: limitsOf }), 20, async ({ seed, partitions, limits }) => {
    const market = records({ seed, addresses: 12 }).map(textOf);
    assertSameSet(byAddressOf(await runInMemory({ lines: market, partitions, limits })), byAddressOf(fold(market).signals));
    const { lines, settings } = risingOracleJournal(seed, 250);
    const expected = byAddressOf(fold(lines, oracleSettings(settings)).signals);
    assertSameSet(byAddressOf(await runInMemory({ lines, settings, partitions, limits })), expected);
  });
});

test('L2 with a clock for each topic too, where ticks tell both the time', async () => {
  await property(fc.record({ seed: seedOf, partitions: partitionsOf, limits: limitsOf }), 15, async ({ seed, partitions, limits }) => {
    const market = withTicks(records({ seed, addresses: 12 }).map(textOf));
    assertSameSet(byAddressOf(await runInMemory({ lines: market, partitions, limits, clocks: [0, 1] })), byAddressOf(fold(market).signals));
    const rising = risingOracleJournal(seed, 250);
    const lines = withTicks(rising.lines);
    const expected = byAddressOf(fold(lines, oracleSettings(rising.settings)).signals);
    assertSameSet(byAddressOf(await runInMemory({ lines, settings: rising.settings, partitions, limits, clocks: [0, 1] })), expected);
  });
});

// ---- L3

class Crash extends Error {
  override readonly name = 'Crash';
}

/** A process that dies at its next step when `dies` says so; from then on nothing it does has an effect. */
class Mortal {
  #dead = false;
  readonly #dies: () => boolean;

  constructor(dies: () => boolean) {
    this.#dies = dies;
  }

  step<T>(work: () => T): T {
    this.#live();
    const result = work();
    this.#live();
    return result;
  }

  async wait<T>(work: () => Promise<T>): Promise<T> {
    this.#live();
    const result = await work();
    this.#live();
    return result;
  }

  #live(): void {
    this.#dead ||= this.#dies();
    if (this.#dead) throw new Crash();
  }
}

/** The log as a process sees it that may die; tells when a partition has taken all there is. */
function mortalLog(log: SqliteLog, life: Mortal, onEnd: (partition: number) => void): EventLog {
  const mortalPartition = (inner: PartitionLog, partition: number): PartitionLog => {
    const ends = log.inputs.map(({ name }) => log.end(name, partition));
    const taken = [...inner.committed.position.offsets];
    return {
      start: inner.start,
      committed: inner.committed,
      take: async (limit): Promise<Taken> => {
        if (taken.every((offset, topic) => offset >= (ends[topic] ?? 0))) {
          onEnd(partition);
          return { kind: 'idle' };
        }
        const batch = await life.wait(async () => await inner.take(limit));
        if (batch.kind === 'records') for (const { topic, next } of batch.records) taken[topic] = next;
        return batch;
      },
      commit: async (commit) => life.wait(async () => inner.commit(commit)),
      replay: (from) => inner.replay(from),
      close: async () => inner.close(),
    };
  };
  return {
    inputs: log.inputs,
    assigned: async () => log.assigned(),
    open: async (partition) => life.wait(async () => mortalPartition(await log.open(partition), partition)),
  };
}

function mortalStore(store: SqliteStore, life: Mortal): StateStore {
  return {
    claim: async (partition) => life.wait(async () => store.claim(partition)),
    read: async (owner) => life.wait(async () => store.read(owner)),
    prefetch: async (...call) => life.wait(async () => store.prefetch(...call)),
    checkpoint: async (...call) => life.wait(async () => store.checkpoint(...call)),
    reset: async (...call) => life.wait(async () => store.reset(...call)),
  };
}

type Embedded = {
  readonly folder: string;
  readonly lines: readonly string[];
  readonly settings: Settings;
  readonly partitions: number;
  readonly limits: Partial<LoopLimits>;
  /** Lines appended at once. */
  readonly chunk: number;
};

/** One life of the embedded pipeline, from where the last one ended to the end of the journal, or to its death. */
async function live({ folder, lines, settings, partitions, limits, chunk }: Embedded, dies: () => boolean): Promise<'ended' | 'died'> {
  const life = new Mortal(dies);
  const database = Database.open(folder);
  try {
    const log = new SqliteLog({ database, partitions, limitBytes: 2 ** 30 });
    const store = mortalStore(new SqliteStore(database), life);
    for (;;) {
      const fed = Number(database.fact('fed') ?? 0);
      if (fed < lines.length) life.step(() => log.append(lines.slice(fed, fed + chunk).map((line) => encodeInput(line)), { name: 'fed', value: String(fed + chunk) }));
      const loops = Array.from({ length: partitions }, (_, partition): PartitionLoop => new PartitionLoop({
        partition, store, settings, limits, log: mortalLog(log, life, () => loops[partition]?.stop()),
      }));
      const ends = await Promise.allSettled(loops.map(async (loop) => loop.run()));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      if (fed >= lines.length) return 'ended';
    }
  } catch (error) {
    if (error instanceof Crash) return 'died';
    throw error;
  } finally {
    database.close();
  }
}

/** Everything a reader of the log finds: signals and quarantine of each partition in order. */
function committed(folder: string, partitions: number): { readonly signals: readonly Signal[][]; readonly quarantine: readonly string[][] } {
  const database = Database.open(folder);
  try {
    const log = new SqliteLog({ database, partitions, limitBytes: 2 ** 30 });
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    return {
      signals: all.map((partition) => log.readSignals(partition, 0, 1e6).map(({ signal }) => signal as unknown as Signal)),
      quarantine: all.map((partition) => log.read('quarantine', partition, 0, 1e6).map(({ body }) => Buffer.from(body).toString('base64'))),
    };
  } finally {
    database.close();
  }
}

async function withFolders(count: number, work: (folders: readonly string[]) => Promise<void>): Promise<void> {
  const folders = Array.from({ length: count }, () => mkdtempSync(join(tmpdir(), 'fillstream-law-')));
  try {
    await work(folders);
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

const END = textOf({ kind: 'tick', receivedAt: 9_000_000_000_000 });

test('L3 the embedded pair, crashed at random points, commits what an undisturbed one commits, in the same order', async () => {
  const arbitrary = fc.record({
    seed: seedOf, partitions: fc.integer({ min: 1, max: 4 }), limits: limitsOf, chunk: fc.integer({ min: 20, max: 400 }),
    fromOracle: fc.boolean(), lives: fc.infiniteStream(fc.integer({ min: 0, max: 60 })),
  });
  let deaths = 0;
  await property(arbitrary, 12, async ({ seed, partitions, limits, chunk, fromOracle, lives }) => withFolders(2, async ([calm, hard]) => {
    const { lines: journal, settings } = fromOracle
      ? risingOracleJournal(seed, 200)
      : { lines: records({ seed, orders: 80 }).map(textOf), settings: DEFAULT_SETTINGS };
    const lines = [...withTicks(journal), END];
    const run = { lines, settings, partitions, limits: { ...limits, batchRecords: limits.batchRecords + 20 } };
    assert.equal(await live({ ...run, folder: calm!, chunk: 1e6 }, () => false), 'ended');
    for (let left = 400; ; left -= 1) {
      let calls = left > 0 ? Number(lives.next().value) + (400 - left) : Infinity;
      if (await live({ ...run, folder: hard!, chunk }, () => calls-- <= 0) === 'ended') break;
      deaths += 1;
    }
    const [expected, actual] = [committed(calm!, partitions), committed(hard!, partitions)];
    assert.deepEqual(actual.signals.map((signals) => signals.map(textOf)), expected.signals.map((signals) => signals.map(textOf)));
    assert.deepEqual(actual.quarantine, expected.quarantine);
    assertSameSet(byAddressOf(actual.signals.flat()), byAddressOf(fold(lines, oracleSettings(settings)).signals));
  }));
  assert.ok(deaths >= 50, `it died only ${deaths} times`);
});

test('L3 the greatest ids that are safe integers pass the embedded pair', async () => withFolders(1, async ([folder]) => {
  const data = { coin: 'BTC', px: '1', sz: '1', side: 'B', time: START_AT, startPosition: '0', dir: 'Open Long', tid: Number.MAX_SAFE_INTEGER };
  const line = (ids: object): string => textOf({ kind: 'fill', address: `0x${'a1'.repeat(20)}`, receivedAt: START_AT, data: { ...data, ...ids } });
  const lines = [line({ oid: 1, twapId: Number.MAX_SAFE_INTEGER }), line({ oid: Number.MAX_SAFE_INTEGER }), END];
  const limits = { batchRecords: 1 };
  assert.equal(await live({ folder: folder!, lines, settings: DEFAULT_SETTINGS, partitions: 1, limits, chunk: 10 }, () => false), 'ended');
  assert.deepEqual(committed(folder!, 1).signals.flat().map(textOf), fold(lines).signals.map(textOf));
}));

// ---- L4

test('L4 the highest revisions hold exactly what the fills add up to, leg by leg', async () => {
  const shares = { reversals: 0.15, lateFills: 0.05, duplicates: 0.1, statusMissing: 0.05, forced: 0.01 };
  let reversals = 0;
  let revised = 0;
  await property(fc.record({ seed: seedOf, limits: limitsOf }), 25, async ({ seed, limits }) => {
    const journal = records({ seed, orders: 300, shares });
    const ledger = new Ledger();
    for (const record of journal) ledger.add(record);
    const signals = await runInMemory({ lines: journal.map(textOf), limits });
    const actual = Object.fromEntries(Array.from(latest(signals), ([id, { size, notional, closedPnl, fees, fillCount }]) => [id, { size, notional, closedPnl, fees, fillCount }]));
    const expected = Object.fromEntries(ledger.orders().flatMap(({ address, oid, legs }) => Object.entries(legs).map(([leg, totals]) => [`${address}/${oid}/${leg}`, totals])));
    assert.deepEqual(actual, expected);
    reversals += ledger.counts().reversals;
    revised += signals.filter(({ revision }) => revision > 1).length;
  });
  assert.ok(reversals > 100 && revised > 50, `${reversals} reversals, ${revised} revisions`);
});
