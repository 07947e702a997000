// Input and disks that are no good: refused in one line or quarantined, and nothing lost.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { assertNoStack, assertRefused, countsOf, fillstream, folderFor, linesOf, mountFor, shell, summaryOf } from './command.ts';
import { marketLines, poisoned, randomOf } from './journals.ts';

const MIB = 2 ** 20;
const GOOD = marketLines({ seed: 'good', addresses: 10, records: 300 });
/** Gives about 2.5 MB of signals. */
const LARGE = poisoned(marketLines({ seed: 'large', addresses: 20, records: 15_000 }), 4);

async function runOver(folder: string, bytes: string | Uint8Array, name = 'journal') {
  const [journal, out, quarantine] = [name, 'signals', 'quarantine'].map((file) => join(folder, file)) as [string, string, string];
  writeFileSync(journal, bytes);
  const ended = await fillstream(['run', '--journal', journal, '--out', out, '--quarantine', quarantine]);
  assertNoStack(ended.stderr);
  const { quarantined, ...counts } = countsOf(summaryOf(ended));
  const refused = linesOf(quarantine).map((line) => JSON.parse(line));
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1);
  assert.equal(Object.values(quarantined).reduce((sum, count) => sum + count, 0), refused.length);
  return { ended, counts, refused, signals: linesOf(out), texts: refused.map(textOf) };
}

/** The line that a refused record was. */
function textOf({ record, base64 }: { record: unknown; base64?: string }): Buffer {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
}

function text(lines: readonly string[], ending = '\n'): string {
  return lines.map((line) => `${line}${ending}`).join('');
}

test('an empty file is a journal without records', async (t) => {
  for (const [name, bytes] of [['journal', ''], ['empty.gz', gzipSync('')], ['empty.zst', zstdCompressSync('')]] as const) {
    const { counts, signals, ended } = await runOver(folderFor(t), bytes, name);
    assert.deepEqual([counts.records, signals.length, ended.stdout], [0, 0, '']);
  }
});

test('binary rubbish is quarantined line by line, and the quarantine gives back every byte', async (t) => {
  const random = randomOf(7);
  const bytes = Buffer.from(Array.from({ length: MIB }, () => Math.floor(random() * 256)));
  const lines = splitLines(bytes);
  const { counts, refused, texts } = await runOver(folderFor(t), bytes);
  assert.equal(counts.records, lines.length);
  assert.ok(refused.every(({ reason }) => reason === 'malformed'));
  assert.ok(Buffer.concat(texts.flatMap((line) => [line, Buffer.from('\n')])).equals(Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))));
});

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

test('a line of 100 MB between good ones is quarantined as head, length, hash and place, in bounded memory', async (t) => {
  const folder = folderFor(t);
  const huge = Buffer.alloc(100 * MIB, '{"kind":"fill","data":"ŁXYZ');
  const before = text(GOOD.slice(0, 150));
  const bytes = Buffer.concat([Buffer.from(before), huge, Buffer.from(`\n${text(GOOD.slice(150))}`)]);
  const { counts, refused, signals, ended } = await runOver(folder, bytes);
  const { record } = refused[0];
  assert.equal(refused.length, 1);
  assert.equal(counts.records, GOOD.length + 1);
  assert.equal(record.length, huge.length);
  assert.equal(record.sha256, createHash('sha256').update(huge).digest('hex'));
  assert.equal(record.offset, Buffer.byteLength(before));
  assert.ok(record.head.length > 1_000 && record.head.length < MIB && huge.toString('utf8', 0, 2 * MIB).startsWith(record.head.slice(0, -1)));
  assert.ok(ended.maxRssBytes !== null && ended.maxRssBytes < 400 * MIB, `${String((ended.maxRssBytes ?? 0) / MIB)} MiB`);
  const without = await runOver(folderFor(t), text(GOOD));
  assert.deepEqual(signals, without.signals);
});

test('the greatest line that is kept whole is kept whole, at the end of a file without a newline too', async (t) => {
  const fill = (length: number): string => `{"kind":"what","text":"${'x'.repeat(length - 25)}"}`;
  const { refused } = await runOver(folderFor(t), `${fill(MIB)}\n${fill(MIB + 1)}\n${fill(MIB)}`);
  assert.deepEqual(refused.map(({ record }) => record.kind ?? 'cut'), ['what', 'cut', 'what']);
});

