// `fillstream repartition` on real servers: every record once in its new partition, and subscribers go on without a gap.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { boundsOf, connectionOf, readProgress, readTopic, unframed, withAdmin, type TopicRecord } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import {
  decodeInput, decodeSignal, encodeGap, encodeIngestProgress, encodeInput, encodeWatched, type InputTopic, type Signal,
} from '@fillstream/schemas';
import { killed, stopped } from '../chaos/world.ts';
import { Installation, joinServers, type JoinedServers } from './cluster.ts';
import { assertNoStack, fillstream, linesOf, start, type Ended } from './command.ts';
import { SEED, START_AT, marketLines, writeLines } from './journals.ts';

const OLD_PARTITIONS = 3;
const INPUTS = ['fills', 'order-updates'] as const;
/** What another way to the same totals may say otherwise (contract §9). */
const OF_THE_WAY = new Set(['revision', 'trigger', 'orderStatus', 'complete']);

type Switched = {
  readonly kind: string;
  readonly signals: readonly number[];
  readonly again: number;
  readonly forget: readonly string[];
  readonly found: Record<'sent' | 'folded' | 'same' | 'otherRevisions' | 'missing' | 'extra' | 'changed' | 'unreadable', number>;
};

const folder = mkdtempSync(join(tmpdir(), 'fillstream-repartition-'));
let servers: JoinedServers | null = null;
/** Processed to its end, with all timers fired. */
let old: Installation | null = null;
let sent: readonly Signal[] = [];
/** By input topic and partition. */
let oldEnds: readonly (readonly number[])[] = [];

before(async () => {
  servers = await joinServers();
  old = await newInstallation('old', OLD_PARTITIONS);
  const journal = join(folder, 'old.ndjson');
  writeLines(journal, refusable(marketLines({ seed: SEED, addresses: 30, records: 6_000 })));
  await old.import([journal]);
  await processedBy(old);
  sent = await signalsOf(old);
  await leaveNotes(old);
  const { kafka } = old;
  oldEnds = await Promise.all(INPUTS.map(async (topic) => (await boundsOf(kafka, topic)).map(({ high }) => high)));
});

after(async () => {
  await servers?.close();
  rmSync(folder, { recursive: true, force: true });
});

function held(): JoinedServers {
  assert.ok(servers !== null);
  return servers;
}

function installation(): Installation {
  assert.ok(old !== null);
  return old;
}

/** With records that are refused between them: some without a key, some with one. */
function refusable(lines: readonly string[]): string[] {
  return lines.flatMap((line, place) => {
    if (place % 400 !== 399) return [line];
    const { address, receivedAt } = JSON.parse(line);
    return [line, JSON.stringify({ kind: 'what', receivedAt, place }), JSON.stringify({ kind: 'fill', address, receivedAt, data: { place } })];
  });
}

async function newInstallation(namespace: string, partitions: number): Promise<Installation> {
  const made = new Installation(held(), namespace);
  await made.createTopics(partitions);
  return made;
}

async function processedBy(where: Installation): Promise<void> {
  const running = where.processor();
  await where.drained(running);
  await stopped(running);
}

function argsOf({ kafka, registry, namespace }: Installation, flags: readonly string[]): string[] {
  return ['repartition', '--kafka', kafka.brokers.join(','), '--registry', registry.url, '--namespace', namespace, ...flags];
}

async function repartition(from: Installation, to: string, partitions: number, ...flags: readonly string[]): Promise<Ended> {
  return await fillstream(argsOf(from, ['--to', to, '--partitions', String(partitions), ...flags]));
}

/** Copied in one go while a processor of the new namespace waits, with what it found. */
async function switched(from: Installation, to: Installation, partitions: number): Promise<Switched> {
  const running = start(argsOf(from, ['--to', to.namespace, '--partitions', String(partitions), '--yes', '--switch', '--json']));
  await Promise.race([running.heard(/waits for the processors/), running.ended]);
  const processor = to.processor();
  const gaveUp = processor.ended.then(({ stderr }) => {
    running.kill('SIGKILL');
    return stderr;
  });
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, code === null ? await gaveUp : stderr);
  await stopped(processor);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

