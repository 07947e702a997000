// The history of benchmarks: a file of one line for each run of each bench that was asked to record it.

import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { kafkaVersion } from '@fillstream/stack';
import { readEntry, type Bench, type Entry, type Figure, type Machine } from './entry.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** BENCH_DOCS: another folder, to try something without touching the page. */
const DOCS = process.env['BENCH_DOCS'] ?? join(ROOT, 'docs');
export const PAGE = join(DOCS, 'PERFORMANCE.md');
export const GENERATED = join(DOCS, 'performance');
export const HISTORY = join(GENERATED, 'history.ndjson');

/** The option that every bench has. */
export const RECORD_OPTION = { record: { type: 'boolean', default: false } } as const;

export type Measured = Pick<Entry, 'settings' | 'baseline'> & { readonly figures: readonly Figure[] };

/** What a bench measures from now on; made before it begins, for the load. */
export class Recorder {
  readonly #bench: Bench;
  readonly #isAsked: boolean;
  readonly #loadBefore = load();

  constructor(bench: Bench, { record }: { readonly record: boolean }) {
    this.#bench = bench;
    this.#isAsked = record;
  }

  /** Appends to the history, when asked. Throws RangeError for what isn't of its form. */
  add({ settings, baseline, figures }: Measured): void {
    if (!this.#isAsked) return;
    const entry: Entry = {
      bench: this.#bench,
      date: new Date().toISOString(),
      version: version(),
      revision: revision(),
      machine: machine(this.#loadBefore),
      settings,
      baseline,
      figures: figures.filter(({ runs }) => runs.every(Number.isFinite)),
    };
    const line = JSON.stringify(entry);
    readEntry(line);
    mkdirSync(GENERATED, { recursive: true });
    appendFileSync(HISTORY, `${line}\n`);
    console.log(`recorded ${String(entry.figures.length)} figures of ${this.#bench}; \`npm run bench:charts\` draws them`);
  }
}

/** In order of time; empty when nothing was ever recorded. Throws RangeError, naming the line. */
export function readHistory(path = HISTORY): Entry[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line, place) => {
      try {
        return readEntry(line);
      } catch (error) {
        throw new RangeError(`${path}, line ${String(place + 1)}`, { cause: error });
      }
    });
}

/** The last one of a bench. */
export function latestOf(history: readonly Entry[], bench: Bench): Entry | null {
  return history.findLast((entry) => entry.bench === bench) ?? null;
}

function machine(loadBefore: number): Machine {
  return {
    cpu: (cpus()[0]?.model ?? '').trim() || 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kafka: kafkaVersion(),
    loadBefore,
    loadAfter: load(),
  };
}

function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}

function version(): string {
  const read: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return typeof read === 'object' && read !== null && 'version' in read ? String(read.version) : '';
}

function revision(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null; // Not a clone.
  }
}
