// Journals for end-to-end tests, and the seed that makes them.

import { writeFileSync } from 'node:fs';
import { market, type MarketOptions } from '@fillstream/simulator';

export const START_AT = 1_760_000_000_000;

/** A seed of this run; TEST_SEED=… repeats a run. */
export const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 2 ** 31);

/** Runs a test's work; a failure names what repeats it. */
export async function repeatable(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new Error(`failed with TEST_SEED=${String(SEED)}, which repeats it: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A market's records as journal lines. */
export function marketLines(options: Partial<MarketOptions> & Pick<MarketOptions, 'seed'>): string[] {
  return Array.from(market({ addresses: 20, startAt: START_AT, ...options }), (record) => JSON.stringify(record));
}

/** Lines that are refused or left out, each for another reason; `%` stands for a number that makes them differ. */
const POISON = [
  '{"kind":"fill","address":"0x%"',
  '{"kind":"fill","address":"nobody %","receivedAt":1760000000000,"data":{"dir":"Net Child Vaults"}}',
  '{"kind":"what","receivedAt":1760000000000,"number":%}',
  'zażółć gęślą jaźń %',
  '',
];

/** The lines with poison between them, one after every `every`. */
export function poisoned(lines: readonly string[], every: number): string[] {
  return lines.flatMap((line, place) => {
    if (place % every !== every - 1) return [line];
    const number = Math.floor(place / every);
    return [line, (POISON[number % POISON.length] ?? '').replace('%', String(number))];
  });
}

export function writeLines(path: string, lines: readonly string[]): void {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
}

/** Random numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