async function signalsOf(where: Installation): Promise<Signal[]> {
  return (await where.signals()).map((line) => JSON.parse(line));
}

/** The records of an input topic but for ticks, by key, each as its bytes and its time, in their order. */
async function copiesOf(where: Installation, topic: InputTopic, partitions: number): Promise<Map<string, string[]>> {
  const byKey = Map.groupBy((await readTopic(where.kafka, topic)).filter((record) => !isTick(topic, record)), ({ key }) => key);
  for (const [key, records] of byKey) for (const { partition } of records) assert.equal(partition, partitionOf(key, partitions), String(key));
  return new Map(Array.from(byKey, ([key, records]) => [String(key), records.map(({ timestamp, value }) => `${String(timestamp)} ${value?.toString('base64') ?? ''}`)]));
}

function isTick(topic: InputTopic, { key, value }: TopicRecord): boolean {
  const decoded = key === null ? decodeInput(topic, unframed(value) ?? Buffer.alloc(0)) : null;
  return decoded?.kind === 'record' && (decoded.json as { readonly kind: string }).kind === 'tick';
}

async function assertCopied(from: Installation, to: Installation, partitions: number): Promise<void> {
  for (const topic of INPUTS) {
    const [there, here] = [await copiesOf(from, topic, OLD_PARTITIONS), await copiesOf(to, topic, partitions)];
    assert.ok(there.size > 20);
    assert.deepEqual(new Set(here.keys()), new Set(there.keys()));
    for (const [key, records] of there) assert.deepEqual(here.get(key), records, `${topic} of ${key}`);
  }
}

/** The last word of each id, without what another way to it may say otherwise. */
function totalsOf(signals: readonly Signal[]): Map<string, string> {
  const last = new Map(signals.map((signal) => [signal.id, signal]));
  return new Map(Array.from(last.entries()).sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, signal]) => (
    [id, JSON.stringify(Object.entries(signal).filter(([name]) => !OF_THE_WAY.has(name)))]
  )));
}

/** What an ingestor and an operator leave on the other topics. */
async function leaveNotes(where: Installation): Promise<void> {
  const writer = await where.writer();
  const note = async (topic: 'watchlist' | 'ingest-progress' | 'gaps', address: string, body: Uint8Array | null): Promise<void> => {
    await writer.note({ topic, key: address, timestamp: START_AT, body });
  };
  const addresses = Array.from({ length: 12 }, (_, number) => `0x${String(number).padStart(40, 'b')}`);
  for (const [number, address] of addresses.entries()) {
    await note('watchlist', address, encodeWatched({ address, addedAt: START_AT, label: null }));
    if (number % 3 === 0) await note('watchlist', address, null);
    for (const later of [0, 1]) {
      await note('ingest-progress', address, encodeIngestProgress({ address, lastFillAt: START_AT + number + later, tids: [number] }));
      await note('gaps', address, encodeGap({ address, from: START_AT, to: START_AT + later, reason: 'a test' }));
    }
  }
  await writer.close();
}

