// Kafka's default partitioner: murmur2 of the key's bytes, masked to 31 bits, modulo the partition count (contract §8).

const SEED = 0x9747b28c;
const FACTOR = 0x5bd1e995;

/** The partition of a key; a record without one goes to partition 0. */
export function partitionOf(key: string | null, partitions: number): number {
  return key === null ? 0 : (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

/** The 32-bit murmur2 hash that Kafka's Java client uses, as a signed integer. */
export function murmur2(bytes: Uint8Array): number {
  const words = bytes.length >> 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = SEED ^ bytes.length;
  for (let word = 0; word < words; word += 1) {
    let k = Math.imul(view.getInt32(word * 4, true), FACTOR);
    k = Math.imul(k ^ (k >>> 24), FACTOR);
    hash = Math.imul(hash, FACTOR) ^ k;
  }
  hash = mixTail(hash, bytes.subarray(words * 4));
  hash = Math.imul(hash ^ (hash >>> 13), FACTOR);
  return hash ^ (hash >>> 15);
}

function mixTail(hash: number, tail: Uint8Array): number {
  if (tail.length === 0) return hash;
  let mixed = hash;
  for (const [place, byte] of tail.entries()) mixed ^= byte << (8 * place);
  return Math.imul(mixed, FACTOR);
}
