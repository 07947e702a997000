// `fillstream replay` on real servers: what was emitted comes again, and what is something else is found.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionOf, nameIn, readTopic, withAdmin, type TopicRecord } from '@fillstream/kafka';
import { partitionOf } from '@fillstream/runtime';
import { decodeCommit, decodeSignal, encodeSignal, type Signal } from '@fillstream/schemas';
import { PARTITIONS, World, killed, stopped, type Prepared } from '../chaos/world.ts';
import { Installation } from './cluster.ts';
import { assertNoStack, fillstream, start, type Ended } from './command.ts';
import { SEED } from './journals.ts';

const HEADER_BYTES = 5;
/** For a replay that doesn't wait. */
const ENOUGH_TO_END_MS = 5_000;
const COPIED = ['fills', 'order-updates', 'commits', 'signals'];

type Line = { readonly kind: string; readonly id: string; readonly revision: number; readonly fields: Record<string, { readonly emitted: unknown; readonly replayed: unknown }> };
type Summary = Record<'records' | 'warmUpRecords' | 'emitted' | 'replayed' | 'same' | 'otherRevisions' | 'missing' | 'extra' | 'changed' | 'repeats', number>
  & { readonly merge: string; readonly settings: string };
type Replayed = { readonly code: number | null; readonly stderr: string; readonly differences: readonly Line[]; readonly summary: Summary };

let world: World | null = null;
/** Processed by processors that were killed. */
let disturbed: Prepared | null = null;
/** By one that nothing disturbed, so that its merge is by timestamp. */
let undisturbed: Prepared | null = null;
/** As the first, at least once. */
let repeated: Prepared | null = null;

before(async () => {
  world = await World.start({ name: 'replay', seed: SEED, thorough: false });
  [disturbed, undisturbed, repeated] = await Promise.all([world.prepared({ records: 10_000 }), world.prepared({ records: 5_000 }), world.prepared({ records: 5_000 })]);
  const atLeastOnce = ['--delivery', 'at-least-once'];
  await Promise.all([processed(disturbed.installation), finishedBy(undisturbed.installation), processed(repeated.installation, ...atLeastOnce)]);
});

after(async () => {
  await world?.close();
});

function held(): World {
  assert.ok(world !== null);
  return world;
}

function installation(): Installation {
  assert.ok(disturbed !== null);
  return disturbed.installation;
}

function small(): Installation {
  assert.ok(undisturbed !== null);
  return undisturbed.installation;
}

async function processed(where: Installation, ...flags: readonly string[]): Promise<void> {
  for (let kill = 0; kill < 2; kill += 1) {
    const running = where.processor(...flags);
    await running.heard(/has partitions/);
    await sleep(300 + Math.random() * 700);
    await killed(running);
  }
  await finishedBy(where, ...flags);
}

async function finishedBy(where: Installation, ...flags: readonly string[]): Promise<void> {
  const running = where.processor(...flags);
  await where.drained(running);
  await stopped(running);
}

function argsOf({ kafka, registry, namespace }: Installation, flags: readonly string[]): string[] {
  return ['replay', '--kafka', kafka.brokers.join(','), '--registry', registry.url, '--namespace', namespace, ...flags];
}

async function raw(where: Installation, ...flags: readonly string[]): Promise<Ended> {
  return await fillstream(argsOf(where, flags));
}

async function replayed(where: Installation, ...flags: readonly string[]): Promise<Replayed> {
  const { code, stdout, stderr } = await raw(where, '--json', ...flags);
  assert.notEqual(stdout, '', stderr);
  const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  return { code, stderr, differences: lines.slice(0, -1), summary: lines.at(-1) };
}

function assertAllSame({ code, stderr, summary }: Replayed, count: number): void {
  const { emitted, replayed: now, same, otherRevisions, missing, extra, changed } = summary;
  assert.deepEqual({ emitted, now, same, otherRevisions, missing, extra, changed }, { emitted: count, now: count, same: count, otherRevisions: 0, missing: 0, extra: 0, changed: 0 }, stderr);
  assert.equal(code, 0, stderr);
}

async function signalsOf(where: Installation): Promise<Signal[]> {
  return (await where.signals()).map((line) => JSON.parse(line));
}

/** Ended with this code and one line that says why; the Kafka client has warnings of its own. */
function assertRefused({ code, stderr }: Ended, expected: number, message: RegExp): void {
  assertNoStack(stderr);
  assert.equal(code, expected, stderr);
  assert.deepEqual(stderr.split('\n').filter((line) => line.startsWith('fillstream: ')).length, 1, stderr);
  assert.match(stderr, message);
}

