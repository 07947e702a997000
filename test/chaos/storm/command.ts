// `npm run chaos -- --storm`: one storm, told line by line.

import { readFileSync, writeFileSync } from 'node:fs';
import { storm } from './storm.ts';
import { summaryOf, withStorm } from './report.ts';

export type StormFlags = {
  readonly minutes: number;
  readonly faults: number;
  readonly seed: number;
  readonly brokers: number;
  readonly orders: number;
  /** Keeps logs and data there. */
  readonly folder: string | undefined;
  /** The report to write into, if any. */
  readonly report: string | null;
};

/** Resolves with whether nothing was found. */
export async function runStorm({ minutes, faults, seed, brokers, orders, folder, report }: StormFlags): Promise<boolean> {
  if (brokers !== 1 && brokers !== 3) throw new Error('--brokers: expected 1 or 3');
  if (!(minutes > 0) || !(faults >= 0) || !(orders > 0)) throw new Error('--minutes, --faults, --orders: expected a number');
  const began = performance.now();
  const tell = (line: string): void => console.log(`[${((performance.now() - began) / 1_000).toFixed(1)}] ${line}`);
  const place = folder === undefined ? {} : { folder };
  const result = await storm({ seed, minutes, faults, brokers, ordersPerSecond: orders, tell, ...place });
  for (const end of result.ends) console.log(`  ${end}`);
  for (const finding of result.findings) console.log(`ANOMALY ${finding}`);
  const run = { seed, minutes, brokers, result };
  console.log(`${result.findings.length === 0 ? '✓' : '✗'} ${summaryOf(run)}`);
  if (report !== null) writeFileSync(report, withStorm(readFileSync(report, 'utf8'), run));
  return result.findings.length === 0;
}
