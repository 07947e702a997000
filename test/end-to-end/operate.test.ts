// The operators' commands on real servers: the life of an order, signals as they go out, refused records and back again.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readTopic } from '@fillstream/kafka';
import { RedisConnection } from '@fillstream/redis';
import { encodeInput, type Signal } from '@fillstream/schemas';
import { Installation, joinServers, type JoinedServers } from './cluster.ts';
import { assertNoStack, assertRefused, fillstream, folderFor, shell, start, type Ended, type Running } from './command.ts';
import { SEED, START_AT, marketLines, poisoned, writeLines } from './journals.ts';

const PARTITIONS = 2;

type World = { readonly servers: JoinedServers; readonly installation: Installation; readonly folder: string; readonly lines: readonly string[] };
let held: World | null = null;
/** At work from the first test that needs it. */
let processor: Running | null = null;

/** A market with poison between, processed as far as it goes: its last orders are left pending. */
before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-operate-'));
  const servers = await joinServers();
  const installation = new Installation(servers, 'operate');
  const lines = poisoned(marketLines({ seed: SEED, addresses: 4, records: 1_500, shares: { statusMissing: 0.05, lateFills: 0.05 } }), 300);
  held = { servers, installation, folder, lines };
  const journal = join(folder, 'day.ndjson');
  writeLines(journal, lines);
  await installation.createTopics(PARTITIONS);
  await installation.import([journal], { finish: false });
  const running = installation.processor();
  await installation.drained(running);
  running.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
});

after(async () => {
  processor?.kill('SIGKILL');
  await processor?.ended;
  await held?.servers.close();
  if (held !== null) rmSync(held.folder, { recursive: true, force: true });
});

function world(): World {
  assert.ok(held !== null);
  return held;
}

/** All that is on the topics is processed, by a processor that is at work from then on. */
async function processed(): Promise<void> {
  const { installation } = world();
  processor ??= installation.processor();
  await installation.drained(processor);
}

function flags(): string[] {
  const { servers } = world();
  return ['--kafka', servers.kafka.bootstrap, '--registry', servers.registry.url, '--namespace', 'operate'];
}

function redisFlags(): string[] {
  return ['--redis', `127.0.0.1:${String(world().servers.redis.port)}`];
}

async function ran(...args: readonly string[]): Promise<Ended> {
  const ended = await fillstream([...args, ...flags()]);
  assertNoStack(ended.stderr);
  return ended;
}

/** The JSON lines of a command that went well. */
async function told<T>(...args: readonly string[]): Promise<T[]> {
  const { code, stdout, stderr } = await ran(...args, '--json');
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}

async function allSignals(): Promise<Signal[]> {
  return (await world().installation.signals()).map((line) => JSON.parse(line) as Signal);
}

/** The address with the most signals. */
async function busiest(): Promise<string> {
  const groups = [...Map.groupBy(await allSignals(), ({ address }) => address)].sort(([, a], [, b]) => b.length - a.length);
  return groups[0]?.[0] ?? '';
}

type Listed = { readonly oid: number; readonly kind: string; readonly signals: number };
type Place = { readonly place: string; readonly from: string; readonly reason: string; readonly receivedAt: number | null };
type Story = {
  readonly events: readonly { readonly kind: string; readonly signal?: Signal; readonly onTopic?: { readonly kind: string }; readonly why: string }[];
  readonly waiting: readonly { readonly place: string }[];
  readonly unexplained: readonly unknown[];
  readonly state: { readonly kind: string } | null;
  readonly store: { readonly same: boolean | null; readonly body: string | null } | null;
};

// ---- The life of an order

