// How long to wait before the next attempt: full jitter, so that the clients of a gateway that went away don't come back at once.

export type Backoff = {
  /** The greatest wait before the first attempt; it doubles with each. */
  readonly minMs: number;
  readonly maxMs: number;
};

/** A timer of more than this fires at once. */
export const LONGEST_MS = 2 ** 31 - 1;

/** `attempt` counts from 0; `random` is from 0 to 1. */
export function backoffMs({ minMs, maxMs }: Backoff, attempt: number, random: number): number {
  return Math.round(random * Math.min(maxMs, minMs * 2 ** attempt));
}

/** Rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, Math.min(ms, LONGEST_MS));
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
  });
  signal?.throwIfAborted();
}