/** By key, the last value of a compacted topic; of others all of them. */
async function notesOf(where: Installation, topic: 'watchlist' | 'ingest-progress' | 'gaps'): Promise<Map<string, readonly (string | undefined)[]>> {
  const byKey = Map.groupBy(await readTopic(where.kafka, topic), ({ key }) => String(key));
  const values = Array.from(byKey, ([key, records]): [string, readonly (string | undefined)[]] => {
    const all = records.map(({ value }) => value?.toString('hex'));
    return [key, topic === 'gaps' ? all : all.slice(-1)];
  });
  return new Map(values.filter(([, [first]]) => first !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function assertSameFound({ found, again, forget }: Switched, count: number): void {
  assert.deepEqual({ again, forget }, { again: 0, forget: [] });
  assert.deepEqual({ ...found, same: 0, otherRevisions: 0, folded: 0 }, { sent: count, folded: 0, same: 0, otherRevisions: 0, missing: 0, extra: 0, changed: 0, unreadable: 0 });
}

suite('into a namespace of its own', { concurrency: 3 }, () => {
  test('every record is once in its new partition, in its order, and the fold gives the same signals', async () => {
    const to = new Installation(held(), 'five');
    const found = await switched(installation(), to, 5);
    await assertCopied(installation(), to, 5);
    assert.ok(sent.length > 500);
    assertSameFound(found, sent.length);
    assert.deepEqual(totalsOf(await signalsOf(to)), totalsOf(sent));
    const ends = new Map((await boundsOf(to.kafka, 'signals')).map(({ partition, high }) => [partition, high]));
    assert.equal(found.signals.length, 5);
    for (const [partition, offset] of found.signals.entries()) assert.ok(offset <= (ends.get(partition) ?? 0) && offset >= (ends.get(partition) ?? 0) - 2, 'only a marker lies behind history');
    const { code, stdout, stderr } = await fillstream(['replay', ...argsOf(to, ['--merge', 'timestamp', '--json']).slice(1)]);
    const { missing, extra, changed, otherRevisions, same } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
    assert.deepEqual({ code, missing, extra, changed, otherRevisions, same }, { code: 0, missing: 0, extra: 0, changed: 0, otherRevisions: 0, same: found.found.folded }, stderr);
  });

  test('killed in the middle of the copy and run again, it doubles and loses nothing', async () => {
    let to = new Installation(held(), 'killed-0');
    for (let attempt = 0; !await killedBetween(to); attempt += 1) to = new Installation(held(), `killed-${String(attempt + 1)}`);
    const first = await readProgress(to.kafka);
    await killedBetween(to);
    assert.ok((first?.records ?? 0) <= ((await readProgress(to.kafka))?.records ?? 0));
    assertSameFound(await switched(installation(), to, 2), sent.length);
    await assertCopied(installation(), to, 2);
    assert.deepEqual(totalsOf(await signalsOf(to)), totalsOf(sent));
  });

  test('copied while all runs, then switched: a subscriber that goes on where it is told has every signal', async () => {
    const from = await newInstallation('live', OLD_PARTITIONS);
    const to = new Installation(held(), 'wide');
    const lines = marketLines({ seed: SEED + 1, addresses: 30, records: 4_500 });
    const paths = [lines.slice(0, 1_500), lines.slice(1_500, 3_000), lines.slice(3_000)].map((part, place) => {
      const path = join(folder, `part-${String(place)}.ndjson`);
      writeLines(path, part);
      return path;
    });
    const [first = '', second = '', third = ''] = paths;
    const processor = from.processor();
    await from.import([first], { finish: false });
    const [bulk] = await Promise.all([repartition(from, 'wide', 8, '--yes', '--json'), from.import([second], { finish: false })]);
    assert.equal(bulk.code, 0, bulk.stderr);
    assert.equal(JSON.parse(bulk.stdout).state, 'copying');
    await from.drained(processor);
    assertRefused(await repartition(from, 'wide', 8, '--yes', '--switch'), 1, /1 processors are in the group live\.processor: stop them first/);
    await stopped(processor);
    const { signals, forget, found } = await switched(from, to, 8);
    await to.import([third]);
    await processedBy(to);
    const [had, news] = [await signalsOf(from), await newsOf(to, signals)];
    const known = new Set(had.map((signal) => JSON.stringify(signal)));
    assert.ok(had.length > 300 && news.length > 100);
    assert.ok(news.filter((signal) => known.has(JSON.stringify(signal))).length <= found.missing);
    const out = join(folder, 'expected.ndjson');
    const run = await fillstream(['run', ...paths.flatMap((path) => ['--journal', path]), '--out', out]);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(keptBySubscriber(had, forget, news), totalsOf(linesOf(out).map((line) => JSON.parse(line))));
  });

  test('what the new fold gives and nobody sent yet is written behind history, as news', async () => {
    const from = await newInstallation('uneven', OLD_PARTITIONS);
    const to = new Installation(held(), 'even');
    const address = `0x${'ab'.repeat(20)}`;
    const data = { coin: 'BTC', px: '100', sz: '2', side: 'B', time: START_AT + 1, startPosition: '0', dir: 'Open Long', oid: 7, tid: 8 };
    const writer = await from.writer();
    const tick = (receivedAt: number) => encodeInput(JSON.stringify({ kind: 'tick', receivedAt }));
    await writer.append([tick(START_AT), encodeInput(JSON.stringify({ kind: 'fill', address, receivedAt: START_AT + 1, data }))]);
    const others = [0, 1, 2].filter((partition) => partition !== partitionOf(address, OLD_PARTITIONS));
    await writer.append([tick(START_AT + 600_000)], others);
    await writer.close();
    await processedBy(from);
    assert.deepEqual(await signalsOf(from), []);
    const { signals, again, forget, found } = await switched(from, to, 2);
    assert.deepEqual({ again, forget, extra: found.extra, sent: found.sent, folded: found.folded }, { again: 1, forget: [], extra: 1, sent: 0, folded: 1 });
    const [history, news] = [await signalsOf(to), await newsOf(to, signals)];
    assert.deepEqual(history, [...news, ...news]);
    assert.deepEqual(news.map(({ id, trigger, size }) => [id, trigger, size]), [[`${address}/7/open-long`, 'timeout', '2']]);
    const replayed = await fillstream(['replay', ...argsOf(to, []).slice(1)]);
    assert.equal(replayed.code, 0, replayed.stderr);
  });

  test('nothing is copied while a processor works where it goes', async () => {
    const to = await newInstallation('busy', 4);
    const processor = to.processor();
    await processor.heard(/has partitions/);
    assertRefused(await repartition(installation(), 'busy', 4, '--yes'), 1, /1 processors are in the group busy\.processor: stop them: nothing may work there/);
    await stopped(processor);
  });
});

test('the watchlist, where repairs begin, and gaps go over', async () => {
  const to = new Installation(held(), 'five');
  for (const topic of ['watchlist', 'ingest-progress', 'gaps'] as const) {
    const there = await notesOf(installation(), topic);
    assert.equal(there.size, topic === 'watchlist' ? 8 : 12);
    assert.deepEqual(await notesOf(to, topic), there, topic);
    for (const { key, partition } of await readTopic(to.kafka, topic)) assert.equal(partition, partitionOf(key, 5));
  }
});

test('asked again, it copies nothing and tells the same', async () => {
  const { code, stdout, stderr } = await repartition(installation(), 'five', 5, '--yes', '--json');
  assert.equal(code, 0, stderr);
  const { kind, signals, found } = JSON.parse(stdout);
  const ends = await boundsOf(new Installation(held(), 'five').kafka, 'signals');
  assert.deepEqual([kind, signals.length, found], ['switched', ends.length, null]);
});

/** Whether the kill came before the end: between transactions, or within one. */
async function killedBetween(to: Installation): Promise<boolean> {
  const highOf = async (): Promise<number> => (await boundsOf(to.kafka, 'repartition').catch(() => []))[0]?.high ?? 0;
  const before = await highOf();
  const running = start(argsOf(installation(), ['--to', to.namespace, '--partitions', '2', '--yes']));
  let hasEnded = false;
  const ended = running.ended.then(() => (hasEnded = true));
  while (!hasEnded && await highOf() === before) await sleep(5);
  await killed(running);
  await ended;
  const progress = await readProgress(to.kafka);
  return progress === null || progress.inputs.some((all, topic) => all.some(({ next }, partition) => next < (oldEnds[topic]?.[partition] ?? 0)));
}

/** What lies on `signals` from the told offsets on. */
async function newsOf(where: Installation, from: readonly number[]): Promise<Signal[]> {
  const records = (await readTopic(where.kafka, 'signals')).filter(({ partition, offset }) => offset >= (from[partition] ?? Infinity));
  return records.map(({ value }) => decodeSignal(unframed(value) ?? Buffer.alloc(0)));
}

/** By the rule for subscribers: of each id the highest revision. */
function keptBySubscriber(had: readonly Signal[], forget: readonly string[], news: readonly Signal[]): Map<string, string> {
  const kept = new Map<string, Signal>();
  const take = (signal: Signal): void => {
    if (signal.revision > (kept.get(signal.id)?.revision ?? 0)) kept.set(signal.id, signal);
  };
  had.forEach(take);
  for (const id of forget) {
    const signal = kept.get(id);
    if (signal !== undefined) kept.set(id, { ...signal, revision: 0 });
  }
  news.forEach(take);
  return totalsOf([...kept.values()]);
}

test('without --yes nothing is made or copied', async () => {
  const { code, stdout, stderr } = await repartition(installation(), 'dry', 7);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /would make dry\.fills \(7 partitions\)\n(?:.*\n)*would copy [\d,]+ records of fills, order-updates and gaps\nnothing was changed/);
  await assert.rejects(boundsOf(new Installation(held(), 'dry').kafka, 'fills'), /there is no topic dry\.fills/);
});

test('what can\'t be carried out is refused by name', async () => {
  const [foreign, limited] = [new Installation(held(), 'foreign'), new Installation(held(), 'limited')];
  await foreign.createTopics(4);
  const limits = ['topics', 'create', ...argsOf(limited, []).slice(1), '--partitions', '4'];
  assert.equal((await fillstream(limits)).code, 0);
  const writer = await foreign.writer();
  await writer.append([encodeInput('{"kind":"tick","receivedAt":1760000000000}')]);
  await writer.close();
  const cases: readonly (readonly [Promise<Ended>, number, RegExp])[] = [
    [repartition(installation(), 'other', 3, '--yes'), 2, /--partitions: expected another number, old\.fills has 3 already/],
    [repartition(installation(), 'other', 5_000, '--yes'), 2, /--partitions: expected up to 1024/],
    [repartition(installation(), 'old', 5, '--yes'), 2, /--to: expected another namespace than --namespace/],
    [repartition(installation(), 'a.b', 5, '--yes'), 2, /--to: expected up to 60 letters/],
    [repartition(new Installation(held(), 'none'), 'other', 5, '--yes'), 1, /there is no topic none\.fills/],
    [repartition(installation(), 'five', 7, '--yes'), 1, /the copy in five is one of 3 into 5 partitions, expected 3 into 7/],
    [repartition(installation(), 'foreign', 7, '--yes'), 1, /foreign\.fills has 4 partitions, expected 7/],
    [repartition(new Installation(held(), 'live'), 'five', 5, '--yes'), 1, /five holds a copy of the namespace "old", expected one of "live"/],
    [repartition(installation(), 'foreign', 4, '--yes'), 1, /foreign\.fills has records that no copy put there/],
    [repartition(installation(), 'limited', 4, '--yes'), 1, /limited\.fills has message\.timestamp\.after\.max\.ms=60000, expected 9223372036854775807 as on the old topic/],
  ];
  await withAdmin(connectionOf(foreign.kafka), async (admin) => {
    await admin.fetchTopicOffsets(foreign.nameOf('fills')); // The client looks for the leader only of topics that it has met.
    await admin.deleteTopicRecords({ topic: foreign.nameOf('fills'), partitions: [{ partition: 1, offset: '1' }] });
  });
  const deleted = repartition(foreign, 'other', 5, '--yes');
  assertRefused(await deleted, 1, /foreign\.fills\/1 begins at offset 1: its beginning was deleted/);
  for (const [ended, code, message] of cases) assertRefused(await ended, code, message);
  assert.equal((await repartition(installation(), 'other', 0, '--yes')).code, 2);
});

/** Ended with this code and one line that says why; the Kafka client has warnings of its own. */
function assertRefused({ code, stderr }: Ended, expected: number, message: RegExp): void {
  assertNoStack(stderr);
  assert.equal(code, expected, stderr);
  assert.equal(stderr.split('\n').filter((line) => line.startsWith('fillstream: ')).length, 1, stderr);
  assert.match(stderr, message);
}
