// Numbers for people.

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const SECOND_MS = 1_000;

export function bytes(count: number): string {
  const step = Math.min(BYTES.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, count)) / 10)));
  return `${(count / 2 ** (10 * step)).toFixed(step === 0 ? 0 : 1)} ${BYTES[step] ?? ''}`;
}

/** A length of time, with the unit that suits it: 250 ms, 12.5 s, 3 min, 5 h, 2 d. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < SECOND_MS) return `${String(Math.round(ms))} ms`;
  if (size < 100 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (size < 100 * 60_000) return `${String(Math.round(ms / 60_000))} min`;
  return size < 48 * 3_600_000 ? `${String(Math.round(ms / 3_600_000))} h` : `${String(Math.round(ms / 86_400_000))} d`;
}

export function time(at: number): string {
  return Number.isFinite(at) && Math.abs(at) < 8.64e15 ? new Date(at).toISOString() : '-';
}

export function plural(count: number, word: string): string {
  return `${String(count)} ${word}${count === 1 ? '' : 's'}`;
}
