// A node's files through `run` and through the topics: the signals are those of the same records as journals.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readTopic } from '@fillstream/kafka';
import { market, type FillRecord, type OrderUpdateRecord } from '@fillstream/simulator';
import { compressFrameSync } from 'lz4-napi';
import { Installation, NO_ANOMALIES, anomalies, serversOfTests } from './cluster.ts';
import { assertRefused, fillstream, folderFor, linesOf, start, type Ended } from './command.ts';
import { START_AT, marketLines, writeLines } from './journals.ts';

const PARTITIONS = 3;
/** Where the topics' clocks and the one of a run agree on all timers. */
const SEED = 11;
const RECORDS = 6_000;
const PACK: Readonly<Record<string, (text: string) => Uint8Array>> = {
  lz4: (text) => compressFrameSync(text, { contentChecksum: true }), gz: gzipSync, zst: zstdCompressSync,
};

/** The Kafka client's own warning on recent Nodes. */

/** Alone in the default namespace. */
const held = serversOfTests({ alone: true });

// ---- What a node would have written of a market

type Timed<T> = T & { readonly receivedAt: number };
type Recorded = { readonly accounts: readonly object[]; readonly fills: readonly Timed<FillRecord>[]; readonly updates: readonly Timed<OrderUpdateRecord>[] };

/** A market's records, each at the exchange's own time. */
function recorded(): Recorded {
  const records = [...market({ seed: SEED, addresses: 12, startAt: START_AT, records: RECORDS })];
  return {
    accounts: records.filter(({ kind }) => kind === 'account'),
    fills: byTime(records.flatMap((record) => (record.kind === 'fill' ? { ...record, receivedAt: record.data.time } : []))),
    updates: byTime(records.flatMap((record) => (record.kind === 'orderUpdate' ? { ...record, receivedAt: record.data.statusTimestamp } : []))),
  };
}

function byTime<T extends { readonly receivedAt: number }>(records: readonly T[]): T[] {
  return records.toSorted((one, other) => one.receivedAt - other.receivedAt);
}

function fillLine({ address, data }: FillRecord): string {
  return JSON.stringify([address, data]);
}

function statusLine({ address, data: { order, status, statusTimestamp } }: OrderUpdateRecord): string {
  return JSON.stringify({ time: isoOf(statusTimestamp), user: address, status, order });
}

function blocks<T extends { readonly receivedAt: number }>(records: readonly T[], eventOf: (record: T) => string): string[] {
  return [...Map.groupBy(records, ({ receivedAt }) => receivedAt)].map(([at, group], height) => (
    `{"local_time":"${isoOf(at + 200)}","block_time":"${isoOf(at)}","block_number":${String(height)},"events":[${group.map(eventOf).join(',')}]}`
  ));
}

