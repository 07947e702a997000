// When a post is tried again: exponential backoff with full jitter, and no sooner than the receiver asks for.

export type RetrySettings = {
  /** Tries in all. */
  readonly attempts: number;
  /** The greatest wait after the first try; it doubles with each. */
  readonly firstWaitMs: number;
  readonly greatestWaitMs: number;
};

/** Seven waits of 2.5 s to 2.5 min on average, 10 min together at most. */
export const DEFAULT_RETRY: RetrySettings = { attempts: 8, firstWaitMs: 5_000, greatestWaitMs: 300_000 };

/** After so many tries; `random` is from 0 to 1. */
export function waitMs(tries: number, retryAfterMs: number | null, settings: RetrySettings, random: number): number {
  const greatest = Math.min(settings.greatestWaitMs, settings.firstWaitMs * 2 ** (tries - 1));
  return Math.max(random * greatest, Math.min(retryAfterMs ?? 0, settings.greatestWaitMs));
}

/** A header `Retry-After`, seconds or a date, in milliseconds from now; null for what is neither. */
export function parseRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