test('blank lines, CRLF, a byte order mark and a missing last newline lose nothing', async (t) => {
  const { signals, counts } = await runOver(folderFor(t), text(GOOD));
  const variants = {
    'CRLF': [text(GOOD, '\r\n'), 0],
    'a byte order mark': [`\uFEFF${text(GOOD)}`, 0],
    'no last newline': [text(GOOD).trimEnd(), 0],
    'blank lines': [`\n${text(GOOD, '\n\n')}`, GOOD.length + 1],
    'blank lines with CRLF': [`\r\n${text(GOOD)}`, 1],
    'blanks': [`  \n\t\n${text(GOOD)}`, 2],
  } as const;
  for (const [name, [bytes, blank]] of Object.entries(variants)) {
    const run = await runOver(folderFor(t), bytes);
    assert.deepEqual(run.signals, signals, name);
    assert.equal(run.refused.length, blank, name);
    assert.deepEqual({ ...run.counts, records: counts.records + blank }, { ...counts, records: run.counts.records }, name);
  }
});

test('JSON that is no record, and very deep JSON, is quarantined as it came', async (t) => {
  const lines = ['null', '17', '"text"', '[]', '{}', '{"kind":"fill"}', '[1e400]', '{"__proto__":{"kind":"tick"},"receivedAt":1760000000000}', `${'['.repeat(100_000)}${']'.repeat(100_000)}`];
  const { counts, refused } = await runOver(folderFor(t), text([...lines, ...GOOD]));
  assert.equal(counts.records, lines.length + GOOD.length);
  assert.equal(refused.length, lines.length);
});

test('numbers in a quarantined record keep every digit', async (t) => {
  const folder = folderFor(t);
  const line = '{"kind":"what","oid":12345678901234567890,"px":1.10}';
  await runOver(folder, `${line}\n`);
  assert.deepEqual(linesOf(join(folder, 'quarantine')), [`{"reason":"malformed","record":${line}}`]);
});

test('a gzip or zstd file that was cut off is told in one line, and its rest goes on where it ended', async (t) => {
  for (const [ending, pack] of [['gz', gzipSync], ['zst', zstdCompressSync]] as const) {
    const folder = folderFor(t);
    const whole = pack(text(LARGE));
    const journal = join(folder, `journal.${ending}`);
    const [out, quarantine] = [join(folder, 'signals'), join(folder, 'quarantine')];
    const args = ['run', '--journal', journal, '--out', out, '--quarantine', quarantine];
    writeFileSync(journal, whole.subarray(0, Math.floor(whole.length * 0.8)));
    assertRefused(await fillstream(args), 1, new RegExp(`journal\\.${ending}.*(cut off|ends too soon)`));
    linesOf(out);
    const durable = [...args, '--state', join(folder, 'state')];
    assertRefused(await fillstream(durable), 1, new RegExp(`journal\\.${ending}`));
    linesOf(out);
    writeFileSync(journal, whole);
    const { records } = summaryOf(await fillstream(durable));
    assert.equal(records, LARGE.length);
    const expected = await runOver(folderFor(t), text(LARGE));
    assert.deepEqual(linesOf(out), expected.signals);
    assert.deepEqual(linesOf(quarantine).length, expected.refused.length);
  }
});

