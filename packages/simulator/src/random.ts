// The market's only source of chance: a seeded sfc32.
//
// I1  Only integer operations and + - * / on doubles: every engine draws the same numbers, which it need not do
//     with Math.log or Math.pow.

import { invariant, itemAt } from './invariant.ts';

const TWO_32 = 4294967296;
const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.#a = hash32(`${seed}/a`);
    this.#b = hash32(`${seed}/b`);
    this.#c = hash32(`${seed}/c`);
    for (let i = 0; i < 16; i += 1) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.uint32() / TWO_32;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** An integer in [least, greatest]. */
  between(least: number, greatest: number): number {
    return least + this.below(greatest - least + 1);
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  pick<T>(items: readonly T[]): T {
    return itemAt(items, this.below(items.length));
  }

  /** `bytes` random bytes in hex; a multiple of four. */
  hex(bytes: number): string {
    let text = '';
    for (let done = 0; done < bytes; done += 4) {
      const word = this.uint32();
      text += itemAt(HEX_BYTES, word >>> 24) + itemAt(HEX_BYTES, (word >>> 16) & 255);
      text += itemAt(HEX_BYTES, (word >>> 8) & 255) + itemAt(HEX_BYTES, word & 255);
    }
    return text;
  }
}

/** FNV-1a with a final mix. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const HALF = 1 << 25;

/**
 * The `index`-th trade id: a keyed permutation of 50 bits, so ids never repeat, and rise and fall as the exchange's do.
 * A four-round Feistel network over two halves of 25 bits.
 */
export function tradeId(index: number, key: number): number {
  invariant(index >= 0 && index < HALF * HALF, 'a trade index below 2^50');
  let left = Math.floor(index / HALF);
  let right = index % HALF;
  for (let round = 0; round < 4; round += 1) {
    const mixed = Math.imul(right ^ key ^ (round * 0x9e37), 0x2c1b3c6d);
    const next = left ^ (Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 7);
    left = right;
    right = next & (HALF - 1);
  }
  return left * HALF + right;
}
