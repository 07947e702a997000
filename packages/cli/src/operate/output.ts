// How the operators' commands write: lines for a person at a terminal, NDJSON for whatever else reads them.

import { once } from 'node:events';

/** Whether JSON is wanted: by flag, or as no terminal reads it. */
export function wantsJson({ json }: { readonly json: boolean }): boolean {
  return json || !process.stdout.isTTY;
}

/** Writes a line; resolves when there is room for more. */
export async function printLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

/** A time on the page: UTC, to the millisecond. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '');
}

/** Text of somebody else's for a terminal: no control characters. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');
}

const LEFT_BEHIND_MS = 1_000;

/** What a client may still wait for isn't waited for. */
export function leaveSoon(): void {
  setTimeout(() => process.exit(), LEFT_BEHIND_MS).unref();
}
