// Waiting for an end no longer than a while.

import { setTimeout as sleep } from 'node:timers/promises';

/** False after `ms` milliseconds: the work goes on, and nobody waits for it. Rejects with what the work rejects with by then. */
export async function inTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([work.then(() => true), sleep(ms, false, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
