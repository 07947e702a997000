// The past fills of an address from a time on: pages of REST, and the snapshot of its subscription, as one ascending list.
//
// H1  Pages go by the last time, which is asked for again: a millisecond may lie on both sides of a page's end. What two pages say
//     is kept once.
// H2  Paging ends with a page that isn't full, once REST has got as far as the socket had: it may be behind, and it may lie.
// H3  Rows ascend by time; within a millisecond they stay in the order of execution, as REST has them.
// H4  Only the last `fillsKept` fills exist. When so many came, and none of them was known, what lies before is a gap.

import { InfoError, type AskOptions, type InfoClient } from './info.ts';
import type { Json } from './ports.ts';
import { ascending, fillKey, timeOf } from './rows.ts';
import type { ExchangeLimits } from './settings.ts';
import { sleep } from './waiting.ts';

export type HistoryRow = { readonly data: Json; readonly source: 'repair' | 'snapshot' };

/** More fills since then than can be asked for; more in a millisecond than one answer holds; REST never had them. */
export type GapCause = 'history' | 'crowded' | 'behind';

export type Missing = { readonly from: number; readonly to: number; readonly cause: GapCause; readonly reason: string };

/** `behind`: REST hasn't got as far as the socket had, and the snapshot doesn't reach back to `from`; null is as it should be. */
export type History = { readonly rows: readonly HistoryRow[]; readonly gaps: readonly Missing[]; readonly behind: Missing | null };

export type HistoryRequest = {
  readonly info: InfoClient;
  readonly address: string;
  readonly limits: ExchangeLimits;
  readonly lagMs: number;
  /** ms, the exchange's clock. */
  readonly from: number;
  /** The time of the last fill that is known already; null: none is. A whole history reaches it from both sides. */
  readonly known: number | null;
  /** The rows as they came, or null. */
  readonly snapshot: readonly Json[] | null;
  /** Asks twice at least, some time apart: nothing else proves that REST is not behind. */
  readonly confirm: boolean;
  readonly ask: AskOptions;
};

/** How often REST is asked once more for what the snapshot has already. */
const GREATEST_DOUBTS = 3;
/** All fills that exist are a few pages. */
const GREATEST_PAGES = 40;

/** Throws InfoError when REST doesn't answer and the snapshot doesn't reach back to `from`; else the signal's reason. */
export async function fetchHistory(request: HistoryRequest): Promise<History> {
  const { snapshot, from, limits } = request;
  const greeted = snapshot === null ? [] : ascending(snapshot.filter((row) => (timeOf(row) ?? 0) >= from));
  const reachesBack = snapshot !== null && (snapshot.length < limits.rowsPerAnswer || greeted.length < snapshot.length);
  const paged = new Paged(request, greeted);
  try {
    await paged.fetch();
  } catch (error) {
    if (!reachesBack || request.ask.signal.aborted) throw error;
  }
  return {
    rows: merged(paged.rows, greeted),
    gaps: reachesBack ? paged.crowded : [...paged.crowded, ...gapBefore(paged.rows, request)],
    behind: reachesBack ? null : paged.behind,
  };
}

class Paged {
  readonly rows: Json[] = [];
  /** Milliseconds with more fills than a page has. */
  readonly crowded: Missing[] = [];
  readonly #request: HistoryRequest;
  readonly #keys = new Set<string>();
  /** What REST has to reach (ms). */
  readonly #goal: number;
  /** What it has reached. */
  #latest: number;

  constructor(request: HistoryRequest, greeted: readonly Json[]) {
    const { from, known } = request;
    this.#request = request;
    this.#goal = greeted.reduce((time, row) => Math.max(time, timeOf(row) ?? time), known ?? -Infinity);
    this.#latest = from;
  }

  get behind(): Missing | null {
    if (this.#goal < this.#request.from || (this.rows.length > 0 && this.#latest >= this.#goal)) return null;
    return { from: this.#latest, to: this.#goal, cause: 'behind', reason: 'REST has no fills for what the socket told' };
  }

  async fetch(): Promise<void> {
    const { info, address, limits, lagMs, from, ask, confirm } = this.#request;
    let doubts = confirm ? 1 : GREATEST_DOUBTS;
    let start = from;
    for (let pages = 0; pages < GREATEST_PAGES; pages += 1) {
      const page = await info.userFillsByTime(address, start, ask);
      const isFull = page.length >= limits.rowsPerAnswer;
      const hasFresh = this.#take(page);
      if (isFull && !hasFresh) {
        this.crowded.push({ from: start, to: start, cause: 'crowded', reason: `more than ${limits.rowsPerAnswer} fills in a millisecond` });
        start += 1;
        continue;
      }
      start = Math.max(start, this.#latest);
      if (isFull || (hasFresh && this.behind !== null)) continue;
      if ((this.behind === null && !confirm) || doubts === 0) return;
      doubts -= 1;
      await sleep(lagMs, ask.signal);
      ask.signal.throwIfAborted();
    }
    throw new InfoError('userFillsByTime: pages without an end', { retryable: true });
  }

  /** Whether any was new. */
  #take(page: readonly Json[]): boolean {
    const before = this.#keys.size;
    for (const row of page) {
      const key = fillKey(row);
      if (this.#keys.has(key)) continue;
      this.#keys.add(key);
      this.rows.push(row);
      this.#latest = Math.max(this.#latest, timeOf(row) ?? 0);
    }
    return this.#keys.size > before;
  }
}

/** REST's rows, and those of the snapshot that it lacks behind the others of their millisecond. */
function merged(rest: readonly Json[], greeted: readonly Json[]): HistoryRow[] {
  const keys = new Set(rest.map(fillKey));
  const rows: HistoryRow[] = rest.map((data) => ({ data, source: 'repair' }));
  for (const data of greeted) if (!keys.has(fillKey(data))) rows.push({ data, source: 'snapshot' });
  return rows.sort((one, other) => (timeOf(one.data) ?? 0) - (timeOf(other.data) ?? 0));
}

function gapBefore(rows: readonly Json[], { limits, known, from }: HistoryRequest): Missing[] {
  if (rows.length < limits.fillsKept || known === null) return [];
  const first = rows.reduce((time, row) => Math.min(time, timeOf(row) ?? time), Infinity);
  if (first <= Math.max(known, from)) return [];
  return [{ from: known, to: first, cause: 'history', reason: `only the last ${limits.fillsKept} fills can be asked for` }];
}
