// LZ4 frames.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { Lz4Error, decodeLz4 } from './lz4.ts';

/** What the reference command made of CONTENT: linked blocks of 64 KiB, all checksums, the content's length. Packed once more. */
const REFERENCE = gunzipSync(Buffer.from(
  'H4sIAAAAAAACA2NR8pWIcZgQycQAAotEGRkY9hsYGhmbmJqZW1hycTP8H+HgbgA4KBjaoyZzAQOH//tID5D/LwLAyeNuw8MDecA0sx+UTqBJhobJ5VgAOEF+LAq4A0qpLYtPXAQA8WmQSLwCAAA=',
  'base64',
));
const CONTENT = Buffer.from('0123456789\n'.repeat(14_000));
/** Two mebibytes that hardly pack, so that some blocks are stored. */
const NOISE = Buffer.from(Uint32Array.from({ length: 524_288 }, (_, n) => Math.imul(n + 1, 2_654_435_761) ^ Math.imul(n, n)).buffer);
const SKIPPABLE = Buffer.concat([Buffer.from('502a4d18', 'hex'), Buffer.from([5, 0, 0, 0]), Buffer.from('hello')]);

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const end = start + (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function decoded(bytes: Uint8Array, sizes: readonly number[] = [65_536]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of decodeLz4(cut(bytes, sizes))) parts.push(part);
  return Buffer.concat(parts);
}

async function refused(bytes: Uint8Array, code: Lz4Error['code'], message = /./): Promise<void> {
  await assert.rejects(decoded(bytes), (error) => error instanceof Lz4Error && error.code === code && message.test(error.message));
}

suite('an LZ4 stream', () => {
  test('linked blocks with checksums are what the reference command packed', async () => {
    assert.deepEqual(await decoded(REFERENCE), CONTENT);
  });

  test('blocks on their own, stored ones, with and without checksums', async () => {
    for (const content of [Buffer.alloc(0), Buffer.from('x'), CONTENT, NOISE]) {
      for (const options of [{}, { contentChecksum: true }, { blockChecksums: true }, { contentChecksum: true, blockChecksums: true }]) {
        assert.deepEqual(await decoded(compressFrameSync(content, options)), content);
      }
    }
  });

  test('the content is the same however the bytes are cut', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
      assert.deepEqual(await decoded(REFERENCE, sizes), CONTENT);
    }), { numRuns: 30 });
  });

  test('several frames are one content, what is to be skipped is', async () => {
    assert.deepEqual(await decoded(Buffer.concat([SKIPPABLE, REFERENCE, SKIPPABLE, compressFrameSync('more')])), Buffer.concat([CONTENT, Buffer.from('more')]));
  });

  test('cut off anywhere, it says so', async () => {
    for (let length = 0; length < REFERENCE.length; length += 1) await refused(REFERENCE.subarray(0, length), 'Z_BUF_ERROR');
    await refused(SKIPPABLE.subarray(0, 10), 'Z_BUF_ERROR');
    await refused(Buffer.concat([REFERENCE, REFERENCE.subarray(0, 20)]), 'Z_BUF_ERROR');
  });

  test('whichever byte is another, it is noticed', async () => {
    for (let place = 0; place < REFERENCE.length; place += 1) {
      const damaged = Buffer.from(REFERENCE);
      damaged[place] = (damaged[place] ?? 0) ^ 0x41;
      await assert.rejects(decoded(damaged), Lz4Error, `byte ${String(place)}`);
    }
  });

  test('what is no frame, or needs what isn\'t there, is named', async () => {
    await refused(Buffer.from('plain text'), 'Z_DATA_ERROR', /no LZ4 frame/);
    await refused(Buffer.from('02214c18', 'hex'), 'Z_DATA_ERROR', /no LZ4 frame/);
    await refused(Buffer.concat([REFERENCE, Buffer.from('rest')]), 'Z_DATA_ERROR', /no LZ4 frame/);
    await refused(Buffer.from('04224d18004082', 'hex'), 'Z_DATA_ERROR', /unknown LZ4 frame/);
  });

  test('the stream is closed, also when nobody reads to the end', async () => {
    let closed = false;
    const watched = async function* (): AsyncIterable<Uint8Array> {
      try {
        yield* cut(compressFrameSync(NOISE), [65_536]);
      } finally {
        closed = true;
      }
    };
    for await (const part of decodeLz4(watched())) if (part.length > 0) break;
    assert.ok(closed);
  });
});
