// The times of a replay, as they are written on the command line.

import type { Times } from '@fillstream/kafka';
import { UsageError } from '../../errors.ts';
import { parsePeriod } from '../../period.ts';

export type RangeFlags = { readonly from: string; readonly to: string; readonly warmup?: string };

const EXPECTED = 'a time (2026-01-31T12:00:00Z, milliseconds, or 15m for so long ago)';

/** `now` is what a time such as 15m counts back from. Throws UsageError. */
export function timesOf({ from, to, warmup }: RangeFlags, now: number): Times {
  const begin = timeOf('--from', from, 'earliest', -Infinity, now);
  const end = timeOf('--to', to, 'latest', Infinity, now);
  const warmUp = warmup === undefined ? -Infinity : timeOf('--warmup', warmup, 'none', begin, now);
  if (end <= begin) throw new UsageError(`--to: expected a time after --from, got ${to}`);
  if (warmUp > begin) throw new UsageError(`--warmup: expected a time before --from, or none, got ${String(warmup)}`);
  return { warmUp, from: begin, to: end };
}

/** Milliseconds since the epoch; `word` stands for `ending`. */
function timeOf(flag: string, text: string, word: string, ending: number, now: number): number {
  if (text === word) return ending;
  if (/^[0-9]{13}$/.test(text)) return Number(text);
  const ago = /[a-z]$/.test(text) ? parsePeriod(text) : undefined;
  if (ago !== undefined) return now - ago;
  const at = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|$)/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(at)) return at;
  throw new UsageError(`${flag}: expected ${word} or ${EXPECTED}, got ${text}`);
}
