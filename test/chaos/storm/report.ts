// What a storm was and what came of it, for the terminal and for docs/RELIABILITY.md.

import { KINDS, SORTS, type Strike } from './plan.ts';
import type { StormResult } from './storm.ts';

export const STORM_MARKS = { begin: '<!-- storms -->', end: '<!-- end of storms -->' } as const;
const COLUMNS = ['seed', 'brokers', 'load', 'faults', ...KINDS, 'drained after', 'anomalies'];

const FINDING_CHARS = 200;

export type StormRun = {
  readonly seed: number;
  readonly minutes: number;
  readonly brokers: number;
  readonly result: StormResult;
};

export function summaryOf({ seed, minutes, result: { findings, strikes, counts, drainedMs, ends } }: StormRun): string {
  const told = Object.entries(counts).map(([what, count]) => `${what} ${String(count)}`).join(', ');
  const drained = drainedMs === null ? 'not drained' : `drained after ${secondsText(drainedMs)}`;
  return [
    `storm of ${String(minutes)} min, seed ${String(seed)}: ${String(strikes.length)} faults`, told,
    `${String(ends.length)} ends of services by themselves`, drained, `${String(findings.length)} anomalies`,
  ].join(', ');
}

/** The report with one more row in the table between its marks; one of the same seed, length and brokers is replaced. */
export function withStorm(text: string, run: StormRun): string {
  const [head = '', rest = ''] = text.split(STORM_MARKS.begin);
  const [table = '', tail = ''] = rest.split(STORM_MARKS.end);
  const row = rowOf(run);
  const key = (line: string): string => line.split(' | ').slice(0, 3).join().replace(/, \d[\d,]* fills.*/, '');
  const rows = table.split('\n').filter((line) => /^\| \d/.test(line) && key(line) !== key(row));
  const header = [`| ${COLUMNS.join(' | ')} |`, `${'|---'.repeat(COLUMNS.length)}|`];
  return `${head}${[STORM_MARKS.begin, ...header, ...rows, row, STORM_MARKS.end].join('\n')}${tail}`;
}

function rowOf({ seed, minutes, brokers, result }: StormRun): string {
  const { findings, strikes, counts, drainedMs } = result;
  const measured = ['fills', 'signals', 'commits', 'deliveries to clients'].map((what) => `${numberText(counts[what])} ${what}`);
  const load = [`${String(minutes)} min`, ...measured].join(', ');
  const struck = KINDS.map((kind) => struckText(strikes.filter(({ deed }) => deed.kind === kind)));
  const told = findings.map((each) => each.slice(0, FINDING_CHARS).replaceAll('|', '/')).join('; ');
  const outcome = findings.length === 0 ? '0' : `**${String(findings.length)}**: ${told}`;
  const drained = drainedMs === null ? 'never' : secondsText(drainedMs);
  return `| ${[seed, brokers, load, strikes.length, ...struck, drained, outcome].map(String).join(' | ')} |`;
}

/** How often of each sort. */
function struckText(strikes: readonly Strike[]): string {
  const groups = Map.groupBy(strikes, ({ sort }) => sort);
  const told = SORTS.flatMap((sort) => (groups.has(sort) ? [`${sort} ${String(groups.get(sort)?.length)}`] : []));
  return told.length === 0 ? '–' : told.join(', ');
}

function numberText(count = 0): string {
  return count.toLocaleString('en');
}

function secondsText(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