test('a file that is not what its ending says is told in one line', async (t) => {
  for (const ending of ['gz', 'zst']) {
    const journal = join(folderFor(t), `journal.${ending}`);
    writeFileSync(journal, text(GOOD));
    assertRefused(await fillstream(['run', '--journal', journal]), 1, /not what its ending says/);
    const broken = ending === 'gz' ? gzipSync(text(LARGE)) : zstdCompressSync(text(LARGE));
    broken.fill(0x5a, broken.length / 2, broken.length / 2 + 100);
    writeFileSync(journal, broken);
    assertRefused(await fillstream(['run', '--journal', journal, '--out', `${journal}.out`]), 1, /damaged|not what its ending says|can't read/);
  }
});

test('a missing file, a folder and a path below a file are told in one line', async (t) => {
  const folder = folderFor(t);
  writeFileSync(join(folder, 'file'), '');
  assertRefused(await fillstream(['run', '--journal', join(folder, 'none')]), 1, /none: no such file/);
  assertRefused(await fillstream(['run', '--journal', folder]), 1, /is a folder/);
  assertRefused(await fillstream(['run', '--journal', join(folder, 'file', 'below')]), 1, /can't read/);
  assertRefused(await fillstream(['run', '--journal', join(folder, 'none'), '--state', join(folder, 'state')]), 1, /none: no such file/);
  assertRefused(await fillstream(['run', '--journal-dir', join(folder, 'none'), '--out-dir', folder]), 1, /none/);
  assertRefused(await fillstream(['run', '--journal-dir', join(folder, 'file'), '--out-dir', folder]), 1, /file/);
  assertRefused(await fillstream(['run', '--journal', join(folder, 'file'), '--out', join(folder, 'no', 'such', 'folder')]), 1, /can't write/);
});

test('a missing journal leaves the outputs of an earlier run alone', async (t) => {
  const folder = folderFor(t);
  const out = join(folder, 'signals');
  await runOver(folder, text(GOOD));
  const before = readFileSync(out, 'utf8');
  assertRefused(await fillstream(['run', '--journal', join(folder, 'none'), '--out', out]), 1, /no such file/);
  assert.ok(readFileSync(out, 'utf8') === before, 'the signals of the earlier run are still there');
});

for (const [full, size] of [['--out', '1m'], ['--quarantine', '128k'], ['--state', '1m']] as const) {
  test(`a full disk under ${full} is told in one line, and with room again the same command goes on`, async (t) => {
    const folder = folderFor(t);
    const { folder: disk, remount } = mountFor(t, `size=${size}`);
    const journal = join(folder, 'journal');
    writeFileSync(journal, text(LARGE));
    const place = (flag: string): string => join(flag === full ? disk : folder, flag.slice(2));
    const args = ['run', '--journal', journal, ...['--out', '--quarantine', '--state'].flatMap((flag) => [flag, place(flag)])];
    assertRefused(await fillstream(args), 1, /no space is left/);
    assertRefused(await fillstream(args), 1, /no space is left/);
    if (full !== '--state') linesOf(place(full));
    remount('size=64m');
    const { records } = summaryOf(await fillstream(args));
    assert.equal(records, LARGE.length);
    const expected = await runOver(join(folder), text(LARGE));
    assert.deepEqual(linesOf(place('--out')), expected.signals);
    assert.deepEqual(linesOf(place('--quarantine')).map((line) => JSON.parse(line)), expected.refused);
  });
}

test('a full disk leaves whole lines behind without a state too', async (t) => {
  const folder = folderFor(t);
  const { folder: disk } = mountFor(t, 'size=1m');
  const journal = join(folder, 'journal');
  writeFileSync(journal, text(LARGE));
  assertRefused(await fillstream(['run', '--journal', journal, '--out', join(disk, 'out')]), 1, /no space is left/);
  assert.ok(linesOf(join(disk, 'out')).length > 0);
});

test('a full device and a full standard output are told in one line', async (t) => {
  const journal = join(folderFor(t), 'journal');
  writeFileSync(journal, text(LARGE));
  assertRefused(await fillstream(['run', '--journal', journal, '--out', '/dev/full']), 1, /no space is left/);
  assertRefused(shell(`$FILLSTREAM run --journal ${journal} > /dev/full`), 1, /no space is left/);
});

test('a full disk under --out-dir is told in one line', async (t) => {
  const folder = folderFor(t);
  const { folder: disk } = mountFor(t, 'size=1m');
  mkdirSync(join(folder, 'in'));
  writeFileSync(join(folder, 'in', 'large.ndjson'), text(LARGE));
  assertRefused(await fillstream(['run', '--journal-dir', join(folder, 'in'), '--out-dir', join(disk, 'out')]), 1, /no space is left/);
});

test('standard input that ends in the middle of a line loses nothing', async () => {
  const ended = await fillstream(['run', '--journal', '-', '--quarantine', '/dev/null'], { input: `${text(GOOD)}{"kind":"fi` });
  const { records, quarantined } = summaryOf(ended);
  assert.deepEqual([records, quarantined.malformed], [GOOD.length + 1, 1]);
});

test('a journal that is being written is read to where it ends', async (t) => {
  const journal = join(folderFor(t), 'journal');
  writeFileSync(journal, text(GOOD.slice(0, 100)));
  const running = fillstream(['run', '--journal', journal, '--out', '/dev/null']);
  appendFileSync(journal, text(GOOD.slice(100)));
  const { records, quarantined } = summaryOf(await running);
  assert.ok(records >= 100 && records <= GOOD.length && quarantined.malformed === 0);
});
