import { PortError } from '@fillstream/runtime';

/** A stored record; `arrival` orders the records of all topics. */
export type Row = { readonly offset: number; readonly arrival: number; readonly body: Uint8Array };

/** What a row's body says. Throws PortError `log-broken` with its place, as only a damaged file holds what can't be read. */
export function read<T>(place: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PortError('log-broken', `${place} of the embedded log can't be read, its file is damaged: ${why}`, { retryable: false, cause });
  }
}