test('the page of an order tells the signals on the topic, and what Redis holds', async () => {
  const address = await busiest();
  const orders = await told<Listed>('orders', 'list', '--address', address);
  const wanted = (await allSignals()).filter((signal) => signal.address === address);
  assert.equal(orders.reduce((sum, { signals }) => sum + signals, 0), wanted.length);
  const kinds = new Set(orders.map(({ kind }) => kind));
  assert.ok(kinds.has('reported') || kinds.has('pending'), `TEST_SEED=${String(SEED)}`);
  const some = [...kinds].flatMap((kind) => orders.findLast((order) => order.kind === kind) ?? []);
  for (const { oid, kind } of some) {
    const [story] = await told<Story>('explain', `${address}/${String(oid)}`, ...redisFlags());
    assert.ok(story !== undefined);
    const signals = story.events.flatMap(({ signal }) => signal ?? []);
    assert.deepEqual(signals, wanted.filter((signal) => signal.oid === oid));
    assert.ok(story.events.every(({ onTopic }) => onTopic === undefined || onTopic.kind === 'same'));
    assert.deepEqual([story.unexplained, story.waiting, story.store?.same], [[], [], true], `${kind}, TEST_SEED=${String(SEED)}`);
    assert.equal((story.store?.body ?? null) === null, story.state === null);
  }
});

test('a state in Redis that isn\'t the log\'s is told', async (t) => {
  const address = await busiest();
  const [order] = await told<Listed>('orders', 'list', '--address', address).then((all) => all.filter(({ kind }) => kind === 'reported' || kind === 'pending'));
  assert.ok(order !== undefined, `TEST_SEED=${String(SEED)}`);
  const connection = await RedisConnection.open({ nodes: [`127.0.0.1:${String(world().servers.redis.port)}`] });
  t.after(() => {
    connection.close();
  });
  const [key = ''] = await connection.client.keys(`operate:*:o:${address}:${String(order.oid)}`);
  const body = await connection.client.get(key) ?? '';
  await connection.client.set(key, body.replace(/"changedAt":(\d+)/, (_, at: string) => `"changedAt":${String(Number(at) - 1)}`));
  const [story] = await told<Story>('orders', 'show', `${address}/${String(order.oid)}`, ...redisFlags());
  assert.equal(story?.store?.same, false);
  await connection.client.set(key, body);
});

test('records that no commit covers are told as not processed yet', async (t) => {
  const { installation } = world();
  const oid = 77_001;
  const address = `0x${'c3'.repeat(20)}`;
  const data = { coin: 'BTC', px: '1', sz: '1', side: 'B', time: START_AT, startPosition: '0', dir: 'Open Long', oid, tid: 1 };
  const writer = await installation.writer();
  await writer.append([encodeInput(JSON.stringify({ kind: 'fill', address, receivedAt: START_AT, data }))]);
  await writer.close();
  const [before] = await told<Story>('explain', `${address}/${String(oid)}/open-long`);
  assert.deepEqual([before?.events, before?.waiting.length], [[], 1]);
  await processed();
  const [story] = await told<Story>('explain', `${address}/${String(oid)}`);
  assert.deepEqual([story?.events.length, story?.waiting.length, story?.state?.kind], [1, 0, 'pending']);
  const pending = await told<Listed>('orders', 'list', '--address', address, '--pending');
  assert.deepEqual(pending.map(({ oid: id }) => id), [oid]);
  t.diagnostic(story?.events[0]?.why ?? '');
});

test('a log of npm start is read while it is written', async (t) => {
  const data = join(folderFor(t), 'data');
  const running = start(['start', '--data', data, '--rate', '100']);
  t.after(() => running.kill('SIGKILL'));
  let explained: Ended | null = null;
  const address = await running.heard(/(0x[0-9a-f]{40}): watched/);
  for (let oid = ''; explained === null;) {
    const { stdout, code, stderr } = await fillstream(['orders', 'list', '--address', address, '--data', data]);
    assert.equal(code, 0, stderr);
    oid = /"oid":(\d+)[^\n]*"signals":[1-9]/.exec(stdout)?.[1] ?? '';
    if (oid !== '') explained = await fillstream(['explain', `${address}/${oid}`, '--data', data, '--json']);
  }
  const story = JSON.parse(explained.stdout) as Story;
  assert.ok(story.events.some(({ onTopic }) => onTopic?.kind === 'same'), explained.stdout);
  running.kill('SIGINT');
  assert.equal((await running.ended).code, 0);
});

