// A sink that goes on while the one behind it is slow or down: what it doesn't take in time goes to a file, and from there to
// it, in order, once it answers again.
//
// S1  Nothing overtakes: while the file holds anything, everything goes through it.
// S2  A call that was given up may still be carried out: then its records come twice, and never out of order.
// S3  The file is bounded: beyond that nothing is taken any more, and whoever reads the exchange stops reading.
// S4  What leaves the file goes in few calls, addresses beside each other: a file that records come to faster than they leave it one
//     by one would never be empty again.
// S5  A file that can't be read ends it: from then on every call throws what the file said.

import { setTimeout as sleep } from 'node:timers/promises';
import type { GapRecord, InputRecord, Progress, Sink } from '@fillstream/hyperliquid/live';
import { SpillError, type SpillFile } from './spill-file.ts';

export type SpillOptions = {
  readonly sink: Sink;
  readonly file: SpillFile;
  /** How long a call may take before its records go to the file. */
  readonly patienceMs?: number;
  readonly retryMs?: number;
  readonly limitBytes?: number;
  /** Told when the file comes into use and when it is empty again, and of each failure in between. */
  readonly onChange?: (change: 'spilling' | 'drained' | 'failed', detail: string) => void;
};

type Entry =
  | { readonly append: readonly InputRecord[] }
  | { readonly progress: Progress; readonly address: string }
  | { readonly gap: GapRecord };

const PATIENCE_MS = 5_000;
const RETRY_MS = 500;
const LIMIT_BYTES = 4 * 2 ** 30;
const FULL_POLL_MS = 100;

export class SpillingSink implements Sink {
  readonly #options: SpillOptions;
  /** By address, the latest that was saved here: the sink behind may not have it yet. */
  readonly #progress = new Map<string, Progress>();
  #draining: Promise<void> | null = null;
  /** S5. */
  #broken: Error | null = null;
  #closed = false;

  constructor(options: SpillOptions) {
    this.#options = options;
    if (options.file.bytes > 0) this.#drainLater('left by an earlier run');
  }

  /** True while something waits in the file, or for it. */
  get isBehind(): boolean {
    return this.#draining !== null;
  }

  /** Of what waits in the file. */
  get bytes(): number {
    return this.#options.file.bytes;
  }

  get limitBytes(): number {
    return this.#options.limitBytes ?? LIMIT_BYTES;
  }

  async append(records: readonly InputRecord[]): Promise<void> {
    await this.#take({ append: records });
  }

  async saveProgress(address: string, progress: Progress): Promise<void> {
    this.#progress.set(address, progress);
    await this.#take({ progress, address });
  }

  async gap(gap: GapRecord): Promise<void> {
    await this.#take({ gap });
  }

  async progress(address: string): Promise<Progress | null> {
    return this.#progress.get(address) ?? await this.#options.sink.progress(address);
  }

  /** What is in the file stays there for the next run. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    this.#options.file.close();
  }

  async #take(entry: Entry): Promise<void> {
    const { file } = this.#options;
    for (;;) {
      if (this.#closed) throw new Error('the sink was closed');
      if (this.#broken !== null) throw this.#broken;
      if (this.#draining === null) {
        const failure = await this.#given(entry);
        if (failure === null) return;
        this.#drainLater(failure);
      }
      if (file.bytes <= this.limitBytes) break;
      await sleep(FULL_POLL_MS); // S3
    }
    file.append([entry]);
  }

  /** Why the sink didn't take it in time; null when it did. */
  async #given(entry: Entry): Promise<string | null> {
    const timer = new AbortController();
    const given = this.#give(entry).then(() => null, (error: unknown) => (error instanceof Error ? error.message : String(error)));
    const late = sleep(this.#options.patienceMs ?? PATIENCE_MS, 'no answer in time', { signal: timer.signal }).catch(() => null);
    const failure = await Promise.race([given, late]);
    timer.abort();
    return failure;
  }

  async #give(entry: Entry): Promise<void> {
    const { sink } = this.#options;
    if ('append' in entry) await sink.append(entry.append);
    else if ('gap' in entry) await sink.gap(entry.gap);
    else await sink.saveProgress(entry.address, entry.progress);
  }

  #drainLater(why: string): void {
    if (this.#draining !== null) return;
    const { onChange } = this.#options;
    onChange?.('spilling', why);
    this.#draining = this.#drain().catch((error: unknown) => {
      this.#broken = error instanceof Error ? error : new Error(String(error)); // It stays behind, and takes nothing any more.
      onChange?.('failed', this.#broken.message);
    });
  }

  /** Until the file is empty: then the next call goes to the sink at once (S1). */
  async #drain(): Promise<void> {
    const { file, retryMs = RETRY_MS, onChange } = this.#options;
    do {
      await sleep(retryMs);
      while (file.bytes > 0 && !this.#closed) {
        const { entries, leave } = file.first();
        if (await this.#allGiven(entries)) leave();
        else await sleep(retryMs);
      }
    } while (file.bytes > 0 && !this.#closed);
    this.#draining = null; // At once: what comes after the last look at the file must not go into it.
    if (!this.#closed) onChange?.('drained', '');
  }

  /** S4; after a failure all of them come again. */
  async #allGiven(entries: readonly unknown[]): Promise<boolean> {
    const byAddress = Map.groupBy(entries.map(entryOf), addressOf).values();
    const outcomes = await Promise.allSettled(Array.from(byAddress, async (own) => {
      for (const entry of joined(own)) await this.#give(entry);
    }));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) return true;
    this.#options.onChange?.('failed', failed.reason instanceof Error ? failed.reason.message : String(failed.reason));
    return false;
  }
}

function addressOf(entry: Entry): string {
  if ('append' in entry) return entry.append[0]?.address ?? '';
  return 'gap' in entry ? entry.gap.address : entry.address;
}

/** The same of one address in fewer calls: of its progress the last word, records that follow each other at once. */
function joined(entries: readonly Entry[]): Entry[] {
  const lastProgress = entries.findLast((entry) => 'progress' in entry);
  const calls: Entry[] = [];
  let together: InputRecord[] | null = null;
  for (const entry of entries) {
    if ('progress' in entry && entry !== lastProgress) continue;
    if (!('append' in entry)) {
      together = null;
      calls.push(entry);
    } else if (together === null) {
      together = [...entry.append];
      calls.push({ append: together });
    } else {
      for (const record of entry.append) together.push(record);
    }
  }
  return calls;
}

function entryOf(value: unknown): Entry {
  if (isEntry(value)) return value;
  throw new SpillError('the spill file is damaged: it holds a line of JSON that is no entry; move the file away');
}

/* What is in an entry was written above. */
function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  return ('append' in value && Array.isArray(value.append)) || 'gap' in value || ('progress' in value && 'address' in value);
}
