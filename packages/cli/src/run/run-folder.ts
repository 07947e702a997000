// Every NAME.ndjson of a folder on its own, into NAME.signals.ndjson, NAME.quarantine.ndjson and NAME.summary.json.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addCounts, noCounts } from '@fillstream/core';
import { JournalError } from '@fillstream/hyperliquid';
import { fromFile, resolveSettings, type AllSettings, type Written } from '../settings.ts';
import { runJournals, type RunOptions } from './run-journals.ts';
import { summaryOf, type Summary } from './summary.ts';

const JOURNAL_ENDING = '.ndjson';

export type FolderOptions = {
  readonly journals: string;
  readonly outputs: string;
  /** A journal's NAME.config.json goes over these. */
  readonly settings: readonly Written[];
} & Pick<RunOptions, 'stop' | 'onProgress'>;

type Job = { readonly name: string; readonly journal: string; readonly settings: AllSettings };

/** Returns the sum of all summaries. Throws SettingsError before anything is run, JournalError and PortError. */
export async function runFolder(options: FolderOptions): Promise<{ readonly end: 'ended' | 'stopped'; readonly summary: Summary }> {
  const started = performance.now();
  const jobs = jobsOf(options);
  mkdirSync(options.outputs, { recursive: true });
  const counts = noCounts();
  for (const { name, journal, settings } of jobs) {
    const output = (kind: string): string => join(options.outputs, `${name}.${kind}`);
    const { end, summary } = await runJournals({
      ...options, journals: [journal], signals: output('signals.ndjson'), quarantine: output('quarantine.ndjson'), settings, durable: null,
    });
    writeFileSync(output('summary.json'), `${JSON.stringify(summary)}\n`);
    addCounts(counts, summary);
    if (end === 'stopped') return { end, summary: summaryOf(counts, counts.records, performance.now() - started) };
  }
  return { end: 'ended', summary: summaryOf(counts, counts.records, performance.now() - started) };
}

function jobsOf({ journals, settings }: FolderOptions): Job[] {
  const names = listFolder(journals).filter((file) => file.endsWith(JOURNAL_ENDING)).map((file) => file.slice(0, -JOURNAL_ENDING.length));
  if (names.length === 0) throw new JournalError(`${journals} holds no journals, expected files that end in ${JOURNAL_ENDING}`);
  return names.sort().map((name) => {
    const own = join(journals, `${name}.config.json`);
    const sources = existsSync(own) ? [...settings, fromFile(own)] : settings;
    return { name, journal: join(journals, `${name}${JOURNAL_ENDING}`), settings: resolveSettings(sources) };
  });
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw new JournalError(`can't read the folder ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