/** As nodes write it: UTC without a Z, to the nanosecond. */
function isoOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, -1)}456789`;
}

function fileOf(path: string, lines: readonly string[]): string {
  mkdirSync(dirname(path), { recursive: true });
  const text = lines.map((line) => `${line}\n`).join('');
  writeFileSync(path, PACK[path.split('.').at(-1) ?? '']?.(text) ?? text);
  return path;
}

/** The same records as journals and as a node's files, as flags. */
function writtenBoth(folder: string, { accounts, fills, updates }: Recorded): { readonly journals: string[]; readonly files: string[] } {
  const journal = (name: string, records: readonly object[]): string => {
    const path = join(folder, `${name}.ndjson`);
    writeLines(path, records.map((record) => JSON.stringify(record)));
    return path;
  };
  const hourly = join(folder, 'node_fills_by_block', 'hourly', '20251009');
  const [third, half] = [Math.floor(fills.length / 3), Math.floor(updates.length / 2)];
  const first = fileOf(join(folder, 'node_fills.zst'), fills.slice(0, third).map(fillLine));
  fileOf(join(hourly, '9.lz4'), blocks(fills.slice(third, 2 * third), fillLine));
  fileOf(join(hourly, '10.lz4'), blocks(fills.slice(2 * third), fillLine));
  const early = fileOf(join(folder, 'statuses'), updates.slice(0, half).map(statusLine));
  const late = fileOf(join(folder, 'statuses_by_block.gz'), blocks(updates.slice(half), statusLine));
  const withoutSymbols = fills.map(({ symbol: _, ...fill }) => fill);
  const known = ['--journal', journal('accounts', accounts)];
  return {
    journals: [...known, '--journal', journal('fills', withoutSymbols), '--journal', journal('updates', updates)],
    files: [...known, '--node-file', first, hourly, '--node-file', early, late],
  };
}

// ---- The commands

async function run(t: TestContext, ...args: readonly string[]): Promise<{ readonly signals: readonly string[]; readonly refused: readonly string[]; readonly stderr: string }> {
  const folder = folderFor(t);
  const [out, quarantine] = [join(folder, 'out'), join(folder, 'quarantine')];
  const { code, stderr } = await fillstream(['run', ...args, '--out', out, '--quarantine', quarantine]);
  assert.equal(code, 0, stderr);
  return { signals: linesOf(out), refused: linesOf(quarantine), stderr };
}

async function importInto(namespace: string, ...args: readonly string[]): Promise<Ended> {
  const { kafka, registry } = held();
  return await fillstream(['import', '--kafka', kafka.bootstrap, '--registry', registry.url, ...(namespace === '' ? [] : ['--namespace', namespace]), ...args]);
}

async function installed(namespace: string): Promise<Installation> {
  const installation = new Installation(held(), namespace);
  await installation.createTopics(PARTITIONS);
  return installation;
}

async function processed(installation: Installation, ...flags: readonly string[]): Promise<string[]> {
  const running = installation.processor(...flags);
  await installation.drained(running);
  running.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  return await installation.signals();
}

// ---- What comes out

test('fills and order statuses in every form, packing and number of files give the signals of the same records as journals', async (t) => {
  const { journals, files } = writtenBoth(folderFor(t), recorded());
  const expected = await run(t, ...journals);
  assert.ok(expected.signals.length > 500);
  const { signals, refused } = await run(t, ...files);
  assert.deepEqual([signals, refused], [expected.signals, []]);
  const installation = await installed('forms');
  const { code, stderr } = await importInto('forms', ...files, '--finish');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^fillstream: \d+ records are on the topics\n$/);
  assert.deepEqual(anomalies(await processed(installation), expected.signals), NO_ANOMALIES);
});

test('fills alone: it is said what that means, and with the settings named all signals come', async (t) => {
  const { fills } = recorded();
  const files = ['--node-file', fileOf(join(folderFor(t), 'fills.lz4'), blocks(fills, fillLine))];
  const installation = await installed('fills');
  const { code, stderr } = await importInto('fills', ...files, '--finish');
  assert.equal(code, 0, stderr);
  const flags = /no order status in these files.*`fillstream processor` (--set \S+)$/m.exec(stderr)?.[1]?.split(' ') ?? [];
  assert.equal(flags.length, 2, stderr);
  const expected = await run(t, ...files, ...flags);
  assert.match(expected.stderr, /no order status in these files.*`fillstream run` --set/);
  assert.ok(expected.signals.length > 500);
  assert.ok(expected.signals.every((line) => JSON.parse(line).orderStatus === null));
  assert.deepEqual(anomalies(await processed(installation, ...flags), expected.signals), NO_ANOMALIES);
});

test('the records of one address can be picked out, and what is left out is counted', async (t) => {
  const { fills, updates } = recorded();
  const folder = folderFor(t);
  const files = ['--node-file', fileOf(join(folder, 'fills.lz4'), blocks(fills, fillLine)), fileOf(join(folder, 'statuses.zst'), blocks(updates, statusLine))];
  const address = fills[0]?.address ?? '';
  const own = [...fills, ...updates].filter((record) => record.address === address).length;
  const chosen = ['--address', address.toUpperCase().replace('0X', '0x')];
  const installation = await installed('one');
  const { code, stderr } = await importInto('one', ...files, ...chosen, '--finish');
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`: ${String(own)} records are on the topics\n.*: ${String(fills.length + updates.length - own)} records of other addresses were left out\n$`));
  const { signals } = await run(t, ...files, ...chosen);
  assert.ok(signals.length > 10 && signals.every((line) => JSON.parse(line).address === address));
  assert.deepEqual(anomalies(await processed(installation), signals), NO_ANOMALIES);
});

test('what isn\'t a fill or a status is quarantined, line by line and event by event', async (t) => {
  const { fills } = recorded();
  const [fill] = fills;
  assert.ok(fill !== undefined);
  const funding = '{"time":"2025-10-09T08:53:20.000000001","hash":"0x00","inner":{"type":"funding"}}';
  const long = `"${'x'.repeat(1_100_000)}"`;
  const at = isoOf(fill.receivedAt);
  const path = fileOf(join(folderFor(t), 'rubbish.gz'), [
    '{', fillLine(fill), '', funding, `{"block_time":"${at}","block_number":1,"events":[${funding},5,${fillLine(fill)}]}`, '["0x12",{"time":1}]',
    `{"block_time":"${at}","block_number":2,"events":[${long}]}`, `{"time":"noon","user":"${fill.address}","status":"open","order":{}}`,
  ]);
  const { refused } = await run(t, '--node-file', path);
  const kept = refused.map((line) => JSON.parse(line).record);
  const misshapen = { kind: 'fill', address: '0x12', source: 'import', data: { time: 1 } };
  assert.deepEqual(kept.slice(0, 6), ['{', '', JSON.parse(funding), JSON.parse(funding), 5, misshapen]);
  assert.equal(refused.length, 8);
  const installation = await installed('rubbish');
  const { code, stderr } = await importInto('rubbish', '--node-file', path, '--finish');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /10 records are on the topics\n.*8 of the records are none that can be used/);
  assert.equal((await processed(installation)).length, 1);
  const quarantined = await installation.quarantine();
  assert.deepEqual(quarantined.map(({ reason }) => reason), Array.from({ length: 8 }, () => 'malformed'));
  assert.equal(quarantined.filter(({ cut }) => cut?.length === long.length && cut.file === path).length, 1);
});

test('a file that was cut off is named, packed in whatever way', async (t) => {
  const folder = folderFor(t);
  const { fills } = recorded();
  await installed('cut');
  for (const ending of ['lz4', 'gz', 'zst']) {
    const text = blocks(fills, fillLine).map((line) => `${line}\n`).join('');
    const path = join(folder, `cut.${ending}`);
    const whole = PACK[ending]?.(text) ?? Buffer.alloc(0);
    writeFileSync(path, whole.subarray(0, whole.length - 100));
    assertRefused(await importInto('cut', '--node-file', path), 1, new RegExp(`can't read .*cut\\.${ending}: the compressed file ends too soon: it was cut off`));
    assertRefused(await fillstream(['run', '--node-file', path, '--out', join(folder, 'out')]), 1, /ends too soon/);
  }
});

