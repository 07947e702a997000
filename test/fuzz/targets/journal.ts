// Journals and a node's files: lines, records, compressed files, and what the fold makes of them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import fc from 'fast-check';
import { DEFAULT_SETTINGS, Partition, type Signal } from '@fillstream/core';
import { JournalError, JournalReader, LineSource, journalRecord, openJournal, readNodeLine, readRecord, type JournalRecord, type Line } from '@fillstream/hyperliquid';
import { encodeInput, encodeRecord } from '@fillstream/schemas';
import { toLogRecord } from '@fillstream/topics';
import { anyBytes, damaged, twistedJson } from '../damage.ts';
import { nodeLine, record } from '../records.ts';
import { bytesTarget, textTarget } from '../target.ts';

const LIMIT = 200;
const lines = fc.array(twistedJson(record), { maxLength: 8 }).map((texts) => Buffer.from(texts.map((text) => `${text}\n`).join('')));

async function* inChunks(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(source: LineSource): Promise<Line[]> {
  const found: Line[] = [];
  for (;;) {
    const line = source.next();
    if (line !== null) found.push(line);
    else if (!(await source.fill())) return found;
  }
}

/** Every byte is of one line, in its place, whole or told as too long. */
function checkLines(bytes: Uint8Array, found: readonly Line[]): void {
  const expected = Buffer.from(bytes).toString('latin1').split('\n');
  if (expected.at(-1) === '') expected.pop();
  assert.equal(found.length, expected.length);
  let offset = 0;
  for (const [place, line] of found.entries()) {
    const text = expected[place] ?? '';
    assert.equal(line.offset, offset);
    assert.equal(line.next, Math.min(offset + text.length + 1, bytes.length));
    if (line.kind === 'text') assert.deepEqual(Buffer.from(line.text), Buffer.from(text, 'latin1'));
    if (line.kind === 'notText') assert.deepEqual(Buffer.from(line.bytes), Buffer.from(text, 'latin1'));
    assert.equal(line.kind === 'oversized', text.length > LIMIT);
    if (line.kind === 'oversized') assert.equal(line.length, text.length);
    offset = line.next;
  }
  assert.equal(offset, bytes.length);
}

const lineTarget = bytesTarget({
  name: 'lines', law: 'every byte of a stream is of one line, however the stream is cut',
  cases: fc.oneof(lines, damaged(lines), fc.uint8Array({ maxLength: 40 })),
  check: async (bytes) => {
    const sizes = bytes.length < 1_000 ? [1, 7, 64, 1_000] : [301, 100_000];
    for (const size of sizes) checkLines(bytes, await linesOf(new LineSource(inChunks(bytes, size), 0, LIMIT)));
  },
});

async function recordsIn(bytes: Uint8Array): Promise<JournalRecord[]> {
  const reader = new JournalReader({ chunks: inChunks(bytes, 1_000), size: null, read: () => 0 }, 0, (line) => journalRecord(0, line));
  const records: JournalRecord[] = [];
  while (await reader.fill()) {
    if (reader.head !== null) records.push(reader.head);
    reader.advance();
  }
  return records;
}

const foldTarget = bytesTarget({
  name: 'fold', law: 'every line of a journal is counted, applied or refused, and nothing that can be read breaks the fold', share: 500,
  cases: fc.oneof(lines, damaged(lines)),
  check: async (bytes) => {
    const partition = new Partition(DEFAULT_SETTINGS, 1);
    const signals: Signal[] = [];
    const records = await recordsIn(bytes);
    let refused = 0;
    for (const { input, original } of records) {
      if (input.receivedAt !== null) partition.state.advance(0, input.receivedAt);
      while (partition.fireNext(signals) === 'fired');
      if (partition.apply(input, signals).kind !== 'refused') continue;
      refused += 1;
      assert.ok(original.length > 0 || bytes.length > 0);
    }
    while (partition.fireNext(signals, Infinity) === 'fired');
    const { counts } = partition.state;
    assert.equal(counts.records, records.length);
    assert.equal(Object.values(counts.quarantined).reduce((sum, count) => sum + count, 0), refused);
    for (const signal of signals) for (const text of [signal.size, signal.notional, signal.price, signal.closedPnl]) assert.match(text, /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/);
  },
});

/** A journal line and its body on a topic are the same record. */
const topicTarget = textTarget({
  name: 'record', law: 'a journal line and the body that a topic has of it are read as the same record, and either gives the line back',
  cases: twistedJson(record),
  check: (text) => {
    const { input } = journalRecord(0, { kind: 'text', offset: 1, next: 2, text });
    const { topic, body, timestamp } = encodeInput(text);
    const stored = toLogRecord(topic === 'fills' ? 0 : 1, 0, body);
    assert.deepEqual(stored.input, input);
    assert.equal(timestamp, input.receivedAt);
  },
});

const nodeTarget = textTarget({
  name: 'node-line', law: 'every event of a node\'s line is a record or refused, and each can be written as a body that gives it back',
  cases: fc.oneof(twistedJson(nodeLine), twistedJson(nodeLine).map((text) => `{"block_time":"2025-07-27T08:50:10","events":[${text}]}`)),
  check: (text) => {
    const records = readNodeLine({ kind: 'text', offset: 1, next: 2, text });
    const value = valueOf(text);
    const events = typeof value === 'object' && value !== null && 'events' in value && Array.isArray(value.events) && records.every(({ kind }) => kind !== 'refused')
      ? value.events.length : records.length;
    assert.equal(records.length, events);
    for (const each of records) {
      if (each.kind === 'oversized') assert.fail('a short line is not too long');
      const encoded = each.kind === 'refused' ? encodeInput(each.bytes) : encodeRecord(each.json);
      const { input } = toLogRecord(encoded.topic === 'fills' ? 0 : 1, 0, encoded.body);
      if (each.kind !== 'refused') assert.deepEqual(input, readRecord(each.json));
    }
  },
});

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'fillstream-fuzz-'));
const PACKINGS = ['.gz', '.zst', '.lz4'] as const;
/** With checksums, which gzip always has: without, what is damaged inside a block may pass. */
const PACK = {
  '.gz': (bytes: Uint8Array) => gzipSync(bytes),
  '.zst': (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
  '.lz4': (bytes: Uint8Array) => compressFrameSync(Buffer.from(bytes), { contentChecksum: true, blockChecksums: true }),
};
const TEXT = Buffer.from(Array.from({ length: 40 }, (_, place) => `{"line":${String(place)}}\n`).join(''));
const packed = fc.constantFrom(...PACKINGS).chain((ending) => (
  damaged(fc.integer({ min: 1, max: 3 }).map((times) => Buffer.concat(Array.from({ length: times }, () => PACK[ending](TEXT)))))
    .map((bytes) => Buffer.concat([Buffer.from([PACKINGS.indexOf(ending)]), bytes]))
));

const packedTarget = bytesTarget({
  name: 'packed', law: 'a compressed file that was cut or damaged is told so, and what it gives before that is whole times its content', share: 100,
  cases: packed,
  check: async ([kind, ...bytes]) => {
    const path = join(folder, `case${PACKINGS[kind ?? 0] ?? '.gz'}`);
    writeFileSync(path, Buffer.from(bytes));
    const parts: Uint8Array[] = [];
    let told = false;
    try {
      for await (const chunk of (await openJournal(path, 0, Readable.from([]))).chunks) parts.push(chunk);
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      told = true;
    }
    const content = Buffer.concat(parts);
    if (told) return;
    assert.equal(content.length % TEXT.length, 0, 'an end was lost in silence');
    for (let at = 0; at < content.length; at += TEXT.length) assert.deepEqual(content.subarray(at, at + TEXT.length), TEXT);
  },
  close: async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.resolve();
  },
});

const rawBytes = bytesTarget({
  name: 'raw', law: 'bytes of any kind have a body on the topics, and come back as they were',
  cases: anyBytes(record.map((value) => Buffer.from(JSON.stringify(value)))),
  check: (bytes) => {
    const { body, topic } = encodeInput(bytes);
    const stored = toLogRecord(topic === 'fills' ? 0 : 1, 0, body);
    assert.ok(stored.input.receivedAt === null || stored.input.receivedAt >= 1e12);
  },
});

export const JOURNAL_TARGETS = [lineTarget, foldTarget, topicTarget, nodeTarget, packedTarget, rawBytes];
