// Kafka's partitioner (contract §8): the values of its own tests.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { murmur2, partitionOf } from './partitioner.ts';

suite('the partitioner', () => {
  const hashes = {
    21: -973_932_308,
    foobar: -790_332_482,
    'a-little-bit-long-string': -985_981_536,
    'a-little-bit-longer-string': -1_486_304_829,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58_897_971,
    abc: 479_470_107,
  };

  test("hashes as Kafka's Java client does", () => {
    for (const [text, hash] of Object.entries(hashes)) assert.equal(murmur2(Buffer.from(text)), hash, text);
  });

  test('masks the sign away and takes the rest by the number of partitions', () => {
    for (const [text, hash] of Object.entries(hashes)) assert.equal(partitionOf(text, 7), (hash & 0x7fffffff) % 7);
  });

  test('hashes the bytes of a part of a buffer as those bytes alone', () => {
    assert.equal(murmur2(Buffer.from('xfoobary').subarray(1, 7)), hashes.foobar);
  });

  test('gives a record without a key to partition 0', () => {
    assert.equal(partitionOf(null, 5), 0);
  });
});
