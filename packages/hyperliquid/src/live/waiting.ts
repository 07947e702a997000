// Waiting that ends early, and retries with full jitter.

export type Retry = { readonly leastMs: number; readonly mostMs: number; readonly random: () => number };

/** A random part of a wait that doubles with each attempt, from `leastMs` up to `mostMs`; the first attempt is 0. */
export function jittered(attempt: number, { leastMs, mostMs, random }: Retry): number {
  return random() * Math.min(mostMs, leastMs * 2 ** Math.min(attempt, 30));
}

/** Resolves after `ms`, or at once when the signal is aborted: ask the signal. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

/** Asked anew each time, as it may change while something is awaited. */
export function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}

let latest = 0;

/** The wall clock, milliseconds since the epoch, that never goes back in this process. */
export function wallClock(): number {
  latest = Math.max(latest, Date.now());
  return latest;
}