// ---- Signals

test('the tail of the signals is the topic, filtered and cut as asked', async () => {
  const signals = await allSignals();
  const bySignal = (list: readonly Signal[]): string[] => list.map((signal) => JSON.stringify(signal)).sort();
  assert.deepEqual(bySignal(await told<Signal>('signals', 'tail', '--from', 'earliest', '--no-follow')), bySignal(signals));
  const address = await busiest();
  const own = signals.filter((signal) => signal.address === address);
  assert.deepEqual(await told<Signal>('signals', 'tail', '--from', 'earliest', '--no-follow', '--address', address.toUpperCase().replace('0X', '0x')), own);
  const coin = own[0]?.coin ?? '';
  assert.deepEqual(bySignal(await told<Signal>('signals', 'tail', '--from', '0', '--no-follow', '--coin', coin)), bySignal(signals.filter((signal) => signal.coin === coin || signal.symbol === coin)));
  assert.equal((await told('signals', 'tail', '--from', 'earliest', '--limit', '3')).length, 3);
  assert.deepEqual(await told('signals', 'tail', '--no-follow'), []);
  const late = Math.max(...signals.map(({ lastFillAt }) => lastFillAt));
  assert.ok((await told<Signal>('signals', 'tail', '--from', String(late), '--no-follow')).some(({ lastFillAt }) => lastFillAt === late));
});

test('the tail follows what is committed, and an interrupt ends it well', async () => {
  const { installation } = world();
  const tail = start(['signals', 'tail', ...flags()]);
  await tail.heard(/follows the signals/);
  const address = `0x${'d4'.repeat(20)}`;
  const data = { coin: 'BTC', px: '1', sz: '1', side: 'B', time: START_AT, startPosition: '0', dir: 'Open Long', oid: 1, tid: 1 };
  const update = { order: { coin: 'BTC', side: 'B', sz: '0', oid: 1, origSz: '1' }, status: 'filled', statusTimestamp: START_AT };
  const one = start(['signals', 'tail', ...flags(), '--address', address, '--from', 'earliest', '--limit', '1']);
  const writer = await installation.writer();
  await writer.append([
    encodeInput(JSON.stringify({ kind: 'fill', address, receivedAt: START_AT, data })), encodeInput(JSON.stringify({ kind: 'orderUpdate', address, receivedAt: START_AT, data: update })),
  ]);
  await writer.close();
  await processed();
  const { code, stdout } = await one.ended;
  assert.deepEqual([code, (JSON.parse(stdout) as Signal).id], [0, `${address}/1/open-long`]);
  tail.kill('SIGINT');
  const ended = await tail.ended;
  assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
  assertNoStack(ended.stderr);
  for (const line of ended.stdout.split('\n').slice(0, -1)) JSON.parse(line);
});

test('a reader that has seen enough ends the tail quietly', () => {
  const { stdout, stderr } = shell(`set -o pipefail; $FILLSTREAM signals tail --from earliest --no-follow ${flags().join(' ')} | head -1; echo "$?"`);
  assertNoStack(stderr);
  assert.equal(stdout.trimEnd().split('\n').at(-1), '0', stderr);
});

// ---- Refused records

test('refused records are listed as they are on the topic, and shown with what was expected', async () => {
  const refused = await world().installation.quarantine();
  const listed = await told<Place>('quarantine', 'list');
  assert.deepEqual(listed.map(({ reason }) => reason).sort(), refused.map(({ reason }) => reason).sort());
  assert.equal((await told('quarantine', 'list', '--limit', '2')).length, 2);
  assert.deepEqual(await told('quarantine', 'list', '--reason', 'conflict'), []);
  const [first] = listed.filter(({ reason }) => reason === 'malformed');
  const [shown] = await told<Place & { readonly expected: readonly string[] }>('quarantine', 'show', first?.place ?? '');
  assert.deepEqual([shown?.from, (shown?.expected.length ?? 0) > 0], [first?.from, true]);
});