// ---- What is refused

test('records older than those that an installation has are refused, new addresses are not', async (t) => {
  const { fills, updates } = recorded();
  const folder = folderFor(t);
  const path = fileOf(join(folder, 'fills'), blocks(fills, fillLine));
  const statuses = fileOf(join(folder, 'statuses'), blocks(updates, statusLine));
  const [first = '', second = ''] = [...new Set(fills.map(({ address }) => address))];
  await installed('');
  const watched = await installed('watched');
  assertRefused(await importInto('', '--node-file', path), 2, /--node-file: expected a --namespace of its own, or an --address/);
  assertRefused(await importInto('none', '--address', '0x12', '--node-file', path), 2, /--address: expected 0x and 40 hex digits/);
  const put = await importInto('', '--node-file', path, statuses, '--address', first);
  assert.equal(put.code, 0, put.stderr);
  const again = await importInto('', '--node-file', path, '--address', second, first);
  assert.equal(again.code, 2);
  assert.match(again.stderr, new RegExp(`${first} is on the topic fills already`));
  const other = await importInto('', '--node-file', path, statuses, '--address', second);
  assert.equal(other.code, 0, other.stderr);

  const { kafka, registry } = held();
  const { code } = await fillstream(['watch', 'add', first, '--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', watched.namespace]);
  assert.equal(code, 0);
  assertRefused(await importInto('watched', '--node-file', path), 2, new RegExp(`${first} is watched or fetched here`));
  assertRefused(await importInto('watched', '--node-file', path, '--address', first), 2, new RegExp(`${first} is watched or fetched here`));
  assert.equal((await importInto('watched', '--node-file', path, '--address', second)).code, 0);
});

test('an import that is interrupted while its input is silent ends, and says that the rest is missing', async () => {
  const { kafka, registry } = held();
  const installation = await installed('interrupted');
  const running = start(['import', '--kafka', kafka.bootstrap, '--registry', registry.url, '--namespace', 'interrupted', '--journal', '-'], { open: true });
  for (const line of marketLines({ seed: SEED, records: 12_000 })) running.input.write(`${line}\n`);
  while ((await readTopic(installation.kafka, 'fills')).length === 0) await sleep(200);
  running.kill('SIGINT');
  const { code, stderr } = await running.ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /^fillstream: \d+ records are on the topics\nfillstream: interrupted: the rest isn't there\n$/);
});

test('bad usage is told in one line', async () => {
  assertRefused(await fillstream(['import', '--namespace', 'x']), 2, /expected --journal FILE or --node-file PATH/);
  assertRefused(await fillstream(['import', '--namespace', 'x', '--journal', '-', '--node-file', '-']), 2, /standard input can be only one/);
  assertRefused(await fillstream(['run', '--node-file', 'x', '--state', 'y']), 2, /--state/);
  assertRefused(await fillstream(['run', '--journal', 'x', '--address', `0x${'0'.repeat(40)}`]), 2, /--address: expected --node-file too/);
  assertRefused(await fillstream(['run', '--node-file', 'no-such-file']), 1, /no-such-file: no such file/);
});
