// Lines, files and merges of journals.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { HEAD_BYTES, LineSource, MAX_LINE_BYTES, type Line } from './line-source.ts';
import { JournalError, openJournal } from './open.ts';
import { JournalMerge, JournalReader, journalRecord, type JournalRecord } from './reader.ts';

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  let start = 0;
  for (let turn = 0; start < bytes.length; turn += 1) {
    const end = start + (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function linesOf(source: LineSource): Promise<Line[]> {
  const lines: Line[] = [];
  for (;;) {
    const line = source.next();
    if (line !== null) lines.push(line);
    else if (!(await source.fill())) return lines;
  }
}

/** The bytes between newlines, with their offsets. */
function naiveLines(bytes: Buffer): { readonly offset: number; readonly next: number; readonly bytes: Buffer }[] {
  const lines = [];
  for (let offset = 0; offset < bytes.length;) {
    const newline = bytes.indexOf(10, offset);
    const end = newline < 0 ? bytes.length : newline;
    const next = newline < 0 ? bytes.length : newline + 1;
    lines.push({ offset, next, bytes: bytes.subarray(offset, end) });
    offset = next;
  }
  return lines;
}

const someBytes = fc.array(fc.oneof(
  fc.constantFrom('\n', '\n\n', '{"a":1}', 'é', '\r\n', '👍').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
), { maxLength: 30 }).map((parts) => Buffer.concat(parts));
const someSizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

suite('LineSource', () => {
  test('gives the same lines however the bytes are cut, and from the end of any of them', async () => {
    await fc.assert(fc.asyncProperty(someBytes, someSizes, fc.nat(), async (bytes, sizes, pick) => {
      const expected = naiveLines(bytes);
      const lines = await linesOf(new LineSource(chunksOf(bytes, sizes)));
      assert.deepEqual(lines.map(({ offset, next }) => [offset, next]), expected.map(({ offset, next }) => [offset, next]));
      for (const [index, line] of lines.entries()) {
        const found = line.kind === 'text' ? Buffer.from(line.text) : line.kind === 'notText' ? Buffer.from(line.bytes) : null;
        assert.deepEqual(found, Buffer.from(expected[index]?.bytes ?? ''));
      }
      const from = lines[pick % Math.max(lines.length, 1)]?.next ?? 0;
      const later = await linesOf(new LineSource(chunksOf(bytes.subarray(from), sizes), from));
      assert.deepEqual(later, lines.filter(({ offset }) => offset >= from));
    }));
  });

  test('keeps head, length and hash of a line beyond the limit, and reads on behind it', async () => {
    for (const [length, size] of [[MAX_LINE_BYTES + 1, 65_536], [MAX_LINE_BYTES * 3, 1_000_003], [MAX_LINE_BYTES + 5, MAX_LINE_BYTES * 4]] as const) {
      const long = Buffer.alloc(length, 'x');
      const bytes = Buffer.concat([Buffer.from('first\n'), long, Buffer.from('\nlast')]);
      const [first, oversized, last] = await linesOf(new LineSource(chunksOf(bytes, [size])));
      assert.deepEqual(first, { kind: 'text', offset: 0, next: 6, text: 'first' });
      const sha256 = createHash('sha256').update(long).digest('hex');
      assert.deepEqual(oversized, { kind: 'oversized', offset: 6, next: 7 + length, head: 'x'.repeat(HEAD_BYTES), length, sha256 });
      assert.deepEqual(last, { kind: 'text', offset: 7 + length, next: bytes.length, text: 'last' });
    }
  });

  test('takes a line of just the limit', async () => {
    const bytes = Buffer.concat([Buffer.alloc(MAX_LINE_BYTES, 'x'), Buffer.from('\n')]);
    const [line] = await linesOf(new LineSource(chunksOf(bytes, [70_000])));
    assert.equal(line?.kind, 'text');
  });
});

suite('a journal file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-journal-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const text = Array.from({ length: 5_000 }, (_, n) => `line ${String(n)}\n`).join('');

  function file(name: string, bytes: string | Uint8Array): string {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  async function read(path: string, offset = 0): Promise<string> {
    const { chunks } = await openJournal(path, offset, Readable.from([Buffer.from(text)]));
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return Buffer.concat(parts).toString();
  }

  const sources = { plain: file('a.ndjson', text), gzip: file('a.gz', gzipSync(text)), zstd: file('a.zst', zstdCompressSync(text)), lz4: file('a.lz4', compressFrameSync(text)), standardInput: '-' };
  for (const [name, path] of Object.entries(sources)) {
    test(`${name}: the same bytes, from the start and from the end of a line`, async () => {
      assert.equal(await read(path), text);
      const offset = text.indexOf('\n', 20_000) + 1;
      assert.equal(await read(path, offset), text.slice(offset));
    });
  }

  const refusals: readonly (readonly [string, string, RegExp])[] = [
    ['a missing file', join(folder, 'none'), /no such file/],
    ['a folder', folder, /is a folder/],
    ['a gzip that was cut off', file('cut.gz', gzipSync(text).subarray(0, 200)), /ends too soon/],
    ['text that says it is gzip', file('text.gz', text), /not what its ending says/],
    ['an LZ4 that was cut off', file('cut.lz4', compressFrameSync(text).subarray(0, 200)), /ends too soon/],
    ['an empty file that says it is LZ4', file('empty.lz4', ''), /ends too soon/],
    ['text that says it is LZ4', file('text.lz4', text), /not what its ending says/],
    ['text that says it is zstd', file('text.zst', text), /not what its ending says/],
  ];
  for (const [name, path, message] of refusals) {
    test(`${name} is a JournalError in one line`, async () => {
      await assert.rejects(read(path), (error) => error instanceof JournalError && message.test(error.message) && !error.message.includes('\n'));
    });
  }

  test('a packed journal that goes on in the middle of a line is refused', async () => {
    await assert.rejects(read(sources.gzip, 3), /in the middle of a line/);
  });
});

suite('JournalMerge', () => {
  const tick = fc.option(fc.integer({ min: 0, max: 5 }), { freq: 5 });

  test('the earliest head goes first, at a tie the journal named first, and each journal keeps its order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.array(tick, { maxLength: 8 }), { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 5 }), async (journals, limit) => {
      const merge = new JournalMerge(journals.map((times, index) => readerOf(index, times)), ({ input }) => input.receivedAt);
      const taken: JournalRecord[] = [];
      for (;;) {
        const records = await merge.take(limit);
        if (records.length === 0) break;
        assert.ok(records.length <= limit);
        taken.push(...records);
      }
      assert.deepEqual(taken.map(({ topic, input }) => [topic, input.receivedAt]), naiveMerge(journals));
    }));
  });

  function readerOf(index: number, times: readonly (number | null)[]): JournalReader<JournalRecord> {
    const lines = times.map((time) => (time === null ? 'broken' : JSON.stringify({ kind: 'tick', receivedAt: 1e12 + time })));
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    return new JournalReader({ chunks: chunksOf(bytes, [7]), size: null, read: () => 0 }, 0, (line) => journalRecord(index, line));
  }

  function naiveMerge(journals: readonly (readonly (number | null)[])[]): (readonly [number, number | null])[] {
    const rest = journals.map((times, index) => times.map((time) => [index, time === null ? null : 1e12 + time] as const));
    const merged = [];
    for (;;) {
      const heads = rest.flatMap((queue) => queue.slice(0, 1));
      if (heads.length === 0) return merged;
      const least = Math.min(...heads.map(([, time]) => time ?? -Infinity));
      const next = heads.find(([, time]) => (time ?? -Infinity) === least);
      if (next === undefined) return merged;
      rest[next[0]]?.shift();
      merged.push(next);
    }
  }
});
