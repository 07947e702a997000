// A node's files as one source.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { JournalError } from '../journal/open.ts';
import { NodeFiles, listNodeFiles } from './node-files.ts';
import { readNodeLine } from './node-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'fillstream-node-'));
after(() => rmSync(folder, { recursive: true }));

type Told = { readonly file: string; readonly at: number | null; readonly tag: string };

/** A block of fills of one time, or a line without one. */
function lineOf(time: number | null, tags: readonly string[]): string {
  if (time === null) return 'broken';
  return JSON.stringify({ block_time: new Date(1e12 + time).toISOString(), block_number: 1, events: tags.map((tag) => [tag, { time: 1e12 + time }]) });
}

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

async function openFiles(paths: readonly string[], input = Readable.from([])): Promise<NodeFiles<Told>> {
  return await NodeFiles.open({
    paths, input,
    read: (line, path) => readNodeLine(line).map((record) => ({ file: path, at: record.receivedAt, tag: 'address' in record ? record.address : 'refused' })),
    timeOf: ({ at }) => at,
  });
}

async function readAll(files: NodeFiles<Told>): Promise<Told[]> {
  const all: Told[] = [];
  while (await files.fill()) {
    for (let { head } = files; head !== null; { head } = files) {
      all.push(head);
      files.advance();
    }
  }
  return all;
}

suite('NodeFiles', () => {
  const time = fc.option(fc.integer({ min: 0, max: 6 }), { freq: 6 });
  const blocks = fc.array(fc.tuple(time, fc.integer({ min: 0, max: 3 })), { maxLength: 6 });

  test('the earliest record goes first, at a tie the file named first, and each file keeps its order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(blocks, { minLength: 1, maxLength: 5 }), async (files) => {
      const paths = files.map((lines, index) => fileOf(`p${String(index)}`, lines.map(([at, count]) => lineOf(at, Array.from({ length: count }, () => 'x')))));
      const told = await readAll(await openFiles(paths));
      const flat = files.map((lines, index) => lines.flatMap(([at, count]) => Array.from({ length: at === null ? 1 : count }, () => [paths[index] ?? '', at] as const)));
      assert.deepEqual(told.map(({ file, at }) => [file, at === null ? null : at - 1e12]), naiveMerge(flat));
    }));
  });

  function naiveMerge(files: readonly (readonly (readonly [string, number | null])[])[]): (readonly [string, number | null])[] {
    const rest = files.map((file) => [...file]);
    const merged = [];
    for (;;) {
      const heads = rest.flatMap((queue) => queue.slice(0, 1));
      if (heads.length === 0) return merged;
      const least = Math.min(...heads.map(([, at]) => at ?? -Infinity));
      const queue = rest.find(([head]) => head !== undefined && (head[1] ?? -Infinity) === least);
      const next = queue?.shift();
      if (next !== undefined) merged.push(next);
    }
  }

  test('a file is open only while its records are due', async () => {
    const [early, late] = [fileOf('early', [lineOf(1, ['a']), lineOf(2, ['b'])]), fileOf('late', [lineOf(3, ['c'])])];
    const files = await openFiles([late, early]);
    assert.ok(await files.fill());
    rmSync(late);
    for (const tag of ['a', 'b']) {
      assert.ok(await files.fill());
      assert.equal(files.head?.tag, tag);
      files.advance();
    }
    await assert.rejects(files.fill(), (error) => error instanceof JournalError && /late: no such file/.test(error.message));
    await files.close();
  });

  test('a block longer than a journal\'s lines may be is read whole', async () => {
    const tags = Array.from({ length: 30_000 }, (_, place) => `${String(place)}-${'x'.repeat(30)}`);
    const told = await readAll(await openFiles([fileOf('long', [lineOf(1, tags)])]));
    assert.deepEqual(told.map(({ tag }) => tag), tags);
  });

  test('standard input is one of the files', async () => {
    const told = await readAll(await openFiles([fileOf('beside', [lineOf(2, ['b'])]), '-'], Readable.from([Buffer.from(`${lineOf(1, ['a'])}\n${lineOf(3, ['c'])}\n`)])));
    assert.deepEqual(told.map(({ tag }) => tag), ['a', 'b', 'c']);
  });

  test('a damaged file is refused before anything is read', async () => {
    const whole = gzipSync(lineOf(1, ['a']));
    const path = join(folder, 'cut.gz');
    writeFileSync(path, whole.subarray(0, 20));
    await assert.rejects(openFiles([path]), (error) => error instanceof JournalError && /cut\.gz: the compressed file ends too soon/.test(error.message));
  });
});

suite('a folder', () => {
  test('stands for all of its files, in order of their names as numbers, but hidden ones', async () => {
    const root = join(folder, 'hourly');
    for (const name of ['20250727', '20250728', '.cache']) mkdirSync(join(root, name), { recursive: true });
    for (const name of ['20250727/8.lz4', '20250727/10.lz4', '20250728/9', '.cache/1', '20250728/.9.part']) writeFileSync(join(root, name), '');
    const found = await listNodeFiles(['-', root, join(root, '20250728/9'), 'missing']);
    assert.deepEqual(found, ['-', ...['20250727/8.lz4', '20250727/10.lz4', '20250728/9', '20250728/9'].map((name) => join(root, name)), 'missing']);
  });

  test('without files is refused', async () => {
    mkdirSync(join(folder, 'empty'));
    await assert.rejects(listNodeFiles([join(folder, 'empty')]), (error) => error instanceof JournalError && /holds no files/.test(error.message));
  });
});
