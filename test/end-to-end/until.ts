// Waiting for what comes by itself, and saying so when it doesn't.

import { setTimeout as sleep } from 'node:timers/promises';

export type Patience = { readonly patienceMs?: number; readonly everyMs?: number };

/** Asks until it is so. Rejects when it takes longer than the patience lasts, and names what was waited for. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, { patienceMs = 60_000, everyMs = 20 }: Patience = {}): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!await isSo()) {
    if (performance.now() > deadline) throw new Error(`waited ${String(patienceMs)} ms in vain: ${what}`);
    await sleep(everyMs);
  }
}