test('a refused record goes back byte for byte, and once', async () => {
  const [entry] = await told<Place>('quarantine', 'list', '--reason', 'malformed');
  assert.ok(entry !== undefined, `TEST_SEED=${String(SEED)}`);
  const [topic = '', partition = '', offset = ''] = entry.from.split('/');
  const onTopic = async () => (await readTopic(world().installation.kafka, topic)).filter((record) => record.partition === Number(partition));
  const before = await onTopic();
  assert.deepEqual((await told<{ outcome: string }>('quarantine', 'retry', entry.place, '--dry-run')).map(({ outcome }) => outcome), ['would be written']);
  assert.equal((await onTopic()).length, before.length);
  const [result] = await told<{ outcome: string; as: string }>('quarantine', 'retry', entry.place);
  const added = (await onTopic()).slice(before.length);
  assert.deepEqual([result?.outcome, result?.as, added.length], ['written', `${topic}/${partition}/${String(added[0]?.offset)}`, 1]);
  const original = before.find((record) => record.offset === Number(offset));
  const facts = ({ key, value, timestamp }: (typeof before)[number]): unknown => ({ key, value, timestamp });
  assert.deepEqual(added.map(facts), original === undefined ? [] : [facts(original)]);
  const again = await ran('quarantine', 'retry', entry.place);
  assertRefused(again, 1, /1 of 1 can't be written again/);
  assert.match(again.stdout, new RegExp(`written again before, as ${result?.as ?? ''}`));
  assert.equal((await onTopic()).length, before.length + 1);
});

test('what is retried by reason leaves out what was, and what is refused again is a new record', async () => {
  const before = await told<Place>('quarantine', 'list', '--reason', 'bad-address');
  const results = await told<{ outcome: string; place: string }>('quarantine', 'retry', '--reason', 'bad-address');
  assert.deepEqual(results.map(({ place, outcome }) => ({ place, outcome })), before.map(({ place }) => ({ place, outcome: 'written' })));
  await processed();
  const after = await told<Place>('quarantine', 'list', '--reason', 'bad-address');
  assert.equal(after.length, 2 * before.length);
  const outcomes = (await told<{ outcome: string; place: string }>('quarantine', 'retry', '--reason', 'bad-address', '--dry-run'));
  for (const { place, outcome } of outcomes) assert.equal(outcome, before.some((each) => each.place === place) ? 'retried' : 'would be written', place);
});

// ---- Bad usage

test('what can\'t be carried out is refused in one line', async () => {
  assertRefused(await ran('explain', '0x12/3'), 2, /expected 0x and 40 hex digits/);
  assertRefused(await ran('explain', `0x${'a1'.repeat(20)}/1`, '--data', join(world().folder, 'none')), 1, /there is no log/);
  assertRefused(await ran('explain', `0x${'a1'.repeat(20)}/1`, '--journal', join(world().folder, 'none')), 1, /no such file/);
  assertRefused(await ran('explain', `0x${'a1'.repeat(20)}/1`, '--journal', 'a', ...redisFlags()), 2, /--redis: expected neither/);
  assertRefused(await ran('signals', 'tail', '--from', 'yesterday'), 2, /--from: expected/);
  assertRefused(await ran('quarantine', 'show', '0/999999'), 1, /no refused record 0\/999999/);
  assertRefused(await ran('quarantine', 'show', '9/0'), 1, /no refused record 9\/0/);
  assertRefused(await ran('quarantine', 'retry'), 2, /expected PARTITION\/OFFSET, or --reason/);
  assertRefused(await fillstream(['quarantine', 'list', ...flags(), '--namespace', 'nowhere']), 1, /there is no topic nowhere\.quarantine/);
  writeFileSync(join(world().folder, 'torn.gz'), 'no gzip');
  assertRefused(await ran('orders', 'list', '--address', `0x${'a1'.repeat(20)}`, '--journal', join(world().folder, 'torn.gz')), 1, /damaged/);
});