/** That were applied in a partition, as its commits have it. */
async function recordsOf({ kafka }: Installation, partition: number): Promise<number> {
  const commits = (await readTopic(kafka, 'commits')).filter((record) => record.partition === partition);
  return commits.reduce((sum, { value }) => sum + (decodeCommit(bodyOf(value)).counts['records'] ?? 0), 0);
}

test('what was emitted comes again, byte for byte, though processors were killed', async () => {
  const signals = await signalsOf(installation());
  assert.ok(signals.length > 1_000);
  const result = await replayed(installation());
  assertAllSame(result, signals.length);
  assert.deepEqual([result.summary.merge, result.summary.settings], ['recorded', 'same']);
  assert.ok(result.summary.records >= 10_000);
});

test('merged by timestamp all ids end with the same totals', async () => {
  const { code, stderr, summary } = await replayed(installation(), '--merge', 'timestamp');
  assert.deepEqual([code, summary.missing, summary.extra, summary.changed], [0, 0, 0, 0], stderr);
});

test('other settings tell what would have been different, field by field, and end well', async () => {
  const signals = await signalsOf(small());
  const [sizes, hasty] = await Promise.all([replayed(small(), '--set', 'smallBelow=1'), replayed(small(), '--set', 'timeoutMs=10ms')]);
  const { code, stderr, differences, summary } = sizes;
  const last = new Map(signals.map((signal) => [signal.id, signal]));
  // Grown beyond what is small either way, it ends the same.
  const { true: changed = [], false: outgrown = [] } = Object.groupBy(signals.filter(isNoLongerSmall), ({ id }) => String(isNoLongerSmall(last.get(id))));
  assert.ok(changed.length > 100);
  assert.deepEqual(
    [code, summary.merge, summary.settings, summary.changed, summary.otherRevisions, summary.missing, summary.extra],
    [0, 'timestamp', 'other', changed.length, new Set(outgrown.map(({ id }) => id)).size, 0, 0], stderr,
  );
  assert.match(stderr, /other settings than the processor's \(smallBelow=1\): merged by timestamp/);
  assert.ok(differences.filter(({ kind }) => kind === 'changed').every(({ fields: { positionSize } }) => positionSize?.emitted === 'small' && positionSize.replayed === 'medium'));
  assert.deepEqual([hasty.code, hasty.summary.emitted], [0, signals.length], hasty.stderr);
  assert.ok(hasty.summary.otherRevisions > 100);
});

/** By `smallBelow=1`. */
function isNoLongerSmall(signal: Signal | undefined): boolean {
  return signal?.positionSize === 'small' && Number(signal.notional) >= 1;
}

test('one address is compared alone, and its partition alone is read', async () => {
  const signals = await signalsOf(installation());
  const address = signals[0]?.address ?? '';
  const result = await replayed(installation(), '--address', address.toUpperCase().replace('0X', '0x'));
  assertAllSame(result, signals.filter((signal) => signal.address === address).length);
  assert.equal(result.summary.records, await recordsOf(installation(), partitionOf(address, PARTITIONS)));
});

test('ranges divide what was emitted, each signal to one of them', async () => {
  const commits = (await readTopic(installation().kafka, 'commits')).map(({ value }) => Math.min(...decodeCommit(bodyOf(value)).clocks)).sort((a, b) => a - b);
  const [first, second] = [1, 2].map((third) => String(commits[Math.floor(commits.length * third / 3)]));
  const parts = await Promise.all([['--to', first ?? ''], ['--from', first ?? '', '--to', second ?? ''], ['--from', second ?? '']].map(async (flags) => await replayed(installation(), ...flags)));
  for (const part of parts) assertAllSame(part, part.summary.emitted);
  const counts = parts.map(({ summary }) => summary.emitted);
  assert.ok(counts.every((count) => count > 0), counts.join());
  assert.equal(counts.reduce((sum, count) => sum + count, 0), (await signalsOf(installation())).length);
  const [whole, cold] = [parts[2], await replayed(installation(), '--from', second ?? '', '--warmup', 'none')];
  assert.ok((whole?.summary.warmUpRecords ?? 0) > 0);
  assert.deepEqual([cold.summary.warmUpRecords, cold.summary.emitted, cold.summary.records], [0, counts[2], (whole?.summary.records ?? 0) - (whole?.summary.warmUpRecords ?? 0)]);
});

test('one altered signal among all is found, and it alone, with its field', async () => {
  const signals = await signalsOf(small());
  const victim = signals[Math.floor(signals.length / 2)];
  assert.ok(victim !== undefined);
  const copy = await copied(small(), (topic, record) => {
    const signal = topic === 'signals' ? decodeSignal(bodyOf(record.value)) : null;
    return signal?.id === victim.id && signal.revision === victim.revision ? framed(record.value, { ...signal, size: '123.45' }) : record.value;
  });
  const [{ code, differences, summary }, shown] = await Promise.all([replayed(copy), raw(copy)]);
  assert.deepEqual([code, summary.same, summary.changed, summary.missing, summary.extra], [3, signals.length - 1, 1, 0, 0]);
  assert.deepEqual(differences.map(({ kind, id, revision, fields }) => ({ kind, id, revision, fields })), [
    { kind: 'changed', id: victim.id, revision: victim.revision, fields: { size: { emitted: '123.45', replayed: victim.size } } },
  ]);
  const { stdout, stderr } = shown;
  assert.equal(shown.code, 3);
  assert.match(stdout, new RegExp(`changed  ${victim.id} revision ${String(victim.revision)}\\n +size +123.45 → ${victim.size}\\n`));
  assert.match(stdout, /\nsame +[\d,]+ {2}byte for byte\n/);
  assert.match(stderr, /^fillstream: the replay gives other signals than were emitted$/m);
});

test('a signal that is missing on the topic is extra, and one too many is missing', async () => {
  const signals = await signalsOf(small());
  const [gone, foreign] = [signals[10], signals[20]];
  assert.ok(gone !== undefined && foreign !== undefined);
  const copy = await copied(small(), (topic, record) => {
    const signal = topic === 'signals' ? decodeSignal(bodyOf(record.value)) : null;
    return signal?.id === gone.id && signal.revision === gone.revision ? undefined : record.value;
  });
  const place = (await readTopic(copy.kafka, 'signals')).find(({ value }) => decodeSignal(bodyOf(value)).id === foreign.id);
  assert.ok(place !== undefined);
  await send(copy, 'signals', [{ ...place, value: framed(place.value, { ...foreign, revision: 99, size: '7' }) }]);
  const { code, differences, summary } = await replayed(copy);
  assert.deepEqual([code, summary.same, summary.changed, summary.missing, summary.extra], [3, signals.length - 1, 0, 1, 1]);
  assert.deepEqual(new Set(differences.map(({ kind, id, revision }) => `${kind} ${id} ${String(revision)}`)), new Set([`extra ${gone.id} ${String(gone.revision)}`, `missing ${foreign.id} 99`]));
});

test('the output is a topic of its own with the same signals, and never one of the installation\'s', async () => {
  const before = await installation().signalsByPartition();
  assertAllSame(await replayed(installation(), '--output', 'again'), [...before.values()].flat().length);
  const written = Map.groupBy(await readTopic(installation().kafka, 'again'), ({ partition }) => partition);
  assert.deepEqual(new Map(Array.from(written, ([partition, records]) => [partition, records.map(({ value }) => JSON.stringify(decodeSignal(bodyOf(value))))])), before);
  assert.deepEqual(await installation().signalsByPartition(), before);
  assertRefused(await raw(installation(), '--output', 'commits'), 2, /--output: commits is a topic of the installation's own/);
  assertRefused(await raw(installation(), '--output', 'other.signals'), 2, /--output: expected a topic's name without its namespace/);
});

test('what at-least-once repeated is left out, and the rest is the same', async () => {
  assert.ok(repeated !== null);
  const { installation: where } = repeated;
  const result = await replayed(where);
  assertAllSame(result, result.summary.emitted);
  assert.equal(result.summary.repeats, (await where.signals()).length - result.summary.emitted);
});

test('what can\'t be carried out is refused by name', async () => {
  const nowhere = new Installation(held().servers, 'nowhere');
  const [merge, from, address, topics] = await Promise.all([
    raw(small(), '--merge', 'recorded', '--set', 'graceMs=10s'), raw(small(), '--from', 'yesterday'), raw(small(), '--address', '0x12'), raw(nowhere),
  ]);
  assertRefused(merge, 2, /--merge recorded: expected the processor's settings/);
  assertRefused(from, 2, /--from: expected earliest or a time/);
  assertRefused(address, 2, /--address: expected 0x and 40 hex digits/);
  assertRefused(topics, 1, /there is no topic nowhere\.fills/);
});

test('what a transaction holds back is waited for; Ctrl-C ends the wait, and an abort the transaction', async () => {
  const { kafka: options, namespace } = small();
  const kafka = connectionOf(options);
  const replayGroups = async (): Promise<ReadonlySet<string>> => await withAdmin(kafka, async (admin) => (
    new Set((await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(`${namespace}.replay-`)))
  ));
  const producer = kafka.producer({ transactionalId: `${namespace}-open`, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: small().nameOf('commits'), messages: [{ partition: 0, value: 'never committed' }] });
  const before = await replayGroups();
  const interrupted = start(argsOf(small(), []));
  const waiting = replayed(small());
  while ((await replayGroups()).difference(before).size < 2) await sleep(50);
  await sleep(ENOUGH_TO_END_MS);
  interrupted.kill('SIGINT');
  const { code, stdout, stderr } = await interrupted.ended;
  assert.deepEqual([code, stdout], [130, ''], stderr);
  assert.match(stderr, /^fillstream: interrupted$/m);
  await transaction.abort();
  await producer.disconnect();
  assertAllSame(await waiting, (await small().signals()).length);
});

test('a reset partition is rebuilt by the next processor, which sends nothing again', async () => {
  const where = installation();
  const before = await where.signalsByPartition();
  const reset = async (...flags: readonly string[]): Promise<Ended> => await fillstream(['reset', ...argsOf(where, []).slice(1), '--redis', `127.0.0.1:${String(held().servers.redis.port)}`, ...flags]);
  const dry = await reset('--partition', '1');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stderr, /partition 1: the state stands at fills [1-9]\d*, order-updates [1-9]\d*, with [\d,]+ orders on record\n.*nothing was changed/);
  const untouched = where.processor();
  await untouched.heard(/partition 1 resumed/);
  assertRefused(await reset('--partition', '1', '--yes'), 1, /1 processors are in the group \S+\.processor: stop them first/);
  await stopped(untouched);
  assertRefused(await reset('--partition', '3', '--yes'), 2, /--partition: expected 0 to 2, got 3/);
  const done = await reset('--partition', '1', '--yes');
  assert.match(done.stderr, /voided; the next processor to take it over applies about [\d,]+ records again/);
  const running = where.processor();
  assert.equal(Number(await running.heard(/partition 1 rebuilt, (\d+) records replayed/)), await recordsOf(where, 1));
  await running.heard(/partition 0 resumed/);
  await where.drained(running);
  await stopped(running);
  assert.deepEqual(await where.signalsByPartition(), before);
});

test('the live topic is written only while no processor is in the group, and what a replay wrote there misleads none', async () => {
  const count = (await small().signals()).length;
  const running = small().processor();
  await running.heard(/has partitions/);
  assertRefused(await raw(small(), '--output', 'signals'), 1, /--output signals: 1 of the group \S+\.processor write there now/);
  assertAllSame(await replayed(small()), count);
  await stopped(running);
  assertAllSame(await replayed(small(), '--output', 'signals'), count);
  assert.equal((await small().signals()).length, 2 * count);
  assertAllSame(await replayed(small()), count);
});

// ---- Copies

/** The topics of an installation once more in a namespace of their own, record for record; undefined leaves one out. */
async function copied(from: Installation, change: (topic: string, record: TopicRecord) => Buffer | null | undefined): Promise<Installation> {
  const copy = new Installation(held().servers, held().next().namespace);
  await copy.createTopics(PARTITIONS);
  for (const topic of COPIED) {
    const records = await readTopic(from.kafka, topic);
    await send(copy, topic, records.flatMap((record) => {
      const value = change(topic, record);
      return value === undefined ? [] : [{ ...record, value }];
    }));
  }
  return copy;
}

async function send({ kafka }: Installation, topic: string, records: readonly TopicRecord[]): Promise<void> {
  const producer = connectionOf(kafka).producer();
  await producer.connect();
  for (const group of Map.groupBy(records, ({ partition }) => partition).values()) {
    const messages = group.map(({ key, value, partition, timestamp }) => ({ key, value, partition, timestamp: String(timestamp) }));
    for (let place = 0; place < messages.length; place += 1_000) await producer.send({ topic: nameIn(kafka.namespace, topic), messages: messages.slice(place, place + 1_000) });
  }
  await producer.disconnect();
}

function bodyOf(value: Buffer | null): Buffer {
  return (value ?? Buffer.alloc(0)).subarray(HEADER_BYTES);
}

/** With the schema id that a value had. */
function framed(value: Buffer | null, signal: Signal): Buffer {
  return Buffer.concat([(value ?? Buffer.alloc(HEADER_BYTES)).subarray(0, HEADER_BYTES), encodeSignal(signal)]);
}
