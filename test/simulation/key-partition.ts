// Which partition a key belongs to, told independently of the product: Kafka's murmur2, byte by byte, in whole numbers.

const SEED = 0x9747b28cn;
const FACTOR = 0x5bd1e995n;
const WORD = 0xffffffffn;

const known = new Map<string, bigint>();

/** The partition of a key among so many. */
export function keyPartition(key: string, partitions: number): number {
  const hash = known.get(key) ?? murmur2(new TextEncoder().encode(key));
  known.set(key, hash);
  return Number((hash & 0x7fffffffn) % BigInt(partitions));
}

function murmur2(bytes: Uint8Array): bigint {
  let hash = SEED ^ BigInt(bytes.length);
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    const word = [3, 2, 1, 0].reduce((sum, place) => (sum << 8n) | BigInt(bytes[at + place] ?? 0), 0n);
    const first = (word * FACTOR) & WORD;
    const mixed = ((first ^ (first >> 24n)) * FACTOR) & WORD;
    hash = ((hash * FACTOR) & WORD) ^ mixed;
  }
  for (let at = bytes.length - 1; at >= whole; at -= 1) hash ^= BigInt(bytes[at] ?? 0) << BigInt(8 * (at - whole));
  if (bytes.length > whole) hash = (hash * FACTOR) & WORD;
  hash = ((hash ^ (hash >> 13n)) * FACTOR) & WORD;
  return hash ^ (hash >> 15n);
}
